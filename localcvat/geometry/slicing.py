"""Parts of tracks: what lies in one job, as CVAT cuts a task's tracks; what is left of frames.

Source: formats specification, section 0.3 and 0.4; CVAT 2.15's behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from localcvat.geometry.tracks import Path, interpolate
from localcvat.model import Track, TrackedShape


def slice_track(track: Track, start: int, stop: int) -> Track | None:
    """The track on frames `start` to `stop`, both inclusive; None where it is never visible.

    A job that begins between keyframes gets the interpolated shape as its first keyframe, one that
    ends between them gets it as its last when the shape has moved.
    """
    if not _is_visible(track, start, stop):
        return None
    return _sliced(track, start, stop)


def _is_visible(track: Track, start: int, stop: int) -> bool:
    if track.elements:
        return any(_is_visible(element, start, stop) for element in track.elements)
    before: TrackedShape | None = None
    for shape in sorted(track.shapes, key=lambda shape: shape.frame):
        ends_here = shape.frame == start and shape.outside
        was_there = before is not None and not before.outside and not ends_here
        if was_there and before is not None and before.frame <= stop and shape.frame >= start:
            return True
        before = shape
    return before is not None and not before.outside and before.frame <= stop


def _sliced(track: Track, start: int, stop: int) -> Track | None:
    inside = [shape for shape in track.shapes if start <= shape.frame <= stop]
    shapes = _without_lead(inside)
    if len(inside) < len(track.shapes) and not all(s.type == "mask" for s in track.shapes):
        shapes = _with_edges(track, sorted(inside, key=lambda s: s.frame), start, stop)
    elements = [_sliced(element, start, stop) for element in track.elements]
    if not shapes:
        return None
    return msgspec.structs.replace(
        track,
        frame=shapes[0].frame,
        shapes=shapes,
        elements=[element for element in elements if element is not None],
    )


def _with_edges(
    track: Track, shapes: list[TrackedShape], start: int, stop: int
) -> list[TrackedShape]:
    """Keyframes of a job with interpolated ones where it begins and ends."""
    everywhere = [found for found in interpolate(track, stop) if start <= found[0].frame]
    while everywhere and everywhere[0][0].outside:
        del everywhere[0]
    if not everywhere:
        return _without_lead(shapes)
    first, is_keyframe = everywhere[0]
    # CVAT forgets outside keyframes that follow an interpolated first shape; these stay.
    shapes = _without_lead(shapes if is_keyframe else [first, *shapes])
    last, is_keyframe = everywhere[-1]
    goes_on = max(shape.frame for shape in track.shapes) >= stop
    # CVAT forgets a turn without a move.
    moved = list(last.points) != list(shapes[-1].points) or last.rotation != shapes[-1].rotation
    if (goes_on and moved) or (is_keyframe and last.outside and last.frame > shapes[-1].frame):
        shapes.append(last)
    return shapes


def _without_lead(shapes: Sequence[TrackedShape]) -> list[TrackedShape]:
    """Keyframes by frame from the first that is not outside."""
    ordered = sorted(shapes, key=lambda shape: shape.frame)
    while ordered and ordered[0].outside:
        del ordered[0]
    return ordered


def renumbered(track: Track, numbers: Mapping[int, int]) -> Track:
    """The track on frames that got other numbers: `numbers` has those that are left, in order.

    Where frames are gone (deleted ones), numbers close up: there each shape that is left between
    two keyframes becomes a keyframe, so that it stays where it was. A track of which nothing is
    left has no shapes.
    """
    shapes = _renumbered_shapes(track, numbers)
    elements = [renumbered(element, numbers) for element in track.elements]
    return msgspec.structs.replace(
        track,
        frame=shapes[0].frame if shapes else 0,
        shapes=shapes,
        elements=[element for element in elements if element.shapes],
    )


def _renumbered_shapes(track: Track, numbers: Mapping[int, int]) -> list[TrackedShape]:
    if track.shapes and all(shape.frame in numbers for shape in track.shapes):
        ordered = sorted(track.shapes, key=lambda shape: shape.frame)
        first, last = ordered[0].frame, ordered[-1].frame
        if numbers[last] - numbers[first] == last - first:
            return [_at(shape, numbers[shape.frame]) for shape in ordered]
    path = Path(track, max(numbers, default=-1))
    kept: list[TrackedShape] = []
    before = -1
    for frame, number in numbers.items():
        found = path.at(frame)
        if found is None:
            if kept and not kept[-1].outside:
                kept.append(_at(kept[-1], number))
                kept[-1].outside = True
        elif found[1] or _must_be_stated(path.segment(frame), before, numbers):
            kept.append(_at(found[0], number))
        before = frame
    return kept


def _must_be_stated(
    segment: tuple[int, int | None], before: int, numbers: Mapping[int, int]
) -> bool:
    """Whether a shape between keyframes has to be one, `before` being the frame left before it."""
    start, end = segment
    if end is None:
        return before < start
    if start not in numbers or end not in numbers:
        return True
    return numbers[end] - numbers[start] != end - start


def _at(shape: TrackedShape, frame: int) -> TrackedShape:
    return msgspec.structs.replace(shape, frame=frame)
