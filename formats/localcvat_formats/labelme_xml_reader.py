"""Reads LabelMe's XML files, CVAT's and those of the LabelMe web tool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Source, safe_name
from localcvat.errors import DatasetError, UnsafeArchiveError
from localcvat.geometry.boxes import points_box
from localcvat.geometry.masks import bitmap_to_mask
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.segments import read_png
from localcvat_formats.voc_xml import child_of, parse_xml, scan_names, tag_name, text_of
from localcvat_formats.xml_unknown import LEAF, WHATEVER, Known, report_unknown_elements

BOX = "bounding_box"
ANNOTATIONS, IMAGES, MASKS = "Annotations", "Images", "Masks"
TOP_FOLDERS = (ANNOTATIONS, "annotations")
LARGEST = 1e9
POINT: Known = {"x": LEAF, "y": LEAF, "time": LEAF}
OBJECT: Known = {
    **dict.fromkeys(("name", "deleted", "verified", "occluded", "attributes", "date"), LEAF),
    **dict.fromkeys(("id", "type"), LEAF),
    "parts": {"hasparts": LEAF, "ispartof": LEAF},
    "polygon": {"username": LEAF, "pt": POINT, "closed_date": LEAF},
    "segm": {
        **dict.fromkeys(("username", "mask"), LEAF),
        "box": dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), LEAF),
        "scribbles": WHATEVER,
    },
}
IMAGE: Known = {
    **dict.fromkeys(("filename", "folder", "version"), LEAF),
    "source": {"sourceImage": LEAF, "sourceAnnotation": LEAF, "type": LEAF},
    "imagesize": {"nrows": LEAF, "ncols": LEAF},
    "object": WHATEVER,
}
SMALLEST = {3: "polygon", 2: "polyline", 1: "points"}


class _Place(msgspec.Struct):
    """Where an XML file is: its folder, the same below the topmost one of all, subset and path."""

    folder: str
    below: str
    subset: str
    path: str


class LabelMeReader:
    """Reads one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._xmls = [name for name in source.names if name.lower().endswith(".xml")]

    def dataset(self) -> Dataset:
        """The dataset; images by the name of their files. Labels are those of the objects."""
        labels: dict[str, Label] = {}
        subsets: dict[str, None] = {}
        for name in self._xmls:
            for label in sorted(scan_names(self._source.read(name)).labels):
                labels.setdefault(label, Label(name=label))
            try:
                subsets[self._place(name, self._root(name)).subset] = None
            except DatasetError:
                continue
        found = sorted(labels.values(), key=lambda label: label.name)
        header = Header(labels=found, subsets=list(subsets) or [DEFAULT_SUBSET])
        return Dataset(header, self._items())

    def _root(self, name: str) -> Any:
        where = self._source.where(name)
        root = parse_xml(self._source.read(name), where)
        if tag_name(root) != "annotation":
            what = f"<{tag_name(root)}> instead of <annotation>"
            raise DatasetError(what, where=f"{where}:1")
        return root

    def _items(self) -> Iterator[Item]:
        for name in self._xmls:
            try:
                item = self._item(name)
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("annotation file", error.what, error.where)
                continue
            yield item

    def _place(self, name: str, root: Any) -> _Place:
        """CVAT puts a subset's files into its folder; `<folder>` is what lies below."""
        parts = name.split("/")[:-1]
        if parts and parts[0] in TOP_FOLDERS:
            parts = parts[1:]
        stated = [part for part in text_of(root, "folder").replace("\\", "/").split("/") if part]
        base = text_of(root, "filename").replace("\\", "/").rpartition("/")[2]
        if not base or base in (".", ".."):
            base = name.rpartition("/")[2].rpartition(".")[0] + ".jpg"
        subset, below = DEFAULT_SUBSET, parts
        if parts and parts[1:] == stated:
            subset, below = parts[0], stated
        elif parts != stated:
            where = self._source.where(name)
            self._report.assumed("folder", "<folder> is not where the file lies", where)
        try:
            path = safe_name("/".join([*below, base]))
        except UnsafeArchiveError as error:
            raise DatasetError(error.what, where=self._source.where(name)) from error
        folder = name.rpartition("/")[0]
        return _Place(folder=folder, below="/".join(parts), subset=subset, path=path)

    def _item(self, name: str) -> Item:
        root = self._root(name)
        place = self._place(name, root)
        where = self._source.where(name)
        item = Item(path=place.path, subset=place.subset, shapes=[], tags=[])
        size = child_of(root, "imagesize")
        if size is not None:
            item.width, item.height = _length(size, "ncols"), _length(size, "nrows")
        self._find_media(item, place)
        settle_size(item, self._options, self._report, where, tell=True)
        report_unknown_elements(root, IMAGE, self._report, where, of="image")
        parts: dict[int, list[int]] = {}
        numbered: dict[int, Shape] = {}
        objects = (child for child in root if tag_name(child) == "object")
        for position, element in enumerate(objects):
            try:
                shape = self._object(element, item, place, where)
                number, joined = _parts(element, position, f"{where}:{element.sourceline}")
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("object", error.what, error.where)
                continue
            parts[number] = joined
            if shape is not None:
                numbered[number] = shape
                item.shapes.append(shape)
        _group(parts, numbered)
        return item

    def _find_media(self, item: Item, place: _Place) -> None:
        base = item.path.rpartition("/")[2]
        beside = f"{place.folder}/{base}" if place.folder else base
        for name in (beside, f"{IMAGES}/{item.path}", f"{item.subset}/{item.path}", item.path):
            if is_image_name(name) and self._source.exists(name):
                item.media = self._source.media(name)
                return

    def _object(self, element: Any, item: Item, place: _Place, file: str) -> Shape | None:
        """The shape of an object; None for one marked as deleted."""
        where = f"{file}:{element.sourceline}"
        label = text_of(element, "name")
        if not label:
            raise DatasetError("an object without a name", where=where)
        if text_of(element, "deleted") not in ("", "0"):
            self._report.dropped("object", "marked as deleted in the file", where)
            return None
        outline, segment = child_of(element, "polygon"), child_of(element, "segm")
        if outline is not None:
            kind, points = self._polygon(element, outline, where)
        elif segment is not None:
            kind, points = "mask", self._mask(segment, item, place, where)
        else:
            raise DatasetError("an object without polygon or segm", where=where)
        report_unknown_elements(element, OBJECT, self._report, file)
        shape = Shape(
            type=kind,
            label=label,
            points=points,
            occluded=text_of(element, "occluded").lower() == "yes",
            attributes=parse_attributes(text_of(element, "attributes")),
        )
        user = text_of(outline if outline is not None else segment, "username")
        if user:
            shape.attributes.setdefault("username", user)
        extras = {
            name: text_of(element, name)
            for name in ("date", "verified")
            if text_of(element, name) not in ("", "0")
        }
        shape.extras = {"labelme-xml": extras} if extras else None
        _take_flags(shape)
        return shape

    def _polygon(self, element: Any, outline: Any, where: str) -> tuple[str, list[float]]:
        points: list[float] = []
        for point in outline:
            if tag_name(point) == "pt":
                points += [_coordinate(point, axis, where) for axis in ("x", "y")]
        if not points:
            raise DatasetError("a polygon without points", where=where)
        if text_of(element, "type") == BOX:
            return "rectangle", list(points_box(points))
        kind = SMALLEST[min(len(points) // 2, 3)]
        if kind != "polygon":
            why = f"a polygon of {len(points) // 2} points: read as {kind}"
            self._report.assumed("polygon", why, where)
        return kind, points

    def _mask(self, segment: Any, item: Item, place: _Place, where: str) -> list[float]:
        import numpy as np

        name = text_of(segment, "mask").replace("\\", "/")
        base = name.rpartition("/")[2]
        folders = [f"{item.subset}/{MASKS}", f"{place.folder}/{MASKS}", f"{MASKS}/{place.below}"]
        candidates = [f"{folder}/{part}" for folder in (*folders, MASKS) for part in (name, base)]
        found = next(
            (c.lstrip("/") for c in candidates if self._source.exists(c.lstrip("/"))), None
        )
        if found is None:
            raise DatasetError(f"the mask {name[:80]!r} is not there", where=where)
        pixels, _ = read_png(self._source, found)
        filled: Any = pixels != 0
        if pixels.ndim == 3:
            filled = np.any(pixels[:, :, :3], axis=2)
            if not filled.any():
                filled = np.any(pixels, axis=2)
        if not (item.width and item.height):
            item.height, item.width = filled.shape
        try:
            return bitmap_to_mask(filled)
        except ValueError as error:
            raise DatasetError(f"{error}", where=self._source.where(found)) from error


def _length(size: Any, name: str) -> int:
    text = text_of(size, name)
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _coordinate(point: Any, axis: str, where: str) -> float:
    text = text_of(point, axis)
    try:
        value = float(text)
    except ValueError as error:
        raise DatasetError(f"{axis} {text[:40]!r} is not a number", where=where) from error
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise DatasetError(f"{axis} {text[:40]!r} is not a coordinate", where=where)
    return value


def _parts(element: Any, position: int, where: str) -> tuple[int, list[int]]:
    """(number of the object, numbers of those it belongs with)."""
    parts = child_of(element, "parts")
    texts = [text_of(element, "id") or str(position)]
    if parts is not None:
        for name in ("hasparts", "ispartof"):
            texts += [text for text in text_of(parts, name).split(",") if text.strip()]
    try:
        numbers = [int(text) for text in texts]
    except ValueError as error:
        raise DatasetError(f"not numbers of objects: {texts}", where=where) from error
    return numbers[0], numbers[1:]


def _group(parts: dict[int, list[int]], shapes: dict[int, Shape]) -> None:
    """Number the groups of objects that belong together, from 1."""
    neighbours: dict[int, set[int]] = {number: set() for number in parts}
    for number, joined in parts.items():
        for other in joined:
            if other in neighbours and other != number:
                neighbours[number].add(other)
                neighbours[other].add(number)
    group, seen = 0, set[int]()
    for number in parts:
        if number in seen or not neighbours[number]:
            continue
        group += 1
        waiting = [number]
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting += neighbours[here]
                if here in shapes:
                    shapes[here].group = group


def _take_flags(shape: Shape) -> None:
    """Rotation and the track's number are no attributes of the label."""
    rotation = shape.attributes.get("rotation", "")
    if shape.type == "rectangle" and rotation:
        try:
            value = float(rotation)
        except ValueError:
            value = math.inf
        if math.isfinite(value):
            shape.rotation = value % 360
            del shape.attributes["rotation"]
    if shape.attributes.get("track_id", "").isdecimal() and "keyframe" in shape.attributes:
        shape.track_id = int(shape.attributes.pop("track_id"))
        shape.keyframe = shape.attributes.pop("keyframe") == "true"


def parse_attributes(text: str) -> dict[str, str]:
    """``name=value, name`` as attributes: a name alone is true, ``\\`` keeps the next character."""
    found: dict[str, str] = {}
    for piece in _split(text, ","):
        name, *rest = _split(piece, "=", 1)
        name = _plain(name.strip())
        if not name:
            continue
        value = rest[0].strip() if rest else "true"
        if len(value) > 1 and value[0] == value[-1] == '"':
            found[name] = _plain(value[1:-1])
        else:
            found[name] = value.lower() if value in ("True", "False") else _plain(value)
    return found


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    """`text` at the separators that have no backslash before them."""
    pieces, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator and most != 0:
            pieces.append(text[start:position])
            start, most = position + 1, most - 1
        position += 1
    return [*pieces, text[start:]]


def _plain(text: str) -> str:
    """`text` without its escapes; a backslash before any other character is one."""
    result, position = [], 0
    while position < len(text):
        if text[position] == "\\" and text[position + 1 : position + 2] in ("\\", "=", '"', ","):
            position += 1
        result.append(text[position])
        position += 1
    return "".join(result)
