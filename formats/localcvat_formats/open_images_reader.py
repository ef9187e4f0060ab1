"""Reads the tables of Open Images, V4 to V7, whole or of one subset."""

from __future__ import annotations

import csv
import io
import math
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.geometry.masks import bitmap_to_mask
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.json_files import read_json
from localcvat_formats.segments import can_be_painted, read_png
from localcvat_formats.unknown_fields import report_unknown

IMAGES = "-images-with-rotation.csv"
ALL_IMAGES = "image_ids_and_rotation.csv"
LABELS = "-annotations-human-imagelabels.csv"
BOXES = "-annotations-bbox.csv"
MASKS = "-annotations-object-segmentation.csv"
META = "images.meta"
HIERARCHY = "bbox_labels_600_hierarchy.json"
FLAGS = {
    "occluded": "IsOccluded",
    "truncated": "IsTruncated",
    "is_group_of": "IsGroupOf",
    "is_depiction": "IsDepiction",
    "is_inside": "IsInside",
}
SIDES = ("XMin", "XMax", "YMin", "YMax")
MASK_SIDES = ("BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")
SAME = 1e-6
LARGEST = 1e3
IMAGE_COLUMNS = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,"
    "OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation"
).split(",")
LABEL_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
BOX_COLUMNS = (*LABEL_COLUMNS, *SIDES, *FLAGS.values())
MASK_COLUMNS = (
    "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
).split(",")
UNSAID = ("", "-1", "-1.0", "-1.000000")
"""What cells hold that say nothing."""
BEYOND = "cells beyond the last column"


class _Row(msgspec.Struct):
    """A row of a table with its place."""

    fields: dict[str, str]
    where: str

    def text(self, name: str) -> str:
        """A field, stripped; "" when the row ends before it."""
        return (self.fields.get(name) or "").strip()

    def number(self, name: str, default: float | None = None) -> float:
        """A field as a number; raises DatasetError when it is none."""
        text = self.text(name)
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError as error:
            raise DatasetError(f"{name} {text[:40]!r} is not a number", where=self.where) from error
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise DatasetError(f"{name} {text[:40]!r} is out of range", where=self.where)
        return value


class _Pending(msgspec.Struct):
    """What the tables say of an image; `about` are the columns of the image itself."""

    subset: str
    about: dict[str, str] | None = None
    labels: list[_Row] = []
    boxes: list[_Row] = []
    masks: list[_Row] = []


class OpenImagesReader:
    """Reads one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._images: dict[str, str] = {}
        self._masks: dict[str, str] = {}
        for name in source.names:
            parts = name.split("/")
            if "masks" in parts[:-1]:
                self._masks[parts[-1]] = name
            elif is_image_name(name):
                below = parts[parts.index("images") + 1 :] if "images" in parts else parts
                stem = "/".join(below[1:] or below).rpartition(".")[0]
                self._images.setdefault(stem, name)
        self._labels: dict[str, Label] = {}

    def dataset(self) -> Dataset:
        """The dataset; images in the order of the tables."""
        self._read_classes()
        self._report_hierarchy()
        images = self._pending()
        header = Header(
            labels=list(self._labels.values()),
            subsets=list(dict.fromkeys(found.subset for found in images.values()))
            or [DEFAULT_SUBSET],
        )
        return Dataset(header, self._items(images, self._sizes()))

    def _tables(self, ending: str) -> list[str]:
        return [name for name in self._source.names if name.endswith(ending)]

    def _rows(self, name: str, known: Sequence[str], of: str = "annotation") -> Iterator[_Row]:
        """The rows of a table; cells of other columns than the known ones are counted."""
        text = self._source.read_text(name)
        rows = csv.DictReader(io.StringIO(text, newline=""), restkey=BEYOND)
        unread = [*(column for column in rows.fieldnames or () if column not in known), BEYOND]
        try:
            for fields in rows:
                row = _Row(fields=fields, where=self._source.where(name, rows.line_num))
                said = [column for column in unread if fields.get(column, "") not in UNSAID]
                report_unknown(said, (), self._report, row.where, of=of)
                yield row
        except csv.Error as error:
            where = self._source.where(name, rows.line_num)
            raise DatasetError(f"not a table: {error}", where=where) from error

    def _read_classes(self) -> None:
        """Labels by their code (``/m/01g317``), named as the description says."""
        for name in self._source.names:
            base = name.rpartition("/")[2]
            if "class-descriptions" not in base or not base.endswith(".csv"):
                continue
            text = self._source.read_text(name)
            names: set[str] = {label.name for label in self._labels.values()}
            for row in csv.reader(io.StringIO(text, newline="")):
                if not row or row[0] in ("LabelName", "") or row[0] in self._labels:
                    continue
                shown = row[1].strip() if len(row) > 1 and row[1].strip() else row[0]
                shown = row[0] if shown in names else shown
                names.add(shown)
                extras = {"open-images": {"LabelName": row[0]}} if shown != row[0] else None
                self._labels[row[0]] = Label(name=shown, extras=extras)
                beyond = [BEYOND for cell in row[2:] if cell]
                report_unknown(beyond, (), self._report, self._source.where(name), of="label")

    def _report_hierarchy(self) -> None:
        """Count the labels that are said to be below others."""
        for name in self._tables(HIERARCHY):
            try:
                tree = read_json(self._source, name, dict[str, Any])
            except DatasetError as error:
                self._report.dropped("label hierarchy", error.what, error.where)
                continue
            if tree.get("Subcategory") or tree.get("Part"):
                why = "labels stand in no order"
                self._report.dropped("label hierarchy", why, self._source.where(name))

    def _pending(self) -> dict[str, _Pending]:
        images: dict[str, _Pending] = {}
        for name in [*self._tables(ALL_IMAGES), *self._tables(IMAGES)]:
            for row in self._rows(name, IMAGE_COLUMNS, of="image"):
                if row.text("ImageID"):
                    subset = row.text("Subset") or _subset_of(name)
                    found = self._image(images, row.text("ImageID"), subset)
                    about = {
                        column: row.text(column) for column in IMAGE_COLUMNS[2:] if row.text(column)
                    }
                    found.about = about or found.about
        for ending, kind, columns in (
            (LABELS, "labels", LABEL_COLUMNS),
            (BOXES, "boxes", BOX_COLUMNS),
            (MASKS, "masks", MASK_COLUMNS),
        ):
            for name in self._tables(ending):
                for row in self._rows(name, columns):
                    image = row.text("ImageID")
                    if not image:
                        raise DatasetError("a row without ImageID", where=row.where)
                    code = row.text("LabelName")
                    if code not in self._labels:
                        self._labels[code] = Label(name=code)
                        why = "not in the class descriptions: its code is its name"
                        self._report.assumed("label", why, row.where)
                    getattr(self._image(images, image, _subset_of(name)), kind).append(row)
        return images

    def _image(self, images: dict[str, _Pending], image: str, subset: str) -> _Pending:
        if image not in images:
            images[image] = _Pending(subset=subset, labels=[], boxes=[], masks=[])
        return images[image]

    def _sizes(self) -> dict[str, tuple[int, int]]:
        """(width, height) by image id, from `images.meta`."""
        sizes: dict[str, tuple[int, int]] = {}
        for name in self._tables(META):
            for number, line in enumerate(self._source.read_text(name).splitlines(), 1):
                if not line.strip() or line.startswith("#"):
                    continue
                try:
                    image, height, width = shlex.split(line)
                    sizes[image] = (int(width), int(height))
                except ValueError as error:
                    where = self._source.where(name, number)
                    raise DatasetError("not `name height width`", where=where) from error
        return sizes

    def _items(
        self, images: dict[str, _Pending], sizes: dict[str, tuple[int, int]]
    ) -> Iterator[Item]:
        for image, found in images.items():
            item = Item(path=image + ".jpg", subset=found.subset, shapes=[], tags=[])
            if found.about:
                item.extras = {"open-images": found.about}
            if image in self._images:
                name = self._images[image]
                item.path = f"{image}.{name.rpartition('.')[2]}"
                item.media = self._source.media(name)
            item.width, item.height = sizes.get(image, (0, 0))
            settle_size(item, self._options, self._report, item.path)
            item.tags = [self._tag(row) for row in found.labels]
            self._shapes(item, found)
            yield item

    def _tag(self, row: _Row) -> Tag:
        score = row.number("Confidence", 1.0)
        source = row.text("Source")
        return Tag(
            label=self._labels[row.text("LabelName")].name,
            attributes={},
            score=None if score == 1 else score,
            extras={"open-images": {"Source": source}} if source else None,
        )

    def _size_of_mask(self, item: Item, row: _Row) -> None:
        """Take the size of an image from its mask, when nothing else says it."""
        name = self._masks.get(row.text("MaskPath").rpartition("/")[2])
        if name is not None:
            item.width, item.height = self._source.media(name).image_size()
            self._report.assumed("image size", "that of its mask", row.where)

    def _shapes(self, item: Item, found: _Pending) -> None:
        if found.masks and not (item.width and item.height):
            self._size_of_mask(item, found.masks[0])
        if (found.boxes or found.masks) and not (item.width and item.height):
            row = (found.boxes or found.masks)[0]
            problem = DatasetError(
                f"the size of the image {item.stem!r} is unknown",
                where=row.where,
                hint="keep images.meta or the images, or give --image-size",
            )
            if not self._skip:
                raise problem
            count = len(found.boxes) + len(found.masks)
            self._report.dropped(
                "annotation", "the image's size is unknown", row.where, count=count
            )
            self._report.matched(row.where.rpartition(":")[0], "annotation", 0, count)
            return
        boxes: list[tuple[Shape, list[float]]] = []
        for row in found.boxes:
            sides = [row.number(side) for side in SIDES]
            boxes.append((self._box(row, sides, item), sides))
        item.shapes += [shape for shape, _ in boxes]
        if found.boxes or found.masks:
            self._report.matched("", "annotation", len(found.boxes) + len(found.masks))
        for row in found.masks:
            try:
                mask = self._mask(row, item)
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("mask", error.what, error.where)
                continue
            if mask is not None:
                item.shapes.append(mask)
                self._join(mask, row, boxes)

    def _box(self, row: _Row, sides: list[float], item: Item) -> Shape:
        left, right, top, bottom = sides
        values = {column: int(row.number(column, -1.0)) for column in FLAGS.values()}
        score = row.number("Confidence", 1.0)
        extras: dict[str, Any] = dict(values)
        if row.text("Source"):
            extras["Source"] = row.text("Source")
        return Shape(
            type="rectangle",
            label=self._labels[row.text("LabelName")].name,
            points=[
                left * item.width,
                top * item.height,
                right * item.width,
                bottom * item.height,
            ],
            occluded=values["IsOccluded"] > 0,
            attributes={
                name: "true"
                for name, column in FLAGS.items()
                if name != "occluded" and values[column] > 0
            },
            score=None if score == 1 else score,
            extras={"open-images": extras},
        )

    def _mask(self, row: _Row, item: Item) -> Shape | None:
        import numpy as np

        path = row.text("MaskPath")
        name = self._masks.get(path.rpartition("/")[2])
        if name is None:
            raise DatasetError(f"the mask {path[:80]!r} is not there", where=row.where)
        pixels, _ = read_png(self._source, name)
        filled: Any = np.any(pixels, axis=2) if pixels.ndim == 3 else pixels != 0
        height, width = filled.shape
        if (width, height) != (item.width, item.height):
            if not can_be_painted(item):
                what = f"an image of {item.width} by {item.height} pixels"
                raise DatasetError(what, where=row.where)
            rows = np.arange(item.height) * height // item.height
            columns = np.arange(item.width) * width // item.width
            filled = filled[rows][:, columns]
            self._report.assumed("mask", "scaled to the size of the image", row.where)
        if not filled.any():
            self._report.dropped("mask", "without any pixel", row.where)
            return None
        mask = Shape(
            type="mask",
            label=self._labels[row.text("LabelName")].name,
            points=bitmap_to_mask(filled),
            attributes={},
        )
        columns = ("BoxID", "PredictedIoU", "Clicks")
        extras = {column: row.text(column) for column in columns if row.text(column)}
        mask.extras = {"open-images": extras} if extras else None
        return mask

    def _join(self, mask: Shape, row: _Row, boxes: list[tuple[Shape, list[float]]]) -> None:
        """Put a mask and the box whose sides it states into one group."""
        if not all(row.text(side) for side in MASK_SIDES):
            return
        sides = [row.number(side) for side in MASK_SIDES]
        for number, (box, own) in enumerate(boxes, 1):
            if box.label == mask.label and all(
                abs(a - b) <= SAME for a, b in zip(sides, own, strict=True)
            ):
                box.group = mask.group = number
                return


def _subset_of(name: str) -> str:
    """The subset in a table's name: ``oidv6-train-annotations-bbox.csv`` is train's."""
    base = name.rpartition("/")[2]
    for ending in (IMAGES, LABELS, BOXES, MASKS):
        if base.endswith(ending):
            base = base[: -len(ending)]
    return base.removeprefix("oidv6-") or DEFAULT_SUBSET
