"""Natural sorting: numbers inside names as numbers."""

from __future__ import annotations

import re


def natural_key(path: str) -> list[tuple[int, int, str]]:
    """A key that sorts the numbers inside names as numbers."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", path)
        if part
    ]
