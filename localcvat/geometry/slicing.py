"""The part of a track that lies in one job, as CVAT cuts a task's tracks into its jobs.

Source: formats specification, section 0.3 and 0.4; CVAT 2.15's behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from localcvat.geometry.tracks import interpolate
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
    inside = _without_lead([shape for shape in track.shapes if start <= shape.frame <= stop])
    shapes = list(inside)
    if len(inside) < len(track.shapes) and not all(s.type == "mask" for s in track.shapes):
        shapes = _with_edges(track, shapes, start, stop)
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
        return shapes
    first, is_keyframe = everywhere[0]
    if not is_keyframe:
        shapes.insert(0, first)
    last, is_keyframe = everywhere[-1]
    goes_on = max(shape.frame for shape in track.shapes) >= stop
    moved = list(last.points) != list(shapes[-1].points)
    if (goes_on and moved) or (is_keyframe and last.outside and last.frame > shapes[-1].frame):
        shapes.append(last)
    return shapes


def _without_lead(shapes: Sequence[TrackedShape]) -> list[TrackedShape]:
    """Keyframes by frame from the first that is not outside."""
    ordered = sorted(shapes, key=lambda shape: shape.frame)
    while ordered and ordered[0].outside:
        del ordered[0]
    return ordered
