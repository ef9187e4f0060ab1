"""Interpolation between two curves of different point counts, as CVAT's track manager does it.

Points are matched by their relative distance along the curve, moved linearly, and what lies closer
together than half the mean segment is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]


def interpolated_curve(
    first: Sequence[float], last: Sequence[float], offset: float, closed: bool
) -> list[float]:
    """The flat points at `offset` (0..1) of the way; `closed` for polygons."""
    left, right = _points(first, closed), _points(last, closed)
    matching = _matching(_relative_lengths(left), _relative_lengths(right))
    moved = [
        (
            left[index][0] + (right[other][0] - left[index][0]) * offset,
            left[index][1] + (right[other][1] - left[index][1]) * offset,
        )
        for index, others in enumerate(matching)
        for other in others
    ]
    reduced = _Reduction(moved, matching, left, right).points()
    flat = [value for point in reduced for value in point]
    return flat[:-2] if closed else flat


def _points(flat: Sequence[float], closed: bool) -> list[Point]:
    points = list(zip(flat[0::2], flat[1::2], strict=True))
    return [*points, points[0]] if closed else points


def _length(points: Sequence[Point]) -> float:
    return sum(math.dist(a, b) for a, b in zip(points, points[1:], strict=False))


def _relative_lengths(points: Sequence[Point]) -> list[float]:
    total = _length(points) or 1.0
    lengths, walked = [0.0], 0.0
    for a, b in zip(points, points[1:], strict=False):
        walked += math.dist(a, b)
        lengths.append(walked / total)
    return lengths


def _nearest(value: float, curve: Sequence[float]) -> int:
    return min(range(len(curve)), key=lambda index: abs(value - curve[index]))


def _matching(left: Sequence[float], right: Sequence[float]) -> list[list[int]]:
    """For each left point the right points it moves to; every right point is somewhere."""
    matching = [[_nearest(value, right)] for value in left]
    taken = {others[0] for others in matching}
    for index in range(len(right)):
        if index not in taken:
            matching[_nearest(right[index], left)].append(index)
    return [sorted(others) for others in matching]


class _Reduction:
    """Drops points that came too close together."""

    def __init__(
        self,
        moved: Sequence[Point],
        matching: Sequence[Sequence[int]],
        left: Sequence[Point],
        right: Sequence[Point],
    ) -> None:
        self._moved = moved
        self._matching = matching
        self._left = left
        self._right = right
        self._indexes: list[list[int]] = []
        count = 0
        for others in matching:
            self._indexes.append(list(range(count, count + len(others))))
            count += len(others)

    def points(self) -> list[Point]:
        reduced: list[Point] = []
        opened: int | None = None
        for index, others in enumerate(self._matching):
            if len(others) > 1:
                if opened is not None:
                    reduced += self._left_segment(opened, index - 1)
                opened = None
                reduced += self._right_segment(index)
            elif opened is None:
                opened = index
            elif others[0] != self._matching[opened][0]:
                reduced += self._left_segment(opened, index - 1)
                opened = index
        if opened is not None:
            reduced += self._left_segment(opened, len(self._matching) - 1)
        return reduced

    def _left_segment(self, start: int, stop: int) -> list[Point]:
        first, last = self._indexes[start][0], self._indexes[stop][0]
        if first == last:
            return [self._moved[first]]
        length = _length(self._left[start : stop + 1])
        return self._minimized(length, stop - start + 1, first, last)

    def _right_segment(self, index: int) -> list[Point]:
        start, stop = self._matching[index][0], self._matching[index][-1]
        first, last = self._indexes[index][0], self._indexes[index][-1]
        length = _length(self._right[start : stop + 1])
        return self._minimized(length, stop - start + 1, first, last)

    def _minimized(self, length: float, count: int, first: int, last: int) -> list[Point]:
        threshold = length / (2 * count)
        kept = [self._moved[first]]
        for index in range(first + 1, last):
            if math.dist(kept[-1], self._moved[index]) >= threshold:
                kept.append(self._moved[index])
        kept.append(self._moved[last])
        if len(kept) == 2 and math.dist(kept[0], kept[1]) < threshold:
            (ax, ay), (bx, by) = kept
            return [((ax + bx) / 2, (ay + by) / 2)]
        return kept
