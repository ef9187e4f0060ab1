"""COCO annotations as shapes: boxes, polygons of several parts, run-length masks, keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import hypot, inf
from typing import Any, ClassVar

import msgspec

from localcvat.errors import DatasetError
from localcvat.model import Item, Label, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import RESERVED, parted
from localcvat_formats.coco_records import (
    LARGEST_COORDINATE,
    ClosedRecord,
    CocoFile,
    unknown_keys,
)

FAR = LARGEST_COORDINATE
BEYOND = 1.0
"""Pixels by which a box may leave its image before it is told."""
EMPTY = (b"", b"[]", b"[[]]", b"null")
RINGS_DECODER = msgspec.json.Decoder(list[list[float]])
DEFAULTS = {
    "id": "missing: numbered",
    "bbox": "missing: that of the segmentation",
    "area": "missing: that of the shape",
    "iscrowd": "missing: 1 for a mask, else 0",
    "segmentation": "missing: the object is its bbox",
}
"""What is taken for what an annotation does not say."""


class Rle(msgspec.Struct):
    """A run-length segmentation, compressed or not."""

    counts: str | list[int]
    size: list[int]


class ObjectReader:
    """Turns the annotations of one file into shapes."""

    defaults: ClassVar[Mapping[str, str]] = DEFAULTS

    def __init__(
        self,
        coco: CocoFile,
        names: dict[Any, str],
        labels: Mapping[str, Label],
        options: ReadOptions,
        report: Report,
    ) -> None:
        self._coco = coco
        self._names = names
        self._labels = labels
        self._options = options
        self._report = report
        self._instance = 0
        self._texts = coco.raw or []
        self._at = -1
        self._current: Any = None
        if not options.boxes_only:  # groups made for parts come after those of the file
            groups = [r.group for r in coco.annotations if r is not None and r.group]
            self._instance = max(groups, default=0)

    def of_image(self, positions: Iterable[int], item: Item) -> list[Shape]:
        """The shapes of all annotations of one image; raises DatasetError as `shapes` does.

        Annotations that were decoded with the file are let go: they are not asked for again.
        """
        shapes: list[Shape] = []
        annotations = self._coco.annotations
        right, bottom = edges_of(item)
        for position in positions:
            record = annotations[position]
            if type(record) is not ClosedRecord:
                shapes += self.shapes(position, item)
                continue
            polygon = self._plain_polygon(record)
            if polygon is None:
                shapes += self.shapes(position, item)
            else:
                x, y, width, height = record.bbox  # type: ignore[misc]
                if x < -BEYOND or y < -BEYOND or x + width > right or y + height > bottom:
                    self._tell_beyond(position)
                shapes.append(polygon)
            annotations[position] = None
        return shapes

    def _tell_beyond(self, position: int) -> None:
        where = self._coco.place(position, "bbox")
        self._report.assumed("box", "reaches beyond the image", where)

    def _plain_polygon(self, record: ClosedRecord) -> Shape | None:
        """The shape of what most annotations are: one sound ring; None for any other."""
        label = self._names.get(record.category_id)
        if label is None or record.keypoints is not None or record.attributes or record.group:
            return None
        segmentation = bytes(record.segmentation)
        if segmentation[:2] != b"[[":
            return None
        try:
            rings = RINGS_DECODER.decode(segmentation)
        except ValueError:
            return None
        ring = rings[0]
        # The length of the vector bounds each of its numbers, and is quicker to get at.
        if len(rings) > 1 or len(ring) % 2 or len(ring) < 6 or not hypot(*ring) < FAR:
            return None
        stated = _stated(record)
        if len(stated) < len(DEFAULTS) - 1 or len(stated["bbox"]) != 4:  # `_full` says it
            return None
        extras = {"coco": stated}
        return Shape(type="polygon", label=label, points=ring, score=record.score, extras=extras)

    def shapes(self, position: int, item: Item) -> list[Shape]:
        """The shapes of one annotation; several for an object of several parts.

        Raises DatasetError with the JSON path, or reports and skips where that was asked.
        """
        try:
            return self._shapes(position, item)
        except DatasetError as error:
            if self._options.on_error != "skip":
                raise
            self._report.dropped("annotation", error.what, error.where)
            return []

    def _shapes(self, position: int, item: Item) -> list[Shape]:
        return self._full(position, item)

    def report_boxed(self) -> None:
        """Count what was read as less than it is; call it after the last annotation."""

    def _record(self, position: int) -> Any:
        """The decoded annotation; the last one is kept."""
        if position != self._at:
            self._current = self._coco.record(position, self._options.boxes_only)
            self._at = position
        return self._current

    def _label(self, position: int, category: Any) -> str:
        name = self._names.get(category)
        if name is None:
            raise DatasetError(
                f"no category has the id {category!r}",
                where=self._coco.place(position, "category_id"),
            )
        return name

    def _box(self, bbox: Sequence[float], position: int) -> list[float]:
        try:
            x, y, width, height = bbox
        except ValueError:
            raise DatasetError(
                f"{len(bbox)} numbers instead of 4", where=self._coco.place(position, "bbox")
            ) from None
        if not (-FAR < x < FAR and -FAR < y < FAR and -FAR < width < FAR and -FAR < height < FAR):
            raise DatasetError(
                "an absurdly large coordinate", where=self._coco.place(position, "bbox")
            )
        if width <= 0 or height <= 0:
            how = "of no or negative size kept as it is"
            self._report.assumed("box", how, self._coco.place(position, "bbox"))
        return [x, y, x + width, y + height]

    def _full(self, position: int, item: Item) -> list[Shape]:
        record = self._record(position)
        label = self._label(position, record.category_id)
        segmentation = bytes(record.segmentation)
        shapes: list[Shape] = []
        if record.keypoints:
            shapes.append(self._skeleton(record.keypoints, position, label))
        elif record.keypoints is not None and self._labels[label].sublabels:
            absent = [0.0] * (3 * len(self._labels[label].sublabels))
            shapes.append(self._skeleton(absent, position, label))
        if segmentation not in EMPTY:
            shapes += self._segments(segmentation, position, label, item)
        elif not shapes:
            shapes.append(self._rectangle(position, label))
        if record.bbox is not None and len(record.bbox) == 4:
            right, bottom = edges_of(item)
            x, y, width, height = record.bbox
            if x < -BEYOND or y < -BEYOND or x + width > right or y + height > bottom:
                self._tell_beyond(position)
        first = shapes[0]
        stated = self._extras(position, segmentation)
        self._tell_missing(position, stated, bool(segmentation) or record.keypoints is not None)
        first.extras = {"coco": stated}
        first.score = record.score
        if len(shapes) > 1:
            self._instance += 1
            for shape in shapes:
                shape.instance = shape.group = self._instance
        if record.group:
            for shape in shapes:
                shape.group = record.group
        if record.attributes:
            self._set_attributes(shapes, record.attributes)
            first.extras["coco"]["attributes"] = record.attributes
        return shapes

    def _rectangle(self, position: int, label: str) -> Shape:
        bbox = self._record(position).bbox
        if bbox is None:
            raise DatasetError(
                "neither a segmentation nor a bbox", where=self._coco.place(position)
            )
        return self._bbox_shape(bbox, position, label)

    def _bbox_shape(self, bbox: list[float], position: int, label: str) -> Shape:
        """The rectangle of a bbox; one of five numbers is turned, as Detectron2 writes it."""
        if len(bbox) != 5:
            return Shape(type="rectangle", label=label, points=self._box(bbox, position))
        x, y, width, height, angle = bbox
        corner = [x - width / 2, y - height / 2, width, height]
        points = self._box(corner, position)
        if not -FAR < angle < FAR:
            where = self._coco.place(position, "bbox[4]")
            raise DatasetError("an absurdly large angle", where=where)
        how = "of 5 numbers: centre, size, degrees against the clock (XYWHA)"
        self._report.assumed("bbox", how, self._coco.place(position, "bbox"))
        turn = -angle % 360
        return Shape(type="rectangle", label=label, points=points, rotation=turn)

    def _segments(self, segmentation: bytes, position: int, label: str, item: Item) -> list[Shape]:
        if segmentation[:1] == b"[":
            return self._polygons(segmentation, position, label)
        return [self._mask(segmentation, position, label, item)]

    def _skeleton(self, keypoints: Sequence[float], position: int, label: str) -> Shape:
        where = self._coco.place(position, "keypoints")
        names = [sublabel.name for sublabel in self._labels[label].sublabels]
        if len(keypoints) % 3:
            raise DatasetError(f"{len(keypoints)} numbers are no triples", where=where)
        if len(keypoints) // 3 != len(names):
            raise DatasetError(
                f"{len(keypoints) // 3} keypoints, but the category {label!r} has {len(names)}",
                where=where,
                hint="list their names under the category's keypoints",
            )
        if not -FAR < min(keypoints) <= max(keypoints) < FAR:
            raise DatasetError("an absurdly large coordinate", where=where)
        elements = []
        for rank, name in enumerate(names):
            x, y, visible = keypoints[3 * rank : 3 * rank + 3]
            if visible not in (0, 1, 2):
                raise DatasetError(f"a visibility of {visible:g}", where=f"{where}[{3 * rank + 2}]")
            element = Shape(type="points", label=name, points=[x, y])
            element.outside, element.occluded = visible == 0, visible == 1
            elements.append(element)
        return Shape(type="skeleton", label=label, elements=elements)

    def _named(self, position: int) -> str:
        number = self._record(position).id
        return "" if number is None else f"annotation {number!r} has "

    def _polygons(self, segmentation: bytes, position: int, label: str) -> list[Shape]:
        try:
            rings = RINGS_DECODER.decode(segmentation)
        except ValueError:
            where = self._coco.place(position, "segmentation")
            try:
                rings = [msgspec.json.decode(segmentation, type=list[float])]
            except ValueError as error:
                raise DatasetError(f"not polygons: {error}", where=where) from error
            self._report.assumed("segmentation", "a flat list is one polygon", where)
        shapes = []
        for part, ring in enumerate(rings):
            if self._options.params.get("fix"):
                ring = self._mended(ring, self._coco.place(position, f"segmentation[{part}]"))
            if not ring:
                continue
            if len(ring) % 2 or len(ring) < 6:
                raise DatasetError(
                    f"{self._named(position)}a polygon of {len(ring)} numbers",
                    where=self._coco.place(position, f"segmentation[{part}]"),
                )
            if not -FAR < min(ring) <= max(ring) < FAR:
                raise DatasetError(
                    "an absurdly large coordinate",
                    where=self._coco.place(position, f"segmentation[{part}]"),
                )
            shapes.append(Shape(type="polygon", label=label, points=ring))
        return shapes or [self._rectangle(position, label)]

    def _mended(self, ring: list[float], where: str) -> list[float]:
        """A ring of too few or an odd count of numbers, made one that is sound or empty."""
        if len(ring) == 4:
            self._report.changed("polygon", "of 4 numbers: taken for the corners of a box", where)
            left, top, right, bottom = ring
            return [left, top, right, top, right, bottom, left, bottom]
        if 0 < len(ring) < 6:
            self._report.changed("polygon", f"of {len(ring)} numbers: left out", where)
            return []
        if len(ring) % 2:
            self._report.changed("polygon", "of an odd count of numbers: the last left out", where)
            return ring[:-1]
        return ring

    def _checked_rle(self, segmentation: bytes, position: int, item: Item) -> Rle:
        """The run-length mask, whose counts fill the image; raises DatasetError."""
        from localcvat.geometry.masks import decompress_counts

        where = self._coco.place(position, "segmentation")
        try:
            rle = msgspec.json.decode(segmentation, type=Rle)
            height, width = rle.size
        except ValueError as error:
            raise DatasetError(
                f"{self._named(position)}no run-length mask: {error}", where=where
            ) from error
        if item.width and item.height and (width, height) != (item.width, item.height):
            raise DatasetError(
                f"{self._named(position)}a mask of {width}x{height}, "
                f"its image is {item.width}x{item.height}",
                where=where,
            )
        try:
            if isinstance(rle.counts, str):
                rle.counts = decompress_counts(rle.counts, width, height)
            if min(rle.counts, default=0) < 0 or sum(rle.counts) != width * height:
                filled = f"counts sum to {sum(rle.counts)}, the image has {width * height} pixels"
                raise ValueError(filled)
        except (ValueError, OverflowError) as error:
            raise DatasetError(
                f"{self._named(position)}a broken mask: {error}", where=f"{where}.counts"
            ) from error
        return rle

    def _mask(self, segmentation: bytes, position: int, label: str, item: Item) -> Shape:
        from localcvat.geometry.masks import coco_to_mask

        rle = self._checked_rle(segmentation, position, item)
        height, width = rle.size
        try:
            points = coco_to_mask(rle.counts, width, height)
        except (ValueError, OverflowError) as error:
            where = self._coco.place(position, "segmentation.counts")
            raise DatasetError(
                f"{self._named(position)}a broken mask: {error}", where=where
            ) from error
        return Shape(type="mask", label=label, points=points)

    def _extras(self, position: int, segmentation: bytes) -> dict[str, Any]:
        record = self._record(position)
        extras = _stated(record)
        if segmentation[:1] == b"{":
            compressed = b'"counts":"' in segmentation.replace(b" ", b"")
            extras["rle"] = "compressed" if compressed else "list"
        if self._coco.raw is not None and not isinstance(record, ClosedRecord):
            extras.update(unknown_keys(self._coco.raw[position]))
        return extras

    def _set_attributes(self, shapes: list[Shape], attributes: dict[str, Any]) -> None:
        fields, values = parted(attributes, RESERVED)
        rotation, track = fields.get("rotation", 0.0), fields.get("track_id")
        for shape in shapes:
            shape.occluded = bool(fields.get("occluded", False))
            if shape.type == "rectangle":
                shape.rotation = float(rotation) % 360
            if track is not None:
                shape.track_id = track
                shape.keyframe = bool(fields.get("keyframe", True))
            shape.attributes = dict(values)

    def _tell_missing(self, position: int, stated: Mapping[str, Any], drawn: bool) -> None:
        """Count what the annotation does not say; results never do."""
        if self._coco.annotations_at:
            return
        for field, default in self.defaults.items():
            if field not in stated and not (field == "segmentation" and drawn):
                self._report.assumed(field, default, self._coco.place(position))


def edges_of(item: Item) -> tuple[float, float]:
    """How far right and down a box may reach unnoticed: a little further than the image."""
    if item.width and item.height:
        return item.width + BEYOND, item.height + BEYOND
    return inf, inf


def _stated(record: Any) -> dict[str, Any]:
    """What a COCO annotation says beyond its shape, without what it leaves out."""
    extras = {
        "id": record.id,
        "bbox": record.bbox and list(record.bbox),
        "area": record.area,
        "iscrowd": record.iscrowd,
    }
    if None in extras.values():
        return {name: value for name, value in extras.items() if value is not None}
    return extras
