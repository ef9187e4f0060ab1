"""annotations.json as a restore reads it (backup specification, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from localcvat.backup.check_labels import KnownAttribute, KnownLabel
from localcvat.backup.field_rules import FieldRules, as_integer, kind
from localcvat.model import SHAPE_TYPES

KINDS = ("tags", "shapes", "tracks")
POINT_COUNTS = {"rectangle": 4, "ellipse": 4, "cuboid": 16}
LEAST_POINTS = {"polygon": 6, "polyline": 4, "points": 2}
MAX_SOURCE, MAX_VALUE = 16, 4096
SOURCES = ("manual", "auto", "semi-auto", "file", "consensus")
LIST_TYPES = ("select", "radio")
DRAWN_KEYS = frozenset("type occluded outside z_order rotation points frame attributes".split())
OWN_KEYS = frozenset(("label", "group", "source", "attributes", "frame", "elements", "shapes"))
HARMLESS_KEYS = frozenset(("id", "keyframe", "version"))
NO_PATH = "KeyError: {!r}"

Json = dict[str, Any]
Labels = Mapping[str, KnownLabel]


class JobRange(msgspec.Struct):
    """The task-relative frames of a job that a restore makes, both ends inclusive."""

    start: int
    stop: int


class AnnotationRules:
    """Checks the objects of annotations.json against labels, `size` frames and the jobs."""

    def __init__(self, rules: FieldRules, labels: Labels, size: int | None) -> None:
        self._rules = rules
        self._labels = labels
        self._size = size
        self._job: JobRange | None = None

    def check(self, jobs: list[msgspec.Raw], ranges: list[JobRange] | None) -> None:
        """Check one object a job; `ranges` None means the jobs are unknown.

        Objects are decoded one at a time, so that memory grows with the file's bytes only.
        """
        for index, job in enumerate(jobs):
            place = f"[{index}]"
            if ranges is not None and index >= len(ranges):
                if self._holds_something(msgspec.json.decode(job)):
                    self._rules.warning(
                        "annotations beyond the last job are lost",
                        place,
                        f"a restore makes {len(ranges)} jobs",
                    )
                continue
            self._job = ranges[index] if ranges is not None else None
            self._check_job(job, place)
        if ranges is not None and len(jobs) < len(ranges):
            self._rules.warning(
                "fewer annotation objects than jobs",
                "",
                f"{len(jobs)} for {len(ranges)} jobs: the others get none",
            )

    def _holds_something(self, job: Any) -> bool:
        if not isinstance(job, dict):
            return True
        return any(job.get(key) not in (None, []) for key in KINDS)

    def _check_job(self, raw: msgspec.Raw, place: str) -> None:
        if bytes(memoryview(raw)[:1]) != b"{":
            self._rules.is_object(msgspec.json.decode(raw), place)
            return
        job = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        checks = {"tags": self._check_tag, "shapes": self._check_shape, "tracks": self._check_track}
        for key, check in checks.items():
            where = f"{place}.{key}"
            if key not in job:
                self._rules.error(NO_PATH.format(key), where, "the list is required, also empty")
                continue
            if bytes(memoryview(job[key])[:1]) != b"[":
                self._items(msgspec.json.decode(job[key]), where)
                continue
            for index, each in enumerate(msgspec.json.decode(job[key], type=list[msgspec.Raw])):
                item = self._decoded(each, f"{where}[{index}]")
                if item is not None and self._rules.is_object(item, f"{where}[{index}]"):
                    check(item, self._labels, f"{where}[{index}]")
        self._rules.ignored(job, (*KINDS, "version"), place)

    def _decoded(self, raw: msgspec.Raw, place: str) -> Any:
        """The object, None when it is no JSON."""
        try:
            return msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._rules.error(f"JSON parse error - {error}", place)
            return None

    def _items(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            self._rules.error(f"a list is expected, not {kind(value)}", place)
            return []
        return value

    def _label(self, record: Json, labels: Labels, place: str) -> KnownLabel | None:
        """The label an object names; a restore fails when there is none."""
        if "label_id" in record:
            self._rules.error(
                NO_PATH.format(record["label_id"]),
                f"{place}.label_id",
                "labels go by name in a backup",
            )
            return None
        name = record.get("label")
        if "label" not in record:
            self._rules.error("a label is required", f"{place}.label")
            return None
        found = labels.get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(labels) or "none"
            self._rules.error(
                f"KeyError: {name!r}, an unknown label",
                f"{place}.label",
                f"known labels: {known}",
            )
        return found

    def _owned(self, record: Json, place: str) -> None:
        self._frame(record, place)
        self._rules.integer(record, "group", place, low=0, null=True)
        self._rules.text(
            record,
            "source",
            place,
            MAX_SOURCE,
            shape="value too long for type character varying({})",
        )
        source = record.get("source", "manual")
        if source not in SOURCES and source:
            self._rules.warning(f"CVAT has no source {source!r}", f"{place}.source")
        if "score" in record:
            self._rules.warning("a restore ignores the score", f"{place}.score")

    def _frame(self, record: Json, place: str) -> None:
        frame = self._rules.integer(record, "frame", place, low=0, required=True)
        if frame is None:
            return
        if self._size is not None and frame >= self._size:
            self._rules.warning(
                "the frame is past the end of the task",
                f"{place}.frame",
                f"frame {frame} of {self._size}",
            )
        elif self._job is not None and not self._job.start <= frame <= self._job.stop:
            self._rules.warning(
                "the frame is outside of its job",
                f"{place}.frame",
                f"frame {frame}, the job has {self._job.start} to {self._job.stop}",
            )

    def _check_tag(self, record: Json, labels: Labels, place: str) -> None:
        label = self._label(record, labels, place)
        self._attributes(record, label, place, None)
        self._owned(record, place)
        self._rules.ignored(record, OWN_KEYS | HARMLESS_KEYS | {"score"}, place)

    def _check_shape(self, record: Json, labels: Labels, place: str) -> None:
        label = self._label(record, labels, place)
        self._attributes(record, label, place, None)
        self._owned(record, place)
        self._drawn(record, label, place)
        self._rules.ignored(record, DRAWN_KEYS | OWN_KEYS | HARMLESS_KEYS | {"score"}, place)
        self._elements(record, label, place, self._check_shape)

    def _check_track(self, record: Json, labels: Labels, place: str) -> None:
        label = self._label(record, labels, place)
        self._attributes(record, label, place, False)
        self._owned(record, place)
        self._rules.ignored(record, OWN_KEYS | HARMLESS_KEYS | {"score"}, place)
        if "shapes" not in record:
            self._rules.error(NO_PATH.format("shapes"), f"{place}.shapes")
            return
        shapes = self._items(record["shapes"], f"{place}.shapes")
        if not shapes and isinstance(record["shapes"], list):
            self._rules.error("a track needs at least one shape", f"{place}.shapes")
        for index, shape in enumerate(shapes):
            where = f"{place}.shapes[{index}]"
            if self._rules.is_object(shape, where):
                self._attributes(shape, label, where, True)
                self._frame(shape, where)
                self._drawn(shape, label, where)
                self._rules.ignored(shape, DRAWN_KEYS | HARMLESS_KEYS, where)
        self._check_order(shapes, place)
        self._elements(record, label, place, self._check_track)

    def _check_order(self, shapes: list[Any], place: str) -> None:
        frames = [as_integer(item.get("frame")) or 0 for item in shapes if isinstance(item, dict)]
        if len(set(frames)) < len(frames):
            self._rules.warning("a track has two shapes on a frame", f"{place}.shapes")
        elif sorted(frames) != frames:
            self._rules.warning("the shapes of a track are not in order", f"{place}.shapes")

    def _elements(self, record: Json, label: KnownLabel | None, place: str, check: Any) -> None:
        if "elements" not in record:
            return
        for index, element in enumerate(self._items(record["elements"], f"{place}.elements")):
            where = f"{place}.elements[{index}]"
            if self._rules.is_object(element, where) and label is not None:
                check(element, label.sublabels, where)

    def _attributes(
        self, record: Json, label: KnownLabel | None, place: str, mutable: bool | None
    ) -> None:
        if "attributes" not in record:
            self._rules.error(NO_PATH.format("attributes"), f"{place}.attributes")
            return
        seen = set()
        for index, item in enumerate(self._items(record["attributes"], f"{place}.attributes")):
            where = f"{place}.attributes[{index}]"
            if not self._rules.is_object(item, where):
                continue
            if "name" not in item:
                self._rules.error(
                    NO_PATH.format(item.get("spec_id", "spec_id")),
                    where,
                    "attributes go by name in a backup",
                )
            elif label is not None:
                self._attribute(item, label.attributes, where, mutable)
            if str(item.get("name")) in seen:
                self._rules.warning("an attribute is given twice", where)
            seen.add(str(item.get("name")))

    def _attribute(
        self,
        item: Json,
        known: Mapping[str, KnownAttribute],
        place: str,
        mutable: bool | None,
    ) -> None:
        name = item["name"]
        spec = known.get(name) if isinstance(name, str) else None
        if spec is None:
            self._rules.error(f"KeyError: {name!r}, an unknown attribute", f"{place}.name")
            return
        if mutable is not None and spec.mutable != mutable:
            has = "mutable" if spec.mutable else "immutable"
            where = "the track itself" if mutable is False else "a shape of a track"
            self._rules.error(f"spec_id of the {has} attribute is invalid on {where}", place)
        if "value" not in item:
            self._rules.error(NO_PATH.format("value"), f"{place}.value")
            return
        value = item["value"]
        text = value if isinstance(value, str) else str(value)
        if len(text) > MAX_VALUE:
            reason = f"Ensure this field has no more than {MAX_VALUE} characters."
            self._rules.error(reason, f"{place}.value")
        elif "\0" in text:
            self._rules.error("Null characters are not allowed.", f"{place}.value")
        elif not isinstance(value, str):
            self._rules.warning("an attribute value that is no text becomes one", f"{place}.value")
        elif spec.input_type in LIST_TYPES and text and text not in spec.values:
            self._rules.warning("an attribute value is not one of the list", f"{place}.value")

    def _drawn(self, record: Json, label: KnownLabel | None, place: str) -> None:
        rules = self._rules
        type_ = rules.choice(record, "type", place, SHAPE_TYPES, required=True)
        rules.boolean(record, "occluded", place)
        rules.boolean(record, "outside", place)
        rules.integer(record, "z_order", place)
        rules.number(record, "rotation", place, 0, 360)
        points = self._points(record, place)
        if type_ is None:
            return
        if label is not None and label.type not in ("any", type_) and label.type in SHAPE_TYPES:
            rules.warning(
                "a shape is of another type than its label",
                f"{place}.type",
                f"a {type_} of a label for {label.type}",
            )
        if points is not None:
            self._check_points(type_, points, f"{place}.points")

    def _points(self, record: Json, place: str) -> list[float] | None:
        if "points" not in record:
            return []
        points = record["points"]
        if not isinstance(points, list):
            reason = "This field may not be null." if points is None else "a list is expected"
            self._rules.error(reason, f"{place}.points")
            return None
        for value in points:
            if type(value) is not float and type(value) is not int:
                if isinstance(value, bool):
                    self._rules.warning("a point that is true or false becomes a number", place)
                    continue
                self._rules.error("A valid number is required.", f"{place}.points")
                return None
        return points

    def _check_points(self, type_: str, points: list[float], place: str) -> None:
        count = len(points)
        if type_ == "skeleton":
            reason = "a skeleton has points of its own" if points else ""
        elif not points:
            reason = "a shape has no points"
        elif type_ == "mask":
            reason = "" if fills_its_box(points) else "the runs of a mask do not fill its box"
        elif type_ in POINT_COUNTS:
            expected = POINT_COUNTS[type_]
            reason = "" if count == expected else f"a {type_} has {expected} numbers"
        elif count % 2:
            reason = "an odd count of points"
        else:
            reason = "" if count >= LEAST_POINTS[type_] else f"too few points for a {type_}"
        if reason:
            self._rules.warning(reason, place, f"{count} numbers")


def fills_its_box(points: list[float]) -> bool:
    """Whether the runs of a mask add up to the box in its last four numbers (inclusive)."""
    if len(points) < 5:
        return False
    left, top, right, bottom = points[-4:]
    return sum(points[:-4]) == (right - left + 1) * (bottom - top + 1)
