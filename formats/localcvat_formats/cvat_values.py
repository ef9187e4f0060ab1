"""Numbers as Datumaro, which writes CVAT's exports, casts and subtracts them."""

from __future__ import annotations

from typing import Any

from localcvat.model import Shape


def box_of(shape: Shape) -> tuple[float, float, float, float]:
    """(x, y, width, height) of a rectangle, with the rounding errors of the subtraction."""
    x1, y1, x2, y2 = shape.points
    return x1, y1, x2 - x1, y2 - y1


def as_int(value: Any, default: int = 0) -> int:
    """`value` as Python's int() takes it, or the default."""
    try:
        return default if value is None else int(value)
    except (ValueError, OverflowError):
        return default


def as_float(value: Any, default: float) -> float:
    """`value` as Python's float() takes it, or the default."""
    try:
        return default if value is None else float(value)
    except ValueError:
        return default
