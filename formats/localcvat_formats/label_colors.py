"""label_colors.txt of KITTI and Cityscapes: the class numbers of label pictures.

A line is ``r g b name``; the number of a class is its line, from 0, the first is the background.
"""

from __future__ import annotations

from collections.abc import Sequence

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.labels import Rgb
from localcvat.model import Label
from localcvat.report import Report
from localcvat_formats.labelmap import BACKGROUND, BLACK, LabelMapEntry
from localcvat_formats.segmentation_mask import cvat_entries, plain_entries
from localcvat_formats.voc_segments import background_index

LABEL_COLORS = "label_colors.txt"
NOTHING = frozenset((BACKGROUND, "unlabeled"))


def find_label_colors(source: Source) -> list[LabelMapEntry] | None:
    """The classes of a source's label_colors.txt; None when it has no such file."""
    for name in source.names:
        if name.rpartition("/")[2] == LABEL_COLORS:
            return read_label_colors(source.read_text(name), source.where(name))
    return None


def read_label_colors(text: str, where: str) -> list[LabelMapEntry]:
    """``r g b name`` lines in class order; a name may hold spaces, colours may be absent."""
    entries: list[LabelMapEntry] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 3)
        color: Rgb | None = None
        name = line.strip()
        if len(words) == 4 and all(word.isdecimal() and int(word) < 256 for word in words[:3]):
            color, name = (int(words[0]), int(words[1]), int(words[2])), words[3].strip()
        if any(entry.name == name for entry in entries):
            raise DatasetError(f"the label {name!r} is there twice", where=f"{where}:{number}")
        entries.append(LabelMapEntry(name=name, color=color))
    return entries


def labels_of(entries: Sequence[LabelMapEntry]) -> list[Label]:
    """The labels of the classes that are something."""
    return [
        Label(
            name=entry.name,
            color="#{:02x}{:02x}{:02x}".format(*entry.color) if entry.color else "",
        )
        for entry in entries
        if entry.name not in NOTHING
    ]


def label_of_class(
    entries: Sequence[LabelMapEntry], index: int, report: Report, where: str, *, skip: bool
) -> str | None:
    """The label with a class number, None for the background.

    A class of no label raises DatasetError; with `skip` it is None too, and in the report.
    """
    if index < len(entries):
        entry = entries[index]
        return None if entry.name in NOTHING or entry.color == BLACK else entry.name
    what = f"the class {index} is of no label"
    if not skip:
        raise DatasetError(what, where=where, hint=f"is {LABEL_COLORS} complete?")
    report.dropped("mask", what, where)
    return None


def written_entries(labels: Sequence[Label], report: Report, *, cvat: bool) -> list[LabelMapEntry]:
    """The classes of labels; CVAT's are by name, but the background is first."""
    if not cvat:
        return plain_entries(labels, report)
    entries = cvat_entries(labels)
    background = entries.pop(background_index(entries) or 0)
    return [background, *entries]


def write_label_colors(entries: Sequence[LabelMapEntry], sink: Sink) -> None:
    """Write label_colors.txt."""
    rows = ["{} {} {} {}\n".format(*(entry.color or BLACK), entry.name) for entry in entries]
    sink.write(LABEL_COLORS, "".join(rows).encode())
