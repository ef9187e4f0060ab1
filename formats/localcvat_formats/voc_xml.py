"""One VOC annotation file as shapes; safe XML, direct children only, errors with their line."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from localcvat.errors import DatasetError
from localcvat.model import Extras, Shape
from localcvat.report import Report

SIDES = ("xmin", "ymin", "xmax", "ymax")
TRUE_WORDS = frozenset(("1", "true", "yes", "1.0"))
LARGEST = 1e9


class Annotation(msgspec.Struct):
    """What a file says of its image."""

    filename: str = ""
    width: int = 0
    height: int = 0
    shapes: list[Shape] = []
    extras: Extras = {}


def parse_xml(data: bytes, where: str) -> Any:
    """The root element: no entities, no DTD, no network; raises DatasetError with the line."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    root: Any
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise DatasetError(f"not XML: {error.msg}", where=f"{where}:{line}") from error
    except ValueError as error:
        raise DatasetError(f"not XML: {error}", where=where) from error
    if root.getroottree().docinfo.doctype:
        raise DatasetError("a document type is not allowed", where=f"{where}:1")
    return root


def _name(element: Any) -> str:
    """The tag without its namespace; "" for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _child(element: Any, name: str) -> Any:
    for child in element:
        if _name(child) == name:
            return child
    return None


def _text(element: Any, name: str) -> str:
    child = _child(element, name)
    return (child.text or "").strip() if child is not None else ""


def object_names(data: bytes) -> set[str]:
    """Names of the objects of one file, "" left out; nothing for a broken file."""
    try:
        root = parse_xml(data, "")
    except DatasetError:
        return set()
    names = {_text(child, "name") for child in root if _name(child) == "object"}
    return names - {""}


def read_annotation(data: bytes, where: str, skip: bool, report: Report) -> Annotation:
    """The annotation in `data`; bad objects raise DatasetError, or are reported and skipped."""
    root = parse_xml(data, where)
    if _name(root) != "annotation":
        raise DatasetError(f"<{_name(root)}> instead of <annotation>", where=f"{where}:1")
    size = _child(root, "size")
    found = Annotation(filename=_base(_text(root, "filename")), shapes=[], extras={})
    if size is not None:
        found.width, found.height = _length(size, "width"), _length(size, "height")
    for child in root:
        if _name(child) != "object":
            continue
        try:
            found.shapes.append(_object(child, where, report))
        except DatasetError as error:
            if not skip:
                raise
            report.dropped("object", error.what, error.where)
    return found


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _length(size: Any, name: str) -> int:
    try:
        return max(0, int(float(_text(size, name) or 0)))
    except (ValueError, OverflowError):
        return 0


def _object(element: Any, where: str, report: Report) -> Shape:
    place = f"{where}:{element.sourceline}"
    label = _text(element, "name")
    if not label:
        raise DatasetError("an object without a name", where=place)
    box = _child(element, "bndbox")
    if box is None:
        raise DatasetError("an object without bndbox", where=place)
    points = [_coordinate(box, side, place) for side in SIDES]
    if points[0] >= points[2] or points[1] >= points[3]:
        report.assumed("box", "without area kept as it is", place)
    extras = {
        name: _text(element, name)
        for name in ("pose", "truncated", "difficult")
        if _child(element, name) is not None
    }
    parts = [part for part in element if _name(part) == "part"]
    if parts:
        extras["parts"] = [_part(part, place) for part in parts]  # type: ignore[assignment]
    shape = Shape(
        type="rectangle",
        label=label,
        points=points,
        occluded=_text(element, "occluded").lower() in TRUE_WORDS,
        extras={"voc": extras} if extras else None,
    )
    _read_attributes(element, shape)
    return shape


def _part(element: Any, place: str) -> dict[str, Any]:
    box = _child(element, "bndbox")
    points = [_coordinate(box, side, place) for side in SIDES] if box is not None else []
    return {"name": _text(element, "name"), "bndbox": points}


def _coordinate(box: Any, side: str, place: str) -> float:
    text = _text(box, side)
    try:
        value = float(text)
    except ValueError as error:
        raise DatasetError(f"{side} {text[:40]!r} is not a number", where=place) from error
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise DatasetError(f"{side} {text[:40]!r} is not a coordinate", where=place)
    return value


def _read_attributes(element: Any, shape: Shape) -> None:
    holder = _child(element, "attributes")
    if holder is None:
        return
    values = {_text(child, "name"): _text(child, "value") for child in holder}
    values.pop("", None)
    try:
        shape.rotation = float(values.pop("rotation", 0.0)) % 360
    except ValueError:
        shape.rotation = 0.0
    track = values.pop("track_id", None)
    keyframe = values.pop("keyframe", "True")
    if track is not None and track.isdigit():
        shape.track_id, shape.keyframe = int(track), keyframe == "True"
    shape.attributes = values
