"""KITTI: a text file of boxes and three label pictures an image (formats specification, 11).

``<subset>/image_2/<id>.<ext>``, ``<subset>/label_2/<id>.txt`` with 15 or 16 fields a box,
``<subset>/semantic_rgb|semantic|instance/<id>.png``, ``label_colors.txt``. A pixel of `instance` is
256 times the class plus the number of the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcvat.archive import Sink, Source
from localcvat.model import Dataset, Item, Shape
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import datumaro_attributes
from localcvat_formats.cvat_values import as_float, as_int, box_of
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.image_paths import report_ending
from localcvat_formats.kitti_reader import BOXES, INSTANCES, SEMANTIC, KittiReader
from localcvat_formats.label_colors import LABEL_COLORS, write_label_colors, written_entries
from localcvat_formats.labelmap import BLACK
from localcvat_formats.segments import (
    objects_to_paint,
    of_few_classes,
    painted,
    report_lost_flags,
    write_color_png,
    write_gray_png,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RGB, IMAGES = "semantic_rgb", "image_2"
OBJECT_BITS = 8
MOST_OBJECTS = 255
UNKNOWN = "-1"
NO_ANGLE, NO_SIZE, NO_PLACE = "-10", ("-1", "-1", "-1"), ("-1000", "-1000", "-1000")
WRITTEN = frozenset(("truncated", "score"))


class Kitti(Format):
    """Boxes with truncated, occluded and score; masks by class and object."""

    name = "kitti"
    cvat_names = ("KITTI 1.0",)
    summary = "KITTI: label_2 text files with boxes, instance and semantic label pictures"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        cvat = dialect == "cvat"
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(("rectangle", "mask")),
            converts=dict.fromkeys(("polygon", "ellipse"), "mask"),
            attributes=True,
            occluded=True,
            score=not cvat,
            multipart=not cvat,
            label_colors=True,
            extras=frozenset() if cvat else frozenset(["kitti"]),
            rotated_boxes="mask" if cvat else "",
            decimals=2 if cvat else None,
            reserved={} if cvat else {"score": ""},
            flags={} if cvat else {"truncated": True},
            limits={
                "mask.score": "",
                "mask.occluded": "not kept",
                "attributes": "`truncated` of boxes",
            },
        )

    def detect(self, source: Source) -> Detection:
        for name in source.names:
            parts = name.split("/")
            if (BOXES in parts[:-1] and name.endswith(".txt")) or (
                INSTANCES in parts[:-1] and name.endswith(".png")
            ):
                return Detection(score=85, reason=f"{name} is KITTI's")
        for name in source.names:
            if IMAGES in name.split("/")[:-1] and LABEL_COLORS in source.names:
                return Detection(score=60, reason=f"{name} beside {LABEL_COLORS}")
        return Detection(score=0, reason=f"no {BOXES}/*.txt or {INSTANCES}/*.png")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return KittiReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


class _Writer(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        labels = dataset.header.labels
        self._entries = written_entries(labels, report, cvat=self._cvat)
        self._indices = {entry.name: index for index, entry in enumerate(self._entries)}
        self._labels = {label.name: label for label in labels}

    def write(self) -> None:
        """Write everything."""
        for item in self._dataset.items:
            self._item(item)
        write_label_colors(self._entries, self._sink)

    def _item(self, item: Item) -> None:
        masks = objects_to_paint(item, self._report, cvat=self._cvat)
        masks = of_few_classes(masks, self._indices, self._report, item.path)
        if masks:
            self._pictures(item, masks)
        boxes = [shape for shape in item.shapes if shape.type == "rectangle"]
        if boxes or not (self._cvat or masks):
            line = self._cvat_line if self._cvat else self._line
            text = "".join(line(shape, item) for shape in boxes)
            self._sink.write(f"{item.subset}/{BOXES}/{item.stem}.txt", text.encode())
        if self._cvat and not (boxes or masks or self._with_images):
            why = "without boxes and masks: in no file of an export without images"
            self._report.changed("image", why, item.path, lossy=False)
        if not self._with_images:
            report_ending(item, self._report)
        elif item.media is not None:
            self._sink.add_media(f"{item.subset}/{IMAGES}/{item.path}", item.media)

    def _pictures(self, item: Item, masks: list[Shape]) -> None:
        import numpy as np

        canvas, order = painted(masks, item.width, item.height, self._report, item.path)
        classes = np.array([0, *(self._indices.get(m.label, 0) for m in order)], dtype=np.uint32)
        objects = np.zeros(len(order) + 1, dtype=np.uint32)
        if not self._cvat:
            objects = self._object_numbers(item, order, classes)
        report_lost_flags(order, self._report, item.path, score=not self._cvat)
        for mask in order:
            self._lose_attributes(mask, item, mask.attributes)
        semantic = classes[canvas]
        colors = [entry.color or BLACK for entry in self._entries]
        self._png(item, INSTANCES, ((classes << OBJECT_BITS) + objects)[canvas])
        self._png(item, SEMANTIC, semantic)
        write_color_png(self._sink, f"{item.subset}/{RGB}/{item.stem}.png", semantic, colors)

    def _object_numbers(
        self, item: Item, order: list[Shape], classes: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """The number of each object among those of its class, from 1."""
        import numpy as np

        counts: dict[int, int] = {}
        numbers = [0]
        for index in classes[1:].tolist():
            counts[index] = counts.get(index, 0) + 1
            numbers.append(min(counts[index], MOST_OBJECTS))
        beyond = sum(max(count - MOST_OBJECTS, 0) for count in counts.values())
        if beyond:
            why = f"a class has {MOST_OBJECTS} objects an image: joined to the last"
            self._report.changed("mask", why, item.path, count=beyond)
        return np.array(numbers, dtype=np.uint32)

    def _png(self, item: Item, folder: str, canvas: NDArray[Any]) -> None:
        import numpy as np

        name = f"{item.subset}/{folder}/{item.stem}.png"
        write_gray_png(self._sink, name, canvas.astype(np.uint16))

    def _lose_attributes(self, shape: Shape, item: Item, values: dict[str, Any]) -> None:
        lost = [name for name in values if name not in WRITTEN]
        if lost:
            why = "KITTI has no place for it"
            self._report.dropped("attribute", why, item.path, count=len(lost))

    def _cvat_line(self, shape: Shape, item: Item) -> str:
        values = datumaro_attributes(shape, self._labels[shape.label])
        self._lose_attributes(shape, item, shape.attributes)
        x, y, width, height = box_of(shape)
        fields = [
            shape.label,
            as_float(values.get("truncated"), 0.0),
            as_int(values.get("occluded")),
            UNKNOWN,
            *(x, y, x + width, y + height),
            *[UNKNOWN] * 7,
            as_float(values.get("score"), 1.0),
        ]
        return " ".join(map(str, fields)) + "\n"

    def _line(self, shape: Shape, item: Item) -> str:
        self._lose_attributes(shape, item, shape.attributes)
        extras = (shape.extras or {}).get("kitti", {})
        truncated, stated = _truncation(shape, extras), shape.attributes.get("truncated", "true")
        if stated != "true" and stated.lower() not in ("", "false", truncated):
            how = "'truncated' is a number"
            self._report.changed("attribute", how, item.path, lossy=False)
        occluded = extras.get("occluded", "0")
        if shape.occluded != (occluded not in ("0", "-1")):
            occluded = str(int(shape.occluded))
        fields = [
            shape.label,
            truncated,
            occluded,
            extras.get("alpha", NO_ANGLE),
            *(f"{value:.6f}".rstrip("0").rstrip(".") for value in shape.points),
            *extras.get("dimensions", NO_SIZE),
            *extras.get("location", NO_PLACE),
            extras.get("rotation_y", NO_ANGLE),
        ]
        if shape.score is not None:
            fields.append(repr(shape.score))
        return " ".join(fields) + "\n"


def _truncation(shape: Shape, extras: dict[str, Any]) -> str:
    text = shape.attributes.get("truncated", "").lower()
    if text in ("", "false"):
        stated = str(extras.get("truncated", "0"))
        return stated if as_float(stated, 1.0) <= 0 else "0"
    return "1" if text == "true" else str(as_float(text, 1.0))
