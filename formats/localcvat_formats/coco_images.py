"""Images of a COCO file: their paths, sizes and files."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError, SourceError
from localcvat.images import image_header
from localcvat.model import Item, Media
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.coco_records import LARGEST_COORDINATE, CocoFile, ImageRecord, entry_error
from localcvat_formats.image_paths import ImageFinder

SPECIAL = re.compile(r"[/\\:]")
"""What tells a path from a plain name."""
IMAGE_DECODER = msgspec.json.Decoder(ImageRecord)
EXTRAS_DECODER = msgspec.json.Decoder(dict[str, Any])


def normal_path(file_name: str) -> str:
    """A `file_name` as a relative path with ``/``: URLs by their last part, no way up."""
    if not SPECIAL.search(file_name) and file_name not in (".", ".."):
        return file_name
    path = file_name.replace("\\", "/")
    if "://" in path:
        path = unquote(urlsplit(path).path).rpartition("/")[2]
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    if parts and len(parts[0]) == 2 and parts[0][1] == ":":
        parts = parts[1:]
    return "/".join(parts)


class ImageReader:
    """Turns the image records of a source's files into items."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._finder = ImageFinder(source)
        self._told: set[str] = set()

    def records(self, coco: CocoFile) -> tuple[list[ImageRecord], list[msgspec.Raw]]:
        """The image records and their own text.

        Raises DatasetError for an id that is there twice, or reports and skips the second.
        """
        records: list[ImageRecord] = []
        texts: list[msgspec.Raw] = []
        seen: set[Any] = set()
        names: set[str] = set()
        for index, raw in enumerate(coco.images):
            try:
                record = IMAGE_DECODER.decode(raw)
            except ValueError as error:
                raise entry_error(error, coco.where, f"images[{index}]") from error
            if record.id in seen:
                where = f"{coco.where}: images[{index}]"
                if self._options.on_error != "skip":
                    raise DatasetError(f"image id {record.id!r} is there twice", where=where)
                self._report.dropped("image", "another has the same id", where)
                continue
            seen.add(record.id)
            if record.file_name in names and coco.where not in self._told:
                where = f"{coco.where}: images[{index}]"
                self._report.assumed("image", "of the same file as another: both kept", where)
            names.add(record.file_name)
            records.append(record)
            texts.append(raw)
        self._told.add(coco.where)
        return records, texts

    def item(self, record: ImageRecord, subset: str, text: msgspec.Raw, where: str) -> Item:
        """One image as an item without annotations; raises DatasetError."""
        path = normal_path(record.file_name)
        if not path:
            raise DatasetError("an empty file name", where=f"{where}.file_name")
        if path != record.file_name:
            how = "URL cut to its last part" if "://" in record.file_name else "as a relative path"
            self._report.changed("file name", how, where, lossy=False)
        width, height = record.width or 0, record.height or 0
        if not (0 <= width <= LARGEST_COORDINATE and 0 <= height <= LARGEST_COORDINATE):
            side = "height" if 0 <= width <= LARGEST_COORDINATE else "width"
            raise DatasetError("no size of an image", where=f"{where}.{side}")
        extras = {} if self._options.boxes_only else EXTRAS_DECODER.decode(text)
        extras.pop("width", None)
        extras.pop("height", None)
        item = Item(
            path=path,
            subset=subset,
            width=int(width),
            height=int(height),
            extras={"coco": extras} if extras else None,
        )
        if self._options.media or not (item.width and item.height):
            self._find_media(item, where)
        return item

    def _find_media(self, item: Item, where: str) -> None:
        name = self._image_file(item)
        if name is not None:
            item.media = self._source.media(name)
        if item.width and item.height:
            if item.media is not None:
                self._compare(item, item.media, where)
            return
        if item.media is not None:
            try:
                item.width, item.height = item.media.image_size()
                self._report.assumed("image size", "read from the image's header", where)
                return
            except SourceError:
                if self._options.stated_size(item.path) is None:
                    raise
        stated = self._options.stated_size(item.path)
        if stated is not None:
            item.width, item.height = stated
            self._report.assumed("image size", "as it was stated", where)
            return
        self._report.assumed("image size", "neither stated nor to be read: left unknown", where)

    def _compare(self, item: Item, media: Media, where: str) -> None:
        """Say where the stated size is not that of the image as it is displayed."""
        try:
            header = image_header(media)
        except SourceError as error:
            self._report.assumed("image file", "its header can't be read", str(error.where))
            return
        stated = (item.width, item.height)
        if stated == (header.width, header.height):
            if header.turned:
                how = "that of the picture as EXIF turns it: boxes are taken as displayed"
                self._report.assumed("image size", how, where)
            return
        if header.turned and stated == (header.height, header.width):
            how = "that of the picture as stored, but EXIF turns it: boxes are taken as stored"
        else:
            how = "not that of its file: taken as stated"
        self._report.assumed("image size", how, where)

    def _image_file(self, item: Item) -> str | None:
        for folder in (f"images/{item.subset}", "images", item.subset, ""):
            name = f"{folder}/{item.path}" if folder else item.path
            if self._source.exists(name):
                return name
        return self._finder.find(item.path)
