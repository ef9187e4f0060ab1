"""Parts of tracks: what lies in one job, as CVAT cuts a task's tracks; what is left of frames.

Source: formats specification, section 0.3 and 0.4; CVAT 2.15's behaviour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from localcvat.geometry.tracks import Path
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


def track_parts(track: Track, ranges: Sequence[tuple[int, int]]) -> list[Track | None]:
    """The part of a track for each of several jobs, given their first and last frames.

    A job has all of the track when all keyframes are there, else the slice. A track that is
    visible in none of them stays as it is where its keyframes are: what was said of it is kept.
    """
    frames = set(keyframes(track))
    parts = [
        track
        if all(start <= frame <= stop for frame in frames)
        else slice_track(track, start, stop)
        for start, stop in ranges
    ]
    if all(part is None for part in parts):
        return [_unseen_part(track, start, stop) for start, stop in ranges]
    return parts


def keyframes(track: Track) -> Iterator[int]:
    """The frames of the keyframes of a track and its elements."""
    yield from (shape.frame for shape in track.shapes)
    for element in track.elements:
        yield from keyframes(element)


def _unseen_part(track: Track, start: int, stop: int) -> Track | None:
    shapes = [shape for shape in track.shapes if start <= shape.frame <= stop]
    if not shapes:
        return None
    elements = [_unseen_part(element, start, stop) for element in track.elements]
    return msgspec.structs.replace(
        track,
        frame=min(shape.frame for shape in shapes),
        shapes=shapes,
        elements=[element for element in elements if element is not None],
    )


def _sliced(track: Track, start: int, stop: int) -> Track | None:
    shapes = _without_lead(_part_shapes(track, start, stop))
    if not shapes:
        return None
    elements = [_sliced_element(element, shapes[0].frame, stop) for element in track.elements]
    return msgspec.structs.replace(
        track,
        frame=shapes[0].frame,
        shapes=shapes,
        elements=[element for element in elements if element is not None],
    )


def _sliced_element(element: Track, start: int, stop: int) -> Track | None:
    """A point of a skeleton: where it is hidden it keeps its place; None where it has none."""
    shapes = _part_shapes(element, start, stop)
    if not shapes:
        return None
    return msgspec.structs.replace(element, frame=shapes[0].frame, shapes=shapes)


def _part_shapes(track: Track, start: int, stop: int) -> list[TrackedShape]:
    """The keyframes of a job by frame, with interpolated ones where it begins and ends."""
    ordered = sorted(track.shapes, key=lambda shape: shape.frame)
    shapes = [shape for shape in ordered if start <= shape.frame <= stop]
    if len(shapes) == len(ordered) or all(shape.type == "mask" for shape in ordered):
        return shapes
    path = Path(track, stop)
    first = path.at(start, outside=True)
    # CVAT forgets outside keyframes that follow an interpolated first shape; these stay.
    if first is not None and not first[1]:
        shapes = [first[0], *shapes]
    last = path.at(stop)
    # CVAT forgets a turn without a move.
    if last is not None and not last[1] and ordered[-1].frame > stop and shapes:
        before = shapes[-1]
        if list(last[0].points) != list(before.points) or last[0].rotation != before.rotation:
            shapes.append(last[0])
    return shapes


def _without_lead(shapes: Sequence[TrackedShape]) -> list[TrackedShape]:
    """Keyframes by frame from the first that is not outside."""
    for position, shape in enumerate(shapes):
        if not shape.outside:
            return list(shapes[position:])
    return []


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
