"""COCO annotations as the boxes their file states, for writers that take nothing finer of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import hypot
from typing import Any

from localcvat.errors import DatasetError
from localcvat.model import Item, Label, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.coco_lines import LineReader
from localcvat_formats.coco_objects import BEYOND, DEFAULTS, EMPTY, FAR, ObjectReader, edges_of
from localcvat_formats.coco_records import (
    ABSENT,
    BoxRecord,
    ClosedRecord,
    CocoFile,
    ImageOf,
    SoundRecord,
)

LONGEST_EMPTY = 4


class BoxReader(ObjectReader):
    """Reads all annotations as boxes, or polygons only where the writer takes masks.

    Annotations that need a second look (parts without a box, keypoints) are decoded fully.
    """

    defaults = {"bbox": DEFAULTS["bbox"]}

    def __init__(
        self,
        coco: CocoFile,
        names: dict[Any, str],
        labels: Mapping[str, Label],
        options: ReadOptions,
        report: Report,
    ) -> None:
        super().__init__(coco, names, labels, options, report)
        self._boxed = {"polygon": 0, "mask": 0, "skeleton": 0}
        self._outlined = 0
        self._decoded = (SoundRecord, BoxRecord) if options.boxes_only else (ClosedRecord,)
        self._no_keypoints = ABSENT if options.boxes_only else None

    def of_image(self, positions: Iterable[int], item: Item) -> list[Shape]:
        shapes: list[Shape] = []
        annotations, decoded, sound_box = self._coco.annotations, self._decoded, self._sound_box
        right, bottom = edges_of(item)
        for position in positions:
            record = annotations[position]
            box = None
            if type(record) in decoded:
                box = sound_box(record, position, right, bottom)
            if box is not None:
                shapes.append(box)
            else:
                shapes += self.shapes(position, item)
        return shapes

    def _sound_box(
        self, record: BoxRecord | ClosedRecord, position: int, right: float, bottom: float
    ) -> Shape | None:
        """The box of an annotation without anything to look at twice, else None."""
        label, box = self._names.get(record.category_id), record.bbox
        if label is None or box is None or len(box) != 4 or record.attributes or record.group:
            return None
        if record.keypoints is not self._no_keypoints:
            return None
        if type(record) is ClosedRecord and record.iscrowd:
            return None
        x, y, width, height = box
        # The length of the vector bounds each of its numbers, and is quicker to get at.
        if not (width > 0 < height and hypot(x, y, width, height) < FAR):
            return None
        segmentation = bytes(record.segmentation)
        if segmentation[:2] == b"[[" and len(segmentation) > LONGEST_EMPTY:
            self._outlined += 1
        elif segmentation not in EMPTY:
            return None
        points = [x, y, x + width, y + height]
        if x < -BEYOND or y < -BEYOND or points[2] > right or points[3] > bottom:
            self._tell_beyond(position)
        return Shape(type="rectangle", label=label, points=points, score=record.score)

    def _shapes(self, position: int, item: Item) -> list[Shape]:
        if self._options.boxes_only:
            return [self._box_only(position, item)]
        record = self._record(position)
        segmentation = bytes(record.segmentation)
        if record.bbox and record.keypoints is None and _is_polygons(segmentation):
            label = self._label(position, record.category_id)
            box = self._with_fields(self._bbox_shape(record.bbox, position, label), record)
            box.extras = {"coco": self._extras(position, segmentation)}
            self._boxed["polygon"] += 1
            return [box]
        return self._full(position, item)

    def _box_only(self, position: int, item: Item) -> Shape:
        record = self._coco.annotations[position]
        if type(record) is ImageOf:
            record = self._record(position)
        label = self._label(position, record.category_id)
        if record.bbox is None:
            points = self._box_of_segmentation(position, item)
            shape = Shape(type="rectangle", label=label, points=points)
        else:
            shape = self._bbox_shape(list(record.bbox), position, label)
        segmentation = bytes(record.segmentation)
        if len(segmentation) > LONGEST_EMPTY:
            self._boxed["mask" if segmentation.startswith(b"{") else "polygon"] += 1
        if record.keypoints is not ABSENT and bytes(record.keypoints) not in EMPTY:
            self._boxed["skeleton"] += 1
        return self._with_fields(shape, record)

    def _with_fields(self, shape: Shape, record: Any) -> Shape:
        """The rectangle that stands for an annotation of which only the box is wanted."""
        shape.score = record.score
        if record.attributes:
            self._set_attributes([shape], record.attributes)
        if record.group:
            shape.group = record.group
        return shape

    def _box_of_segmentation(self, position: int, item: Item) -> list[float]:
        from localcvat.geometry.boxes import shape_box

        segmentation = bytes(self._record(position).segmentation)
        if segmentation in EMPTY:
            raise DatasetError(
                "neither a segmentation nor a bbox", where=self._coco.place(position, "bbox")
            )
        where = self._coco.place(position, "bbox")
        self._report.assumed("bbox", "missing: taken from the segmentation", where)
        parts = self._segments(segmentation, position, "", item)
        boxes = [shape_box(part) for part in parts]
        lows, highs = zip(*((box[:2], box[2:]) for box in boxes), strict=True)
        return [
            min(low[0] for low in lows),
            min(low[1] for low in lows),
            max(high[0] for high in highs),
            max(high[1] for high in highs),
        ]

    def report_boxed(self) -> None:
        """Count what was read as a box and is more than one; call it after the last annotation."""
        self._boxed["polygon"] += self._outlined
        for kind, count in self._boxed.items():
            if count:
                how = "written as its bounding box"
                self._report.changed(kind, how, self._coco.where, count=count)
                self._report.kept("rectangle", -count)  # the writer's box is no box of the source


def _is_polygons(segmentation: bytes) -> bool:
    return segmentation[:2] == b"[[" and len(segmentation) > LONGEST_EMPTY


def object_reader(
    coco: CocoFile,
    names: dict[Any, str],
    labels: Mapping[str, Label],
    options: ReadOptions,
    report: Report,
) -> ObjectReader:
    """The reader for what the writer takes."""
    kind = LineReader if coco.lines else ObjectReader
    if options.boxes_only or "polygon" in options.boxed:
        kind = BoxReader
    return kind(coco, names, labels, options, report)
