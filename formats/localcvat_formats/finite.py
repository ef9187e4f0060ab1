"""Numbers in the columns of text files."""

from __future__ import annotations

import math

from localcvat.errors import DatasetError


def finite_number(text: str, where: str, largest: float) -> float:
    """The number a text stands for; raises DatasetError for none and for one beyond `largest`."""
    try:
        value = float(text)
    except ValueError as error:
        raise DatasetError(f"{text[:40]!r} is not a number", where=where) from error
    if not math.isfinite(value) or abs(value) > largest:
        raise DatasetError(f"{text[:40]!r} is out of range", where=where)
    return value
