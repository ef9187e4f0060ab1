"""annotations.json: the values of the file and of the model (backup specification, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from localcvat.errors import BackupError
from localcvat.model import SHAPE_TYPES, Label, Shape, Tag, Track, TrackedShape

POINT_COUNTS = {"rectangle": 4, "ellipse": 4, "cuboid": 16}
INT_LIMIT = 2**31 - 1
MAX_VALUE = 4096
NO_GROUP = {"backup": {"group": None}}
"""The extras of an annotation whose group is null, which CVAT tells from 0."""


class Labels:
    """Labels by name, with their attributes, for reading and writing annotations."""

    def __init__(self, labels: list[Label]) -> None:
        self.labels = {label.name: label for label in labels}
        self.sublabels = {label.name: Labels(label.sublabels) for label in labels}

    def find(self, name: Any, where: str) -> Label:
        """The label; raises BackupError when there is none."""
        label = self.labels.get(name) if isinstance(name, str) else None
        if label is None:
            raise BackupError(
                f"unknown label {name!r}",
                where=f"{where}.label",
                hint=f"known labels: {', '.join(self.labels) or 'none'}",
            )
        return label


def _fail(what: str, where: str) -> BackupError:
    return BackupError(what, where=where)


def _require(record: Any, where: str, *keys: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise _fail("must be a JSON object", where)
    for key in keys:
        if record.get(key) is None:
            raise _fail("This field is required.", f"{where}.{key}")
    return record


def _integer(record: dict[str, Any], key: str, where: str, low: int) -> int:
    value = record.get(key)
    if value is None and key == "group":
        return 0
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not low <= value <= INT_LIMIT:
        raise _fail(f"a valid integer of at least {low} is required", f"{where}.{key}")
    return value


def _attributes(
    record: dict[str, Any], label: Label, where: str, mutable: bool | None
) -> dict[str, str]:
    given = record.get("attributes")
    if not isinstance(given, list):
        raise _fail("a list is required", f"{where}.attributes")
    specs = {
        spec.name: spec for spec in label.attributes if mutable is None or spec.mutable == mutable
    }
    values = {}
    for index, item in enumerate(given):
        place = f"{where}.attributes[{index}]"
        if not isinstance(item, dict) or "name" not in item or "value" not in item:
            raise _fail("an attribute needs a name and a value", place)
        name, value = item["name"], item["value"]
        if not isinstance(name, str) or name not in specs:
            known = {spec.name: spec for spec in label.attributes}
            if isinstance(name, str) and name in known:
                kind = "mutable" if known[name].mutable else "immutable"
                raise _fail(f"{kind} attribute {name!r} is not allowed here", place)
            raise _fail(f"unknown attribute {name!r} of label {label.name!r}", place)
        values[name] = value if isinstance(value, str) else str(value)
        if len(values[name]) > MAX_VALUE:
            raise _fail(f"Ensure this field has no more than {MAX_VALUE} characters.", place)
    for name, spec in specs.items():  # those that are not there come last: the order is kept
        values.setdefault(name, spec.default_value)
    return values


def _finite(numbers: list[float]) -> bool:
    try:
        return isfinite(sum(numbers)) or all(map(isfinite, numbers))
    except OverflowError:
        return False


def _points(record: dict[str, Any], kind: str, where: str) -> list[float]:
    points = record.get("points", [])
    place = f"{where}.points"
    if not isinstance(points, list):
        raise _fail("a list of numbers is required", place)
    for value in points:
        if type(value) is not float and type(value) is not int:
            raise _fail("a valid number is required", place)
    if not _finite(points):
        raise _fail("a finite number is required", place)
    count = len(points)
    expected = POINT_COUNTS.get(kind)
    if expected is not None and count != expected:
        raise _fail(f"a {kind} has {expected} numbers, not {count}", place)
    if kind in ("polygon", "polyline", "points") and (count % 2 or not count):
        raise _fail(f"a {kind} has pairs of numbers, not {count}", place)
    if kind == "mask":
        left, top, right, bottom = points[-4:] if count > 4 else (0, 0, -1, -1)
        if count < 5 or sum(points[:-4]) != (right - left + 1) * (bottom - top + 1):
            raise _fail("the runs of the mask do not fill its box", place)
    return points


def _source(record: dict[str, Any], where: str) -> str:
    source = record.get("source", "manual")
    if not isinstance(source, str) or not source or len(source) > 16:
        raise _fail("a source of 1 to 16 characters is required", f"{where}.source")
    return source


def _geometry(record: dict[str, Any], where: str) -> dict[str, Any]:
    kind = record["type"]
    if kind not in SHAPE_TYPES:
        raise _fail(f"{kind!r} is not a valid choice.", f"{where}.type")
    rotation = record.get("rotation", 0.0)
    if isinstance(rotation, bool) or not isinstance(rotation, (int, float)):
        raise _fail("a valid number is required", f"{where}.rotation")
    if not 0 <= rotation <= 360:
        raise _fail("must be from 0 to 360", f"{where}.rotation")
    flags = {}
    for key in ("occluded", "outside"):
        flag = record.get(key, False)
        if flag not in (True, False):
            raise _fail("must be a valid boolean", f"{where}.{key}")
        flags[key] = bool(flag)
    return {
        "type": kind,
        "points": _points(record, kind, where),
        "rotation": float(rotation),
        "z_order": _integer({"z_order": 0} | record, "z_order", where, -INT_LIMIT - 1),
        "frame": _integer(record, "frame", where, 0),
        **flags,
    }


def _score(record: dict[str, Any]) -> float | None:
    score = record.get("score")
    return None if not isinstance(score, (int, float)) or isinstance(score, bool) else float(score)


def _list(record: dict[str, Any], key: str, where: str) -> list[Any]:
    value = record.get(key, [])
    if not isinstance(value, list):
        raise _fail("a list is required", f"{where}.{key}")
    return value


def read_tag(value: Any, labels: Labels, where: str) -> Tag:
    """A tag; raises BackupError naming the JSON path."""
    record = _require(value, where, "frame", "label", "attributes")
    label = labels.find(record["label"], where)
    return Tag(
        label=label.name,
        frame=_integer(record, "frame", where, 0),
        group=_integer(record, "group", where, 0),
        source=_source(record, where),
        attributes=_attributes(record, label, where, None),
        score=_score(record),
        extras=None if record.get("group") is not None else NO_GROUP,
    )


def read_shape(value: Any, labels: Labels, where: str) -> Shape:
    """A shape with its elements; raises BackupError naming the JSON path."""
    record = _require(value, where, "type", "frame", "label", "attributes")
    label = labels.find(record["label"], where)
    return Shape(
        **_geometry(record, where),
        label=label.name,
        group=_integer(record, "group", where, 0),
        source=_source(record, where),
        attributes=_attributes(record, label, where, None),
        score=_score(record),
        extras=None if record.get("group") is not None else NO_GROUP,
        elements=[
            read_shape(element, labels.sublabels[label.name], f"{where}.elements[{index}]")
            for index, element in enumerate(_list(record, "elements", where))
        ],
    )


def read_track(value: Any, labels: Labels, where: str) -> Track:
    """A track with its keyframes and elements; raises BackupError naming the JSON path."""
    record = _require(value, where, "frame", "label", "attributes", "shapes")
    label = labels.find(record["label"], where)
    shapes = []
    for index, item in enumerate(_list(record, "shapes", where)):
        place = f"{where}.shapes[{index}]"
        keyframe = _require(item, place, "type", "frame", "attributes")
        attributes = _attributes(keyframe, label, place, True)
        shapes.append(TrackedShape(**_geometry(keyframe, place), attributes=attributes))
    if not shapes:
        raise _fail("a track needs at least one shape", f"{where}.shapes")
    return Track(
        label=label.name,
        frame=_integer(record, "frame", where, 0),
        group=_integer(record, "group", where, 0),
        source=_source(record, where),
        attributes=_attributes(record, label, where, False),
        score=_score(record),
        extras=None if record.get("group") is not None else NO_GROUP,
        shapes=shapes,
        elements=[
            read_track(element, labels.sublabels[label.name], f"{where}.elements[{index}]")
            for index, element in enumerate(_list(record, "elements", where))
        ],
    )


def _pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in attributes.items()]


def _drawn(shape: Shape | TrackedShape) -> dict[str, Any]:
    return {
        "type": shape.type,
        "occluded": shape.occluded,
        "outside": shape.outside,
        "z_order": shape.z_order,
        "rotation": shape.rotation,
        "points": list(shape.points),
        "frame": shape.frame,
    }


def _owned(value: Tag | Shape | Track) -> dict[str, Any]:
    owned: dict[str, Any] = {
        "group": None if value.extras == NO_GROUP else value.group,
        "source": value.source,
        "attributes": _pairs(value.attributes),
        "label": value.label,
    }
    if value.score is not None:
        owned["score"] = value.score
    return owned


def tag_record(tag: Tag) -> dict[str, Any]:
    """A tag as annotations.json spells it."""
    return {"frame": tag.frame, **_owned(tag)}


def shape_record(shape: Shape, element: bool = False) -> dict[str, Any]:
    """A shape as annotations.json spells it; elements have no list of elements."""
    record = _drawn(shape) | _owned(shape)
    if not element:
        record["elements"] = [shape_record(each, True) for each in shape.elements]
    return record


def track_record(track: Track, element: bool = False) -> dict[str, Any]:
    """A track as annotations.json spells it."""
    shapes = [_drawn(shape) | {"attributes": _pairs(shape.attributes)} for shape in track.shapes]
    record = {"frame": track.frame, **_owned(track), "shapes": shapes}
    if not element:
        record["elements"] = [track_record(each, True) for each in track.elements]
    return record
