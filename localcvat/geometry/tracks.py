"""Tracks over frames: CVAT's interpolation between keyframes, flattening and rebuilding.

Source: formats specification, section 0.3 (track interpolation).
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from localcvat.geometry.curves import interpolated_curve
from localcvat.model import Header, Item, Shape, Track, TrackedShape

LINEAR = frozenset(("rectangle", "ellipse", "cuboid", "skeleton"))


class Path:
    """One track's shape on any frame.

    Keyframes on `deleted` frames are ignored. Attributes between keyframes are those of the
    keyframe before. Shapes go on until `stop_frame`, inclusive.
    """

    def __init__(
        self, track: Track, stop_frame: int, deleted: Collection[int] = frozenset()
    ) -> None:
        self._keyframes = _clean_keyframes(track.shapes, deleted)
        self._frames = [shape.frame for shape in self._keyframes]
        self._segment = -1
        self._between: Callable[[int], TrackedShape] | None = None
        self.stop_frame = stop_frame

    @property
    def frames(self) -> tuple[int, int]:
        """The first and last frame with a shape, outside ones included; (0, -1) if none."""
        if not self._frames:
            return 0, -1
        last = self._frames[-1] if self._keyframes[-1].outside else self.stop_frame
        return self._frames[0], min(last, self.stop_frame)

    def segment(self, frame: int) -> tuple[int, int | None]:
        """The frames of the keyframes at or before, and after; only where `at` gives a shape."""
        index = bisect_right(self._frames, frame)
        return self._frames[index - 1], self._frames[index] if index < len(self._frames) else None

    def at(self, frame: int, *, outside: bool = False) -> tuple[TrackedShape, bool] | None:
        """(shape, is a keyframe), or None before the track, after it and where it is outside.

        A keyframe that is outside is always given; `outside` asks for the frames after it as well.
        """
        index = bisect_right(self._frames, frame) - 1
        if index < 0 or frame > self.stop_frame:
            return None
        shape = self._keyframes[index]
        if shape.frame == frame:
            return shape, True
        if shape.outside and not outside:
            return None
        if index != self._segment or self._between is None:
            following = self._keyframes[index + 1] if index + 1 < len(self._keyframes) else None
            self._segment, self._between = index, _between(shape, following)
        return self._between(frame), False


def interpolate(
    track: Track, stop_frame: int, deleted: Collection[int] = frozenset()
) -> Iterator[tuple[TrackedShape, bool]]:
    """(shape, is a keyframe) of each frame from the first keyframe to `stop_frame` inclusive.

    While an object is outside only the keyframe that says so is given. See `Path`.
    """
    path = Path(track, stop_frame, deleted)
    first, last = path.frames
    for frame in range(first, last + 1):
        found = path.at(frame)
        if found is not None:
            yield found


def _clean_keyframes(
    shapes: Iterable[TrackedShape], deleted: Collection[int]
) -> list[TrackedShape]:
    """Keyframes by frame, one a frame, each with the attributes it does not state itself."""
    kept: list[TrackedShape] = []
    for shape in sorted(shapes, key=lambda shape: shape.frame):
        if shape.frame in deleted or (kept and kept[-1].frame == shape.frame):
            continue
        if kept and kept[-1].attributes.keys() - shape.attributes.keys():
            shape = _moved(shape, shape.frame, shape.points, shape.rotation)
            shape.attributes = {**kept[-1].attributes, **shape.attributes}
        kept.append(shape)
    return kept


def _moved(
    shape: TrackedShape, frame: int, points: Sequence[float], rotation: float
) -> TrackedShape:
    return TrackedShape(
        type=shape.type,
        frame=frame,
        points=points,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=rotation,
        attributes=shape.attributes,
    )


def _turn(first: float, last: float) -> float:
    """Degrees to turn along the shorter arc. Exactly half a turn is 1 degree, as in CVAT."""
    turn = (last - first + 180) % 360 - 180
    return 1.0 if turn == -180 else turn


def _between(first: TrackedShape, last: TrackedShape | None) -> Callable[[int], TrackedShape]:
    """The shape at a frame between two keyframes."""
    if last is None or first.type != last.type:
        return lambda frame: _moved(first, frame, first.points, first.rotation)
    distance = last.frame - first.frame
    single = first.type == "points" and len(first.points) == len(last.points) == 2
    if (first.type in LINEAR and len(first.points) == len(last.points)) or single:
        turn = _turn(first.rotation, last.rotation)

        def linear(frame: int) -> TrackedShape:
            offset = (frame - first.frame) / distance
            pairs = zip(first.points, last.points, strict=True)
            points = [a + (b - a) * offset for a, b in pairs]
            return _moved(first, frame, points, (first.rotation + turn * offset + 360) % 360)

        return linear
    if first.type in ("polygon", "polyline"):
        closed = first.type == "polygon"

        def curved(frame: int) -> TrackedShape:
            offset = (frame - first.frame) / distance
            points = interpolated_curve(first.points, last.points, offset, closed)
            return _moved(first, frame, points, first.rotation)

        return curved
    return lambda frame: _moved(first, frame, first.points, first.rotation)


class FlatTrack:
    """A track as the shapes it has on single frames, with `track_id` and `keyframe`.

    Frames on which it is outside have none. A skeleton is there while its own keyframes are not
    outside and some element is not; all of its elements come along, those outside too.
    """

    def __init__(
        self, track: Track, number: int, stop_frame: int, *, elements: bool = True
    ) -> None:
        self._track = track
        self._number = number
        self._path = Path(track, stop_frame)
        self._elements = [
            (element, Path(element, stop_frame)) for element in track.elements if elements
        ]
        self.first, self.last = self._path.frames

    def at(self, frame: int) -> Shape | None:
        """The shape on a frame, or None."""
        found = self._path.at(frame)
        if found is None or found[0].outside:
            return None
        shape = _still(self._track, *found, self._number)
        if self._elements:
            for element, path in self._elements:
                there = path.at(frame, outside=True)
                if there is not None:
                    shape.elements.append(_still(element, *there, self._number))
            if shape.elements:
                if all(element.outside for element in shape.elements):
                    return None
                shape.keyframe = any(element.keyframe for element in shape.elements)
        return shape


def _still(track: Track, shape: TrackedShape, keyframe: bool, number: int) -> Shape:
    return Shape(
        type=shape.type,
        label=track.label,
        points=shape.points,
        frame=shape.frame,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=shape.rotation,
        group=track.group,
        source=track.source,
        attributes={**shape.attributes, **track.attributes},
        elements=[],
        track_id=number,
        keyframe=keyframe,
    )


class _Timeline:
    """The tracks of one task, those around the frame last asked for at hand."""

    def __init__(self, tracks: Sequence[FlatTrack]) -> None:
        self._all = sorted(enumerate(tracks), key=lambda pair: pair[1].first)
        self._next = 0
        self._frame = -1
        self._active: list[tuple[int, FlatTrack]] = []

    def at(self, frame: int) -> list[Shape]:
        if frame < self._frame:
            self._next, self._active = 0, []
        self._frame = frame
        while self._next < len(self._all) and self._all[self._next][1].first <= frame:
            self._active.append(self._all[self._next])
            self._next += 1
        self._active = sorted(pair for pair in self._active if pair[1].last >= frame)
        shapes = (track.at(frame) for _, track in self._active)
        return [shape for shape in shapes if shape is not None]


def stop_frames(header: Header) -> list[int]:
    """The last frame that tracks go on to, of each task; -1 where the task does not say."""
    if header.kind == "job":
        return [job.stop_frame for task in header.tasks for job in task.jobs]
    return [task.size - 1 for task in header.tasks]


def flatten_tracks(
    items: Iterable[Item], tracks: Sequence[Track], header: Header
) -> Iterator[Item]:
    """Items with the shapes that each track has on their frame, by z_order.

    Tracks are numbered in each task by itself, those that came with a number keep it; CVAT's
    dialect counts from 0. In it the skeletons of a project's
    tracks are without their points, as CVAT writes them.
    """
    flat = flat_tracks(tracks, header)
    timelines = {task: _Timeline(found) for task, found in flat.items()}
    for item in items:
        timeline = timelines.get(item.task)
        if item.frame is not None and timeline is not None:
            shapes = timeline.at(item.frame)
            if shapes:
                item.shapes = sorted([*item.shapes, *shapes], key=lambda shape: shape.z_order)
        yield item


def stated_id(track: Track) -> int | None:
    """The number that the file a track came from gave it."""
    number = (track.extras or {}).get("track", {}).get("id")
    return number if isinstance(number, int) else None


def track_ids(tracks: Sequence[Track]) -> list[int]:
    """A number for each track: the one it came with, unless one before has it, else a free one."""
    stated = [stated_id(track) for track in tracks]
    taken = {number for number in stated if number is not None}
    free = (number for number in itertools.count() if number not in taken)
    used: set[int] = set()
    numbers = []
    for number in stated:
        given = next(free) if number is None or number in used else number
        used.add(given)
        numbers.append(given)
    return numbers


def flat_tracks(tracks: Iterable[Track], header: Header) -> dict[int, list[FlatTrack]]:
    """The tracks of each task, ready to be laid over its frames."""
    elements = not hides_elements(header)
    stops = stop_frames(header)
    tracks = list(tracks)
    plain = header.dialect == "plain"
    ids = (
        {
            task: iter(track_ids([t for t in tracks if t.task == task]))
            for task in {track.task for track in tracks}
        }
        if plain
        else {}
    )
    flat: dict[int, list[FlatTrack]] = {}
    for track in tracks:
        stop = stops[track.task] if track.task < len(stops) else -1
        stop = stop if stop >= 0 else last_keyframe(track)
        found = flat.setdefault(track.task, [])
        number = next(ids[track.task]) if plain else len(found)
        found.append(FlatTrack(track, number, stop, elements=elements))
    return flat


def hides_elements(header: Header) -> bool:
    """Whether flattened skeleton tracks lose their points: CVAT's exports of projects do that."""
    return header.kind == "project" and header.dialect == "cvat"


def last_keyframe(track: Track) -> int:
    """The highest frame of any keyframe of the track and its elements."""
    own = max((shape.frame for shape in track.shapes), default=0)
    return max([own, *(last_keyframe(element) for element in track.elements)])


def end_track(track: Track, frame: int) -> None:
    """Let a track and its elements be outside from `frame` on, unless they are already."""
    if track.shapes and not track.shapes[-1].outside:
        last = track.shapes[-1]
        gone = _moved(last, frame, last.points, last.rotation)
        gone.outside = True
        track.shapes.append(gone)
    for element in track.elements:
        end_track(element, frame)


def track_from_shapes(
    shapes: Sequence[Shape],
    last_frame: int | None = None,
    deleted: Collection[int] = frozenset(),
) -> Track:
    """The track that per-frame shapes of one `track_id` came from.

    Keyframes stay; where shapes are missing the object is outside, unless those frames are
    `deleted`; so it is after its last shape if that comes before `last_frame`. The shape before it
    goes becomes a keyframe, which keeps it where it was. Attributes become mutable ones of the
    keyframes.
    """
    ordered = sorted(shapes, key=lambda shape: shape.frame)
    first = ordered[0]
    track = Track(label=first.label, frame=first.frame, group=first.group, source=first.source)
    if first.track_id is not None:
        track.extras = {"track": {"id": first.track_id}}
    before: Shape | None = None
    for shape in ordered:
        visible = before is not None and not before.outside
        gap = before is not None and visible and _is_gap(before.frame, shape.frame, deleted)
        if gap and before is not None:
            _leave(track, before)
            visible = False
        if visible == shape.outside or (not shape.outside and shape.keyframe):
            track.shapes.append(_keyframe(shape))
        before = shape
    track.shapes = track.shapes or [_keyframe(first)]
    last = ordered[-1]
    if last_frame is not None and last.frame < last_frame and not last.outside:
        _leave(track, last)
    elif last.frame == last_frame and not last.outside and last.frame > track.shapes[-1].frame:
        track.shapes.append(_keyframe(last))
    if first.type == "skeleton":
        track.elements = _element_tracks(ordered, last_frame, deleted)
    return track


def _leave(track: Track, last: Shape) -> None:
    """Add the shape last seen, if it is no keyframe yet, and that it is gone after it."""
    if not track.shapes or track.shapes[-1].frame != last.frame:
        track.shapes.append(_keyframe(last))
    track.shapes.append(_gone(last))


def _is_gap(frame: int, following: int, deleted: Collection[int]) -> bool:
    return any(between not in deleted for between in range(frame + 1, following))


def _element_tracks(
    skeletons: Sequence[Shape], last_frame: int | None, deleted: Collection[int]
) -> list[Track]:
    elements: dict[str, list[Shape]] = {}
    for skeleton in skeletons:
        for element in skeleton.elements:
            element.frame, element.keyframe = skeleton.frame, skeleton.keyframe
            elements.setdefault(element.label, []).append(element)
    return [track_from_shapes(found, last_frame, deleted) for found in elements.values()]


def _keyframe(shape: Shape) -> TrackedShape:
    return TrackedShape(
        type=shape.type,
        frame=shape.frame,
        points=shape.points,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=shape.rotation,
        attributes=dict(shape.attributes),
    )


def _gone(shape: Shape) -> TrackedShape:
    gone = _keyframe(shape)
    gone.frame, gone.outside = shape.frame + 1, True
    return gone
