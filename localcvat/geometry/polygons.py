"""Polygons: area, and contours of masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcvat.geometry.masks import mask_to_bitmap


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
    import numpy as np

    padded = np.pad(bitmap != 0, 1).astype(np.int8)
    across = np.diff(padded, axis=0)[:, 1:-1]
    along = np.diff(padded, axis=1)[1:-1, :]
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for y, x in np.argwhere(across == 1).tolist():
        steps.setdefault((x, y), []).append((x + 1, y))
    for y, x in np.argwhere(across == -1).tolist():
        steps.setdefault((x + 1, y), []).append((x, y))
    for y, x in np.argwhere(along == 1).tolist():
        steps.setdefault((x, y + 1), []).append((x, y))
    for y, x in np.argwhere(along == -1).tolist():
        steps.setdefault((x, y), []).append((x, y + 1))
    loops = []
    while steps:
        start = min(steps)
        loops.append(_follow(steps, start))
    return loops


def _follow(
    steps: dict[tuple[int, int], list[tuple[int, int]]], start: tuple[int, int]
) -> list[float]:
    corners: list[tuple[int, int]] = []
    here, direction = start, (0, 0)
    while True:
        exits = steps[here]
        there = exits[0] if len(exits) == 1 else _right_turn(here, direction, exits)
        exits.remove(there)
        if not exits:
            del steps[here]
        step = (there[0] - here[0], there[1] - here[1])
        if step != direction:
            corners.append(here)
        here, direction = there, step
        if here == start and here not in steps:
            break
        if here == start and direction != (0, 0) and _closes(corners, direction):
            break
    return [float(value) for corner in corners for value in corner]


def _closes(corners: list[tuple[int, int]], direction: tuple[int, int]) -> bool:
    return len(corners) >= 4


def _right_turn(
    here: tuple[int, int], direction: tuple[int, int], exits: list[tuple[int, int]]
) -> tuple[int, int]:
    """Where two loops touch at a corner, stay with the pixel on the right."""
    right = (-direction[1], direction[0])
    wanted = (here[0] + right[0], here[1] + right[1])
    return wanted if wanted in exits else exits[0]
