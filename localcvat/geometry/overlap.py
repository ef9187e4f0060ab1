"""Objects that two overlapping jobs both have are counted once, as CVAT merges a task's jobs.

Source: formats specification, section 0.3 (jobs overlapping). Objects of one frame are paired by
the assignment of least cost, where the cost is 1 - IoU and 1 between objects of another kind or
label; a pair that costs more than the threshold is none. Only rectangles (rotation ignored),
polygons and 3D cuboids are compared; everything else stays double, as in CVAT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localcvat.geometry.assignment import assign
from localcvat.geometry.boxes import box_iou, points_box
from localcvat.geometry.tracks import end_track, interpolate
from localcvat.model import Shape, Tag, Track, TrackedShape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

SHAPE_THRESHOLD = 0.25
TRACK_THRESHOLD = 0.5

Placed = Shape | TrackedShape


def paired(likeness: Matrix, threshold: float) -> dict[int, int]:
    """Column of each row that is the same object; `likeness` 0 means they can't be."""
    import numpy as np

    pairs: dict[int, int] = {}
    for rows, columns in _components(likeness):
        costs = 1 - likeness[np.ix_(rows, columns)]
        for row, column in assign(costs):
            if costs[row, column] <= threshold:
                pairs[rows[row]] = columns[column]
    return pairs


def _components(likeness: Matrix) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that have to do with each other; each group is solved by itself."""
    import numpy as np

    alike: Any = likeness > 0
    found: list[tuple[list[int], list[int]]] = []
    left = alike.any(axis=1)
    for start in range(len(likeness)):
        if not left[start]:
            continue
        rows, columns = np.zeros(len(likeness), bool), np.zeros(likeness.shape[1], bool)
        rows[start] = True
        reached = 0
        while reached != rows.sum():
            reached = int(rows.sum())
            columns |= alike[rows].any(axis=0)
            rows |= alike[:, columns].any(axis=1)
        left &= ~rows
        found.append((np.flatnonzero(rows).tolist(), np.flatnonzero(columns).tolist()))
    return found


def merge_shapes(old: Sequence[Shape], new: Sequence[Shape], three_d: bool = False) -> list[Shape]:
    """The shapes of one frame from the jobs before and from one more job."""
    if not old or not new:
        return [*old, *new]
    likeness = iou_matrix(new, old, three_d) * _same_label(new, old)
    pairs = paired(likeness, SHAPE_THRESHOLD)
    return [*old, *(shape for index, shape in enumerate(new) if index not in pairs)]


def merge_tags(old: Sequence[Tag], new: Sequence[Tag]) -> list[Tag]:
    """The tags of one frame from the jobs before and from one more job; equal labels are one."""
    if not old or not new:
        return [*old, *new]
    pairs = paired(_same_label(new, old), SHAPE_THRESHOLD)
    return [*old, *(tag for index, tag in enumerate(new) if index not in pairs)]


def _same_label(new: Sequence[Any], old: Sequence[Any]) -> Matrix:
    import numpy as np

    numbers = {label: index for index, label in enumerate({each.label for each in (*new, *old)})}
    rows, columns = (np.array([numbers[each.label] for each in found]) for found in (new, old))
    same: Matrix = (rows[:, None] == columns).astype(float)
    return same


def iou_matrix(
    new: Sequence[Placed | None], old: Sequence[Placed | None], three_d: bool = False
) -> Matrix:
    """Intersection over union of each with each; 0 where CVAT does not compare them."""
    import numpy as np

    matrix = np.zeros((len(new), len(old)))
    kinds = {shape.type for shape in new if shape is not None}
    for kind in kinds & {"rectangle", "polygon", "cuboid"}:
        rows, columns = (
            [index for index, shape in enumerate(found) if shape is not None and shape.type == kind]
            for found in (new, old)
        )
        if not rows or not columns or (kind == "cuboid" and not three_d):
            continue
        ones, others = [_points(new[row]) for row in rows], [_points(old[c]) for c in columns]
        if kind == "rectangle":
            found = _box_ious([_box(points) for points in ones], [_box(each) for each in others])
        elif kind == "polygon":
            found = _polygon_ious(ones, others)
        else:
            found = np.array([[_cuboid_iou(one, other) for other in others] for one in ones])
        matrix[np.ix_(rows, columns)] = found
    return matrix


def _points(shape: Placed | None) -> Sequence[float]:
    return shape.points if shape is not None else ()


def _box_ious(ones: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> Matrix:
    import numpy as np

    first, second = np.array(ones, dtype=float)[:, None], np.array(others, dtype=float)[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(
        first[..., :2], second[..., :2]
    )
    shared = np.clip(sides, 0, None).prod(axis=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) for boxes in (first, second)]
    union = areas[0] + areas[1] - shared
    return np.where(shared > 0, shared / np.where(union > 0, union, 1), 0.0)


def _box(points: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = points
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _polygon_ious(ones: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> Matrix:
    """IoUs of polygons; an invalid one, or one without area, is like none."""
    import numpy as np

    matrix = np.zeros((len(ones), len(others)))
    first, second = ([_polygon(points) for points in found] for found in (ones, others))
    boxes = _box_ious([points_box(each) for each in ones], [points_box(e) for e in others])
    for row, column in np.argwhere(boxes > 0).tolist():
        one, other = first[row], second[column]
        if one is not None and other is not None:
            shared = float(one.intersection(other).area)
            matrix[row, column] = shared / (one.area + other.area - shared)
    return matrix


def _polygon(points: Sequence[float]) -> Any:
    from shapely.geometry import Polygon

    if len(points) < 6:
        return None
    made = Polygon(list(zip(points[0::2], points[1::2], strict=True)))
    return made if made.is_valid and made.area else None


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

    likeness = _track_likeness(candidates, going_on, range(start, end), three_d)
    pairs = paired(likeness * _same_label(candidates, going_on), TRACK_THRESHOLD)
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


def _track_likeness(
    new: Sequence[Track], old: Sequence[Track], frames: range, three_d: bool
) -> Matrix:
    """1 minus the mean error over the shared frames on which either track has a shape."""
    import numpy as np

    ours, theirs = (
        [
            {shape.frame: shape for shape, _ in interpolate(track, frames.stop - 1)}
            for track in found
        ]
        for found in (new, old)
    )
    errors, counts = np.zeros((len(new), len(old))), np.zeros((len(new), len(old)))
    for frame in frames:
        rows, columns = ([each.get(frame) for each in found] for found in (ours, theirs))
        here, there = (np.array([s is not None for s in found]) for found in (rows, columns))
        gone, left = (
            np.array([s is not None and s.outside for s in found]) for found in (rows, columns)
        )
        either = here[:, None] | there
        comparable = here[:, None] & there & (gone[:, None] == left)
        errors += np.where(comparable, 1 - iou_matrix(rows, columns, three_d), either)
        counts += either
    known = np.array([bool(each) for each in ours])[:, None] & [bool(each) for each in theirs]
    likeness: Matrix = np.where(known, 1 - errors / np.maximum(counts, 1), 0.0)
    return likeness
