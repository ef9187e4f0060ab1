"""Image headers: sizes without decoding pixels."""

from __future__ import annotations

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
            orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    except Exception as error:  # Pillow raises many kinds on damaged headers
        # Pillow's message may show the stream object.
        reason = str(error).split(" <")[0] or type(error).__name__
        raise SourceError(f"not a readable image: {reason}", where=where) from error
    if orientation in SWAPPING_ORIENTATIONS:
        return ImageHeader(height, width, True)
    return ImageHeader(width, height, False)


def image_size(media: Media) -> tuple[int, int]:
    """(width, height) in pixels as displayed; EXIF orientations 5 to 8 swap the stored ones.

    Raises SourceError when the header can't be read.
    """
    header = image_header(media)
    return header.width, header.height
