"""VIA's files as images with regions: projects and annotations of VIA 1 and 2, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat_formats.json_files import decode_json, join, json_head, read_json

CSV_COLUMNS = (
    *("filename", "file_size", "file_attributes", "region_count", "region_id"),
    *("region_shape_attributes", "region_attributes"),
)


class Region(msgspec.Struct):
    """A region: `shape_attributes` has its kind under `name`."""

    shape_attributes: dict[str, Any] = {}
    region_attributes: dict[str, Any] = {}


class ImageRecord(msgspec.Struct):
    """An image with its regions: a list, or in VIA 1 an object by number."""

    filename: str
    regions: list[Region] | dict[str, Region] = []
    file_attributes: dict[str, Any] = {}
    fileref: str | None = None

    def each_region(self) -> list[tuple[str, Region]]:
        """(its JSON path below the image, region) of each."""
        if isinstance(self.regions, dict):
            return [(f"regions.{key}", region) for key, region in self.regions.items()]
        return [(f"regions[{index}]", region) for index, region in enumerate(self.regions)]


class ClosedRegion(Region, forbid_unknown_fields=True):
    """A region without other keys."""


class ClosedImage(msgspec.Struct, forbid_unknown_fields=True):
    """An image as VIA writes it: neither it nor its regions have other keys."""

    filename: str
    regions: list[ClosedRegion] | dict[str, ClosedRegion] = []
    file_attributes: dict[str, msgspec.Raw] = {}
    fileref: str | None = None
    size: int | None = None
    base64_img_data: str = ""


REGION_KEYS = ("shape_attributes", "region_attributes")
IMAGE_KEYS = ("filename", "regions", "file_attributes", "fileref", "size", "base64_img_data")


class Via(msgspec.Struct):
    """A file: its images with their places, and the attributes a project declares.

    `unknown` are keys that are none of VIA's: their names, whose they are, and their places.
    """

    images: list[tuple[str, ImageRecord]]
    declared: dict[str, Any] = {}
    unknown: list[tuple[str, str, str]] = []


def looks_like_via(source: Source, name: str) -> str:
    """What a file is of VIA's by its first bytes; "" if it is none."""
    head = json_head(source, name)
    if name.lower().endswith(".csv"):
        first = head.splitlines()[0].decode("utf-8", "replace") if head else ""
        columns = [cell.strip().strip('"#') for cell in first.split(",")]
        return "a VIA table" if {CSV_COLUMNS[0], CSV_COLUMNS[5]} <= set(columns) else ""
    if not head.startswith(b"{"):
        return ""
    if b'"_via_img_metadata"' in head or b'"_via_settings"' in head:
        return "a VIA 2 project"
    if b'"filename"' in head and b'"regions"' in head and b'"file_attributes"' in head:
        return "VIA annotations"
    if b'"filename"' in head and b'"regions"' in head and b'"shape_attributes"' in head:
        return "VIA annotations"
    return ""


def is_via_3(source: Source, name: str) -> bool:
    """Whether a file is a project of VIA 3, which has another layout."""
    head = json_head(source, name)
    return b'"data_format_version"' in head and b'"pid"' in head


def read_via(source: Source, name: str) -> Via:
    """The images of a file; raises DatasetError with the line or the JSON path."""
    if name.lower().endswith(".csv"):
        return Via(list(_table(source, name)))
    where = source.where(name)
    document = read_json(source, name, dict[str, msgspec.Raw])
    declared: dict[str, Any] = {}
    prefix = ""
    unknown: list[tuple[str, str, str]] = []
    if "_via_img_metadata" in document:
        unknown += [(key, "file", where) for key in document if not key.startswith("_via_")]
        prefix = "_via_img_metadata"
        if "_via_attributes" in document:
            place = join(where, "_via_attributes")
            declared = decode_json(document["_via_attributes"], dict[str, Any], place)
        place = join(where, prefix)
        document = decode_json(document[prefix], dict[str, msgspec.Raw], place)
    images = []
    for key, raw in document.items():
        place = join(where, f"{prefix}[{key!r}]")
        images.append((place, decode_json(raw, ImageRecord, place)))
        if _has_unknown(raw):
            unknown += _unknown(raw, place)
    return Via(images, declared, unknown)


def _has_unknown(raw: msgspec.Raw) -> bool:
    try:
        msgspec.json.decode(raw, type=ClosedImage)
    except (ValueError, RecursionError):
        return True
    return False


def _unknown(raw: msgspec.Raw, place: str) -> Iterator[tuple[str, str, str]]:
    values = msgspec.json.decode(raw)
    regions = values.get("regions", [])
    for region in regions.values() if isinstance(regions, dict) else regions:
        yield from ((key, "annotation", place) for key in region if key not in REGION_KEYS)
    yield from ((key, "image", place) for key in values if key not in IMAGE_KEYS)


def _table(source: Source, name: str) -> Iterator[tuple[str, ImageRecord]]:
    """The images of a table, in which each row is one region."""
    text = source.read_text(name).removeprefix("#")
    found: dict[str, tuple[str, ImageRecord]] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        for row in reader:
            where = source.where(name, reader.line_num)
            path = row.get("filename")
            if not path:
                raise DatasetError("no filename", where=where)
            if path not in found:
                about = _cell(row, "file_attributes", where)
                found[path] = (where, ImageRecord(path, [], about))
            region = Region(
                _cell(row, "region_shape_attributes", where), _cell(row, "region_attributes", where)
            )
            regions = found[path][1].regions
            if region.shape_attributes and isinstance(regions, list):
                regions.append(region)
    except csv.Error as error:
        raise DatasetError(str(error), where=source.where(name, reader.line_num + 1)) from error
    yield from found.values()


def _cell(row: dict[str, Any], column: str, where: str) -> dict[str, Any]:
    text = row.get(column)
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{column} is not a JSON object: {error}", where=where) from error
