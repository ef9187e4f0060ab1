"""VOC's labelmap.txt: ``name:r,g,b:parts:actions`` lines, and the VOC colour map.

Source: formats specification, sections 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from localcvat.errors import DatasetError
from localcvat.labels import Rgb, voc_color

HEADER = "# label:color_rgb:parts:actions\n"
BACKGROUND = "background"
BLACK = (0, 0, 0)


class LabelMapEntry(msgspec.Struct):
    """One line: `color` is None where the line has none."""

    name: str
    color: Rgb | None = None
    parts: list[str] = []
    actions: list[str] = []


def labelmap_text(entries: Sequence[LabelMapEntry]) -> str:
    """The file of `entries`; those without a colour get the VOC colour of their position."""
    lines = [HEADER]
    for index, entry in enumerate(entries):
        red, green, blue = entry.color or voc_color(index)
        parts, actions = ",".join(entry.parts), ",".join(entry.actions)
        lines.append(f"{entry.name}:{red},{green},{blue}:{parts}:{actions}\n")
    return "".join(lines)


def with_background(entries: Sequence[LabelMapEntry]) -> list[LabelMapEntry]:
    """`entries` with a background in front, unless one of them has its name or its colour."""
    if any(entry.name == BACKGROUND or entry.color == BLACK for entry in entries):
        return list(entries)
    return [LabelMapEntry(name=BACKGROUND), *entries]


def read_labelmap(text: str, where: str) -> list[LabelMapEntry]:
    """The entries of a labelmap; colours, parts and actions may be absent.

    Raises DatasetError with the line for a name that is there twice or a colour that is none.
    """
    entries: list[LabelMapEntry] = []
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{where}:{number}"
        fields = [field.strip() for field in _fields(line)]
        if fields[0] in seen:
            raise DatasetError(f"the label {fields[0]!r} is there twice", where=place)
        seen.add(fields[0])
        entries.append(
            LabelMapEntry(
                name=fields[0],
                color=_color(fields[1], place),
                parts=[part.strip() for part in fields[2].split(",") if part.strip()],
                actions=[action.strip() for action in fields[3].split(",") if action.strip()],
            )
        )
    return entries


def _fields(line: str) -> list[str]:
    """Name, colour, parts, actions; a name may hold colons when all four fields are there."""
    found = line.split(":")
    if len(found) > 4:
        return [":".join(found[:-3]), *found[-3:]]
    return found + [""] * (4 - len(found))


def _color(text: str, place: str) -> Rgb | None:
    if not text:
        return None
    try:
        red, green, blue = (int(value) for value in text.split(","))
    except ValueError as error:
        raise DatasetError(f"{text[:40]!r} is not a colour r,g,b", where=place) from error
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise DatasetError(f"{text[:40]!r} is not a colour r,g,b", where=place)
    return red, green, blue


def colors_of(entries: Sequence[LabelMapEntry]) -> list[Rgb]:
    """The colour of each entry, by position where it states none."""
    return [entry.color or voc_color(index) for index, entry in enumerate(entries)]
