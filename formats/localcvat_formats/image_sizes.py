"""The size of an image: what its file of annotations says against what its header says."""

from __future__ import annotations

from localcvat.errors import SourceError
from localcvat.model import Item
from localcvat.plugin import ReadOptions
from localcvat.report import Report


def settle_size(
    item: Item, options: ReadOptions, report: Report, where: str, *, tell: bool = False
) -> None:
    """Give an item its size: the stated one, else its header's, else what the options know.

    Where the images are read too, a stated size that is not the displayed one is reported. `tell`
    reports a size that had to be taken from the header.
    """
    if item.width and item.height:
        if options.media and item.media is not None:
            _compare(item, report, where)
        return
    if item.media is not None:
        try:
            item.width, item.height = item.media.image_size()
        except SourceError as error:
            report.dropped("image size", error.what, where)
        else:
            if tell:
                report.assumed("image size", "read from the image's header", where)
            return
    known = options.stated_size(item.path)
    if known is not None:
        item.width, item.height = known
        report.assumed("image size", "not in the files: as stated", where)


def _compare(item: Item, report: Report, where: str) -> None:
    assert item.media is not None
    try:
        shown = item.media.image_size()
    except SourceError as error:
        report.dropped("image size", error.what, where)
        return
    stated = (item.width, item.height)
    if stated == shown:
        return
    if stated == shown[::-1]:
        why = "of the picture as stored; EXIF turns it when it is shown, the shapes are not turned"
    else:
        why = "differs from the image's own: kept as stated"
    report.assumed("image size", why, where)
