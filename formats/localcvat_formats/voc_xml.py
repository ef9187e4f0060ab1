"""One VOC annotation file as shapes; safe XML, direct children only, errors with their line."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from localcvat.errors import DatasetError
from localcvat.model import Extras, Shape
from localcvat.report import Report
from localcvat_formats.xml_unknown import (
    LEAF,
    TEXTS,
    WHATEVER,
    Known,
    may_have_unknown,
    names_in,
    report_unknown_elements,
)

SIDES = ("xmin", "ymin", "xmax", "ymax")
TRUE_WORDS = frozenset(("1", "true", "yes", "1.0"))
FALSE_WORDS = frozenset(("0", "false", "no", "0.0", ""))
PLAIN_POSES = frozenset(("", "unspecified", "unknown"))
LARGEST = 1e9
PICTURED = "mask"
OUTLINES = ("polygon", "segm")
ORIGINS = ("source", "owner")
CORNERS: Known = dict.fromkeys(SIDES, LEAF)
OBJECT: Known = {
    **dict.fromkeys(("name", "pose", "truncated", "difficult", "occluded", "type"), LEAF),
    "bndbox": CORNERS,
    "robndbox": dict.fromkeys(("cx", "cy", "w", "h", "angle"), LEAF),
    "part": {"name": LEAF, "bndbox": CORNERS},
    "actions": TEXTS,
    "attributes": {"attribute": {"name": LEAF, "value": LEAF}},
    PICTURED: LEAF,
    **dict.fromkeys(OUTLINES, WHATEVER),
}
ANNOTATION: Known = {
    "@verified": LEAF,
    **dict.fromkeys(("folder", "filename", "path", "segmented"), LEAF),
    **dict.fromkeys(ORIGINS, TEXTS),
    "size": dict.fromkeys(("width", "height", "depth"), LEAF),
    "object": OBJECT,
}
KNOWN_NAMES = names_in(ANNOTATION) | {b"annotation", b"database", b"image", b"flickrid"}


class Annotation(msgspec.Struct):
    """What a file says of its image; `extras` holds what only VOC has (folder, source, depth …).

    `numbers` are the positions, from 1, of the objects that `shapes` came from.
    """

    filename: str = ""
    width: int = 0
    height: int = 0
    shapes: list[Shape] = []
    numbers: list[int] = []
    extras: Extras = {}


class Scan(msgspec.Struct):
    """Names in one file: objects, the parts of each and the actions of each."""

    labels: set[str] = set()
    parts: dict[str, set[str]] = {}
    actions: dict[str, set[str]] = {}


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
    except (ValueError, LookupError) as error:
        raise DatasetError(f"not XML: {error}", where=where) from error
    if root.getroottree().docinfo.doctype:
        raise DatasetError("a document type is not allowed", where=f"{where}:1")
    return root


def tag_name(element: Any) -> str:
    """The tag without its namespace; "" for comments."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    return tag.rpartition("}")[2] if "}" in tag else tag


def child_of(element: Any, name: str) -> Any:
    """The first direct child of this name, or None."""
    for child in element:
        if tag_name(child) == name:
            return child
    return None


def text_of(element: Any, name: str) -> str:
    """The text of the first direct child of this name, stripped; "" without one."""
    child = child_of(element, name)
    return (child.text or "").strip() if child is not None else ""


def _verbatim(element: Any, name: str) -> str:
    """As `text_of`, with the space around it: it may be part of a value."""
    child = child_of(element, name)
    return child.text or "" if child is not None else ""


def scan_names(data: bytes) -> Scan:
    """The names in one file; nothing for a broken one, which is reported when it is read."""
    scan = Scan(labels=set(), parts={}, actions={})
    try:
        root = parse_xml(data, "")
    except DatasetError:
        return scan
    for element in root:
        label = text_of(element, "name")
        if tag_name(element) != "object" or not label:
            continue
        scan.labels.add(label)
        for child in element:
            if tag_name(child) == "part" and text_of(child, "name"):
                scan.parts.setdefault(label, set()).add(text_of(child, "name"))
            elif tag_name(child) == "actions":
                names = {tag_name(action) for action in child} - {""}
                scan.actions.setdefault(label, set()).update(names)
    return scan


def read_annotation(
    data: bytes, where: str, skip: bool, report: Report, *, lossy: bool = True
) -> Annotation:
    """The annotation in `data`; bad objects raise DatasetError, or are reported and skipped.

    `lossy` says that what only VOC can hold is lost where the annotation goes.
    """
    root = parse_xml(data, where)
    if tag_name(root) != "annotation":
        raise DatasetError(f"<{tag_name(root)}> instead of <annotation>", where=f"{where}:1")
    size = child_of(root, "size")
    found = Annotation(filename=_base(text_of(root, "filename")), shapes=[], numbers=[], extras={})
    if size is not None:
        found.width, found.height = _length(size, "width"), _length(size, "height")
    _read_extras(root, size, found)
    if may_have_unknown(data, KNOWN_NAMES):
        _report_unknown(root, report, where)
    objects = (child for child in root if tag_name(child) == "object")
    for number, child in enumerate(objects, 1):
        try:
            found.shapes.append(_object(child, where, report, lossy))
            found.numbers.append(number)
        except DatasetError as error:
            if not skip:
                raise
            report.dropped("object", error.what, error.where)
    return found


def _report_unknown(root: Any, report: Report, where: str) -> None:
    """Count what is none of VOC's: in objects as theirs, elsewhere as the image's."""
    report_unknown_elements(root, ANNOTATION | {"object": WHATEVER}, report, where, of="image")
    for child in root:
        if tag_name(child) == "object":
            report_unknown_elements(child, OBJECT, report, where)


def _read_extras(root: Any, size: Any, found: Annotation) -> None:
    for name in ("folder", "path", "segmented"):
        if text_of(root, name):
            found.extras[name] = text_of(root, name)
    for name in ORIGINS:
        origin = child_of(root, name)
        if origin is not None:
            found.extras[name] = {
                tag_name(child): (child.text or "").strip() for child in origin if tag_name(child)
            }
    if root.get("verified"):
        found.extras["verified"] = root.get("verified")
    if size is not None and text_of(size, "depth"):
        found.extras["depth"] = text_of(size, "depth")


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _length(size: Any, name: str) -> int:
    try:
        return max(0, int(float(text_of(size, name) or 0)))
    except (ValueError, OverflowError):
        return 0


def _object(element: Any, where: str, report: Report, lossy: bool) -> Shape:
    place = f"{where}:{element.sourceline}"
    fields = _fields(element)
    label = _text(fields, "name")
    if not label:
        raise DatasetError("an object without a name", where=place)
    points, rotation = _box(fields, place, report)
    if points[0] >= points[2] or points[1] >= points[3]:
        report.assumed("box", "without area kept as it is", place)
    shape = Shape(
        type="rectangle",
        label=label,
        points=points,
        rotation=rotation,
        occluded=_text(fields, "occluded").lower() in TRUE_WORDS,
    )
    extras = _object_extras(element, fields, place, report, lossy)
    shape.attributes = {}
    _read_flags(extras, shape)
    _read_actions(fields, shape, extras)
    _read_attributes(fields, shape)
    shape.extras = {"voc": extras} if extras else None
    return shape


def _fields(element: Any) -> dict[str, Any]:
    """The direct children by name, the first of each name."""
    found: dict[str, Any] = {}
    for child in element:
        found.setdefault(tag_name(child), child)
    return found


def _text(fields: dict[str, Any], name: str) -> str:
    child = fields.get(name)
    return (child.text or "").strip() if child is not None else ""


def _box(fields: dict[str, Any], place: str, report: Report) -> tuple[list[float], float]:
    """The sides of an object's box and its rotation in degrees, which roLabelImg states."""
    if "bndbox" in fields:
        sides = _fields(fields["bndbox"])
        return [_coordinate(sides, side, place) for side in SIDES], 0.0
    if "robndbox" not in fields:
        raise DatasetError("an object without bndbox", where=place)
    report.assumed("box", "a rotated one of roLabelImg: its angle in radians, clockwise", place)
    turned = _fields(fields["robndbox"])
    cx, cy, width, height = (_coordinate(turned, name, place) for name in ("cx", "cy", "w", "h"))
    angle = math.degrees(_coordinate(turned, "angle", place)) % 360
    return [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2], angle


def _object_extras(
    element: Any, fields: dict[str, Any], place: str, report: Report, lossy: bool
) -> dict[str, Any]:
    extras: dict[str, Any] = {
        name: _text(fields, name)
        for name in ("pose", "truncated", "difficult", PICTURED)
        if name in fields
    }
    if "part" in fields:
        parts = [part for part in element if tag_name(part) == "part"]
        extras["parts"] = [_part(part, place) for part in parts]
        why = "kept in the extras of its object, which VOC alone writes"
        report.changed("part", why, place, count=len(parts), lossy=lossy)
    if any(name in fields for name in OUTLINES):
        report.dropped("outline", "a VOC object is its box; the outline beside it", place)
    return extras


def _read_flags(extras: dict[str, Any], shape: Shape) -> None:
    """Flags that say something become attributes; all of them are kept as written."""
    for name in ("truncated", "difficult"):
        text = str(extras.get(name, "")).lower()
        if text not in FALSE_WORDS:
            shape.attributes[name] = "true" if text in TRUE_WORDS else text
    if str(extras.get("pose", "")).lower() not in PLAIN_POSES:
        shape.attributes["pose"] = str(extras["pose"])


def _read_actions(fields: dict[str, Any], shape: Shape, extras: dict[str, Any]) -> None:
    if "actions" not in fields:
        return
    values = {tag_name(action): (action.text or "").strip() for action in fields["actions"]}
    values.pop("", None)
    extras["actions"] = list(values)
    for name, text in values.items():
        known = text.lower() in TRUE_WORDS | FALSE_WORDS
        shape.attributes[name] = str(text.lower() in TRUE_WORDS).lower() if known else text


def _part(element: Any, place: str) -> dict[str, Any]:
    fields = _fields(element)
    sides = _fields(fields["bndbox"]) if "bndbox" in fields else {}
    points = [_coordinate(sides, side, place) for side in SIDES] if sides else []
    return {"name": _text(fields, "name"), "bndbox": points}


def _coordinate(sides: dict[str, Any], side: str, place: str) -> float:
    text = _text(sides, side)
    try:
        value = float(text)
    except ValueError as error:
        raise DatasetError(f"{side} {text[:40]!r} is not a number", where=place) from error
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise DatasetError(f"{side} {text[:40]!r} is not a coordinate", where=place)
    return value


def _read_attributes(fields: dict[str, Any], shape: Shape) -> None:
    if "attributes" not in fields:
        return
    holder = fields["attributes"]
    values = {text_of(child, "name"): _verbatim(child, "value") for child in holder}
    values.pop("", None)
    rotation, track = _finite(values.get("rotation")), values.get("track_id")
    if rotation is not None:
        shape.rotation = rotation % 360
        del values["rotation"]
    if track is not None and track.isdecimal():
        shape.track_id = int(values.pop("track_id"))
        shape.keyframe = values.pop("keyframe", "True") == "True"
    shape.attributes.update(values)


def _finite(text: str | None) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
