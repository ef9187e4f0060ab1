"""Ellipses as pixels, exactly as CVAT paints them.

CVAT turns every ellipse it exports into a mask with OpenCV's filled `ellipse` (formats
specification, section 0.3). The rules, in fixed point with 16 bits of fraction: the outline is a
polygon with a vertex every 5 to 90 degrees, the smaller the fewer; its edges are drawn as lines;
its inside is filled row by row between the two edges, each rounded to the nearest pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bitmap = NDArray[np.uint8]

SHIFT = 16
ONE = 1 << SHIFT
HALF = ONE >> 1
Vertex = tuple[int, int]


def ellipse_bitmap(points: Sequence[float], rotation: float, width: int, height: int) -> Bitmap:
    """The pixels (1) of an ellipse ``cx cy x_right y_top`` in an image of width by height.

    Centre, half axes and rotation (degrees clockwise) are rounded to integers first.
    """
    import numpy as np

    cx, cy, right, top = points[:4]
    image = np.zeros((height, width), dtype=np.uint8)
    axes = abs(round(right - cx)), abs(round(cy - top))
    outline = _outline(round(cx), round(cy), axes, round(rotation))
    previous = outline[-1]
    for vertex in outline:
        _draw_line(image, previous, vertex)
        previous = vertex
    _fill(image, outline)
    return image


@cache
def _sine(degrees: int) -> float:
    """The sine in single precision from seven decimals, as in OpenCV's table."""
    import numpy as np

    return float(np.float32(round(math.sin(math.radians(degrees)), 7)))


def _outline(cx: int, cy: int, axes: tuple[int, int], rotation: int) -> list[Vertex]:
    """The vertices in fixed point, the first one also last, neighbours never equal."""
    larger = max(axes)
    step = 90 if larger < 3 else 30 if larger < 10 else 18 if larger < 15 else 5
    turn = rotation % 360
    cosine, sine = _sine(450 - turn), _sine(turn)
    vertices: list[Vertex] = []
    for degrees in range(0, 360 + step, step):
        angle = min(degrees, 360)
        x, y = axes[0] * ONE * _sine(450 - angle), axes[1] * ONE * _sine(angle)
        vertex = (
            round((cx << SHIFT) + x * cosine - y * sine),
            round((cy << SHIFT) + x * sine + y * cosine),
        )
        if not vertices or vertices[-1] != vertex:
            vertices.append(vertex)
    return vertices if len(vertices) > 1 else [(cx << SHIFT, cy << SHIFT)] * 2


def _quotient(dividend: int, divisor: int) -> int:
    """Division that truncates towards zero."""
    whole = abs(dividend) // abs(divisor)
    return whole if (dividend < 0) == (divisor < 0) else -whole


def _clipped(a: Vertex, b: Vertex, right: int, bottom: int) -> tuple[Vertex, Vertex] | None:
    """The part of a line inside 0..right, 0..bottom; None when there is none."""
    (x1, y1), (x2, y2) = a, b

    def code(x: int, y: int) -> int:
        return (x < 0) + (x > right) * 2 + (y < 0) * 4 + (y > bottom) * 8

    first, second = code(x1, y1), code(x2, y2)
    if not first & second and first | second:
        if first & 12:
            edge = 0 if first < 8 else bottom
            x1 += _quotient((edge - y1) * (x2 - x1), y2 - y1)
            y1, first = edge, (x1 < 0) + (x1 > right) * 2
        if second & 12:
            edge = 0 if second < 8 else bottom
            x2 += _quotient((edge - y2) * (x2 - x1), y2 - y1)
            y2, second = edge, (x2 < 0) + (x2 > right) * 2
        if not first & second and first | second:
            if first:
                edge = 0 if first == 1 else right
                y1 += _quotient((edge - x1) * (y2 - y1), x2 - x1)
                x1, first = edge, 0
            if second:
                edge = 0 if second == 1 else right
                y2 += _quotient((edge - x2) * (y2 - y1), x2 - x1)
                x2, second = edge, 0
    return None if first | second else ((x1, y1), (x2, y2))


def _draw_line(image: Bitmap, start: Vertex, end: Vertex) -> None:
    """Set the pixels of a line one pixel wide."""
    height, width = image.shape
    clipped = _clipped(start, end, (width << SHIFT) - 1, (height << SHIFT) - 1)
    if clipped is None:
        return
    (x1, y1), (x2, y2) = clipped
    flat = abs(x2 - x1) > abs(y2 - y1)
    if (x2 < x1) if flat else (y2 < y1):
        x1, y1, x2, y2 = x2, y2, x1, y1
    _put(image, (x2 + HALF) >> SHIFT, (y2 + HALF) >> SHIFT)
    x, y = x1 + HALF, y1 + HALF
    if flat:
        slope = _quotient((y2 - y1) << SHIFT, (x2 - x1) | 1)
        for step in range(((x2 - x1) >> SHIFT) + 1):
            _put(image, (x >> SHIFT) + step, (y + slope * step) >> SHIFT)
    else:
        slope = _quotient((x2 - x1) << SHIFT, (y2 - y1) | 1)
        for step in range(((y2 - y1) >> SHIFT) + 1):
            _put(image, (x + slope * step) >> SHIFT, (y >> SHIFT) + step)


def _put(image: Bitmap, x: int, y: int) -> None:
    if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
        image[y, x] = 1


class _Edge:
    """One side of a convex polygon on its way down."""

    def __init__(self, top: int, vertex: int, step: int) -> None:
        self.vertex, self.step, self.end = vertex, step, top
        self.x, self.slope = -ONE, 0


def _fill(image: Bitmap, outline: list[Vertex]) -> None:
    """Fill a convex polygon row by row."""
    height, width = image.shape
    count = len(outline)
    rows = [(y + HALF) >> SHIFT for _, y in outline]
    columns = [(x + HALF) >> SHIFT for x, _ in outline]
    if (
        count < 3
        or max(columns) < 0
        or max(rows) < 0
        or min(columns) >= width
        or min(rows) >= height
    ):
        return
    highest = min(range(count), key=lambda index: outline[index][1])
    left_over = count
    edges = [_Edge(rows[highest], highest, 1), _Edge(rows[highest], highest, count - 1)]
    for row in range(rows[highest], min(max(rows), height - 1) + 1):
        for edge in edges:
            if row >= edge.end:
                left_over = _advance(edge, outline, rows, row, left_over)
        if left_over < 0:
            return
        if row >= 0:
            left, right = sorted((edges[0].x, edges[1].x))
            first, last = (left + HALF) >> SHIFT, (right + HALF) >> SHIFT
            if last >= 0 and first < width:
                image[row, max(first, 0) : min(last, width - 1) + 1] = 1
        for edge in edges:
            edge.x += edge.slope


def _advance(edge: _Edge, outline: list[Vertex], rows: list[int], row: int, left_over: int) -> int:
    """Move to the next side that reaches below `row`; returns how many sides are left."""
    count = len(outline)
    here, there = edge.vertex, (edge.vertex + edge.step) % count
    while left_over > 0:
        left_over -= 1
        down = rows[there] - row
        if down > 0:
            edge.end, edge.vertex = rows[there], there
            edge.x = outline[here][0]
            edge.slope = _quotient((outline[there][0] - edge.x) * 2 + down, 2 * down)
            return left_over
        here, there = there, (there + edge.step) % count
    return -1


def paint_mask(canvas: NDArray[Any], points: Sequence[float], value: int) -> int:
    """Set a CVAT mask's pixels of `canvas` (height by width) to `value`.

    Returns how many pixels were painted; those outside of the canvas are left out. Raises
    ValueError for a broken mask.
    """
    from localcvat.geometry.masks import CountedMask, mask_area, mask_to_bitmap

    height, width = canvas.shape[:2]
    if isinstance(points, CountedMask) and (points.width, points.height) == (width, height):
        points.paint(canvas, value)
        return mask_area(points)
    bitmap, left, top = mask_to_bitmap(points)
    y1, y2 = max(top, 0), min(top + bitmap.shape[0], height)
    x1, x2 = max(left, 0), min(left + bitmap.shape[1], width)
    if y1 >= y2 or x1 >= x2:
        return 0
    part = bitmap[y1 - top : y2 - top, x1 - left : x2 - left] != 0
    canvas[y1:y2, x1:x2][part] = value
    return int(part.sum())


def united_mask(masks: Sequence[Sequence[float]]) -> list[float]:
    """One CVAT mask of the pixels of several; raises ValueError for none or a broken one."""
    import numpy as np

    from localcvat.geometry.masks import bitmap_to_mask

    if not masks:
        raise ValueError("no masks")
    left, top = int(min(mask[-4] for mask in masks)), int(min(mask[-3] for mask in masks))
    right, bottom = int(max(mask[-2] for mask in masks)), int(max(mask[-1] for mask in masks))
    canvas = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    for mask in masks:
        x1, y1, x2, y2 = mask[-4:]
        paint_mask(canvas, [*mask[:-4], x1 - left, y1 - top, x2 - left, y2 - top], 1)
    return bitmap_to_mask(canvas, left, top)
