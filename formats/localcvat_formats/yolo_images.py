"""Images and label files of YOLO datasets: pairing them, and sizes from headers."""

from __future__ import annotations

import re

from localcvat.archive import Source
from localcvat.errors import DatasetError, SourceError
from localcvat.images import image_header, is_image_name
from localcvat.model import Item
from localcvat.plugin import ReadOptions
from localcvat.report import Report

SUBSET_FOLDERS = frozenset(("train", "val", "valid", "validation", "test"))

NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")


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


def subset_and_path(name: str) -> tuple[str, str]:
    """The subset and the path in it that a file's place stands for.

    ``images/train/a/1.jpg`` and ``train/images/a/1.jpg`` are ``a/1.jpg`` of train; what lies
    elsewhere is of the subset default.
    """
    folders = name.split("/")
    subset = ""
    while len(folders) > 1:
        if folders[0] in ("images", "labels"):
            folders = folders[1:]
        elif folders[0] in SUBSET_FOLDERS and not subset:
            subset, folders = folders[0], folders[1:]
        else:
            break
    return subset or "default", "/".join(folders)


def set_size(item: Item, options: ReadOptions, report: Report, where: str) -> None:
    """Give the item its size in pixels from the image's header, else from the options."""
    stated = options.stated_size(item.path)
    if item.media is not None:
        try:
            header = image_header(item.media)
            item.width, item.height = header.width, header.height
            if header.turned:
                report.assumed("image size", "turned by EXIF: fractions of it as displayed", where)
            return
        except SourceError as error:
            if stated is None:
                raise DatasetError(error.what, where=error.where) from error
    if stated is None:
        raise DatasetError(
            "the image is missing, so its size is unknown",
            where=where,
            hint="pass --image-size WIDTHxHEIGHT",
        )
    item.width, item.height = stated
    if options.size_of is None:
        report.assumed("image size", "taken from --image-size", item.path)


def report_orphans(source: Source, names: set[str], report: Report) -> None:
    """Count label files that no image goes with."""
    for name in sorted(names):
        report_orphan(source, name, report)


def report_orphan(source: Source, name: str, report: Report) -> None:
    """Count a label file that no image goes with, and the lines in it."""
    report.dropped("label file", "its image is missing", source.where(name))
    lines = sum(_is_label_line(line) for line in source.read_text(name).splitlines())
    report.matched(source.where(name), "line", 0, lines)


def _is_label_line(line: str) -> bool:
    """Whether it could be an object; a text of another kind is no loss of one."""
    words = line.split()
    return len(words) >= 5 and all(NUMBER.fullmatch(word) for word in words)


def unique_labels(names: list[str], report: Report, where: str) -> list[str]:
    """The names without repetition; classes of one name are one label, which is reported."""
    unique = list(dict.fromkeys(names))
    if len(unique) < len(names):
        repeated = next(name for name in unique if names.count(name) > 1)
        report.assumed("class", f"several are called {repeated!r}: one label", where)
    return unique
