"""Ultralytics YOLO classification: one folder a class in one folder a subset (section 6).

CVAT writes `<subset>/labels.json` beside the folders, with the labels and the place of each image;
it is all there is when no images are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import orjson

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Tag
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.yolo_images import SUBSET_FOLDERS, stem_of

NO_LABEL = "no_label"
LABELS_FILE = "labels.json"


class ImageRecord(msgspec.Struct):
    """An entry of labels.json, under the image's id."""

    labels: list[str] = []
    path: str = ""


class UltralyticsClassification(Format):
    """Ultralytics YOLO class folders."""

    name: ClassVar[str] = "ultralytics-classification"
    cvat_names: ClassVar[tuple[str, ...]] = (
        "Ultralytics YOLO Classification 1.0",
        "YOLOv8 Classification 1.0",
    )
    aliases: ClassVar[tuple[str, ...]] = ("ultralytics-classify", "yolov8-cls")
    summary: ClassVar[str] = "Ultralytics YOLO classification: subset/class/image folders"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset(["tag"]), image_sizes=False, label_list=False)

    def detect(self, source: Source) -> Detection:
        names = source.names
        if any(_is_labels_file(name) for name in names):
            return Detection(score=85, reason="a subset's labels.json")
        deep = [name.split("/") for name in names if is_image_name(name)]
        plain = [parts for parts in deep if len(parts) == 3 and parts[0] in SUBSET_FOLDERS]
        others = any(
            name.lower().endswith((".txt", ".xml", ".json", ".yaml", ".yml", ".csv"))
            for name in names
        )
        reserved = any(parts[1] in ("images", "labels") for parts in plain)
        if plain and len(plain) == len(deep) and not others and not reserved:
            return Detection(score=60, reason="images in subset/class folders and nothing else")
        return Detection(score=0, reason="no subset/class folders of images, no labels.json")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        subsets: dict[str, list[str]] = {}
        for name in source.names:
            folder, slash, _ = name.partition("/")
            if slash and (is_image_name(name) or _is_labels_file(name)):
                subsets.setdefault(folder, []).append(name)
        if not subsets:
            raise DatasetError(
                "no class folders found",
                where=source.display,
                hint="looked for <subset>/<class>/<image> and <subset>/labels.json",
            )
        items = [item for subset in subsets for item in _items(source, subset, subsets[subset])]
        found = sorted({tag.label for item in items for tag in item.tags})
        labels = list(dict.fromkeys([*(options.labels or ()), *found]))
        header = Header(labels=[Label(name=name) for name in labels], subsets=list(subsets))
        return Dataset(header, _sized(items, options))

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        records: dict[str, dict[str, Any]] = {
            _subset_name(subset): {} for subset in dataset.header.subsets
        }
        for item in dataset.items:
            subset = _subset_name(item.subset)
            labels = list(dict.fromkeys(tag.label for tag in item.tags))
            base = item.path.rpartition("/")[2]
            places = [_free(sink, f"{subset}/{label}/{base}") for label in labels or [NO_LABEL]]
            if options.with_images and item.media is not None:
                for place in places:
                    sink.add_media(place, item.media)
            path = places[0].removeprefix(f"{subset}/")
            found = records.setdefault(subset, {})
            if item.stem in found:
                why = "another image has the same name without its extension"
                report.dropped("tag", why, item.path, count=len(labels))
            found.setdefault(item.stem, {"labels": labels, "path": path})
        for subset, entries in records.items():
            sink.write(f"{subset}/{LABELS_FILE}", orjson.dumps(entries))


def _is_labels_file(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(f"/{LABELS_FILE}")


def _subset_name(subset: str) -> str:
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


def _free(sink: Sink, name: str) -> str:
    """`name`, or with ``.0``, ``.1`` before its extension where that is taken."""
    stem, number, free = stem_of(name), 0, name
    while sink.has(free):
        free, number = f"{stem}.{number}{name[len(stem) :]}", number + 1
    return free


def _items(source: Source, subset: str, names: list[str]) -> Iterator[Item]:
    """The images of one subset by its labels.json, else by their folders."""
    listed = f"{subset}/{LABELS_FILE}"
    if listed in names:
        yield from _listed_items(source, subset, listed)
        return
    by_path: dict[str, Item] = {}
    for name in names:
        label, _, path = name.removeprefix(f"{subset}/").partition("/")
        if not path:
            label, path = NO_LABEL, label
        path = path if label == NO_LABEL else f"{label}/{path}"
        item = by_path.setdefault(path, Item(path=path, subset=subset, media=source.media(name)))
        if label != NO_LABEL:
            item.tags.append(Tag(label=label))
    yield from by_path.values()


def _listed_items(source: Source, subset: str, listed: str) -> Iterator[Item]:
    where = source.where(listed)
    try:
        text = source.read_text(listed)
        records = msgspec.json.decode(text, type=dict[str, ImageRecord])
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"not labels by image: {error}", where=where) from error
    for stem, record in records.items():
        place = f"{subset}/{record.path}"
        extension = record.path[len(stem_of(record.path)) :] or ".jpg"
        item = Item(path=stem + extension, subset=subset)
        if record.path and source.exists(place):
            item.media = source.media(place)
        item.tags = [Tag(label=label) for label in record.labels]
        yield item


def _sized(items: list[Item], options: ReadOptions) -> Iterator[Item]:
    for item in items:
        if item.media is not None:
            item.width, item.height = item.media.image_size()
        elif options.image_size is not None:
            item.width, item.height = options.image_size
        yield item
