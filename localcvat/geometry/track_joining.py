"""Tracks of one object joined: doubled ones, and ones that go on where another ends."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import msgspec

from localcvat.geometry.alike import SLACK, shape_iou
from localcvat.geometry.slicing import slice_track
from localcvat.geometry.tracks import FlatTrack, last_keyframe
from localcvat.model import Shape, Track, TrackedShape
from localcvat.report import Report


class Joined(msgspec.Struct, frozen=True):
    """A track that became part of another: `first` to `last` are the frames it was seen on."""

    label: str
    first: int
    last: int

    def report(self, report: Report) -> None:
        """Add it to a report."""
        where = f"{self.label}, frames {self.first} to {self.last}"
        why = "made one with the track of the same object, as asked"
        report.changed("track", why, where, lossy=False)


class _Seen:
    """A track with what it shows on each frame."""

    def __init__(self, track: Track, stop: int) -> None:
        self.track = track
        self._flat = FlatTrack(track, 0, stop)
        frames = range(self._flat.first, self._flat.last + 1)
        self.shapes = {f: shape for f in frames if (shape := self._flat.at(f)) is not None}

    @property
    def kind(self) -> tuple[int, str, str]:
        return self.track.task, self.track.label, self.track.shapes[0].type

    def likeness(self, other: _Seen) -> float:
        """Mean IoU over the frames both are seen on, else of the end of this to the next frame.

        0 where the other is seen while this one is away: joining them would lose that.
        """
        shared = self.shapes.keys() & other.shapes.keys()
        if min(other.shapes.keys() - shared, default=max(self.shapes) + 1) <= max(self.shapes):
            return 0.0
        if shared:
            return sum(shape_iou(self.shapes[f], other.shapes[f]) for f in shared) / len(shared)
        last, first = max(self.shapes), min(other.shapes)
        return shape_iou(self.shapes[last], other.shapes[first]) if first == last + 1 else 0.0


def join_tracks(
    tracks: Sequence[Track], least: float, stops: Sequence[int]
) -> tuple[list[Track], list[Joined]]:
    """(the tracks with those of one object made one, those that became part of another).

    Tracks of one task, label and kind are one object when they lie on each other with a mean IoU
    of `least` or more on the frames both are seen on, or when one follows on the frame after the
    other's last. The track that begins first holds to its last frame, then the other goes on.
    Skeletons are left alone. `stops` has the last frame of each task, -1 where it is not known.
    """
    found: list[_Seen] = []
    joined: list[Joined] = []
    for number in sorted(range(len(tracks)), key=lambda n: (tracks[n].frame, n)):
        track = tracks[number]
        stop = stops[track.task] if track.task < len(stops) else -1
        stop = stop if stop >= 0 else last_keyframe(track)
        seen = _Seen(track, stop)
        best = max(
            (
                (one.likeness(seen), -index)
                for index, one in enumerate(found)
                if not track.elements and _fits(one, seen)
            ),
            default=(0.0, 0),
        )
        if best[0] < least - SLACK or not best[0]:
            found.append(seen)
            continue
        first = found[-best[1]]
        joined.append(Joined(track.label, min(seen.shapes), max(seen.shapes)))
        found[-best[1]] = _Seen(_continued(first, seen, stop), stop)
    return [one.track for one in found], joined


def _fits(one: _Seen, other: _Seen) -> bool:
    return bool(one.shapes and other.shapes) and one.kind == other.kind


def _continued(first: _Seen, second: _Seen, stop: int) -> Track:
    """The first track to its last frame, then what the second shows after it."""
    end = max(first.shapes)
    rest = slice_track(second.track, end + 1, stop) if max(second.shapes) > end else None
    if rest is None:
        return first.track
    made = copy.copy(first.track)
    made.shapes = [shape for shape in made.shapes if shape.frame <= end]
    if made.shapes[-1].frame < end:  # it stood still up to here
        made.shapes.append(_restated(made.shapes[-1], first.shapes[end], end))
    made.shapes += [shape for shape in rest.shapes if shape.frame > end]
    made.attributes = {**second.track.attributes, **made.attributes}
    return made


def _restated(before: TrackedShape, shown: Shape, frame: int) -> TrackedShape:
    return msgspec.structs.replace(
        before, frame=frame, points=list(shown.points), rotation=shown.rotation
    )


def is_among(track: Track, known: Sequence[Track], least: float, stop: int) -> bool:
    """Whether one of the known tracks shows all that `track` shows: on its frames, as alike."""
    seen = _Seen(track, stop)
    return any(
        _fits(other, seen)
        and seen.shapes.keys() <= other.shapes.keys()
        and other.likeness(seen) >= least - SLACK
        for other in (_Seen(each, stop) for each in known if each.label == track.label)
    )
