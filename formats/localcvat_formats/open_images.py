"""Open Images V6: tables of images, labels, boxes and masks (formats specification, section 11).

``annotations/<subset>-images-with-rotation.csv``, ``…-annotations-bbox.csv`` with coordinates in
parts of the image's size, ``…-annotations-human-imagelabels.csv``, ``…-annotations-object-
segmentation.csv`` with ``masks/<subset>/*.png``, ``class-descriptions.csv``, the label hierarchy,
and `images.meta` with the sizes of images that have boxes.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shlex
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from localcvat.archive import Sink, Source
from localcvat.model import Dataset, Item, Label, Shape, Tag, flat_labels
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import LabelIndex, datumaro_attributes
from localcvat_formats.cvat_values import as_int, box_of
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.image_paths import report_ending
from localcvat_formats.naming import Names
from localcvat_formats.open_images_reader import (
    BOX_COLUMNS,
    BOXES,
    FLAGS,
    HIERARCHY,
    IMAGE_COLUMNS,
    IMAGES,
    LABEL_COLUMNS,
    LABELS,
    MASK_COLUMNS,
    MASKS,
    META,
    OpenImagesReader,
)
from localcvat_formats.segments import (
    objects_to_paint,
    report_lost_flags,
    write_gray_png,
)

CLASSES = "class-descriptions.csv"
RESERVED = {
    **dict.fromkeys(("score", "occluded"), ""),
    **{
        f"{kind}.{name}": ""
        for kind in ("rectangle", "tag")
        for name in ("box_id", "predicted_iou")
    },
}
WRITTEN = frozenset((*FLAGS, "score", "box_id", "predicted_iou"))


class OpenImages(Format):
    """Boxes with Open Images' flags, masks, labels of images with their confidence."""

    name = "open-images"
    cvat_names = ("Open Images V6 1.0",)
    aliases = ("open_images", "openimages", "oid", "open-images-v6")
    summary = "Open Images V6: CSV tables of boxes, labels and masks"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        cvat = dialect == "cvat"
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(("rectangle", "mask", "tag")),
            converts=dict.fromkeys(("polygon", "ellipse"), "mask"),
            attributes=True,
            tag_attributes=True,
            group=not cvat,
            occluded=True,
            score=not cvat,
            multipart=not cvat,
            extras=frozenset() if cvat else frozenset(["open-images"]),
            rotated_boxes="mask" if cvat else "",
            decimals=2 if cvat else None,
            reserved={} if cvat else RESERVED,
            flags={} if cvat else dict.fromkeys(FLAGS, False),
            limits={
                "mask.score": "",
                "mask.occluded": "not kept",
                "attributes": "the flags of boxes",
                "group": "a box and the masks of it",
            },
        )

    def detect(self, source: Source) -> Detection:
        for name in source.names:
            if name.endswith((IMAGES, BOXES, LABELS, MASKS)):
                return Detection(score=95, reason=f"{name} is a table of Open Images")
        return Detection(score=0, reason=f"no *{BOXES}")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return OpenImagesReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


class _Table:
    """A CSV file in memory, written only if it has rows (or `always`)."""

    def __init__(self, columns: Sequence[str], always: bool = False) -> None:
        self._text = io.StringIO()
        self._rows = csv.DictWriter(self._text, columns)
        self._used = always
        self._rows.writeheader()

    def add(self, row: dict[str, Any]) -> None:
        self._rows.writerow(row)
        self._used = True

    def save(self, sink: Sink, name: str) -> None:
        if self._used:
            sink.write(f"annotations/{name}", self._text.getvalue().encode())


class _Tables(msgspec.Struct):
    """The tables of a subset."""

    images: _Table
    labels: _Table
    boxes: _Table
    masks: _Table


def _new_tables() -> _Tables:
    return _Tables(
        images=_Table(IMAGE_COLUMNS, always=True),
        labels=_Table(LABEL_COLUMNS),
        boxes=_Table(BOX_COLUMNS),
        masks=_Table(MASK_COLUMNS),
    )


class _Writer(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        self._index = LabelIndex(dataset.header.labels)
        self._codes = {label.name: self._code(label) for label, _ in self._index.flat}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._ids: set[str] = set()
        self._names = Names()

    def _code(self, label: Label) -> str:
        """LabelName of a label: the code of the file it came from, else its own name."""
        extras = {} if self._cvat else (label.extras or {}).get("open-images", {})
        return str(extras.get("LabelName", label.name))

    def write(self) -> None:
        """Write everything."""
        self._write_labels()
        tables = {subset: _new_tables() for subset in self._dataset.header.subsets}
        for item in self._dataset.items:
            if item.subset not in tables:
                tables[item.subset] = _new_tables()
            self._item(item, tables[item.subset])
        for subset, found in tables.items():
            found.images.save(self._sink, f"{subset}{IMAGES}")
            found.labels.save(self._sink, f"{subset}{LABELS}")
            found.boxes.save(self._sink, f"{subset}{BOXES}")
            found.masks.save(self._sink, f"{subset}{MASKS}")
        if self._sizes:
            rows = ["# <image name> <height> <width>\n\n"]
            rows += [f"{shlex.quote(name)} {h} {w}\n" for name, (w, h) in self._sizes.items()]
            self._sink.write(f"annotations/{META}", "".join(rows).encode())

    def _write_labels(self) -> None:
        text = io.StringIO()
        rows = csv.writer(text)
        for label, _ in self._index.flat:
            rows.writerow([self._codes[label.name], label.name])
        self._sink.write(f"annotations/{CLASSES}", text.getvalue().encode())
        tree = json.dumps(self._hierarchy(), indent=4, ensure_ascii=False) + "\n"
        self._sink.write(f"annotations/{HIERARCHY}", tree.encode())

    def _hierarchy(self) -> dict[str, Any]:
        """Labels that have sublabels, below a root whose name no label has."""
        nodes: dict[str, dict[str, Any]] = {}
        roots: list[dict[str, Any]] = []
        for label, parent in flat_labels(self._dataset.header.labels):
            code = self._codes[label.name]
            node = nodes.setdefault(code, {"LabelName": code})
            if parent:
                above = nodes.setdefault(self._codes[parent], {"LabelName": self._codes[parent]})
                above.setdefault("Subcategory", []).append(node)
            else:
                roots.append(node)
        root = next(f"/m/{n}" for n in itertools.count() if f"/m/{n}" not in nodes)
        return {
            "LabelName": root,
            "Subcategory": [node for node in roots if "Subcategory" in node],
        }

    def _item(self, item: Item, tables: _Tables) -> None:
        self._names.claim(item)
        image = self._free_id(item)
        about = {} if self._cvat else (item.extras or {}).get("open-images", {})
        tables.images.add({**about, "ImageID": image, "Subset": item.subset})
        if not self._with_images:
            report_ending(item, self._report)
        elif item.media is not None:
            name = image + item.path[len(item.stem) :]
            self._sink.add_media(f"images/{item.subset}/{name}", item.media)
        boxes = [shape for shape in item.shapes if shape.type == "rectangle"]
        masks = objects_to_paint(item, self._report, cvat=self._cvat)
        if boxes and not (item.width and item.height):
            why = "the image's size is unknown"
            self._report.dropped("rectangle", why, item.path, count=len(boxes))
            boxes = []
        report_lost_flags(masks, self._report, item.path, score=not self._cvat)
        next_id = itertools.count()
        for group in _instances([*item.tags, *boxes, *masks]):
            box = next((s for s in group if isinstance(s, Shape) and s.type == "rectangle"), None)
            if not self._cvat and group[0].group and not _is_box_with_masks(group):
                why = "only a box and masks of its label are joined"
                self._report.dropped("group", why, item.path, count=len(group))
            for value in group:
                if isinstance(value, Tag):
                    tables.labels.add(self._label_row(image, value, item))
                elif value.type == "rectangle":
                    tables.boxes.add(self._box_row(image, value, item))
                else:
                    tables.masks.add(self._mask_row(image, value, box, item, next_id))

    def _free_id(self, item: Item) -> str:
        image, number = item.stem, 0
        while image in self._ids:
            number += 1
            image = f"{item.stem}_{number}"
        if number:
            why = "renamed: another has the same name"
            self._report.changed("image", why, f"{item.path} -> {image}")
        self._ids.add(image)
        return image

    def _values(self, value: Shape | Tag, item: Item) -> dict[str, Any]:
        """The typed attributes of a value; those that no column takes are reported."""
        lost = [name for name in value.attributes if name not in WRITTEN]
        if lost:
            why = "Open Images has no column for it"
            self._report.dropped("attribute", why, item.path, count=len(lost))
        return datumaro_attributes(value, self._index.find(value.label))

    def _confidence(self, value: Shape | Tag, values: dict[str, Any]) -> str:
        if not self._cvat and value.score is not None:
            return repr(value.score)
        return str(values.get("score", 1))

    def _label_row(self, image: str, tag: Tag, item: Item) -> dict[str, Any]:
        extras = {} if self._cvat else (tag.extras or {}).get("open-images", {})
        return {
            "ImageID": image,
            "Source": extras.get("Source", ""),
            "LabelName": self._codes[tag.label],
            "Confidence": self._confidence(tag, self._values(tag, item)),
        }

    def _box_row(self, image: str, shape: Shape, item: Item) -> dict[str, Any]:
        self._sizes[image] = (item.width, item.height)
        values = self._values(shape, item)
        extras = {} if self._cvat else (shape.extras or {}).get("open-images", {})
        row = {
            "ImageID": image,
            "Source": extras.get("Source", ""),
            "LabelName": self._codes[shape.label],
            "Confidence": self._confidence(shape, values),
            **dict(zip(("XMin", "XMax", "YMin", "YMax"), _parts(shape, item), strict=True)),
        }
        for name, column in FLAGS.items():
            value = values.get(name, -1)
            if not self._cvat:
                value = _plain_flag(name, shape, extras.get(column))
            row[column] = as_int(value, -1)
        return row

    def _mask_row(
        self, image: str, mask: Shape, box: Shape | None, item: Item, next_id: Any
    ) -> dict[str, Any]:
        values = self._values(mask, item)
        code = self._codes[mask.label]
        extras = {} if self._cvat else (mask.extras or {}).get("open-images", {})
        box_id = str(values.get("box_id", extras.get("BoxID", "")))
        if re.fullmatch(r"[\w-]+", box_id) is None:
            box_id = format(next(next_id), "08x")
        name = f"{_file_name(image)}_{_file_name(code)}_{box_id}.png"
        while self._sink.has(f"masks/{item.subset}/{name}"):
            box_id = format(next(next_id), "08x")
            name = f"{_file_name(image)}_{_file_name(code)}_{box_id}.png"
        self._write_mask(f"masks/{item.subset}/{name}", mask, item)
        row = {
            "MaskPath": name,
            "ImageID": image,
            "LabelName": code,
            "BoxID": box_id,
            "PredictedIoU": values.get("predicted_iou", extras.get("PredictedIoU", "")),
            "Clicks": extras.get("Clicks", ""),
        }
        if box is not None:
            self._sizes[image] = (item.width, item.height)
            columns = ("BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")
            row |= dict(zip(columns, _parts(box, item), strict=True))
        return row

    def _write_mask(self, name: str, mask: Shape, item: Item) -> None:
        import numpy as np

        from localcvat.geometry.raster import paint_mask

        canvas = np.zeros((item.height, item.width), dtype=np.uint8)
        paint_mask(canvas, mask.points, 1)
        write_gray_png(self._sink, name, canvas)


def _instances(values: Sequence[Tag | Shape]) -> list[list[Tag | Shape]]:
    """Values of one group together, those without one alone and first; by group."""
    found: list[list[Tag | Shape]] = []
    for value in sorted(values, key=lambda value: value.group):
        if value.group and found and found[-1][0].group == value.group:
            found[-1].append(value)
        else:
            found.append([value])
    return found


def _is_box_with_masks(group: Sequence[Tag | Shape]) -> bool:
    """Whether a group is what a mask's row can say: the box that it belongs to."""
    kinds = [value.type if isinstance(value, Shape) else "tag" for value in group]
    labels = {value.label for value in group}
    found = kinds.count("rectangle"), "mask" in kinds, "tag" in kinds, len(labels)
    return found == (1, True, False, 1)


def _parts(shape: Shape, item: Item) -> tuple[float, float, float, float]:
    """Left, right, top and bottom in parts of the image's size."""
    x, y, width, height = box_of(shape)
    return (
        x / item.width,
        (x + width) / item.width,
        y / item.height,
        (y + height) / item.height,
    )


def _plain_flag(name: str, shape: Shape, stated: Any) -> Any:
    """A flag: the attribute's or occluded, else what the file said, else -1 (unknown)."""
    if name == "occluded":
        if shape.occluded:
            return 1
        return stated if stated in (0, -1) else 0
    text = shape.attributes.get(name, "").lower()
    if text:
        return text in ("true", "1", "yes")
    return stated if stated is not None and stated != 1 else -1


def _file_name(text: str) -> str:
    """`text` as part of a file name: lower case, ASCII letters, digits, _ and -."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
