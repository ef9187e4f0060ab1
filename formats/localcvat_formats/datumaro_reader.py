"""Reading Datumaro JSON: items, and their annotations as tags and shapes."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from localcvat.archive import Source, safe_name
from localcvat.errors import DatasetError, UnsafeArchiveError
from localcvat.images import is_image_name
from localcvat.model import Dataset, Header, Item, Shape, Tag
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import MORE_RESERVED, parted
from localcvat_formats.datumaro_records import (
    AnnotationRecord,
    CategoriesRecord,
    ClosedRecord,
    FileRecord,
    ItemRecord,
    LabelRecord,
    MediaRecord,
    labels_of,
    located,
)
from localcvat_formats.json_files import file_bytes, refuse_changed
from localcvat_formats.unknown_fields import field_names, keys_of, report_unknown, unknown_keys

LARGEST_COORDINATE = 1e9
KNOWN = field_names(AnnotationRecord)
ITEM_KNOWN = field_names(ItemRecord) | {"media"}
MEDIA_KNOWN = field_names(MediaRecord) | {"extra_images"}
FILE_KNOWN = field_names(FileRecord) | {"dm_format_version", "media_type"}
POINT_KINDS = {"polygon": 6, "polyline": 4, "points": 2}
"""Kinds that are a list of points, and how many numbers they have at least."""


def read_datumaro(
    source: Source, files: list[str], options: ReadOptions, report: Report
) -> Dataset:
    """The dataset in the files, each a subset; raises DatasetError with the JSON path."""
    reader = _Reader(source, options, report)
    first = reader.decode(files[0])
    labels = labels_of(reader.categories(files[0], first), source.where(files[0]))
    names = {label.name for label in labels}
    for name in files[1:]:
        categories = reader.categories(name, reader.decode(name))
        for label in labels_of(categories, source.where(name)):
            if label.name not in names:
                names.add(label.name)
                labels.append(label)
    info = first.info or first.infos
    header = Header(
        labels=labels,
        subsets=[_subset_of(name) for name in files],
        info={"datumaro": info} if info else {},
    )

    def items() -> Iterator[Item]:
        for position, name in enumerate(files):
            yield from reader.items(name, first if position == 0 else reader.decode(name))

    return Dataset(header, items())


def _subset_of(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


class _Reader:
    """Reads the files of one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._mapped: dict[str, mmap.mmap] = {}
        self._categories: dict[str, CategoriesRecord] = {}
        self._told: set[str] = set()

    def decode(self, name: str) -> FileRecord:
        """The file's undecoded categories and items; keys it has besides are counted once."""
        with file_bytes(self._source, name) as data:
            return self._decode(name, data)

    def _decode(self, name: str, data: bytes | mmap.mmap) -> FileRecord:
        where = self._source.where(name)
        if isinstance(data, mmap.mmap):
            self._mapped[name] = data
        with suppress(ValueError, RecursionError):
            return msgspec.json.decode(data, type=ClosedRecord)
        try:
            record = msgspec.json.decode(data, type=FileRecord)
        except (ValueError, RecursionError) as error:
            raise located(error, where, "") from error
        if name not in self._told:
            self._told.add(name)
            report_unknown(keys_of(data[:]), FILE_KNOWN, self._report, where, of="file")
        return record

    def categories(self, name: str, record: FileRecord) -> CategoriesRecord:
        """The file's categories; keys of theirs that are not known are counted once."""
        if name not in self._categories:
            where = self._source.where(name)
            try:
                found = msgspec.json.decode(record.categories, type=CategoriesRecord)
                values = msgspec.json.decode(record.categories)
            except (ValueError, RecursionError) as error:
                raise located(error, where, "categories") from error
            place = f"{where}: categories"
            names = unknown_keys(values, CategoriesRecord)
            report_unknown(names, (), self._report, place, of="label")
            self._categories[name] = found
        return self._categories[name]

    def items(self, name: str, record: FileRecord) -> Iterator[Item]:
        """The items of one file."""
        where = self._source.where(name)
        subset = _subset_of(name)
        categories = self.categories(name, record)
        labels = categories.label.labels if categories.label else []
        decoder = msgspec.json.Decoder(ItemRecord)
        for index, raw in enumerate(record.items):
            place = f"{where}: items[{index}]"
            if name in self._mapped:
                refuse_changed(self._mapped[name], where)
            try:
                item_record = decoder.decode(raw)
            except (ValueError, RecursionError) as error:
                raise located(error, where, f"items[{index}]") from error
            self._report_unknown(raw, place)
            item = self._item(item_record, subset, place)
            self._annotate(item, item_record, labels, place)
            yield item

    def _report_unknown(self, raw: msgspec.Raw, place: str) -> None:
        """Count the keys of an item, and of its image, that are not known."""
        keys = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        report_unknown(keys, ITEM_KNOWN, self._report, place, of="image")
        for name in ("image", "point_cloud"):
            if name in keys:
                report_unknown(keys_of(keys[name]), MEDIA_KNOWN, self._report, place, of="image")

    def _item(self, record: ItemRecord, subset: str, place: str) -> Item:
        media = record.image or record.point_cloud or MediaRecord()
        named = (media.path or "").replace("\\", "/")
        dot = named.rfind(".", named.rfind("/") + 1)
        extension = named[dot:] if dot >= 0 else ".jpg"
        try:
            stem = safe_name(record.id)
        except UnsafeArchiveError as error:
            raise DatasetError(error.what, where=f"{place}.id") from error
        attributes = dict(record.attr or {})
        frame = attributes.get("frame")
        item = Item(path=stem + extension, subset=subset, attributes=attributes)
        if isinstance(frame, int) and not isinstance(frame, bool):
            item.source_frame = frame
        if media.size:
            item.height, item.width = media.size
        if self._options.media or not media.size:
            self._find_media(item, named, place)
        return item

    def _find_media(self, item: Item, named: str, place: str) -> None:
        """The image where Datumaro puts it: below its subset, by its path or by its id."""
        bases = [f"images/{item.subset}", f"point_clouds/{item.subset}", "images", "point_clouds"]
        wanted = [f"{base}/{tail}" for base in bases for tail in (named, item.path) if tail]
        name = next((name for name in wanted if self._source.exists(name)), None)
        if name is not None:
            item.media = self._source.media(name)
        if item.width and item.height:
            return
        if name is not None and is_image_name(name):
            item.width, item.height = self._source.media(name).image_size()
            self._report.assumed("image size", "read from the image's header", place)
            return
        stated = self._options.stated_size(item.path)
        if stated is not None:
            item.width, item.height = stated
            self._report.assumed("image size", "as it was stated", place)

    def _annotate(
        self, item: Item, record: ItemRecord, labels: list[LabelRecord], place: str
    ) -> None:
        decoder = msgspec.json.Decoder(AnnotationRecord)
        for index, raw in enumerate(record.annotations):
            where = f"{place}.annotations[{index}]"
            try:
                made = self._annotation(self._decoded(decoder, raw, where), labels, where)
                if made is not None:
                    report_unknown(keys_of(raw), KNOWN, self._report, where)
            except DatasetError as error:
                if self._options.on_error != "skip":
                    raise
                self._report.dropped("annotation", error.what, error.where)
                continue
            if isinstance(made, Tag):
                item.tags.append(made)
            elif made is not None:
                item.shapes.append(made)

    def _decoded(
        self, decoder: msgspec.json.Decoder[AnnotationRecord], raw: msgspec.Raw, where: str
    ) -> AnnotationRecord:
        try:
            return decoder.decode(raw)
        except (ValueError, RecursionError) as error:
            raise located(error, where, "") from error

    def _annotation(
        self, record: AnnotationRecord, labels: list[LabelRecord], where: str
    ) -> Shape | Tag | None:
        if record.type not in KINDS:
            self._report.dropped(record.type, "the model has no such annotation", where)
            return None
        if record.label_id is None:
            raise DatasetError("an annotation without a label", where=where)
        if not 0 <= record.label_id < len(labels):
            raise DatasetError(
                f"no label has the number {record.label_id}", where=f"{where}.label_id"
            )
        label = labels[record.label_id].name
        attributes = record.attributes or {}
        fields, texts = parted(attributes, MORE_RESERVED)
        extras: dict[str, Any] = {"attributes": attributes} if attributes else {}
        if record.id:
            extras["id"] = record.id
        if record.object_id is not None:
            extras["object_id"] = record.object_id
        made: Shape | Tag
        if record.type == "label":
            made = Tag(label=label)
        else:
            kind, points = KINDS[record.type](record, where)
            made = Shape(type=kind, label=label, points=points, z_order=record.z_order or 0)
            self._flags(made, fields)
            if record.type == "skeleton":
                made.elements = self._elements(record, labels, where)
            elif record.visibility is not None:
                self._visibility(made, record.visibility, where)
        made.group = record.group or 0
        made.source = fields.get("source", "manual")
        made.attributes = texts
        if "score" in fields:
            made.score = float(fields["score"])
        made.extras = {"datumaro": extras} if extras else None
        return made

    def _flags(self, shape: Shape, fields: dict[str, Any]) -> None:
        shape.occluded = bool(fields.get("occluded", False))
        if shape.type in ("rectangle", "ellipse") and "rotation" in fields:
            shape.rotation = float(fields["rotation"]) % 360
        if "track_id" in fields:
            shape.track_id = fields["track_id"]
            shape.keyframe = bool(fields.get("keyframe", True))

    def _elements(
        self, record: AnnotationRecord, labels: list[LabelRecord], where: str
    ) -> list[Shape]:
        elements = []
        for index, part in enumerate(record.elements or ()):
            made = self._annotation(part, labels, f"{where}.elements[{index}]")
            if isinstance(made, Shape) and made.type == "points":
                elements.append(made)
        return elements

    def _visibility(self, shape: Shape, visibility: list[int], where: str) -> None:
        """Points with one flag for all have a place in the model, a flag for each have none."""
        flags = set(visibility)
        if flags == {0}:
            shape.outside = True
        elif flags == {1}:
            shape.occluded = True
        elif flags and flags != {2}:
            self._report.dropped("visibility", "points share one flag", where)


def _checked(values: list[float], where: str) -> list[float]:
    if values and not -LARGEST_COORDINATE < min(values) <= max(values) < LARGEST_COORDINATE:
        raise DatasetError("an absurdly large coordinate", where=where)
    return values


def _flat(record: AnnotationRecord, where: str) -> list[float]:
    """`points` as a flat list, be they numbers or pairs."""
    flat: list[float] = []
    for value in record.points or ():
        flat += value if isinstance(value, list) else (value,)
    return _checked(flat, f"{where}.points")


def _rectangle(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    if record.bbox is None:
        raise DatasetError("no bbox", where=where)
    x, y, width, height = record.bbox
    return "rectangle", _checked([x, y, x + width, y + height], f"{where}.bbox")


def _pointed(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    points = _flat(record, where)
    if len(points) % 2 or len(points) < POINT_KINDS[record.type]:
        raise DatasetError(f"a {record.type} of {len(points)} numbers", where=f"{where}.points")
    return record.type, points


def _mask(record: AnnotationRecord, where: str) -> tuple[str, Sequence[float]]:
    from localcvat.geometry.masks import coco_to_mask

    if record.rle is None:
        raise DatasetError("no rle", where=where)
    height, width = record.rle.size
    try:
        return "mask", coco_to_mask(record.rle.counts, width, height)
    except (ValueError, OverflowError) as error:
        raise DatasetError(str(error), where=f"{where}.rle") from error


def _ellipse(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    points = _flat(record, where)
    if len(points) != 4:
        raise DatasetError(f"an ellipse of {len(points)} numbers", where=f"{where}.points")
    x1, y1, x2, y2 = points
    return "ellipse", [(x1 + x2) / 2, (y1 + y2) / 2, x2, y1]


def _cuboid_2d(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    points = _flat(record, where)
    if len(points) != 16:
        raise DatasetError(f"a cuboid of {len(points)} numbers", where=f"{where}.points")
    return "cuboid", points


def _cuboid_3d(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    parts = [record.position, record.rotation or [0.0] * 3, record.scale or [1.0] * 3]
    numbers = [value for part in parts for value in part or ()]
    if len(numbers) != 9:
        raise DatasetError("position, rotation and scale are not three numbers each", where=where)
    return "cuboid", _checked(numbers, where) + [0.0] * 7


def _skeleton(record: AnnotationRecord, where: str) -> tuple[str, list[float]]:
    return "skeleton", []


KINDS: dict[str, Any] = {
    "label": None,
    "bbox": _rectangle,
    "polygon": _pointed,
    "polyline": _pointed,
    "points": _pointed,
    "mask": _mask,
    "ellipse": _ellipse,
    "cuboid_2d": _cuboid_2d,
    "cuboid_3d": _cuboid_3d,
    "skeleton": _skeleton,
}
