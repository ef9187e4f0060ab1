"""Images and label files of YOLO datasets: pairing them, and sizes from headers."""

from __future__ import annotations

from localcvat.archive import Source
from localcvat.errors import DatasetError, SourceError
from localcvat.images import is_image_name
from localcvat.model import Item
from localcvat.plugin import ReadOptions
from localcvat.report import Report


def stem_of(path: str) -> str:
    """The path without its extension."""
    head, slash, base = path.rpartition("/")
    dot = base.rfind(".")
    return head + slash + (base[:dot] if dot > 0 else base)


def image_index(source: Source) -> dict[str, str]:
    """Image names of a source by their stem."""
    return {stem_of(name): name for name in source.names if is_image_name(name)}


def label_path_of(image: str) -> str:
    """Where the label file of an image lies: ``images/`` becomes ``labels/``, else beside it."""
    folders = image.split("/")
    for position in range(len(folders) - 2, -1, -1):
        if folders[position] == "images":
            folders[position] = "labels"
            break
    return stem_of("/".join(folders)) + ".txt"


def set_size(item: Item, options: ReadOptions, report: Report, where: str) -> None:
    """Give the item its size in pixels from the image's header, else from the options."""
    if item.media is not None:
        try:
            item.width, item.height = item.media.image_size()
            return
        except SourceError as error:
            if options.image_size is None:
                raise DatasetError(error.what, where=error.where) from error
    if options.image_size is None:
        raise DatasetError(
            "the image is missing, so its size is unknown",
            where=where,
            hint="pass --image-size WIDTHxHEIGHT",
        )
    item.width, item.height = options.image_size
    report.assumed("image size", "taken from --image-size", item.path)
