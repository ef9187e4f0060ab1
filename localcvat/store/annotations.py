"""Annotations in bulk: `model` values to rows and back, by executemany on the raw connection.

Row ids grow in the order written, so reading by id gives that order back. Elements of skeletons
and of skeleton tracks are rows with a `parent_id`. Attribute values are kept by attribute_spec id.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from localcvat.errors import ValidationError
from localcvat.model import Annotations, Shape, Tag, Track, TrackedShape
from localcvat.store.engine import raw

if TYPE_CHECKING:
    import sqlite3

    from sqlmodel import Session

BATCH = 5000
SWAPPED = sys.byteorder == "big"
SHAPE_COLUMNS = (
    "id, job_id, parent_id, frame, label_id, type, points, occluded, outside, z_order, rotation,"
    " grp, source, score, instance, attributes, extras"
)
TAG_COLUMNS = "id, job_id, frame, label_id, grp, source, score, attributes, extras"
TRACK_COLUMNS = "id, job_id, parent_id, frame, label_id, grp, source, score, attributes, extras"
TRACKED_COLUMNS = (
    "id, track_id, frame, type, points, occluded, outside, z_order, rotation, attributes"
)


class LabelEntry(msgspec.Struct):
    """A label as annotations refer to it: ids by name, names by id."""

    id: int
    name: str
    specs: dict[str, int]
    mutable: frozenset[str]
    sublabels: dict[str, LabelEntry]


class LabelMap:
    """The labels of one project or task, by name and by id."""

    def __init__(self, roots: Iterable[LabelEntry]) -> None:
        self.roots = {entry.name: entry for entry in roots}
        self.names: dict[int, str] = {}
        self.spec_names: dict[str, str] = {}
        for entry in self.roots.values():
            for each in (entry, *entry.sublabels.values()):
                self.names[each.id] = each.name
                self.spec_names.update((str(key), name) for name, key in each.specs.items())

    def entry(self, name: str) -> LabelEntry:
        """The root label `name`; raises ValidationError when there is none."""
        try:
            return self.roots[name]
        except KeyError:
            raise ValidationError({"label": [f"label {name!r} is unknown"]}) from None


def label_map(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> LabelMap:
    """The labels of a project, or of a task: those of its project if it is in one."""
    connection = raw(session)
    if project_id is None:
        row = connection.execute("SELECT project_id FROM task WHERE id = ?", (task_id,)).fetchone()
        project_id = row[0] if row else None
    owner, value = ("project_id", project_id) if project_id is not None else ("task_id", task_id)
    labels = connection.execute(
        f"SELECT id, parent_id, name FROM label WHERE {owner} = ? ORDER BY id", (value,)
    ).fetchall()
    entries = {row[0]: LabelEntry(row[0], row[2], {}, frozenset(), {}) for row in labels}
    for spec_id, label_id, name, mutable in connection.execute(
        "SELECT a.id, a.label_id, a.name, a.mutable FROM attribute_spec a JOIN label l"
        f" ON l.id = a.label_id WHERE l.{owner} = ? ORDER BY a.id",
        (value,),
    ):
        entry = entries[label_id]
        entry.specs[name] = spec_id
        if mutable:
            entry.mutable |= {name}
    for label_id, parent_id, name in labels:
        if parent_id is not None:
            entries[parent_id].sublabels[name] = entries[label_id]
    return LabelMap(entries[row[0]] for row in labels if row[1] is None)


def pack_points(points: Sequence[float]) -> bytes:
    """Points as little-endian float64; raises ValidationError for what is no number."""
    try:
        packed = array("d", points)
    except (TypeError, OverflowError) as error:
        raise ValidationError({"points": ["a valid list of numbers is required"]}) from error
    if SWAPPED:
        packed.byteswap()
    return packed.tobytes()


def unpack_points(blob: bytes) -> list[float]:
    """The numbers `pack_points` packed."""
    packed = array("d")
    packed.frombytes(blob)
    if SWAPPED:
        packed.byteswap()
    return packed.tolist()


def _attributes(entry: LabelEntry, given: Mapping[str, str]) -> str | None:
    if not given:
        return None
    try:
        return orjson.dumps({str(entry.specs[name]): given[name] for name in given}).decode()
    except KeyError as error:
        raise ValidationError(
            {"attributes": [f"attribute {error.args[0]!r} is unknown to label {entry.name!r}"]}
        ) from None


def _json(value: Any) -> str | None:
    return msgspec.json.encode(value).decode() if value else None


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
        self._shapes: list[tuple[Any, ...]] = []
        self._tags: list[tuple[Any, ...]] = []
        self._tracks: list[tuple[Any, ...]] = []
        self._tracked: list[tuple[Any, ...]] = []

    def add_shapes(self, job_id: int, shapes: Iterable[Shape]) -> None:
        """Add shapes, with their elements, in order."""
        for shape in shapes:
            entry = self._labels.entry(shape.label)
            parent = self._add_shape(job_id, None, entry, shape, shape.frame)
            for element in shape.elements:
                sublabel = _sublabel(entry, element.label)
                self._add_shape(job_id, parent, sublabel, element, shape.frame)
        if len(self._shapes) >= BATCH:
            self._flush_shapes()

    def _add_shape(
        self, job_id: int, parent: int | None, entry: LabelEntry, shape: Shape, frame: int
    ) -> int:
        self._shape_id += 1
        self._shapes.append(
            (
                self._shape_id,
                job_id,
                parent,
                frame,
                entry.id,
                shape.type,
                pack_points(shape.points),
                shape.occluded,
                shape.outside,
                shape.z_order,
                shape.rotation,
                shape.group,
                shape.source,
                shape.score,
                shape.instance,
                _attributes(entry, shape.attributes),
                _json(shape.extras),
            )
        )
        return self._shape_id

    def add_tags(self, job_id: int, tags: Iterable[Tag]) -> None:
        """Add tags in order."""
        for tag in tags:
            entry = self._labels.entry(tag.label)
            self._tag_id += 1
            values = (tag.frame, entry.id, tag.group, tag.source, tag.score)
            attributes = _attributes(entry, tag.attributes)
            self._tags.append((self._tag_id, job_id, *values, attributes, _json(tag.extras)))
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
            (self._track_id, job_id, parent, *values, attributes, _json(track.extras))
        )
        for shape in track.shapes:
            self._tracked_id += 1
            self._tracked.append(
                (
                    self._tracked_id,
                    self._track_id,
                    shape.frame,
                    shape.type,
                    pack_points(shape.points),
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

    def add_shape(
        self, row: tuple[Any, ...], shapes: list[Shape], parents: dict[int, Shape]
    ) -> None:
        shape = Shape(
            type=row[5],
            label=self._names[row[4]],
            points=unpack_points(row[6]),
            frame=row[3],
            occluded=row[7] != 0,
            outside=row[8] != 0,
            z_order=row[9],
            rotation=row[10],
            group=row[11],
            source=row[12],
            score=row[13],
            instance=row[14],
            attributes=self.attributes(row[15]),
            extras=orjson.loads(row[16]) if row[16] else None,
        )
        if row[2] is not None:
            # Elements follow their shape, which may be no skeleton: CVAT takes what it is given.
            parents.get(row[2], shapes[-1]).elements.append(shape)
            return
        shapes.append(shape)
        if shape.type == "skeleton":
            parents[row[0]] = shape

    def tag(self, row: tuple[Any, ...]) -> Tag:
        return Tag(
            label=self._names[row[3]],
            frame=row[2],
            group=row[4],
            source=row[5],
            score=row[6],
            attributes=self.attributes(row[7]),
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
    # By the primary key between the job's first and last shape: nothing has to be sorted.
    low, high = connection.execute(
        "SELECT min(id), max(id) FROM shape WHERE job_id = ?", (job_id,)
    ).fetchone()
    waiting, parents = list[Shape](), dict[int, Shape]()
    for row in connection.execute(
        f"SELECT {SHAPE_COLUMNS} FROM shape WHERE id BETWEEN ? AND ? AND +job_id = ? ORDER BY id",
        (low, high, job_id),
    ):
        if row[2] is None and waiting:
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
    decoder = _Decoder(labels)
    frame, shapes, parents = -1, list[Shape](), dict[int, Shape]()
    for row in raw(session).execute(
        f"SELECT {SHAPE_COLUMNS} FROM shape WHERE job_id = ? ORDER BY frame, id", (job_id,)
    ):
        if row[3] != frame:
            if shapes:
                yield frame, shapes
            frame, shapes, parents = row[3], [], {}
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
