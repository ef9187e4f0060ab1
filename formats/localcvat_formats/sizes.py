"""Images of unknown size, which formats of fractions and masks can't do without."""

from __future__ import annotations

from localcvat.errors import DatasetError
from localcvat.model import Item


def unknown_size(item: Item) -> DatasetError:
    """The error of a writer that needs the size of an image that nothing tells."""
    return DatasetError(
        "the image's size is unknown",
        where=item.path,
        hint="pass --image-size WIDTHxHEIGHT, or put the images beside the annotations",
    )
