"""Annotations into the store in bulk: `model` values as rows, by executemany on the raw connection.

Row ids grow in the order written, so reading by id gives that order back. Elements of skeletons
and of skeleton tracks are rows with a `parent_id`. Attribute values are kept by attribute_spec id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from localcvat.errors import ValidationError
from localcvat.model import Annotations, Shape, Tag, Track
from localcvat.store.engine import raw
from localcvat.store.label_map import LabelEntry, LabelMap
from localcvat.store.packed_shapes import (
    PLAIN_COUNT,
    PLAIN_VALUES,
    SHAPE_VALUES,
    PackedShape,
    PackedTag,
    json_text,
    packed_shape,
    packed_tag,
)
from localcvat.store.packing import pack_shape

if TYPE_CHECKING:
    import sqlite3

    from sqlmodel import Session

BATCH = 1000
SHAPE_COLUMNS = f"id, job_id, frame, label_id, parent_id, attributes, {SHAPE_VALUES}"
PLAIN_COLUMNS = f"id, job_id, frame, label_id, {PLAIN_VALUES}"
TAG_VALUES = "grp, source, score, extras"
TAG_COLUMNS = f"id, job_id, frame, label_id, attributes, {TAG_VALUES}"
TRACK_COLUMNS = "id, job_id, parent_id, frame, label_id, grp, source, score, attributes, extras"
TRACKED_COLUMNS = (
    "id, track_id, frame, type, points, occluded, outside, z_order, rotation, attributes"
)


def _attributes(entry: LabelEntry, given: Mapping[str, str]) -> str | None:
    if not given:
        return None
    try:
        return orjson.dumps({str(entry.specs[name]): given[name] for name in given}).decode()
    except KeyError as error:
        raise ValidationError(
            {"attributes": [f"attribute {error.args[0]!r} is unknown to label {entry.name!r}"]}
        ) from None


class AnnotationWriter:
    """Inserts a stream of annotations in batches, inside the session's transaction.

    Call `flush` at the end. Raises ValidationError for labels or attributes that are unknown.
    """

    def __init__(self, session: Session, labels: LabelMap) -> None:
        self._connection = raw(session)
        self._labels = labels
        self._shape_id = _last_id(self._connection, "shape")
        self._tag_id = _last_id(self._connection, "tag")
        self._track_id = _last_id(self._connection, "track")
        self._tracked_id = _last_id(self._connection, "tracked_shape")
        self._plain: list[tuple[Any, ...]] = []
        self._shapes: list[tuple[Any, ...]] = []
        self._tags: list[tuple[Any, ...]] = []
        self._tracks: list[tuple[Any, ...]] = []
        self._tracked: list[tuple[Any, ...]] = []

    def add_shapes(self, job_id: int, shapes: Iterable[Shape]) -> None:
        """Add shapes, with their elements, in order."""
        for shape in shapes:
            self.add_packed(job_id, shape.frame, (packed_shape(shape),))

    def add_packed(self, job_id: int, frame: int, shapes: Iterable[PackedShape]) -> None:
        """Add the shapes of one frame in order."""
        entry, plain = self._labels.entry, self._plain
        for shape in shapes:
            if len(shape.values) != PLAIN_COUNT:
                self._add_full(job_id, frame, shape)
                continue
            number = self._shape_id = self._shape_id + 1
            plain.append((number, job_id, frame, entry(shape.label).id, *shape.values))
        if len(plain) >= BATCH or len(self._shapes) >= BATCH:
            self._flush_shapes()

    def _add_full(self, job_id: int, frame: int, shape: PackedShape) -> None:
        entry = self._labels.entry(shape.label)
        number = self._shape_id = self._shape_id + 1
        attributes = _attributes(entry, shape.attributes or {})
        self._shapes.append((number, job_id, frame, entry.id, None, attributes, *shape.values))
        for element in shape.elements or ():
            self._add_element(job_id, frame, number, _sublabel(entry, element.label), element)

    def _add_element(
        self, job_id: int, frame: int, parent: int, entry: LabelEntry, element: PackedShape
    ) -> None:
        self._shape_id += 1
        attributes = _attributes(entry, element.attributes or {})
        self._shapes.append(
            (self._shape_id, job_id, frame, entry.id, parent, attributes, *element.values)
        )

    def add_tags(self, job_id: int, tags: Iterable[Tag]) -> None:
        """Add tags in order."""
        for tag in tags:
            self.add_tag(job_id, tag.frame, packed_tag(tag))

    def add_tag(self, job_id: int, frame: int, tag: PackedTag) -> None:
        """Add one tag."""
        entry = self._labels.entry(tag.label)
        self._tag_id += 1
        attributes = _attributes(entry, tag.attributes or {})
        self._tags.append((self._tag_id, job_id, frame, entry.id, attributes, *tag.values))
        if len(self._tags) >= BATCH:
            self._flush_tags()

    def add_track(self, job_id: int, track: Track) -> None:
        """Add a track with its keyframes and element tracks."""
        entry = self._labels.entry(track.label)
        parent = self._add_track(job_id, None, entry, track)
        for element in track.elements:
            self._add_track(job_id, parent, _sublabel(entry, element.label), element)
        if len(self._tracked) >= BATCH:
            self._flush_tracks()

    def _add_track(self, job_id: int, parent: int | None, entry: LabelEntry, track: Track) -> int:
        self._track_id += 1
        values = (track.frame, entry.id, track.group, track.source, track.score)
        attributes = _attributes(entry, track.attributes)
        self._tracks.append(
            (
                self._track_id,
                job_id,
                parent,
                *values,
                attributes,
                json_text(track.extras) if track.extras else None,
            )
        )
        for shape in track.shapes:
            self._tracked_id += 1
            self._tracked.append(
                (
                    self._tracked_id,
                    self._track_id,
                    shape.frame,
                    shape.type,
                    pack_shape(shape.type, shape.points),
                    shape.occluded,
                    shape.outside,
                    shape.z_order,
                    shape.rotation,
                    _attributes(entry, shape.attributes),
                )
            )
        return self._track_id

    def flush(self) -> None:
        """Insert what is still held back."""
        self._flush_shapes()
        self._flush_tags()
        self._flush_tracks()

    def _flush_shapes(self) -> None:
        _insert(self._connection, "shape", PLAIN_COLUMNS, self._plain)
        _insert(self._connection, "shape", SHAPE_COLUMNS, self._shapes)

    def _flush_tags(self) -> None:
        _insert(self._connection, "tag", TAG_COLUMNS, self._tags)

    def _flush_tracks(self) -> None:
        _insert(self._connection, "track", TRACK_COLUMNS, self._tracks)
        _insert(self._connection, "tracked_shape", TRACKED_COLUMNS, self._tracked)


def _last_id(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])


def _sublabel(entry: LabelEntry, name: str) -> LabelEntry:
    try:
        return entry.sublabels[name]
    except KeyError:
        raise ValidationError(
            {"label": [f"label {entry.name!r} has no sublabel {name!r}"]}
        ) from None


def _insert(
    connection: sqlite3.Connection, table: str, columns: str, rows: list[tuple[Any, ...]]
) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        rows.clear()


def write_annotations(
    session: Session, job_id: int, annotations: Annotations, labels: LabelMap
) -> None:
    """Add all annotations of one job, keeping their order."""
    writer = AnnotationWriter(session, labels)
    writer.add_tags(job_id, annotations.tags)
    writer.add_shapes(job_id, annotations.shapes)
    for track in annotations.tracks:
        writer.add_track(job_id, track)
    writer.flush()


def clear_annotations(session: Session, job_id: int) -> None:
    """Delete all annotations of one job."""
    for table in ("tag", "shape", "track"):
        raw(session).execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))
