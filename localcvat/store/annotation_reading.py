"""Annotations out of the store: rows as `model` values, whole, streamed, or frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from localcvat.model import Annotations, Shape, Tag, Track, TrackedShape
from localcvat.store.annotation_rows import TAG_COLUMNS, TRACK_COLUMNS, TRACKED_COLUMNS
from localcvat.store.engine import raw
from localcvat.store.label_map import LabelMap
from localcvat.store.packing import unpack_points

if TYPE_CHECKING:
    import sqlite3

    from sqlmodel import Session

FIRST_COLUMNS = "frame, label_id, type, points, grp, instance, extras"
SHAPE_COLUMNS = (
    f"{FIRST_COLUMNS}, id, "
    "parent_id, attributes, occluded, outside, z_order, rotation, source, score"
)
IS_RARE = (
    "CASE WHEN occluded = 0 AND outside = 0 AND z_order = 0 AND rotation = 0 AND source = 'manual'"
    " AND score IS NULL AND attributes IS NULL AND parent_id IS NULL THEN 0 ELSE 1 END"
)
PLAIN = 8
"""So many columns tell all of a shape whose others, which are rarely used, have the defaults."""
RARE_DEFAULTS = (None, None, 0, 0, 0, 0.0, "manual", None)


def read_annotations(session: Session, job_id: int, labels: LabelMap) -> Annotations:
    """The annotations of one job, in the order they were written."""
    connection = raw(session)
    decoder = _Decoder(labels)
    tags = connection.execute(
        f"SELECT {TAG_COLUMNS} FROM tag WHERE job_id = ? ORDER BY id", (job_id,)
    )
    rows = connection.execute(
        f"SELECT {SHAPE_COLUMNS} FROM shape WHERE job_id = ? ORDER BY id", (job_id,)
    )
    shapes: list[Shape] = []
    parents: dict[int, Shape] = {}
    for row in rows:
        decoder.add_shape(row, shapes, parents)
    return Annotations(
        tags=[decoder.tag(row) for row in tags],
        shapes=shapes,
        tracks=list(tracks_of(session, job_id, labels)),
    )


class _Decoder:
    """Rows to model values."""

    def __init__(self, labels: LabelMap) -> None:
        self._names = labels.names
        self._specs = labels.spec_names

    def attributes(self, text: str | None) -> dict[str, str]:
        if not text:
            return {}
        specs = self._specs
        return {specs[key]: value for key, value in orjson.loads(text).items() if key in specs}

    def plain_shape(self, row: tuple[Any, ...]) -> Shape:
        frame, label, kind, points, group, instance, extras, _ = row
        return Shape(
            type=kind,
            label=self._names[label],
            points=unpack_points(points),
            frame=frame,
            group=group,
            instance=instance,
            extras=orjson.loads(extras) if extras else None,
        )

    def add_shape(
        self, row: tuple[Any, ...], shapes: list[Shape], parents: dict[int, Shape]
    ) -> None:
        shape = self.plain_shape(row[:PLAIN])
        if row[PLAIN:] != RARE_DEFAULTS:
            self._add_rare(shape, row)
            if row[8] is not None:
                # Elements follow their shape, which may be no skeleton: CVAT takes what it gets.
                parents.get(row[8], shapes[-1]).elements.append(shape)
                return
        shapes.append(shape)
        if shape.type == "skeleton":
            parents[row[7]] = shape

    def _add_rare(self, shape: Shape, row: tuple[Any, ...]) -> None:
        if row[9]:
            shape.attributes = self.attributes(row[9])
        shape.occluded = row[10] != 0
        shape.outside = row[11] != 0
        shape.z_order = row[12]
        shape.rotation = row[13]
        shape.source = row[14]
        shape.score = row[15]

    def tag(self, row: tuple[Any, ...]) -> Tag:
        return Tag(
            label=self._names[row[3]],
            frame=row[2],
            group=row[5],
            source=row[6],
            score=row[7],
            attributes=self.attributes(row[4]),
            extras=orjson.loads(row[8]) if row[8] else None,
        )

    def track(self, row: tuple[Any, ...]) -> Track:
        return Track(
            label=self._names[row[4]],
            frame=row[3],
            group=row[5],
            source=row[6],
            score=row[7],
            attributes=self.attributes(row[8]),
            extras=orjson.loads(row[9]) if row[9] else None,
        )

    def tracked(self, row: tuple[Any, ...]) -> TrackedShape:
        return TrackedShape(
            frame=row[2],
            type=row[3],
            points=unpack_points(row[4]),
            occluded=row[5] != 0,
            outside=row[6] != 0,
            z_order=row[7],
            rotation=row[8],
            attributes=self.attributes(row[9]),
        )


def shapes_of(session: Session, job_id: int, labels: LabelMap) -> Iterator[Shape]:
    """The shapes of one job with their elements, in the order written; holds one at a time."""
    connection = raw(session)
    decoder = _Decoder(labels)
    waiting, parents = list[Shape](), dict[int, Shape]()
    # The ids are put in order, not the rows; rows of other jobs in between are passed over.
    for row in connection.execute(
        f"SELECT {SHAPE_COLUMNS} FROM shape"
        " WHERE id IN (SELECT id FROM shape WHERE job_id = ?) ORDER BY id",
        (job_id,),
    ):
        if row[8] is None and waiting:
            yield waiting.pop()
            parents.clear()
        decoder.add_shape(row, waiting, parents)
    yield from waiting


def tags_of(session: Session, job_id: int, labels: LabelMap) -> Iterator[Tag]:
    """The tags of one job, in the order written."""
    decoder = _Decoder(labels)
    for row in raw(session).execute(
        f"SELECT {TAG_COLUMNS} FROM tag WHERE job_id = ? ORDER BY id", (job_id,)
    ):
        yield decoder.tag(row)


def tracks_of(session: Session, job_id: int, labels: LabelMap) -> Iterator[Track]:
    """The tracks of one job with keyframes and elements, in the order written."""
    connection = raw(session)
    decoder = _Decoder(labels)
    roots: list[Track] = []
    by_id: dict[int, Track] = {}
    for row in connection.execute(
        f"SELECT {TRACK_COLUMNS} FROM track WHERE job_id = ? ORDER BY id", (job_id,)
    ):
        track = by_id[row[0]] = decoder.track(row)
        (roots if row[2] is None else by_id[row[2]].elements).append(track)
    columns = ", ".join(f"s.{name.strip()}" for name in TRACKED_COLUMNS.split(","))
    for row in connection.execute(
        f"SELECT {columns} FROM track t JOIN tracked_shape s ON s.track_id = t.id"
        " WHERE t.job_id = ? ORDER BY s.id",
        (job_id,),
    ):
        by_id[row[1]].shapes.append(decoder.tracked(row))
    yield from roots


class FrameAnnotations(msgspec.Struct):
    """What is on one frame of a job."""

    frame: int
    shapes: list[Shape]
    tags: list[Tag]


def frames_of(session: Session, job_id: int, labels: LabelMap) -> Iterator[FrameAnnotations]:
    """The frames of one job that have shapes or tags, by frame number, each list in written order.

    Holds one frame at a time.
    """
    shapes = _shapes_by_frame(session, job_id, labels)
    tags = _tags_by_frame(session, job_id, labels)
    next_shapes, next_tags = next(shapes, None), next(tags, None)
    while next_shapes is not None or next_tags is not None:
        frames = [pair[0] for pair in (next_shapes, next_tags) if pair is not None]
        found = FrameAnnotations(min(frames), [], [])
        if next_shapes is not None and next_shapes[0] == found.frame:
            found.shapes = next_shapes[1]
            next_shapes = next(shapes, None)
        if next_tags is not None and next_tags[0] == found.frame:
            found.tags = next_tags[1]
            next_tags = next(tags, None)
        yield found


def _shapes_by_frame(
    session: Session, job_id: int, labels: LabelMap
) -> Iterator[tuple[int, list[Shape]]]:
    """By frame; all columns are read only from the first frame on that needs them.

    To read them costs as much again.
    """
    connection = raw(session)
    decoder = _Decoder(labels)
    frame, shapes = -1, list[Shape]()
    for row in connection.execute(
        f"SELECT {FIRST_COLUMNS}, {IS_RARE} FROM shape WHERE job_id = ? ORDER BY frame, id",
        (job_id,),
    ):
        if row[0] != frame:
            if shapes:
                yield frame, shapes
            frame, shapes = row[0], []
        if row[7]:
            yield from _whole_shapes_by_frame(connection, job_id, frame, decoder)
            return
        shapes.append(decoder.plain_shape(row))
    if shapes:
        yield frame, shapes


def _whole_shapes_by_frame(
    connection: sqlite3.Connection, job_id: int, start: int, decoder: _Decoder
) -> Iterator[tuple[int, list[Shape]]]:
    """From the frame `start` on."""
    frame, shapes, parents = -1, list[Shape](), dict[int, Shape]()
    for row in connection.execute(
        f"SELECT {SHAPE_COLUMNS} FROM shape WHERE job_id = ? AND frame >= ? ORDER BY frame, id",
        (job_id, start),
    ):
        if row[0] != frame:
            if shapes:
                yield frame, shapes
            frame, shapes, parents = row[0], [], {}
        decoder.add_shape(row, shapes, parents)
    if shapes:
        yield frame, shapes


def _tags_by_frame(
    session: Session, job_id: int, labels: LabelMap
) -> Iterator[tuple[int, list[Tag]]]:
    decoder = _Decoder(labels)
    frame, tags = -1, list[Tag]()
    for row in raw(session).execute(
        f"SELECT {TAG_COLUMNS} FROM tag WHERE job_id = ? ORDER BY frame, id", (job_id,)
    ):
        if row[2] != frame:
            if tags:
                yield frame, tags
            frame, tags = row[2], []
        tags.append(decoder.tag(row))
    if tags:
        yield frame, tags
