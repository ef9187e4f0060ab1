"""annotations.json written job by job, one annotation in memory at a time (section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import orjson
from sqlmodel import Session

from localcvat.backup.records import (
    MAX_VALUE,
    NO_GROUP,
    Labels,
    shape_record,
    tag_record,
    track_record,
)
from localcvat.errors import BackupError
from localcvat.model import Label, Shape, Tag, Track, TrackedShape
from localcvat.report import Report
from localcvat.store.annotation_reading import shapes_of, tags_of, tracks_of
from localcvat.store.label_map import LabelMap
from localcvat.store.tables import JobRow

MAX_SOURCE = 16
BUFFER = 1 << 16


class AnnotationsFile:
    """Writes the list of one object a job; `report` counts what a backup does not hold."""

    def __init__(
        self, session: Session, labels: list[Label], known: LabelMap, report: Report
    ) -> None:
        self._session = session
        self._labels = Labels(labels)
        self._known = known
        self._report = report

    def write(self, stream: IO[bytes], jobs: Iterable[JobRow]) -> None:
        """Write the annotations of these jobs, in their order."""
        stream.write(b"[")
        for index, job in enumerate(jobs):
            job_id = int(job.id or 0)
            extras = orjson.loads(job.extras) if job.extras else {}
            version = orjson.dumps(extras.get("annotations_version", 0))
            stream.write(b"," * bool(index) + b'{"version":' + version + b',"tags":[')
            tags = tags_of(self._session, job_id, self._known)
            _write_all(stream, (self._tag(tag) for tag in tags))
            stream.write(b'],"shapes":[')
            shapes = shapes_of(self._session, job_id, self._known)
            _write_all(stream, (self._shape(shape) for shape in shapes))
            stream.write(b'],"tracks":[')
            tracks = tracks_of(self._session, job_id, self._known)
            _write_all(stream, (self._track(track) for track in tracks if self._has_shapes(track)))
            stream.write(b"]}")
        stream.write(b"]")

    def _tag(self, tag: Tag) -> dict[str, Any]:
        self._count("tag", tag)
        return tag_record(tag)

    def _shape(self, shape: Shape) -> dict[str, Any]:
        self._count(shape.type, shape)
        self._accepted(shape)
        for element in shape.elements:
            element.source = element.source[:MAX_SOURCE]
            self._accepted(element)
        if shape.instance:
            self._report.dropped("instance", "a backup joins no shapes into one object")
        return shape_record(shape)

    def _has_shapes(self, track: Track) -> bool:
        if track.shapes or track.elements:
            return True
        self._report.dropped("track", "it has no keyframe", f"track of {track.label!r}")
        return False

    def _track(self, track: Track) -> dict[str, Any]:
        self._count("track", track)
        label = self._labels.labels[track.label]
        self._split_attributes(track, label)
        for shape in track.shapes:
            self._accepted(shape)
        sublabels = {sublabel.name: sublabel for sublabel in label.sublabels}
        for element in track.elements:
            self._split_attributes(element, sublabels[element.label])
            for shape in element.shapes:
                self._accepted(shape)
        return track_record(track)

    def _count(self, kind: str, value: Tag | Shape | Track) -> None:
        self._report.kept(kind)
        if value.extras and value.extras != NO_GROUP:
            self._report.dropped("extras", "a backup has no place for other formats' fields")
        if any(len(text) > MAX_VALUE for text in value.attributes.values()):
            raise BackupError(
                f"an attribute's value has more than the {MAX_VALUE} characters that CVAT takes",
                where=f"{kind} of {value.label!r} on frame {value.frame}",
                hint="shorten it before the backup",
            )
        if len(value.source) > MAX_SOURCE or not value.source:
            value.source = value.source[:MAX_SOURCE] or "manual"
            self._report.changed("source", "CVAT takes 1 to 16 characters")

    def _split_attributes(self, track: Track, label: Label) -> None:
        """Mutable attributes belong to keyframes, immutable ones to the track; CVAT refuses others.

        An immutable one that only a keyframe has goes to the track; of different values the first.
        """
        mutable = {spec.name for spec in label.attributes if spec.mutable}
        moved = {name: value for name, value in track.attributes.items() if name in mutable}
        fixed = {name: value for name, value in track.attributes.items() if name not in mutable}
        for shape in track.shapes:
            given = moved | shape.attributes
            for name, value in given.items():
                if name not in mutable and fixed.setdefault(name, value) != value:
                    why = "not mutable, yet keyframes differ: the first value is kept"
                    self._report.changed("attribute", why, f"{track.label}.{name}")
            shape.attributes = {name: value for name, value in given.items() if name in mutable}
        track.attributes = fixed

    def _accepted(self, shape: Shape | TrackedShape) -> None:
        """CVAT refuses rotations outside 0 to 360."""
        if not 0 <= shape.rotation <= 360:
            shape.rotation %= 360
            self._report.changed("rotation", "brought into 0 to 360 degrees", lossy=False)


def _write_all(stream: IO[bytes], records: Iterable[dict[str, Any]]) -> None:
    parts: list[bytes] = []
    held = 0
    separator = b""
    for record in records:
        text = orjson.dumps(record)
        parts.append(separator + text)
        separator = b","
        held += len(text)
        if held >= BUFFER:
            stream.write(b"".join(parts))
            parts.clear()
            held = 0
    stream.write(b"".join(parts))
