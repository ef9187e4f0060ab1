"""Objects that two overlapping jobs both have are counted once, as CVAT merges a task's jobs.

Source: formats specification, section 0.3 (jobs overlapping). Objects of one frame are paired by
the assignment of least cost, where the cost is 1 - IoU and 1 between objects of another kind or
label; a pair that costs more than the threshold is none. Only rectangles (rotation ignored),
polygons and 3D cuboids are compared; everything else stays double, as in CVAT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from localcvat.geometry.assignment import assign
from localcvat.geometry.boxes import box_iou
from localcvat.geometry.tracks import end_track, interpolate
from localcvat.model import Shape, Tag, Track, TrackedShape

SHAPE_THRESHOLD = 0.25
TRACK_THRESHOLD = 0.5

Object = TypeVar("Object", Shape, Tag, Track)
Similarity = Callable[[Object, Object], float]


def paired(
    new: Sequence[Object], old: Sequence[Object], similarity: Similarity[Object], threshold: float
) -> dict[int, int]:
    """Index into `old` of each object of `new` that is the same one."""
    alike: dict[int, dict[int, float]] = {}
    for row, one in enumerate(new):
        for column, other in enumerate(old):
            likeness = similarity(one, other)
            if likeness > 0:
                alike.setdefault(row, {})[column] = likeness
    pairs: dict[int, int] = {}
    for rows, columns in _components(alike):
        costs = [[1 - alike[row].get(column, 0.0) for column in columns] for row in rows]
        for row, column in assign(costs):
            if costs[row][column] <= threshold:
                pairs[rows[row]] = columns[column]
    return pairs


def _components(alike: dict[int, dict[int, float]]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that have to do with each other; each group is solved by itself."""
    by_column: dict[int, list[int]] = {}
    for row, columns in alike.items():
        for column in columns:
            by_column.setdefault(column, []).append(row)
    found: list[tuple[list[int], list[int]]] = []
    seen: set[int] = set()
    for start in alike:
        if start in seen:
            continue
        rows, reached, waiting = {start}, set[int](), [start]
        while waiting:
            for column in alike[waiting.pop()]:
                if column not in reached:
                    reached.add(column)
                    fresh = [row for row in by_column[column] if row not in rows]
                    rows.update(fresh)
                    waiting.extend(fresh)
        seen |= rows
        found.append((sorted(rows), sorted(reached)))
    return found


def merge_shapes(old: Sequence[Shape], new: Sequence[Shape], three_d: bool = False) -> list[Shape]:
    """The shapes of one frame from the jobs before and from one more job."""
    if not old or not new:
        return [*old, *new]

    def similarity(one: Shape, other: Shape) -> float:
        return one.label == other.label and shape_iou(one, other, three_d)

    pairs = paired(new, old, similarity, SHAPE_THRESHOLD)
    return [*old, *(shape for index, shape in enumerate(new) if index not in pairs)]


def merge_tags(old: Sequence[Tag], new: Sequence[Tag]) -> list[Tag]:
    """The tags of one frame from the jobs before and from one more job; equal labels are one."""
    pairs = paired(new, old, lambda one, other: one.label == other.label, SHAPE_THRESHOLD)
    return [*old, *(tag for index, tag in enumerate(new) if index not in pairs)]


def shape_iou(one: Shape | TrackedShape, other: Shape | TrackedShape, three_d: bool) -> float:
    """Intersection over union of two shapes; 0 where CVAT does not compare them."""
    if one.type != other.type:
        return 0.0
    if one.type == "rectangle":
        return box_iou(_box(one.points), _box(other.points))
    if one.type == "polygon":
        return _polygon_iou(one.points, other.points)
    if one.type == "cuboid" and three_d:
        return _cuboid_iou(one.points, other.points)
    return 0.0


def _box(points: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = points
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _polygon_iou(one: Sequence[float], other: Sequence[float]) -> float:
    if max(one[0::2]) < min(other[0::2]) or max(other[0::2]) < min(one[0::2]):
        return 0.0
    from shapely.geometry import Polygon

    if len(one) < 6 or len(other) < 6:
        return 0.0
    first, second = (
        Polygon(list(zip(points[0::2], points[1::2], strict=True))) for points in (one, other)
    )
    if not (first.is_valid and second.is_valid) or not (first.area and second.area):
        return 0.0
    shared = float(first.intersection(second).area)
    return shared / (float(first.area) + float(second.area) - shared)


def _cuboid_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """The product of the IoUs seen from above and from the side; rotation ignored."""

    def view(points: Sequence[float], axis: int) -> tuple[float, float, float, float]:
        width, height = abs(points[6]) / 2, abs(points[6 + axis]) / 2
        return (
            points[0] - width,
            points[axis] - height,
            points[0] + width,
            points[axis] + height,
        )

    return box_iou(view(one, 1), view(other, 1)) * box_iou(view(one, 2), view(other, 2))


def merge_tracks(
    old: list[Track], new: Sequence[Track], start: int, overlap: int, three_d: bool = False
) -> None:
    """Add a job's tracks to those of the jobs before it.

    `start` is the job's first frame, `overlap` how many frames it shares with the job before. A
    track that goes on in the new job is joined with its other half; one that does not ends there,
    with an outside keyframe on the first frame after the overlap.
    """
    end = start + overlap
    shared = [track for track in new if track.frame < end]
    going_on = [track for track in old if _lasts_until(track, start)]
    old.extend(track for track in new if track.frame >= end)
    candidates = [track for track in shared if _lasts_until(track, start)]
    if not going_on or not candidates:
        for track in going_on:
            _close(track, end)
        old.extend(shared)
        return

    def similarity(one: Track, other: Track) -> float:
        return one.label == other.label and _track_likeness(one, other, start, end, three_d)

    pairs = paired(candidates, going_on, similarity, TRACK_THRESHOLD)
    for index, track in enumerate(candidates):
        if index in pairs:
            _join(going_on[pairs[index]], track)
        else:
            old.append(track)
    for index, track in enumerate(going_on):
        if index not in pairs.values():
            _close(track, end)


def _lasts_until(track: Track, frame: int) -> bool:
    return bool(track.shapes) and (track.shapes[-1].frame >= frame or not track.shapes[-1].outside)


def _close(track: Track, frame: int) -> None:
    if not track.shapes[-1].outside:
        end_track(track, frame)


def _join(track: Track, more: Track) -> None:
    """Add the keyframes of `more` where `track` has none."""
    known = {shape.frame for shape in track.shapes}
    added = [shape for shape in more.shapes if shape.frame not in known]
    track.shapes = sorted([*track.shapes, *added], key=lambda shape: shape.frame)
    track.frame = min(track.frame, more.frame)


def _track_likeness(one: Track, other: Track, start: int, end: int, three_d: bool) -> float:
    """1 minus the mean error over the shared frames on which either track has a shape."""
    first, second = (
        {shape.frame: shape for shape, _ in interpolate(track, end - 1)} for track in (one, other)
    )
    if not first or not second:
        return 0.0
    errors: list[float] = []
    for frame in range(start, end):
        mine, its = first.get(frame), second.get(frame)
        if mine is not None and its is not None:
            same_side = mine.outside == its.outside
            errors.append(1 - shape_iou(mine, its, three_d) if same_side else 1.0)
        elif mine is not None or its is not None:
            errors.append(1.0)
    return 1 - sum(errors) / (len(errors) or 1)
