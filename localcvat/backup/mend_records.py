"""Mends project.json and task.json in place: what is missing, null or spelt in another way.

Each change is reported; what has no obvious meaning is left for the check to refuse.
"""

from __future__ import annotations

import re
from typing import Any

from localcvat.backup.check_labels import INPUT_TYPES, LABEL_KEYS
from localcvat.backup.field_rules import as_integer
from localcvat.backup.layout import VERSION
from localcvat.backup.task_records import ANNOTATION
from localcvat.labels import UsedColors
from localcvat.model import STATUSES
from localcvat.report import Report

LONG_COLOR = re.compile(r"(#[0-9a-fA-F]{6})[0-9a-fA-F]{2}")
TEXTS = {"name": "", "bug_tracker": "", "status": ANNOTATION, "subset": ""}
DEFAULT_QUALITY = 70
Json = dict[str, Any]


class Mender:
    """Changes records of one entry and reports each change."""

    def __init__(self, report: Report, entry: str) -> None:
        self._report = report
        self._entry = entry
        self.changed = False

    def note(self, kind: str, reason: str, place: str, lossy: bool = False) -> None:
        """Report one change of the entry."""
        self.changed = True
        self._report.changed(kind, reason, f"{self._entry}: {place.lstrip('.')}", lossy=lossy)

    def fill(self, record: Json, key: str, value: Any, place: str) -> None:
        """Set a key that is missing or null."""
        if record.get(key) is None:
            had = "was null" if key in record else "was missing"
            record[key] = value() if callable(value) else value
            self.note("field", f"{key} {had}: set to {record[key]!r}"[:120], f"{place}.{key}")

    def fill_null(self, record: Json, key: str, value: Any, place: str) -> None:
        """Set a key that is null; a missing one may be missing."""
        if key in record:
            self.fill(record, key, value, place)

    def remove(self, record: Json, key: str, reason: str, place: str) -> None:
        """Remove a key."""
        del record[key]
        self.note("field", reason, f"{place}.{key}")

    def head(self, record: Json) -> None:
        """Version and texts of a project or task."""
        version = record.get("version")
        if version is None:
            self.fill(record, "version", VERSION, "")
        elif version != VERSION and str(version).strip() in ("1", "1.0", "1.0.0"):
            record["version"] = VERSION
            self.note("version", f'{version!r} becomes "1.0"', "version")
        for key, default in TEXTS.items():
            self.fill_null(record, key, default, "")
            value = record.get(key)
            if isinstance(value, str) and "\0" in value:
                record[key] = value.replace("\0", "")
                self.note("text", "NUL characters removed", key, lossy=True)
        if "deimension" in record:
            self.remove(record, "deimension", "a key that CVAT refuses", "")

    def labels(self, labels: Any, place: str = "labels") -> None:
        """Labels, their attributes and sublabels."""
        if not isinstance(labels, list):
            return
        colors = [label.get("color") for label in labels if isinstance(label, dict)]
        used = UsedColors(color for color in colors if isinstance(color, str))
        for index, label in enumerate(labels):
            where = f"{place}[{index}]"
            if not isinstance(label, dict):
                continue
            for key in [key for key in label if key not in LABEL_KEYS]:
                self.remove(label, key, f"a label has no key {key!r}", where)
            color = label.get("color", "")
            if color is None and isinstance(label.get("name"), str):
                label["color"] = used.color_for(label["name"])
                used.add(label["color"])
                self.note("color", "was null: CVAT's colour for the name", f"{where}.color")
            elif isinstance(color, str) and (match := LONG_COLOR.fullmatch(color)):
                label["color"] = match.group(1)
                self.note("color", "opacity removed", f"{where}.color", lossy=True)
            for key, empty in (("attributes", list), ("sublabels", list), ("svg", str)):
                self.fill_null(label, key, empty, where)
            self._attributes(label.get("attributes"), f"{where}.attributes")
            self.labels(label.get("sublabels"), f"{where}.sublabels")

    def _attributes(self, attributes: Any, place: str) -> None:
        for index, attribute in enumerate(attributes if isinstance(attributes, list) else ()):
            where = f"{place}[{index}]"
            if not isinstance(attribute, dict):
                continue
            if "id" in attribute:
                self.remove(attribute, "id", "ids are given anew", where)
            values = attribute.get("values")
            if isinstance(values, str):
                attribute["values"] = values.split("\n")
                self.note("values", "a text with line breaks becomes a list", f"{where}.values")
            self.fill(attribute, "values", list, where)
            self.fill(attribute, "mutable", False, where)
            self.fill(attribute, "input_type", lambda a=attribute: _input_type(a), where)
            if not isinstance(attribute["values"], list):
                continue
            first = next((str(value) for value in attribute["values"]), "")
            self.fill_null(attribute, "default_value", first, where)
            kind = attribute["input_type"]
            if isinstance(kind, str) and kind.lower() != kind and kind.lower() in INPUT_TYPES:
                attribute["input_type"] = kind.lower()
                self.note("input_type", "written in lower case", f"{where}.input_type")

    def data(self, data: Json, has_media: bool, video: bool) -> None:
        """The fields of `data` that don't depend on the frames."""
        self.fill(data, "image_quality", DEFAULT_QUALITY, "data")
        quality = as_integer(data["image_quality"])
        if quality is not None and not 0 <= quality <= 100:
            data["image_quality"] = min(max(quality, 0), 100)
            self.note("image_quality", "brought into 0 to 100", "data.image_quality", lossy=True)
        self.fill(data, "chunk_type", "video" if video else "imageset", "data")
        if "chunk_size" in data and (as_integer(data["chunk_size"]) or 0) <= 0:
            self.remove(data, "chunk_size", "no frames per chunk: CVAT chooses", "data")
        if data.get("storage") in ("share", "cloud_storage") and has_media:
            storage = data["storage"]
            data["storage"] = "local"
            self.note("storage", f"{storage} becomes local: the media are here", "data.storage")
        for key, value in (
            ("storage", "local"),
            ("storage_method", "cache"),
            ("sorting_method", "lexicographical"),
            ("start_frame", 0),
            ("deleted_frames", list),
        ):
            self.fill_null(data, key, value, "data")
        for key in ("stop_frame", "frame_filter"):
            if key in data and data[key] is None:
                self.remove(data, key, f"{key} was null", "data")

    def jobs(self, record: Json, size: int | None, lists: int | None) -> None:
        """The list of jobs over `size` frames, `lists` being the objects of annotations.json."""
        if record.get("jobs") in (None, []) and size and (lists or 0) <= 1:
            record["jobs"] = [
                {
                    "start_frame": 0,
                    "stop_frame": size - 1,
                    "frames": [],
                    "status": ANNOTATION,
                    "type": ANNOTATION,
                }
            ]
            self.note("job", "there was none: one over all frames", "jobs")
        jobs = record.get("jobs")
        if not isinstance(jobs, list):
            return
        alone = len([job for job in jobs if _is_annotation(job)]) == 1
        for index, job in enumerate(jobs):
            place = f"jobs[{index}]"
            if not isinstance(job, dict):
                continue
            self.fill_null(job, "type", ANNOTATION, place)
            self.fill(job, "status", lambda: _status(record), place)
            status = job["status"]
            if isinstance(status, str) and status not in STATUSES and status.lower() in STATUSES:
                job["status"] = status.lower()
                self.note("status", "written in lower case", f"{place}.status")
            if alone and size and _is_annotation(job):
                self.fill(job, "start_frame", 0, place)
                self.fill(job, "stop_frame", size - 1, place)


def _is_annotation(job: Any) -> bool:
    return isinstance(job, dict) and job.get("type", ANNOTATION) in (ANNOTATION, None)


def _status(record: Json) -> str:
    status = record.get("status")
    return status if status in STATUSES else ANNOTATION


def _input_type(attribute: Json) -> str:
    given = attribute["values"]
    values = [str(value).lower() for value in (given if isinstance(given, list) else ())]
    if values and set(values) <= {"true", "false"}:
        return "checkbox"
    return "select" if len(values) > 1 else "text"
