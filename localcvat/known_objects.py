"""What a task or job has already, for imports that add only what is not there: `--mode merge`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from localcvat.annotations import Scope, read_scope
from localcvat.geometry.alike import without_known
from localcvat.geometry.track_joining import is_among
from localcvat.model import Item, Shape, Tag, Track
from localcvat.report import Report

KNOWN = "it is there already"


class KnownObjects:
    """The annotations as they were before; `least` is the IoU of objects that are one.

    `stop` is the last frame that tracks go on to.
    """

    def __init__(
        self, session: Session, scope: Scope, stop: int, least: float, report: Report
    ) -> None:
        self._least = least
        self._stop = stop
        self._report = report
        found = read_scope(session, scope)
        self._tracks = found.tracks
        self._tags = {(tag.frame, tag.label) for tag in found.tags}
        self._shapes: dict[int, list[Shape]] = {}
        for shape in found.shapes:
            self._shapes.setdefault(shape.frame, []).append(shape)

    def left(
        self, item: Item, frame: int, shapes: Sequence[Shape], tags: Sequence[Tag]
    ) -> tuple[list[Shape], list[Tag]]:
        """The shapes and tags of an image that are not there; the rest is reported."""
        new = without_known(self._shapes.get(frame, ()), shapes, self._least)
        new_tags = [tag for tag in tags if (frame, tag.label) not in self._tags]
        left = {id(value) for value in (*new, *new_tags)}
        for value in (*shapes, *tags):
            if id(value) not in left:
                kind = value.type if isinstance(value, Shape) else "tag"
                self._report.dropped(kind, KNOWN, item.path, lossy=False)
        return new, new_tags

    def has_track(self, track: Track) -> bool:
        """Whether one track shows all that this one does; it is reported then."""
        there = is_among(track, self._tracks, self._least, self._stop)
        if there:
            self._report.dropped("track", KNOWN, track.label, lossy=False)
        return there
