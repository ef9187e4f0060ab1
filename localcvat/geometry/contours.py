"""Outlines of masks as CVAT's imports trace them.

Datumaro, which CVAT imports with, takes the outer borders that OpenCV's `findContours` follows
through the centres of pixels and thins each with the Teh-Chin algorithm (k-cosine curvature):
"On the detection of dominant points on digital curves", PAMI 11 (1989). Outlines of two points or
of no area are left out; the others are closed by their first point.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from localcvat.geometry.masks import mask_to_bitmap

# Steps of the chain code, counter-clockwise from the right, as (dy, dx).
STEPS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
NEW, INSIDE, RIGHT = 1, 2, -126
SMALLEST_AREA = 1
Pixel = tuple[int, int]


def mask_to_contours(points: Sequence[float]) -> list[list[float]]:
    """The closed outer outlines of a CVAT mask; holes are left out. ValueError for a broken one."""
    bitmap, left, top = mask_to_bitmap(points)
    found = []
    for contour in bitmap_contours(bitmap):
        if len(contour) < 3:
            continue
        ring = [(x, y) for x, y in contour]
        if ring[0] != ring[-1]:
            ring.append(ring[0])
        flat = [float(value) for x, y in ring for value in (x + left, y + top)]
        flat = [max(value, 0.0) for value in flat]
        if _area(flat) >= SMALLEST_AREA:
            found.append(flat)
    return found


def _area(ring: Sequence[float]) -> int:
    """The number of pixels of the polygon, as COCO rasterises it."""
    from pycocotools import mask as coco

    left, top = min(ring[0::2]), min(ring[1::2])
    moved = [value - (left if index % 2 == 0 else top) for index, value in enumerate(ring)]
    width, height = int(max(moved[0::2])) + 2, int(max(moved[1::2])) + 2
    return int(sum(coco.area(coco.frPyObjects([moved], height, width))))


def bitmap_contours(bitmap: Any) -> list[list[Pixel]]:
    """The thinned outer borders of a bitmap as (x, y), the last one found first."""
    import numpy as np

    image = np.pad((np.asarray(bitmap) != 0).astype(np.int16), 1)
    contours = []
    for y in range(1, image.shape[0] - 1):
        for x in _starts(image, y):
            chain = _follow(image, y, x)
            contours.append(_thinned(chain, (x - 1, y - 1)))
    return contours[::-1]


def _starts(image: Any, y: int) -> Any:
    """Columns where an outer border begins in a row; the borders met so far are marked."""
    import numpy as np

    x, last = 0, 0
    row = image[y]
    while True:
        changes = np.flatnonzero(row[x + 1 :] != row[x:-1])
        if not len(changes):
            return
        x += int(changes[0]) + 1
        before, here = int(row[x - 1]), int(row[x])
        if before == 0 and here == NEW and last <= 0:
            yield x
            here = int(row[x])
        if here not in (0, NEW):
            last = here


def _follow(image: Any, y: int, x: int) -> list[int]:
    """The chain code of the border that begins at a pixel; marks the border's pixels."""
    direction = 4
    while True:
        direction = (direction - 1) & 7
        first = (y + STEPS[direction][0], x + STEPS[direction][1])
        if image[first] or direction == 4:
            break
    if direction == 4 and not image[first]:
        image[y, x] = RIGHT
        return []
    chain: list[int] = []
    here = (y, x)
    while True:
        came = direction
        while True:
            direction += 1
            step = STEPS[direction & 7]
            there = (here[0] + step[0], here[1] + step[1])
            if image[there]:
                break
        direction &= 7
        if 0 <= direction - 1 < came:
            image[here] = RIGHT
        elif image[here] == NEW:
            image[here] = INSIDE
        chain.append(direction)
        if there == (y, x) and here == first:
            return chain
        here = there
        direction = (direction + 4) & 7


class _Vertex(msgspec.Struct):
    """A point of the curve: its support region and its curvature, as bits that compare alike."""

    place: int
    support: int = 0
    curvature: int = 0


def _thinned(chain: Sequence[int], origin: Pixel) -> list[Pixel]:
    """The dominant points of a closed chain of steps from `origin`."""
    if not chain:
        return [origin]
    curve: list[Pixel] = []
    x, y = origin
    vertices: list[_Vertex] = []
    curvatures = [0] * len(chain)
    for place, step in enumerate(chain):
        curve.append((x, y))
        turn = abs(step - chain[place - 1])
        curvatures[place] = min(turn, 8 - turn)
        if curvatures[place]:
            vertices.append(_Vertex(place=place))
        x, y = x + STEPS[step][1], y + STEPS[step][0]
    for vertex in vertices:
        vertex.support = _support(curve, vertex.place)
        vertex.curvature = _cosine(curve, vertex.place, vertex.support)
        curvatures[vertex.place] = vertex.curvature
    return [curve[vertex.place] for vertex in _dominant(vertices, curvatures)]


def _support(curve: Sequence[Pixel], place: int) -> int:
    """How far the curve bends around a point: while chords grow and it moves away from them."""
    count = len(curve)
    px, py = curve[place]
    length = distance = 0
    reach = 1
    while True:
        ax, ay = curve[(place - reach) % count]
        bx, by = curve[(place + reach) % count]
        dx, dy = bx - ax, by - ay
        longer = dx * dx + dy * dy
        farther = (px - ax) * dy - (py - ay) * dx
        change = distance * longer - farther * length
        if reach > 1 and (
            length >= longer or (distance > 0 and change <= 0) or (distance < 0 and change >= 0)
        ):
            return reach - 1
        distance, length = farther, longer
        reach += 1


def _cosine(curve: Sequence[Pixel], place: int, support: int) -> int:
    """The largest cosine of the angle at a point over shrinking chords, as sortable bits."""
    count = len(curve)
    px, py = curve[place]
    best = 0
    for reach in range(support, 0, -1):
        ax, ay = curve[(place - reach) % count]
        bx, by = curve[(place + reach) % count]
        ax, ay, bx, by = ax - px, ay - py, bx - px, by - py
        if not (ax or ay) or not (bx or by):
            break
        lengths = (float(ax * ax + ay * ay) * float(bx * bx + by * by)) ** 0.5
        bits = _bits(_single((ax * bx + ay * by) / lengths) + 1.1)
        if reach < support and bits <= best:
            break
        best = bits
    return best


def _single(value: float) -> float:
    """`value` in single precision."""
    found: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return found


def _bits(value: float) -> int:
    """The bits of a positive number in single precision, which sort as the numbers do."""
    found: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return found


def _dominant(vertices: list[_Vertex], curvatures: list[int]) -> list[_Vertex]:
    """The points that are the most curved of their neighbourhood."""
    count = len(curvatures)
    kept = []
    for vertex in vertices:
        near = range(1, (vertex.support >> 1) + 1)
        if any(
            curvatures[(vertex.place + sign * step) % count] > vertex.curvature
            for step in near
            for sign in (-1, 1)
        ):
            curvatures[vertex.place] = 0
        else:
            kept.append(vertex)
    left = []
    for vertex in kept:
        beside = (curvatures[vertex.place - 1], curvatures[(vertex.place + 1) % count])
        if vertex.support == 1 and vertex.curvature <= max(beside):
            curvatures[vertex.place] = 0
        else:
            left.append(vertex)
    return left
