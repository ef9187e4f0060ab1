"""Mends annotations.json in place: required lists and fields that have only one meaning."""

from __future__ import annotations

from typing import Any

from localcvat.backup.check_labels import KnownLabel
from localcvat.backup.mend_records import Mender

NULL_DEFAULTS = {
    "source": "manual",
    "z_order": 0,
    "rotation": 0.0,
    "occluded": False,
    "outside": False,
}
Json = dict[str, Any]
Labels = dict[str, KnownLabel]


def mend_annotations(mender: Mender, jobs: Any, labels: Labels) -> None:
    """Mend the objects of all jobs; what can't be mended stays as it is."""
    for index, job in enumerate(jobs if isinstance(jobs, list) else ()):
        if not isinstance(job, dict):
            continue
        place = f"[{index}]"
        for key in ("tags", "shapes", "tracks"):
            mender.fill(job, key, list, place)
        _each(mender, job["tags"], f"{place}.tags", labels, _owned)
        _each(mender, job["shapes"], f"{place}.shapes", labels, _shape)
        _each(mender, job["tracks"], f"{place}.tracks", labels, _track)
        _drop_empty_tracks(mender, job, place)


def _each(mender: Mender, items: Any, place: str, labels: Labels, mend: Any) -> None:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            mend(mender, item, f"{place}[{index}]", labels)


def _owned(mender: Mender, record: Json, place: str, labels: Labels) -> KnownLabel | None:
    name = record.get("label")
    label = labels.get(name) if isinstance(name, str) else None
    _attributes(mender, record, place, label)
    if record.get("source", "manual") in (None, ""):
        record["source"] = "manual"
        mender.note("field", "source was empty: set to 'manual'", f"{place}.source")
    return label


def _attributes(mender: Mender, record: Json, place: str, label: KnownLabel | None) -> None:
    mender.fill(record, "attributes", list, place)
    attributes = record["attributes"]
    for index, item in enumerate(attributes if isinstance(attributes, list) else ()):
        if not isinstance(item, dict) or "value" in item or label is None:
            continue
        name = item.get("name")
        spec = label.attributes.get(name) if isinstance(name, str) else None
        if spec is not None:
            mender.fill(item, "value", spec.default, f"{place}.attributes[{index}]")


def _drawn(mender: Mender, record: Json, place: str) -> None:
    for key, value in NULL_DEFAULTS.items():
        mender.fill_null(record, key, value, place)
    mender.fill_null(record, "points", list, place)
    rotation = record.get("rotation", 0)
    if isinstance(rotation, (int, float)) and not 0 <= rotation <= 360:
        record["rotation"] = rotation % 360
        mender.note("rotation", "turned into 0 to 360 degrees", f"{place}.rotation")


def _shape(mender: Mender, record: Json, place: str, labels: Labels) -> None:
    label = _owned(mender, record, place, labels)
    _drawn(mender, record, place)
    if label is not None and label.type not in ("any", "tag") and record.get("type") is None:
        mender.fill(record, "type", label.type, place)
    mender.fill_null(record, "elements", list, place)
    elements = record.get("elements")
    for index, element in enumerate(elements if isinstance(elements, list) else ()):
        if isinstance(element, dict):
            where = f"{place}.elements[{index}]"
            if "frame" in record:
                mender.fill(element, "frame", record["frame"], where)
            _shape(mender, element, where, label.sublabels if label is not None else {})


def _track(mender: Mender, record: Json, place: str, labels: Labels) -> None:
    label = _owned(mender, record, place, labels)
    mender.fill_null(record, "elements", list, place)
    shapes = record.get("shapes")
    for index, shape in enumerate(shapes if isinstance(shapes, list) else ()):
        if isinstance(shape, dict):
            where = f"{place}.shapes[{index}]"
            _attributes(mender, shape, where, label)
            _drawn(mender, shape, where)
            if label is not None and label.type not in ("any", "tag"):
                mender.fill(shape, "type", label.type, where)
    if isinstance(shapes, list) and shapes and isinstance(shapes[0], dict) and "frame" in shapes[0]:
        mender.fill(record, "frame", shapes[0]["frame"], place)
    inner = label.sublabels if label is not None else {}
    _each(mender, record.get("elements"), f"{place}.elements", inner, _track)
    _drop_empty_elements(mender, record, place)


def _drop_empty_tracks(mender: Mender, job: Json, place: str) -> None:
    tracks = job["tracks"]
    if not isinstance(tracks, list):
        return
    kept = [track for track in tracks if not (isinstance(track, dict) and _is_empty(track))]
    if len(kept) < len(tracks):
        mender.note("track", "tracks without shapes left out", f"{place}.tracks", lossy=True)
        job["tracks"] = kept


def _drop_empty_elements(mender: Mender, track: Json, place: str) -> None:
    elements = track.get("elements")
    if not isinstance(elements, list):
        return
    kept = [each for each in elements if not (isinstance(each, dict) and _is_empty(each))]
    if len(kept) < len(elements):
        mender.note("element", "elements without shapes left out", f"{place}.elements", lossy=True)
        track["elements"] = kept


def _is_empty(track: Json) -> bool:
    return track.get("shapes") in (None, [])
