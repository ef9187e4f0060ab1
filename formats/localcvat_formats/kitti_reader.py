"""Reads KITTI folders: boxes of ``label_2``, masks of ``instance``, else of ``semantic``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.finite import finite_number
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.label_colors import (
    LABEL_COLORS,
    find_label_colors,
    label_of_class,
    labels_of,
)
from localcvat_formats.labelmap import LabelMapEntry
from localcvat_formats.segments import color_code, color_codes, read_png, unique_masks

BOXES, INSTANCES, SEMANTIC, COLORS = "label_2", "instance", "semantic", "semantic_rgb"
IMAGES = frozenset(("image_2", "image_02", "image"))
FOLDERS = frozenset((BOXES, INSTANCES, SEMANTIC, COLORS)) | IMAGES
FIELDS, WITH_SCORE = 15, 16
LARGEST = 1e9
DEFAULT_LABELS = """unlabeled egovehicle rectificationborder outofroi static dynamic ground road
sidewalk parking railtrack building wall fence guardrail bridge tunnel pole polegroup trafficlight
trafficsign vegetation terrain sky person rider car truck bus caravan trailer train motorcycle
bicycle licenseplate""".split()


class _Subset(msgspec.Struct):
    """The files of a subset by image id."""

    boxes: dict[str, str] = {}
    instances: dict[str, str] = {}
    semantic: dict[str, str] = {}
    colors: dict[str, str] = {}
    images: dict[str, str] = {}


class KittiReader:
    """Reads the subsets of one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._subsets = _subsets(source)
        self._entries = self._label_map()

    def dataset(self) -> Dataset:
        """The dataset; images by subset and name."""
        labels = {label.name: label for label in labels_of(self._entries)}
        for subset in self._subsets.values():
            for name in subset.boxes.values():
                for line in self._source.read_text(name).splitlines():
                    label = _split(line)[0]
                    if label:
                        labels.setdefault(label, Label(name=label))
        header = Header(labels=list(labels.values()), subsets=list(self._subsets))
        return Dataset(header, self._items())

    def _label_map(self) -> list[LabelMapEntry]:
        entries = find_label_colors(self._source)
        if entries is not None:
            return entries
        if any(subset.instances or subset.semantic for subset in self._subsets.values()):
            self._report.assumed("label", f"no {LABEL_COLORS}: KITTI's own classes")
            return [LabelMapEntry(name=name) for name in DEFAULT_LABELS]
        return []

    def _items(self) -> Iterator[Item]:
        for name, subset in self._subsets.items():
            masks = {**subset.colors, **subset.semantic, **subset.instances}
            for stem in sorted({*subset.boxes, *masks, *subset.images}):
                yield self._item(name, subset, stem)

    def _item(self, name: str, subset: _Subset, stem: str) -> Item:
        item = Item(path=stem + ".png", subset=name, shapes=[], tags=[])
        if stem in subset.images:
            image = subset.images[stem]
            item.path = f"{stem}.{image.rpartition('.')[2]}"
            item.media = self._source.media(image)
        if stem in subset.boxes:
            item.shapes += self._boxes(subset.boxes[stem])
        try:
            self._masks(subset, stem, item)
        except DatasetError as error:
            if not self._skip:
                raise
            self._report.dropped("label picture", error.what, error.where)
        if not (item.width and item.height):
            settle_size(item, self._options, self._report, item.path)
        return item

    def _boxes(self, name: str) -> Iterator[Shape]:
        for number, line in enumerate(self._source.read_text(name).splitlines(), 1):
            if not line.strip():
                continue
            where = self._source.where(name, number)
            try:
                yield read_box(line, where)
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("box", error.what, where)

    def _masks(self, subset: _Subset, stem: str, item: Item) -> None:
        import numpy as np

        name = subset.instances.get(stem) or subset.semantic.get(stem) or subset.colors.get(stem)
        if name is None:
            return
        where = self._source.where(name)
        pixels, palette = read_png(self._source, name)
        bits = 8 if stem in subset.instances else 0
        if stem not in subset.instances and stem not in subset.semantic:
            codes = color_codes(pixels, palette)
            pixels = self._classes_of(codes) if codes is not None else pixels
        if pixels.ndim != 2:
            raise DatasetError("not a picture of one number a pixel", where=where)
        item.height, item.width = pixels.shape
        if bits == 0:
            self._report.assumed("mask", "no instance picture: one mask a class", where)
        for value, points in unique_masks(pixels.astype(np.uint32)):
            label = (
                label_of_class(self._entries, value >> bits, self._report, where, skip=self._skip)
                if value
                else None
            )
            if label is not None:
                item.shapes.append(Shape(type="mask", label=label, points=points))

    def _classes_of(self, codes: Any) -> Any:
        import numpy as np

        known = {color_code(e.color): index for index, e in enumerate(self._entries) if e.color}
        values, inverse = np.unique(codes, return_inverse=True)
        table = [known.get(int(code), 0) for code in values]
        return np.array(table, dtype=np.uint32)[inverse].reshape(codes.shape)


def _subsets(source: Source) -> dict[str, _Subset]:
    found: dict[str, _Subset] = {}
    for name in source.names:
        parts = name.split("/")
        place = next((i for i, part in enumerate(parts[:-1]) if part in FOLDERS), None)
        if place is None:
            continue
        subset_name = parts[place - 1] if place else DEFAULT_SUBSET
        subset = found.setdefault(
            subset_name, _Subset(boxes={}, instances={}, semantic={}, colors={}, images={})
        )
        stem, kind = "/".join(parts[place + 1 :]).rpartition(".")[0], parts[place]
        if kind == BOXES and name.endswith(".txt"):
            subset.boxes[stem] = name
        elif kind in IMAGES and is_image_name(name):
            subset.images[stem] = name
        elif name.lower().endswith(".png"):
            pictures = {INSTANCES: subset.instances, SEMANTIC: subset.semantic}
            pictures.get(kind, subset.colors)[stem] = name
            source.touch(name)  # one of the three is read, they say the same
    return found


def _split(line: str) -> tuple[str, list[str]]:
    """(label, fields): a label may hold spaces, the 14 or 15 fields behind it are numbers."""
    words = line.split()
    numeric = 0
    while numeric < min(len(words) - 1, WITH_SCORE - 1) and _is_number(words[-1 - numeric]):
        numeric += 1
    if numeric < FIELDS - 1:
        return (words[0] if words else ""), words[1:]
    return " ".join(words[: len(words) - numeric]), words[len(words) - numeric :]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_box(line: str, where: str) -> Shape:
    """A line of ``label_2``: truncated, occluded, box; what is 3D stays in the extras."""
    label, fields = _split(line)
    if len(fields) not in (FIELDS - 1, WITH_SCORE - 1):
        raise DatasetError(f"{len(fields) + 1} fields instead of 15 or 16", where=where)
    numbers = [finite_number(text, where, LARGEST) for text in fields]
    extras = {
        "truncated": fields[0],
        "occluded": fields[1],
        "alpha": fields[2],
        "dimensions": fields[7:10],
        "location": fields[10:13],
        "rotation_y": fields[13],
    }
    shape = Shape(
        type="rectangle",
        label=label,
        points=numbers[3:7],
        occluded=numbers[1] > 0,
        attributes={},
        score=numbers[14] if len(fields) == WITH_SCORE - 1 and numbers[14] != 1 else None,
        extras={"kitti": extras},
    )
    if numbers[0] > 0:
        shape.attributes["truncated"] = "true" if numbers[0] == 1 else fields[0]
    return shape
