"""Oriented boxes as four corners, and back with the direction they were given in."""

from __future__ import annotations

import math
from collections.abc import Sequence

TOLERANCE = 2e-3
"""How far, of its longest side, a corner may lie from where a rectangle has it."""


def rectangle_of_corners(
    corners: Sequence[float],
) -> tuple[float, float, float, float, float] | None:
    """(x1, y1, x2, y2, rotation) of corners TL, TR, BR, BL in pixels; None if no rectangle.

    The rotation is degrees clockwise, 0 <= r < 360; corners listed the other way round are the
    same rectangle.
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = zip(corners[::2], corners[1::2], strict=True)
    width, height = math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)
    longest = max(width, height)
    if not width or not height:
        return None
    parallel = math.hypot(bx - ax - (cx - dx), by - ay - (cy - dy))
    square = abs((bx - ax) * (dx - ax) + (by - ay) * (dy - ay)) / longest
    if max(parallel, square) > TOLERANCE * longest + 1e-3:
        return None
    turn = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    if turn < 0:  # listed against the clock
        (bx, by), (dx, dy), (width, height) = (dx, dy), (bx, by), (height, width)
    angle = math.degrees(math.atan2(by - ay, bx - ax)) % 360
    if abs(angle - round(angle)) < 1e-3 and round(angle) % 90 == 0:
        angle = round(angle) % 360
    middle_x, middle_y = (ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4
    half_w, half_h = width / 2, height / 2
    return middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h, float(angle)
