"""COCO instances (formats specification, section 2): one JSON file a subset, images beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import Dataset, Header, Item, Label
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.coco_objects import ObjectReader
from localcvat_formats.coco_records import (
    CategoryRecord,
    CocoFile,
    ImageRecord,
    decode_file,
    entry_error,
    file_bytes,
)
from localcvat_formats.coco_writer import write_instances

PREFIX = "instances_"
OTHER_PREFIXES = ("person_keypoints_", "captions_", "panoptic_", "stuff_", "image_info_")
SNIFFED = 1 << 16


class Coco(Format):
    """COCO instances: boxes, polygons and masks with stable ids."""

    name = "coco"
    cvat_names = ("COCO 1.0",)
    aliases = ("coco-instances", "coco_instances")
    summary = "COCO instances: boxes, polygons of several parts, run-length masks"
    extensions = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        kinds = frozenset(("rectangle", "polygon", "mask"))
        return Capabilities(
            kinds=kinds,
            converts={"ellipse": "mask"} if dialect == "cvat" else {"ellipse": "polygon"},
            rotation=True,
            attributes=True,
            group=dialect == "plain",
            occluded=True,
            score=True,
            multipart=True,
            tracks="flattened",
        )

    def detect(self, source: Source) -> Detection:
        files = annotation_files(source)
        if not files:
            return Detection(score=0, reason="no JSON file with images and annotations")
        return Detection(score=90, reason=f"{files[0]} has images and annotations")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        files = annotation_files(source) or [
            name for name in source.names if name.lower().endswith(".json")
        ]
        if not files:
            raise DatasetError(
                "no COCO annotations found",
                where=source.display,
                hint="looked for annotations/*.json and *.json with images and annotations",
            )
        return _Reader(source, options, report).dataset(files)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        write_instances(dataset, sink, options, report)


def annotation_files(source: Source) -> list[str]:
    """The JSON files of a source that hold instances, in order."""
    found = []
    for name in source.names:
        base = name.rpartition("/")[2]
        if not base.lower().endswith(".json") or base.startswith((".", *OTHER_PREFIXES)):
            continue
        if _looks_like_coco(source, name):
            found.append(name)
    return found


def _looks_like_coco(source: Source, name: str) -> bool:
    with source.open(name) as stream:
        head = stream.read(SNIFFED)
    if b'"images"' not in head and b'"annotations"' not in head and b'"categories"' not in head:
        return False
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"items"' not in head[:64]


def subset_of(name: str) -> str:
    """The subset a file name stands for: what follows ``instances_``, else the stem."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    if PREFIX in stem:
        return stem.partition(PREFIX)[2] or "default"
    return "default" if stem in ("annotations", "_annotations.coco", "labels", "coco") else stem


class _Reader:
    """Reads the files of one source; each becomes a subset."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._images: dict[str, str] | None = None

    def dataset(self, files: list[str]) -> Dataset:
        first = self._decode(files[0])
        labels: dict[str, Label] = {}
        names = [self._categories(first, labels)]
        for name in files[1:]:
            names.append(self._categories(self._decode(name), labels))
        info = {"coco": {"info": first.info, "licenses": first.licenses}}
        header = Header(
            labels=list(labels.values()),
            subsets=[subset_of(name) for name in files],
            info=info if first.info or first.licenses else {},
        )
        return Dataset(header, self._items(files, first, names))

    def _items(
        self, files: list[str], first: CocoFile, names: list[dict[Any, str]]
    ) -> Iterator[Item]:
        for position, name in enumerate(files):
            coco = first if position == 0 else self._decode(name)
            yield from self._file_items(coco, subset_of(name), names[position])

    def _decode(self, name: str) -> CocoFile:
        return decode_file(
            file_bytes(self._source, name),
            self._source.where(name),
            boxes_only=self._options.boxes_only,
            skip=self._options.on_error == "skip",
            report=self._report,
        )

    def _categories(self, coco: CocoFile, labels: dict[str, Label]) -> dict[Any, str]:
        """Label name of each category id; new labels are added in the order of the ids."""
        records = []
        for index, raw in enumerate(coco.categories or ()):
            try:
                records.append(msgspec.json.decode(raw, type=CategoryRecord))
            except msgspec.DecodeError as error:
                raise entry_error(error, coco.where, f"categories[{index}]") from error
        names: dict[Any, str] = {}
        for record in sorted(records, key=lambda r: (isinstance(r.id, str), r.id)):
            name = str(record.name)
            if record.id in names:
                raise DatasetError(
                    f"category id {record.id!r} is there twice", where=f"{coco.where}: categories"
                )
            names[record.id] = name
            if name not in labels:
                extras = {"id": record.id, "supercategory": record.supercategory}
                labels[name] = Label(name=name, extras={"coco": extras})
            elif name in list(names.values())[:-1]:
                self._report.assumed("category", "of one name are one label", name)
        return names

    def _file_items(self, coco: CocoFile, subset: str, names: dict[Any, str]) -> Iterator[Item]:
        images, extras = self._image_records(coco)
        positions = _by_image(coco, {record.id for record in images}, self._skip, self._report)
        objects = ObjectReader(coco, names, self._options, self._report)
        for index, record in enumerate(images):
            item = self._item(record, subset, extras[index], f"{coco.where}: images[{index}]")
            for position in positions.pop(record.id, ()):
                item.shapes += objects.shapes(position, item)
            yield item

    @property
    def _skip(self) -> bool:
        return self._options.on_error == "skip"

    def _image_records(self, coco: CocoFile) -> tuple[list[ImageRecord], list[dict[str, Any]]]:
        records, extras, seen = [], [], set()
        for index, raw in enumerate(coco.images):
            try:
                record = msgspec.json.decode(raw, type=ImageRecord)
            except msgspec.DecodeError as error:
                raise entry_error(error, coco.where, f"images[{index}]") from error
            if record.id in seen:
                raise DatasetError(
                    f"image id {record.id!r} is there twice", where=f"{coco.where}: images[{index}]"
                )
            seen.add(record.id)
            records.append(record)
            extras.append({} if self._options.boxes_only else msgspec.json.decode(raw))
        return records, extras

    def _item(self, record: ImageRecord, subset: str, raw: dict[str, Any], where: str) -> Item:
        path = record.file_name.replace("\\", "/")
        if "://" in path:
            path = path.rpartition("/")[2]
            self._report.changed("file name", "URL cut to its base name", where, lossy=False)
        path = "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
        if not path:
            raise DatasetError("an empty file name", where=f"{where}.file_name")
        for key in ("width", "height"):
            raw.pop(key, None)
        item = Item(
            path=path,
            subset=subset,
            width=int(record.width or 0),
            height=int(record.height or 0),
            extras={"coco": raw} if raw else None,
        )
        if self._options.media or not (item.width and item.height):
            self._find_media(item, where)
        return item

    def _find_media(self, item: Item, where: str) -> None:
        name = self._image_file(item)
        if name is not None:
            item.media = self._source.media(name)
        if item.width and item.height:
            return
        if item.media is not None:
            item.width, item.height = item.media.image_size()
            self._report.assumed("image size", "read from the image's header", where)
        elif self._options.image_size is not None:
            item.width, item.height = self._options.image_size
            self._report.assumed("image size", "taken from --image-size", where)

    def _image_file(self, item: Item) -> str | None:
        folders = [f"images/{item.subset}", "images", item.subset, ""]
        for folder in folders:
            name = f"{folder}/{item.path}" if folder else item.path
            if self._source.exists(name):
                return name
        if self._images is None:
            self._images = {}
            for name in self._source.names:
                if is_image_name(name):
                    base = name.rpartition("/")[2]
                    self._images[base] = "" if base in self._images else name
        return self._images.get(item.path.rpartition("/")[2]) or None


def _by_image(coco: CocoFile, known: set[Any], skip: bool, report: Report) -> dict[Any, list[int]]:
    """Positions of the annotations of each image."""
    found: dict[Any, list[int]] = {}
    for position, record in enumerate(coco.annotations):
        image = record.image_id
        if image not in known:
            problem = DatasetError(
                f"no image has the id {image!r}", where=coco.place(position, "image_id")
            )
            if not skip:
                raise problem
            report.dropped("annotation", "its image is not listed", problem.where)
            continue
        found.setdefault(image, []).append(position)
    return found
