"""Segmentation mask: a picture of classes and one of objects for each image, colours by label.

CVAT's name is Segmentation mask 1.1 (formats specification, section 8).
"""

from __future__ import annotations

from collections.abc import Sequence

from localcvat.archive import Sink, Source
from localcvat.labels import Rgb, parse_color, voc_color
from localcvat.model import Dataset, Item, Label, flat_labels
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.image_paths import report_ending
from localcvat_formats.labelmap import (
    BACKGROUND,
    BLACK,
    LabelMapEntry,
    labelmap_text,
    with_background,
)
from localcvat_formats.naming import Names
from localcvat_formats.segments import (
    objects_to_paint,
    picture_capabilities,
)
from localcvat_formats.voc_reader import VocReader
from localcvat_formats.voc_segments import CLASSES, VOID_COLOR, SegmentWriter


class SegmentationMask(Format):
    """Everything with an area as pixels."""

    name = "segmentation-mask"
    cvat_names = ("Segmentation mask 1.1",)
    aliases = ("segmentation_mask", "voc-segmentation", "voc_segmentation", "mask-png")
    summary = "Segmentation mask: label pictures of classes and objects, labelmap.txt"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return picture_capabilities(dialect)

    def detect(self, source: Source) -> Detection:
        pictures = [name for name in source.names if f"{CLASSES}/" in name and "." in name]
        if not pictures:
            listed = {name.split("/")[-2] for name in source.names if "ImageSets/" in name}
            if listed == {"Segmentation"} and "labelmap.txt" in source.names:
                what = "labelmap.txt and lists for segmentation alone, without pictures"
                return Detection(score=70, reason=what)
            return Detection(score=0, reason=f"no {CLASSES}/")
        if any(name.lower().endswith(".xml") for name in source.names):
            return Detection(score=40, reason=f"{CLASSES}/, but XML files too")
        return Detection(score=90, reason=f"{pictures[0]} and no XML files")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return VocReader(source, options, report, colors=True).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


def cvat_entries(labels: Sequence[Label]) -> list[LabelMapEntry]:
    """CVAT's label map: every label with its colour, a black background, by name.

    Of labels of one name (points of several skeletons) the last gives the colour.
    """
    colors = {label.name: parse_color(label.color) or BLACK for label, _ in flat_labels(labels)}
    colors.setdefault(BACKGROUND, BLACK)
    return [LabelMapEntry(name=name, color=color) for name, color in sorted(colors.items())]


def plain_entries(labels: Sequence[Label], report: Report) -> list[LabelMapEntry]:
    """Labels in their order behind the background, each with a colour of its own."""
    taken: set[Rgb] = {BLACK, VOID_COLOR}
    entries: list[LabelMapEntry] = []
    for number, label in enumerate(labels, 1):
        color = parse_color(label.color)
        if color is None or color in taken:
            free = (voc_color(index) for index in range(number, 1 << 24))
            replaced = next(other for other in free if other not in taken)
            if color is not None:
                why = f"taken by another or by the background: {replaced} instead"
                report.changed("label color", why, label.name)
            color = replaced
        taken.add(color)
        entries.append(LabelMapEntry(name=label.name, color=color))
    return with_background(entries)


class _Writer(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        labels = dataset.header.labels
        self._entries = cvat_entries(labels) if self._cvat else plain_entries(labels, report)
        self._segments = SegmentWriter(sink, self._entries, report, distinct=not self._cvat)
        self._stems: set[str] = set()
        self._names = Names()

    def write(self) -> None:
        """Write everything."""
        self._sink.write("labelmap.txt", labelmap_text(self._entries).encode())
        lists: dict[str, list[str]] = {subset: [] for subset in self._dataset.header.subsets}
        for item in self._dataset.items:
            stem = self._item(item)
            if not (self._cvat and item.emptied):
                lists.setdefault(item.subset, []).append(f"{stem}\n")
        for subset, lines in lists.items():
            if lines or not self._cvat:
                self._sink.write(f"ImageSets/Segmentation/{subset}.txt", "".join(lines).encode())

    def _item(self, item: Item) -> str:
        self._names.claim(item)
        stem = self._free_stem(item)
        masks = objects_to_paint(item, self._report, cvat=self._cvat)
        if masks:
            self._segments.write(stem, masks, item.width, item.height)
        if not self._with_images:
            report_ending(item, self._report)
        elif item.media is not None:
            self._sink.add_media(f"JPEGImages/{stem}{item.path[len(item.stem) :]}", item.media)
        return stem

    def _free_stem(self, item: Item) -> str:
        """The image's id; one that another subset has already gets a number."""
        stem, number = item.stem, 0
        while stem in self._stems:
            number += 1
            stem = f"{item.stem}_{number}"
        if number:
            why = "renamed: another has the same name"
            self._report.changed("image", why, f"{item.path} -> {stem}")
        self._stems.add(stem)
        return stem
