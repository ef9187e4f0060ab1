"""LabelMe, the desktop tool (wkentaro/labelme): a JSON file an image, beside it.

A circle is its centre and a point on its edge, a rectangle two corners, a mask two corners and a
PNG of what lies between. `imageData` (the image itself in base64) is neither needed nor written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import orjson

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.image_paths import ImageFinder, fill_media, relative_path
from localcvat_formats.json_files import json_head, json_names, read_json
from localcvat_formats.labelme_shapes import read_shape, written_shape
from localcvat_formats.unknown_fields import field_names, report_unknown

VERSION = "5.5.0"
SUBSETS = ("train", "val", "valid", "validation", "test")


class ShapeRecord(msgspec.Struct):
    """An entry of `shapes`."""

    label: str
    points: list[list[float]]
    shape_type: str | None = None
    group_id: int | None = None
    flags: dict[str, bool] | None = None
    description: str | None = None
    mask: str | None = None
    attributes: dict[str, Any] | None = None
    difficult: bool | None = None
    score: float | None = None


class ImageRecord(msgspec.Struct, rename="camel"):
    """A file; the image inside it stays undecoded."""

    shapes: list[ShapeRecord]
    image_path: str | None = None
    flags: dict[str, bool] | None = None
    image_height: int | None = None
    image_width: int | None = None
    version: str | None = None


KNOWN = field_names(ShapeRecord)
IMAGE_KNOWN = field_names(ImageRecord) | {"imageData"}


class LabelMeJson(Format):
    """LabelMe's JSON files."""

    name: ClassVar[str] = "labelme-json"
    aliases: ClassVar[tuple[str, ...]] = ("labelme_json", "wkentaro-labelme")
    summary: ClassVar[str] = "LabelMe (the desktop tool): a JSON file an image"
    extensions: ClassVar[tuple[str, ...]] = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        kinds = ("rectangle", "polygon", "polyline", "points", "ellipse", "mask", "tag")
        return Capabilities(
            kinds=frozenset(kinds),
            converts={"cuboid": "rectangle", "skeleton": "rectangle"},
            rotated_boxes="polygon",
            attributes=True,
            group=True,
            occluded=True,
            score=True,
            multipart=True,
            label_list=False,
            limits={
                "ellipse": "circles; others become polygons",
                "tag.group": "",
                "tag.score": "",
            },
        )

    def detect(self, source: Source) -> Detection:
        names = json_names(source)
        if not names:
            return Detection(score=0, reason="no .json files")
        for name in names:
            if _is_labelme(json_head(source, name)):
                return Detection(score=90, reason=f"{name} has shapes and imagePath")
        return Detection(score=0, reason=f"{names[0]} has no shapes and imagePath")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        names = [name for name in json_names(source) if _is_labelme(json_head(source, name))]
        names = names or json_names(source)
        if not names:
            raise DatasetError("no JSON file", where=source.display)
        return _Reader(source, options, report).dataset(names)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        for item in dataset.items:
            folder = "" if item.subset == DEFAULT_SUBSET else f"{item.subset}/"
            text = orjson.dumps(written_file(item, report), option=orjson.OPT_INDENT_2)
            sink.write(f"{folder}{item.stem}.json", text + b"\n")
            if options.with_images and item.media is not None:
                sink.add_media(f"{folder}{item.path}", item.media)


def _is_labelme(head: bytes) -> bool:
    if not head.startswith(b"{"):
        return False
    if b'"imageData"' in head:  # in old files it comes first and is longer than what is sniffed
        return True
    marks = (b'"imagePath"', b'"shape_type"', b'"imageHeight"')
    return b'"shapes"' in head and any(mark in head for mark in marks)


class _Reader:
    """Reads one file an image; a first pass over the files collects the labels."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report

    def dataset(self, names: list[str]) -> Dataset:
        labels: dict[str, None] = dict.fromkeys(self._options.labels or ())
        for name in names:
            record = self._record(name)
            labels.update(dict.fromkeys(shape.label for shape in record.shapes))
            labels.update(dict.fromkeys(flag for flag in record.flags or ()))
        placed = {name: _placed(name) for name in names}
        header = Header(
            labels=[Label(name=name) for name in labels],
            subsets=list(dict.fromkeys(subset for subset, _ in placed.values())),
        )
        return Dataset(header, self._items(placed))

    def _record(self, name: str) -> ImageRecord:
        return read_json(self._source, name, ImageRecord)

    def _items(self, placed: dict[str, tuple[str, str]]) -> Iterator[Item]:
        for name, (subset, stem) in placed.items():
            yield self._item(name, subset, stem)

    def _item(self, name: str, subset: str, stem: str) -> Item:
        record = self._record(name)
        where = self._source.where(name)
        given = relative_path(record.image_path or "")[0]
        base = given.rpartition("/")[2]
        extension = "." + base.rpartition(".")[2] if "." in base else ".jpg"
        item = Item(
            path=stem + extension,
            subset=subset,
            width=max(record.image_width or 0, 0),
            height=max(record.image_height or 0, 0),
        )
        if base and base.rpartition(".")[0] != stem.rpartition("/")[2]:
            why = "imagePath differs from the file's name: the file's name is taken"
            self._report.assumed("file name", why, where)
        finder = _Beside(ImageFinder(self._source, name.rpartition("/")[0]), given)
        fill_media(item, finder, self._source, self._options, self._report, where)
        if item.media is not None:
            item.path = stem + "." + item.media.name.rpartition(".")[2]
        for flag, is_set in (record.flags or {}).items():
            if is_set:
                item.tags.append(Tag(label=flag))
        raw = read_json(self._source, name, dict[str, msgspec.Raw])
        report_unknown(raw, IMAGE_KNOWN, self._report, where, of="image")
        keys = msgspec.json.decode(raw["shapes"], type=list[dict[str, msgspec.Raw]])
        self._shapes(record, item, where, keys)
        return item

    def _shapes(
        self, record: ImageRecord, item: Item, where: str, keys: list[dict[str, msgspec.Raw]]
    ) -> None:
        groups = [shape.group_id for shape in record.shapes if shape.group_id is not None]
        free = max([0, *groups]) + 1
        for index, entry in enumerate(record.shapes):
            if index < len(keys):
                report_unknown(keys[index], KNOWN, self._report, f"{where}: shapes[{index}]")
            try:
                shape = read_shape(msgspec.structs.asdict(entry))
            except (ValueError, OverflowError) as error:
                problem = DatasetError(str(error), where=f"{where}: shapes[{index}]")
                if self._options.on_error != "skip":
                    raise problem from error
                self._report.dropped("shape", problem.what, problem.where)
                continue
            if entry.group_id is not None:
                shape.group = entry.group_id if entry.group_id > 0 else free
                if entry.group_id <= 0:
                    self._report.changed("group", "renumbered: 0 is no group", where, lossy=False)
            item.shapes.append(shape)


class _Beside(ImageFinder):
    """Finds an image by the path a file gives, else by the file's own name."""

    def __init__(self, finder: ImageFinder, given: str) -> None:
        self._finder = finder
        self._given = given

    def find(self, path: str) -> str | None:
        return (self._finder.find(self._given) if self._given else None) or self._finder.find(path)


def _placed(name: str) -> tuple[str, str]:
    """(subset, path of the image without extension) of a file: ``train/a.json`` is in train."""
    stem = name[: -len(".json")]
    top, slash, below = stem.partition("/")
    return (top, below) if slash and top.lower() in SUBSETS else (DEFAULT_SUBSET, stem)


def written_file(item: Item, report: Report) -> dict[str, Any]:
    """The document of one image."""
    flags = {tag.label: True for tag in item.tags}
    shapes: list[Shape] = item.shapes
    group = max((shape.group for shape in shapes), default=0)
    instances = {
        number: group + position
        for position, number in enumerate(
            dict.fromkeys(shape.instance for shape in shapes if shape.instance), 1
        )
    }
    return {
        "version": VERSION,
        "flags": flags,
        "shapes": [
            written_shape(shape, shape.group or instances.get(shape.instance), report, item.path)
            for shape in shapes
        ],
        "imagePath": item.path.rpartition("/")[2],
        "imageData": None,
        "imageHeight": item.height,
        "imageWidth": item.width,
    }
