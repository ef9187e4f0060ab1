"""Annotation rows in bulk: model values in and out by the DBAPI's executemany.

Points are packed little-endian float64; attributes are JSON text from attribute_spec id to value.
Rows keep the order they were written in (by id).
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.errors import DatasetError
from localcvat.model import Annotations, Shape, Tag, Track, TrackedShape
from localcvat.store.labels import LabelIds

BATCH = 20_000
INSERT_TAG = (
    "INSERT INTO tag (id, job_id, frame, label_id, grp, source, score, attributes, extras) "
    "VALUES (?,?,?,?,?,?,?,?,?)"
)
INSERT_SHAPE = (
    "INSERT INTO shape (id, job_id, parent_id, frame, label_id, type, points, occluded, outside, "
    "z_order, rotation, grp, source, score, instance, attributes, extras) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
INSERT_TRACK = (
    "INSERT INTO track (id, job_id, parent_id, frame, label_id, grp, source, score, attributes, "
    "extras) VALUES (?,?,?,?,?,?,?,?,?,?)"
)
INSERT_TRACKED_SHAPE = (
    "INSERT INTO tracked_shape (track_id, frame, type, points, occluded, outside, z_order, "
    "rotation, attributes) VALUES (?,?,?,?,?,?,?,?,?)"
)


def raw_connection(session: Session) -> sqlite3.Connection:
    """The DBAPI connection of the session's transaction."""
    raw: Any = session.connection().connection.dbapi_connection
    connection: sqlite3.Connection = raw
    return connection


def pack_points(points: Sequence[float]) -> bytes:
    """Points as little-endian float64."""
    return array("d", points).tobytes()


def unpack_points(blob: bytes) -> list[float]:
    """The points of `pack_points`."""
    return array("d", blob).tolist()


def _extras(extras: Any) -> str | None:
    return None if not extras else msgspec.json.encode(extras).decode()


def _loads(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


class AnnotationWriter:
    """Writes annotations of jobs of one task; call `flush` at the end.

    Raises DatasetError for a label or attribute the task does not have.
    """

    def __init__(self, session: Session, labels: LabelIds) -> None:
        self._db = raw_connection(session)
        self._labels = labels
        self._next = {
            table: self._db.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0]
            for table in ("tag", "shape", "track")
        }
        self._tags: list[tuple[Any, ...]] = []
        self._shapes: list[tuple[Any, ...]] = []
        self._tracks: list[tuple[Any, ...]] = []
        self._tracked: list[tuple[Any, ...]] = []

    def write(self, job_id: int, annotations: Annotations) -> None:
        """All annotations of one job, frames as they are."""
        self.tags(job_id, annotations.tags)
        self.shapes(job_id, annotations.shapes)
        for track in annotations.tracks:
            self.track(job_id, track)

    def _take(self, table: str) -> int:
        number = self._next[table]
        self._next[table] = number + 1
        return int(number)

    def tags(self, job_id: int, tags: Iterable[Tag], frame: int | None = None) -> None:
        """Tags, on `frame` when it is given, else on their own frames."""
        for tag in tags:
            at = tag.frame if frame is None else frame
            label_id = self._labels.id(tag.label)
            attributes = self._attributes(label_id, tag.attributes)
            self._tags.append(
                (self._take("tag"), job_id, at, label_id, tag.group, tag.source, tag.score)
                + (attributes, _extras(tag.extras))
            )

    def shapes(self, job_id: int, shapes: Iterable[Shape], frame: int | None = None) -> None:
        """Shapes with their elements, on `frame` when it is given."""
        for shape in shapes:
            self._shape(job_id, shape, frame, None, "")
        if len(self._shapes) >= BATCH:
            self.flush()

    def _shape(
        self, job_id: int, shape: Shape, frame: int | None, parent: int | None, skeleton: str
    ) -> None:
        number = self._take("shape")
        label_id = self._labels.id(shape.label, skeleton)
        attributes = self._attributes(label_id, shape.attributes)
        self._shapes.append(
            (
                number,
                job_id,
                parent,
                shape.frame if frame is None else frame,
                label_id,
                shape.type,
                array("d", shape.points).tobytes(),
                int(shape.occluded),
                int(shape.outside),
                shape.z_order,
                shape.rotation,
                shape.group,
                shape.source,
                shape.score,
                shape.instance,
                attributes,
                _extras(shape.extras),
            )
        )
        for element in shape.elements:
            self._shape(job_id, element, frame, number, shape.label)

    def track(
        self, job_id: int, track: Track, parent: int | None = None, skeleton: str = ""
    ) -> None:
        """One track with its keyframes and element tracks."""
        number = self._take("track")
        label_id = self._labels.id(track.label, skeleton)
        attributes = self._attributes(label_id, track.attributes)
        self._tracks.append(
            (number, job_id, parent, track.frame, label_id, track.group, track.source)
            + (track.score, attributes, _extras(track.extras))
        )
        for shape in track.shapes:
            self._tracked.append(
                (number, shape.frame, shape.type, pack_points(shape.points))
                + (int(shape.occluded), int(shape.outside), shape.z_order, shape.rotation)
                + (self._attributes(label_id, shape.attributes),)
            )
        for element in track.elements:
            self.track(job_id, element, number, track.label)
        if parent is None and len(self._tracked) >= BATCH:
            self.flush()

    def _attributes(self, label_id: int, attributes: dict[str, str]) -> str | None:
        if not attributes:
            return None
        ids = {self._labels.spec_id(label_id, name): value for name, value in attributes.items()}
        return orjson.dumps(ids, option=orjson.OPT_NON_STR_KEYS).decode()

    def flush(self) -> None:
        """Send what is buffered to the database."""
        for statement, rows in (
            (INSERT_TAG, self._tags),
            (INSERT_SHAPE, self._shapes),
            (INSERT_TRACK, self._tracks),
            (INSERT_TRACKED_SHAPE, self._tracked),
        ):
            if rows:
                try:
                    self._db.executemany(statement, rows)
                except (OverflowError, sqlite3.IntegrityError) as error:
                    raise DatasetError(f"an annotation can't be stored: {error}") from error
                rows.clear()


class AnnotationReader:
    """Reads annotations of jobs of one task; frames are task-relative."""

    def __init__(self, session: Session, labels: LabelIds) -> None:
        self._db = raw_connection(session)
        self._labels = labels

    def read(self, job_id: int) -> Annotations:
        """All annotations of one job in the order they were written."""
        return Annotations(
            tags=list(self.tags(job_id)),
            shapes=list(self.shapes(job_id)),
            tracks=self.tracks(job_id),
        )

    def tags(self, job_id: int, by_frame: bool = False) -> Iterator[Tag]:
        """Tags by id, or by frame and id."""
        order = "frame, id" if by_frame else "id"
        for row in self._db.execute(
            "SELECT frame, label_id, grp, source, score, attributes, extras FROM tag "
            f"WHERE job_id = ? ORDER BY {order}",
            (job_id,),
        ):
            yield Tag(
                label=self._labels.name(row[1]),
                frame=row[0],
                group=row[2],
                source=row[3],
                score=row[4],
                attributes=self._named(row[5]),
                extras=_loads(row[6]),
            )

    def shapes(self, job_id: int, by_frame: bool = False) -> Iterator[Shape]:
        """Shapes with their elements by id, or by frame and id; streams."""
        order = "frame, id" if by_frame else "id"
        current: Shape | None = None
        for row in self._db.execute(
            "SELECT parent_id, frame, label_id, type, points, occluded, outside, z_order, "
            "rotation, grp, source, score, instance, attributes, extras FROM shape "
            f"WHERE job_id = ? ORDER BY {order}",
            (job_id,),
        ):
            shape = Shape(
                type=row[3],
                label=self._labels.name(row[2]),
                points=array("d", row[4]).tolist(),
                frame=row[1],
                occluded=row[5] != 0,
                outside=row[6] != 0,
                z_order=row[7],
                rotation=row[8],
                group=row[9],
                source=row[10],
                score=row[11],
                instance=row[12],
                attributes=self._named(row[13]),
                extras=_loads(row[14]),
            )
            if row[0] is not None and current is not None:
                current.elements.append(shape)
                continue
            if current is not None:
                yield current
            current = shape
        if current is not None:
            yield current

    def tracks(self, job_id: int) -> list[Track]:
        """Tracks with keyframes and elements by id."""
        found: dict[int, Track] = {}
        roots: list[Track] = []
        for row in self._db.execute(
            "SELECT id, parent_id, frame, label_id, grp, source, score, attributes, extras "
            "FROM track WHERE job_id = ? ORDER BY id",
            (job_id,),
        ):
            track = found[row[0]] = Track(
                label=self._labels.name(row[3]),
                frame=row[2],
                group=row[4],
                source=row[5],
                score=row[6],
                attributes=self._named(row[7]),
                extras=_loads(row[8]),
            )
            (roots if row[1] is None else found[row[1]].elements).append(track)
        self._read_keyframes(job_id, found)
        return roots

    def _read_keyframes(self, job_id: int, tracks: dict[int, Track]) -> None:
        if not tracks:
            return
        for row in self._db.execute(
            "SELECT s.track_id, s.frame, s.type, s.points, s.occluded, s.outside, s.z_order, "
            "s.rotation, s.attributes FROM track t JOIN tracked_shape s ON s.track_id = t.id "
            "WHERE t.job_id = ? ORDER BY s.id",
            (job_id,),
        ):
            tracks[row[0]].shapes.append(
                TrackedShape(
                    type=row[2],
                    frame=row[1],
                    points=array("d", row[3]).tolist(),
                    occluded=row[4] != 0,
                    outside=row[5] != 0,
                    z_order=row[6],
                    rotation=row[7],
                    attributes=self._named(row[8]),
                )
            )

    def _named(self, text: str | None) -> dict[str, str]:
        if text is None:
            return {}
        names = self._labels.spec_names
        return {names[spec]: value for spec, value in orjson.loads(text).items() if spec in names}


def delete_annotations(session: Session, job_id: int) -> None:
    """Remove every annotation of one job."""
    database = raw_connection(session)
    database.execute(
        "DELETE FROM tracked_shape WHERE track_id IN (SELECT id FROM track WHERE job_id = ?)",
        (job_id,),
    )
    for table in ("track", "shape", "tag"):
        database.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))
