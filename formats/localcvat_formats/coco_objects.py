"""COCO annotations as shapes: boxes, polygons of several parts, run-length masks."""

from __future__ import annotations

from typing import Any

import msgspec

from localcvat.errors import DatasetError
from localcvat.model import Item, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.coco_records import LARGEST_COORDINATE, CocoFile, unknown_keys

EMPTY = (b"", b"[]", b"[[]]", b"null")
EXTRA_FIELDS = ("id", "bbox", "area", "iscrowd")


class Rle(msgspec.Struct):
    """A run-length segmentation, compressed or not."""

    counts: str | list[int]
    size: list[int]


class ObjectReader:
    """Turns the annotations of one file into shapes."""

    def __init__(
        self, coco: CocoFile, names: dict[Any, str], options: ReadOptions, report: Report
    ) -> None:
        self._coco = coco
        self._names = names
        self._options = options
        self._report = report
        self._instance = 0

    def shapes(self, position: int, item: Item) -> list[Shape]:
        """The shapes of one annotation; several for a polygon of several parts.

        Raises DatasetError with the JSON path, or reports and skips where that was asked.
        """
        try:
            if self._options.boxes_only:
                return self._box_only(position)
            return self._full(position, item)
        except DatasetError as error:
            if self._options.on_error != "skip":
                raise
            self._report.dropped("annotation", error.what, error.where)
            return []

    def _label(self, position: int) -> str:
        category = self._coco.annotations[position].category_id
        name = self._names.get(category)
        if name is None:
            raise DatasetError(
                f"no category has the id {category!r}",
                where=self._coco.place(position, "category_id"),
            )
        return name

    def _box_only(self, position: int) -> list[Shape]:
        record = self._coco.annotations[position]
        label = self._label(position)
        if record.bbox is None:
            raise DatasetError("no bbox", where=self._coco.place(position, "bbox"))
        points = self._box(record.bbox, position)
        start = bytes(memoryview(record.segmentation)[:2])
        if start[:1] == b"{" or (start[:1] == b"[" and start != b"[]"):
            kind = "polygon" if start[:1] == b"[" else "mask"
            self._report.changed(kind, "written as its bounding box", self._coco.where)
        shape = Shape(type="rectangle", label=label, points=points, score=record.score)
        if record.attributes:
            self._set_attributes([shape], record.attributes)
        return [shape]

    def _box(self, bbox: list[float], position: int) -> list[float]:
        if len(bbox) != 4:
            raise DatasetError(
                f"{len(bbox)} numbers instead of x, y, width, height",
                where=self._coco.place(position, "bbox"),
            )
        x, y, width, height = bbox
        if not abs(x) + abs(y) + abs(width) + abs(height) < LARGEST_COORDINATE:
            raise DatasetError(
                "a coordinate is not a number or absurdly large",
                where=self._coco.place(position, "bbox"),
            )
        return [x, y, x + width, y + height]

    def _full(self, position: int, item: Item) -> list[Shape]:
        record = self._coco.annotations[position]
        label = self._label(position)
        segmentation = bytes(record.segmentation).strip()
        if self._options.same_format and segmentation not in EMPTY:
            shapes = [self._undecoded(segmentation, position, label)]
        elif segmentation in EMPTY:
            shapes = [self._rectangle(position, label)]
        elif segmentation[:1] == b"[":
            shapes = self._polygons(segmentation, position, label)
        else:
            shapes = [self._mask(segmentation, position, label, item)]
        first = shapes[0]
        first.extras = {"coco": self._extras(position, segmentation)}
        if self._options.same_format and segmentation not in EMPTY:
            first.extras["coco"]["raw"] = segmentation
        first.score = record.score
        self._set_attributes(shapes, record.attributes)
        return shapes

    def _undecoded(self, segmentation: bytes, position: int, label: str) -> Shape:
        """A shape whose segmentation goes from file to file as it is written."""
        bbox = self._coco.annotations[position].bbox
        points = self._box(bbox, position) if bbox is not None else []
        kind = "polygon" if segmentation[:1] == b"[" else "mask"
        return Shape(type=kind, label=label, points=points)

    def _rectangle(self, position: int, label: str) -> Shape:
        bbox = self._coco.annotations[position].bbox
        if bbox is None:
            raise DatasetError(
                "neither a segmentation nor a bbox", where=self._coco.place(position)
            )
        return Shape(type="rectangle", label=label, points=self._box(bbox, position))

    def _polygons(self, segmentation: bytes, position: int, label: str) -> list[Shape]:
        where = self._coco.place(position, "segmentation")
        try:
            rings = msgspec.json.decode(segmentation, type=list[list[float]])
        except msgspec.DecodeError:
            try:
                rings = [msgspec.json.decode(segmentation, type=list[float])]
            except msgspec.DecodeError as error:
                raise DatasetError(f"not polygons: {error}", where=where) from error
            self._report.assumed("segmentation", "a flat list is one polygon", where)
        shapes = []
        for part, ring in enumerate(rings):
            if not ring:
                continue
            if len(ring) % 2 or len(ring) < 6:
                raise DatasetError(f"a polygon of {len(ring)} numbers", where=f"{where}[{part}]")
            if not -LARGEST_COORDINATE < min(ring) <= max(ring) < LARGEST_COORDINATE:
                raise DatasetError("an absurdly large coordinate", where=f"{where}[{part}]")
            shapes.append(Shape(type="polygon", label=label, points=ring))
        if not shapes:
            return [self._rectangle(position, label)]
        if len(shapes) > 1:
            self._instance += 1
            for shape in shapes:
                shape.instance = shape.group = self._instance
        return shapes

    def _mask(self, segmentation: bytes, position: int, label: str, item: Item) -> Shape:
        from localcvat.geometry.masks import coco_to_mask

        where = self._coco.place(position, "segmentation")
        try:
            rle = msgspec.json.decode(segmentation, type=Rle)
            height, width = rle.size
        except (msgspec.DecodeError, ValueError) as error:
            raise DatasetError(f"not a run-length mask: {error}", where=where) from error
        if item.width and item.height and (width, height) != (item.width, item.height):
            raise DatasetError(
                f"Mask is {width}x{height}, its image {item.width}x{item.height}", where=where
            )
        try:
            points = coco_to_mask(rle.counts, width, height)
        except (ValueError, OverflowError) as error:
            raise DatasetError(str(error), where=f"{where}.counts") from error
        return Shape(type="mask", label=label, points=points)

    def _extras(self, position: int, segmentation: bytes) -> dict[str, Any]:
        record = self._coco.annotations[position]
        extras = {name: getattr(record, name) for name in EXTRA_FIELDS}
        extras = {name: value for name, value in extras.items() if value is not None}
        if segmentation[:1] == b"{":
            compressed = b'"counts":"' in segmentation.replace(b" ", b"")
            extras["rle"] = "compressed" if compressed else "list"
        if self._coco.raw is not None:
            extras.update(unknown_keys(self._coco.raw[position]))
        return extras

    def _set_attributes(self, shapes: list[Shape], attributes: dict[str, Any] | None) -> None:
        if not attributes:
            return
        values = dict(attributes)
        occluded = bool(values.pop("occluded", False))
        rotation = values.pop("rotation", 0.0)
        track, keyframe = values.pop("track_id", None), values.pop("keyframe", True)
        for shape in shapes:
            shape.occluded = occluded
            if shape.type == "rectangle" and isinstance(rotation, (int, float)):
                shape.rotation = float(rotation) % 360
            if isinstance(track, int):
                shape.track_id, shape.keyframe = track, bool(keyframe)
            shape.attributes = {name: attribute_text(value) for name, value in values.items()}


def attribute_text(value: Any) -> str:
    """An attribute's JSON value as CVAT's string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
