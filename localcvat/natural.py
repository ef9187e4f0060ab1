"""Natural sorting as CVAT has it: by folders, numbers as numbers, without regard to case.

CVAT sorts by natsort's `os_sorted`, on Linux: path components apart, up to two short extensions
apart from the name.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

MAX_EXTENSION = 5
MAX_EXTENSIONS = 2

Key = list[list[tuple[int, int, str]]]


def natural_key(path: str) -> Key:
    """A key that sorts paths as CVAT's natural order does."""
    *folders, base = path.casefold().split("/")
    extensions: list[str] = []
    for extension in reversed(PurePosixPath(base).suffixes[-MAX_EXTENSIONS:]):
        if len(extension) > MAX_EXTENSION or extension[1:2].isdecimal():
            break
        extensions.insert(0, extension)
        base = base[: -len(extension)]
    return [_pieces(part) for part in (*folders, base, *extensions) if part]


def _pieces(part: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(piece), "") if piece.isdecimal() else (1, 0, piece)
        for piece in re.split(r"(\d+)", part)
        if piece
    ]
