"""Image paths as annotation tools write them: absolute, URLs, backslashes, percent signs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from localcvat.archive import Source, normalized
from localcvat.errors import DatasetError, SourceError
from localcvat.images import is_image_name
from localcvat.model import Item
from localcvat.plugin import ReadOptions
from localcvat.report import Report

URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
DRIVE = re.compile(r"^[a-zA-Z]:(?=[/\\])")
LOCAL_FILES = "/data/local-files/"


def is_embedded(text: str) -> bool:
    """Whether the image itself is written there, as a data URL."""
    return text.startswith("data:")


def relative_path(text: str) -> tuple[str, bool]:
    """(clean relative path with ``/``, whether it was absolute or a URL); "" when nothing is left.

    ``.`` and ``..`` are left out, so that no path leads out of a dataset.
    """
    absolute = False
    if URL.match(text) or text.startswith(LOCAL_FILES):
        parts = urlsplit(text)
        given = parse_qs(parts.query).get("d", [""])[0]
        text, absolute = (given, False) if given else (unquote(parts.path), True)
    text = text.replace("\\", "/")
    without_drive = DRIVE.sub("", text)
    absolute = absolute or without_drive != text or text.startswith("/")
    clean = (part for part in without_drive.split("/") if part not in ("", ".", ".."))
    return "".join(char for char in "/".join(clean) if char >= " " and char != "\x7f"), absolute


def relative_paths(texts: Iterable[str]) -> dict[str, str]:
    """The relative path of each text; absolute ones lose the folders they all have in common."""
    cleaned = {text: relative_path(text) for text in texts}
    folders = [path.split("/")[:-1] for path, absolute in cleaned.values() if absolute]
    common = 0
    if folders:
        shortest = min(map(len, folders))
        while common < shortest and len({folder[common] for folder in folders}) == 1:
            common += 1
    return {
        text: "/".join(path.split("/")[common:]) if absolute else path
        for text, (path, absolute) in cleaned.items()
    }


class ImageFinder:
    """Finds the image files of a source by paths that were true on another machine."""

    def __init__(self, source: Source, folder: str = "") -> None:
        self._source = source
        self._folder = folder
        self._by_base: dict[str, list[str]] | None = None

    def find(self, path: str) -> str | None:
        """The file at `path` below the folder or the root, else the one whose path ends like it.

        None when there is none, or several match equally well.
        """
        for candidate in dict.fromkeys((path, unquote(path))):
            for folder in dict.fromkeys((self._folder, "", "images")):
                name = f"{folder}/{candidate}" if folder else candidate
                if candidate and self._source.exists(name):
                    return name
            found = self._by_ending(candidate)
            if found is not None:
                return found
        return None

    def _by_ending(self, path: str) -> str | None:
        if self._by_base is None:
            self._by_base = {}
            for name in self._source.names:
                if is_image_name(name):
                    base = normalized(name.rpartition("/")[2])
                    self._by_base.setdefault(base, []).append(name)
        wanted = normalized(path).split("/")[::-1]
        candidates = self._by_base.get(wanted[0], [])
        ranked = sorted((-_shared(wanted, name), name) for name in candidates)
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return ranked[0][1]


def _shared(wanted: list[str], name: str) -> int:
    """How many of the last parts two paths share."""
    count = 0
    for mine, theirs in zip(wanted, normalized(name).split("/")[::-1], strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def fill_media(
    item: Item,
    finder: ImageFinder,
    source: Source,
    options: ReadOptions,
    report: Report,
    where: str,
    needs_size: bool = False,
) -> None:
    """Give the item its image and, when it has none yet, its size in pixels.

    Raises DatasetError when `needs_size` and neither the image nor --image-size tells the size.
    """
    missing = not (item.width and item.height)
    if options.media or missing:
        name = finder.find(item.path)
        if name is not None:
            item.media = source.media(name)
    if not missing:
        _compare_size(item, report)
        return
    problem = "the image is missing, so its size is unknown"
    if item.media is not None:
        try:
            item.width, item.height = item.media.image_size()
            report.assumed("image size", "read from the image's header", item.path)
            return
        except SourceError as error:
            problem = error.what
    if options.image_size is not None:
        item.width, item.height = options.image_size
        report.assumed("image size", "taken from --image-size", item.path)
    elif needs_size:
        raise DatasetError(problem, where=where, hint="pass --image-size WIDTHxHEIGHT")


def _compare_size(item: Item, report: Report) -> None:
    """Tell when a file states another size than its image has, as displayed, EXIF applied."""
    if item.media is None:
        return
    try:
        found = item.media.image_size()
    except SourceError as error:
        report.dropped("image size", error.what, item.path)
        return
    if found != (item.width, item.height):
        turned = ", turned by EXIF?" if found == (item.height, item.width) else ""
        why = f"the annotations' is taken, the image has another{turned}"
        report.assumed("image size", why, item.path)


def report_ending(item: Item, report: Report) -> None:
    """Say that an image is called by its path without the ending."""
    why = "its ending is known only where the images are"
    report.changed("file name", why, item.path, lossy=False)
