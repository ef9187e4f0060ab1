"""Cityscapes: three label pictures an image (formats specification, section 11).

``gtFine/<subset>/<id>_gtFine_color|labelIds|instanceIds.png``, images in
``leftImg8bit/<subset>/<id>_leftImg8bit.<ext>`` (CVAT: below ``imgsFine/``), ``label_colors.txt``. A
pixel of instanceIds is 1000 times the class plus the number of the object, or a class alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Shape
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.image_paths import report_ending
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.label_colors import (
    LABEL_COLORS,
    find_label_colors,
    label_of_class,
    labels_of,
    write_label_colors,
    written_entries,
)
from localcvat_formats.labelmap import BLACK, LabelMapEntry
from localcvat_formats.segments import (
    objects_to_paint,
    of_few_classes,
    painted,
    picture_capabilities,
    read_png,
    unique_masks,
    write_color_png,
    write_gray_png,
)

TRUTH, PICTURES, CVAT_ROOT = "gtFine", "leftImg8bit", "imgsFine/"
COLOR, CLASSES, OBJECTS = "_gtFine_color", "_gtFine_labelIds", "_gtFine_instanceIds"
TRAIN_CLASSES, PICTURE = "_gtFine_labelTrainIds", "_leftImg8bit"
OBJECT_STEP, LARGEST_CODE = 1000, 65535
DEFAULT_LABELS = (
    "unlabeled,ego vehicle,rectification border,out of roi,static,dynamic,ground,road,sidewalk,"
    "parking,rail track,building,wall,fence,guard rail,bridge,tunnel,pole,polegroup,traffic light,"
    "traffic sign,vegetation,terrain,sky,person,rider,car,truck,bus,caravan,trailer,train,"
    "motorcycle,bicycle"
).split(",")


class Cityscapes(Format):
    """Everything with an area as pixels, by class and object."""

    name = "cityscapes"
    cvat_names = ("Cityscapes 1.0",)
    summary = "Cityscapes: label pictures by class and object in gtFine/"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return msgspec.structs.replace(picture_capabilities(dialect), image_sizes=True)

    def detect(self, source: Source) -> Detection:
        for name in source.names:
            if "_gtFine_" in name and name.endswith(".png"):
                return Detection(score=95, reason=f"{name} is Cityscapes'")
        for name in source.names:
            if f"{PICTURE}." in name and LABEL_COLORS in source.names:
                return Detection(score=60, reason=f"{name} beside {LABEL_COLORS}")
        return Detection(score=0, reason="no *_gtFine_*.png")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return _Reader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


class _Writer(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        labels = dataset.header.labels
        self._entries = written_entries(labels, report, cvat=self._cvat)
        self._indices = {entry.name: index for index, entry in enumerate(self._entries)}

    def write(self) -> None:
        """Write everything."""
        for item in self._dataset.items:
            self._item(item)
        write_label_colors(self._entries, self._sink)

    def _item(self, item: Item) -> None:
        masks = objects_to_paint(item, self._report, cvat=self._cvat)
        masks = of_few_classes(masks, self._indices, self._report, item.path)
        if masks or not (self._cvat or self._with_images or not item.width * item.height):
            self._write_pictures(item, masks)
        elif not self._with_images:
            why = "without masks: in no file of an export without images"
            self._report.changed("image", why, item.path, lossy=False)
        if not self._with_images:
            report_ending(item, self._report)
        elif item.media is not None:
            root = CVAT_ROOT if self._cvat else ""
            ending = item.path[len(item.stem) :]
            name = f"{root}{PICTURES}/{item.subset}/{item.stem}{PICTURE}{ending}"
            self._sink.add_media(name, item.media)

    def _write_pictures(self, item: Item, masks: list[Shape]) -> None:
        import numpy as np

        canvas, order = painted(masks, item.width, item.height, self._report, item.path)
        places = {id(mask): place for place, mask in enumerate(masks, 1)}
        classes = [self._indices.get(mask.label, 0) for mask in order]
        codes = [
            self._code(index, places[id(mask)], mask, item)
            for index, mask in zip(classes, order, strict=True)
        ]
        indices = np.array([0, *classes], dtype=np.uint32)[canvas]
        start = f"{TRUTH}/{item.subset}/{item.stem}"
        colors = [entry.color or BLACK for entry in self._entries]
        write_color_png(self._sink, f"{start}{COLOR}.png", indices, colors)
        write_gray_png(self._sink, f"{start}{CLASSES}.png", indices.astype(np.uint8))
        objects = np.array([0, *codes], dtype=np.uint32)[canvas].astype(np.uint16)
        write_gray_png(self._sink, f"{start}{OBJECTS}.png", objects)

    def _code(self, index: int, number: int, mask: Shape, item: Item) -> int:
        """The pixel of an object; a crowd's is its class, so is one that would not fit."""
        if index == 0 or mask.attributes.get("is_crowd", "").lower() == "true":
            return index
        code = index * OBJECT_STEP + number
        if self._cvat or (number < OBJECT_STEP and code <= LARGEST_CODE):
            return code & LARGEST_CODE
        self._report.changed("mask", "joined with others of its class: no number left", item.path)
        return index


class _Files(msgspec.Struct):
    """The files of an image."""

    objects: str = ""
    classes: str = ""
    image: str = ""


class _Reader:
    """Reads one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._files: dict[tuple[str, str], _Files] = {}
        for name in source.names:
            self._sort(name)
        self._entries = self._label_map()

    def _sort(self, name: str) -> None:
        parts = name.split("/")
        root = next((i for i, part in enumerate(parts[:-1]) if part in (TRUTH, PICTURES)), None)
        if root is None or not is_image_name(name):
            return
        subset = parts[root + 1] if len(parts) > root + 2 else DEFAULT_SUBSET
        stem = "/".join(parts[root + 2 :] or parts[root + 1 :]).rpartition(".")[0]
        if stem.endswith((COLOR, CLASSES, TRAIN_CLASSES)):
            self._source.touch(name)  # they say again what the objects do
        for ending in (OBJECTS, CLASSES, TRAIN_CLASSES, PICTURE):
            if stem.endswith(ending):
                key = (subset, stem[: -len(ending)])
                files = self._files.setdefault(key, _Files())
                if ending == OBJECTS:
                    files.objects = name
                elif ending == PICTURE:
                    files.image = name
                else:
                    files.classes = files.classes or name

    def _label_map(self) -> list[LabelMapEntry]:
        entries = find_label_colors(self._source)
        if entries is not None:
            return entries
        self._report.assumed("label", f"no {LABEL_COLORS}: Cityscapes' own classes")
        return [LabelMapEntry(name=name) for name in DEFAULT_LABELS]

    def dataset(self) -> Dataset:
        """The dataset; images by subset and name."""
        subsets = list(dict.fromkeys(subset for subset, _ in self._files)) or [DEFAULT_SUBSET]
        return Dataset(Header(labels=labels_of(self._entries), subsets=subsets), self._items())

    def _items(self) -> Iterator[Item]:
        for (subset, stem), files in sorted(self._files.items(), key=lambda entry: entry[0]):
            item = Item(path=stem + ".png", subset=subset, shapes=[], tags=[])
            if files.image:
                item.path = f"{stem}.{files.image.rpartition('.')[2]}"
                item.media = self._source.media(files.image)
            try:
                self._masks(item, files)
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("label picture", error.what, error.where)
            settle_size(item, self._options, self._report, item.path)
            yield item

    def _masks(self, item: Item, files: _Files) -> None:
        import numpy as np

        name = files.objects or files.classes
        if not name:
            return
        where = self._source.where(name)
        pixels, _ = read_png(self._source, name)
        if pixels.ndim != 2:
            raise DatasetError("not a picture of one number a pixel", where=where)
        if not files.objects:
            self._report.assumed("mask", "no picture of objects: one mask a class", where)
        item.height, item.width = pixels.shape
        for code, points in unique_masks(pixels.astype(np.uint32)):
            crowd = code < OBJECT_STEP
            label = label_of_class(
                self._entries,
                code if crowd else code // OBJECT_STEP,
                self._report,
                where,
                skip=self._skip,
            )
            if label is None:
                continue
            attributes: dict[str, str] = {}
            if crowd and files.objects:
                attributes["is_crowd"] = "true"
            mask = Shape(type="mask", label=label, points=points, attributes=attributes)
            item.shapes.append(mask)
