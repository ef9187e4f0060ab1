"""Image headers: sizes without decoding pixels."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec

from localcvat.errors import SourceError
from localcvat.model import Media

IMAGE_EXTENSIONS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
        *(".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
    )
)
EXIF_ORIENTATION = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK_HEAD = struct.Struct(">I4s")
CHECKSUM_BYTES = 4
EXIF_CHUNKS = frozenset((b"eXIf", b"tEXt", b"zTXt", b"iTXt"))
MAX_CHUNKS = 100_000
SWAPPING_ORIENTATIONS = frozenset((5, 6, 7, 8))


def is_image_name(name: str) -> bool:
    """Whether the extension is one of an image, in any case."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in IMAGE_EXTENSIONS


class ImageHeader(msgspec.Struct, frozen=True):
    """What a header says: (width, height) as displayed, and whether EXIF turned them so."""

    width: int
    height: int
    turned: bool


def image_header(media: Media) -> ImageHeader:
    """The header of an image; EXIF orientations 5 to 8 swap the stored width and height.

    Raises SourceError when it can't be read.
    """
    from PIL import Image

    where = media.path or media.name
    try:
        with media.open() as stream, Image.open(stream) as image:
            width, height = image.size
            orientation = _exif(image, stream).get(EXIF_ORIENTATION, 1)
    except Exception as error:  # Pillow raises many kinds on damaged headers
        # Pillow's message may show the stream object.
        reason = str(error).split(" <")[0] or type(error).__name__
        raise SourceError(f"not a readable image: {reason}", where=where) from error
    if orientation in SWAPPING_ORIENTATIONS:
        return ImageHeader(height, width, True)
    return ImageHeader(width, height, False)


def _exif(image: Any, stream: BinaryIO) -> Mapping[int, Any]:
    """The EXIF values; a PNG is not decoded for them, as Pillow does to see what ends it."""
    from PIL import Image

    if image.format == "PNG" and "exif" not in image.info and not _exif_after_pixels(stream):
        return Image.Image.getexif(image)
    found: Mapping[int, Any] = image.getexif()
    return found


def _exif_after_pixels(stream: BinaryIO) -> bool:
    """Whether a PNG has a chunk that may hold EXIF after its first one of pixels.

    Only the heads of the chunks are read. The place in the stream stays.
    """
    place = stream.tell()
    try:
        at, pixels = len(PNG_SIGNATURE), False
        for _ in range(MAX_CHUNKS):
            stream.seek(at)
            head = stream.read(CHUNK_HEAD.size)
            if len(head) < CHUNK_HEAD.size:
                return False
            length, kind = CHUNK_HEAD.unpack(head)
            if pixels and kind in EXIF_CHUNKS:
                return True
            pixels = pixels or kind == b"IDAT"
            at += CHUNK_HEAD.size + length + CHECKSUM_BYTES
        return False
    finally:
        stream.seek(place)


def image_size(media: Media) -> tuple[int, int]:
    """(width, height) in pixels as displayed; EXIF orientations 5 to 8 swap the stored ones.

    Raises SourceError when the header can't be read.
    """
    header = image_header(media)
    return header.width, header.height
