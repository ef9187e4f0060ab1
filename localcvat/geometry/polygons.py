"""Polygons: area, and contours of masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from localcvat.geometry.masks import mask_to_bitmap

Corner = tuple[int, int]


def polygon_area(points: Sequence[float]) -> float:
    """The area inside a polygon (shoelace formula), in square pixels."""
    xs, ys = points[0::2], points[1::2]
    twice = sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))
    return abs(twice) / 2


def mask_to_polygons(points: Sequence[float]) -> list[list[float]]:
    """The outer contours of a mask, along the edges of its pixels, largest first.

    Holes are left out: a polygon has none. Raises ValueError for a broken mask.
    """
    bitmap, left, top = mask_to_bitmap(points)
    rings = [ring for ring in _edge_loops(bitmap) if _signed_area(ring) > 0]
    moved = [
        [value + (left if index % 2 == 0 else top) for index, value in enumerate(ring)]
        for ring in rings
    ]
    return sorted(moved, key=polygon_area, reverse=True)


def _signed_area(points: Sequence[float]) -> float:
    xs, ys = points[0::2], points[1::2]
    return sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs))) / 2


def _edge_loops(bitmap: Any) -> list[list[float]]:
    """Closed loops along pixel edges, set pixels on the right; outer loops have positive area."""
    exits: dict[Corner, list[Corner]] = {}
    for start, end in _sides(bitmap):
        exits.setdefault(start, []).append(end)
    loops = []
    for start in sorted(exits):
        while start in exits:
            loops.append(_follow(exits, start))
    return loops


def _sides(bitmap: Any) -> Iterator[tuple[Corner, Corner]]:
    """The straight sides of all loops from corner to corner, in the direction of travel.

    Where two loops touch at a corner the direction of travel changes, so sides end there.
    """
    import numpy as np

    padded = np.pad(bitmap != 0, 1).astype(np.int8)
    across = np.diff(padded, axis=0)[:, 1:-1]
    along = np.diff(padded, axis=1)[1:-1, :]
    for y, first, last in _runs(across == 1):
        yield (first, y), (last, y)
    for y, first, last in _runs(across == -1):
        yield (last, y), (first, y)
    for x, first, last in _runs((along == 1).T):
        yield (x, last), (x, first)
    for x, first, last in _runs((along == -1).T):
        yield (x, first), (x, last)


def _runs(flags: Any) -> Iterator[tuple[int, int, int]]:
    """(row, first column, column past the last) of each run of true values."""
    import numpy as np

    steps = np.diff(np.pad(flags, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    for (row, first), (_, last) in zip(starts.tolist(), ends.tolist(), strict=True):
        yield row, first, last


def _follow(exits: dict[Corner, list[Corner]], start: Corner) -> list[float]:
    """The corners of the loop from `start` until it comes back there; its sides are used up."""
    corners: list[float] = []
    here, direction = start, (0, 0)
    while True:
        corners += (float(here[0]), float(here[1]))
        ends = exits[here]
        there = ends[0] if len(ends) == 1 else _right_turn(here, direction, ends)
        ends.remove(there)
        if not ends:
            del exits[here]
        direction = (_sign(there[0] - here[0]), _sign(there[1] - here[1]))
        here = there
        if here == start:
            return corners


def _right_turn(here: Corner, direction: Corner, ends: list[Corner]) -> Corner:
    """Where two loops touch at a corner, stay with the pixel on the right."""
    right = (-direction[1], direction[0])
    for end in ends:
        if (_sign(end[0] - here[0]), _sign(end[1] - here[1])) == right:
            return end
    return ends[0]


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
