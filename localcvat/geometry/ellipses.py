"""Ellipses ``cx cy x_right y_top`` as polygons and masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from localcvat.geometry.boxes import rotate_points
from localcvat.geometry.masks import MAX_PIXELS, bitmap_to_mask
from localcvat.geometry.raster import ellipse_bitmap

VERTICES = 72


def ellipse_to_polygon(
    points: Sequence[float], rotation: float = 0.0, n: int = VERTICES
) -> list[float]:
    """`n` points on the ellipse, clockwise from its right end."""
    cx, cy, right, top = points[:4]
    rx, ry = right - cx, cy - top
    ring: list[float] = []
    for step in range(n):
        angle = 2 * math.pi * step / n
        ring += (cx + rx * math.cos(angle), cy + ry * math.sin(angle))
    return rotate_points(ring, rotation, cx, cy) if rotation else ring


def ellipse_to_mask(
    points: Sequence[float], rotation: float, width: int, height: int
) -> list[float]:
    """The pixels of the ellipse as CVAT paints them; ValueError when none is in the image."""
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width} by {height} pixels")
    return bitmap_to_mask(ellipse_bitmap(points, rotation, width, height))
