"""Annotations as CVAT's API gives them: with the ids of rows, labels and attribute specs.

Attributes nobody set come with their defaults; on a track the mutable ones of a keyframe go on from
the keyframe before. A task's jobs are merged where they overlap (formats specification, section
0.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.geometry.overlap import merge_shapes, merge_tags, merge_tracks
from localcvat.jobs import job_row
from localcvat.model import Shape, Tag, Track, TrackedShape
from localcvat.store.engine import raw
from localcvat.store.packing import unpack_points
from localcvat.store.tables import TaskRow
from localcvat.tasks import task_row

Specs = dict[str, str]
"""Attribute values by spec id."""


class RowTag(Tag, kw_only=True):
    """A tag with its ids; `label` is the label's id as text, for comparing."""

    id: int
    label_id: int
    specs: Specs


class RowShape(Shape, kw_only=True):
    """A shape with its ids."""

    id: int
    label_id: int
    specs: Specs


class RowKeyframe(TrackedShape, kw_only=True):
    """A keyframe with its id."""

    id: int
    specs: Specs


class RowTrack(Track, kw_only=True):
    """A track with its ids."""

    id: int
    label_id: int
    specs: Specs


class RowData(msgspec.Struct, kw_only=True):
    """The annotations of a job or a task."""

    tags: list[RowTag] = []
    shapes: list[RowShape] = []
    tracks: list[RowTrack] = []


class _Defaults:
    """Default values of attributes by label: all, those of tracks, those of keyframes."""

    def __init__(self, session: Session, task: TaskRow) -> None:
        owner = ("project_id", task.project_id) if task.project_id else ("task_id", task.id)
        self.every: dict[int, Specs] = {}
        self.fixed: dict[int, Specs] = {}
        self.mutable: dict[int, Specs] = {}
        for spec, label, mutable, value in raw(session).execute(
            "SELECT a.id, a.label_id, a.mutable, a.default_value FROM attribute_spec a"
            f" JOIN label l ON l.id = a.label_id WHERE l.{owner[0]} = ? ORDER BY a.id",
            (owner[1],),
        ):
            self.every.setdefault(label, {})[str(spec)] = value
            kind = self.mutable if mutable else self.fixed
            kind.setdefault(label, {})[str(spec)] = value


def job_body(session: Session, job_id: int) -> dict[str, Any]:
    """The annotations of one job; raises NotFoundError."""
    job = job_row(session, job_id)
    task = task_row(session, job.task_id)
    return data_body(_read_job(session, job_id, _Defaults(session, task)))


def task_body(session: Session, task_id: int, newer: Mapping[str, int] = {}) -> dict[str, Any]:
    """The annotations of a task's annotation jobs, merged; those with a greater id than `newer`."""
    task = task_row(session, task_id)
    defaults = _Defaults(session, task)
    merged = RowData()
    jobs = raw(session).execute(
        "SELECT j.id, s.start_frame FROM job j JOIN segment s ON s.id = j.segment_id"
        " WHERE j.task_id = ? AND j.type = 'annotation' ORDER BY s.start_frame, j.id",
        (task_id,),
    )
    for order, (job_id, start) in enumerate(jobs.fetchall()):
        data = _read_job(session, job_id, defaults, newer)
        if order == 0:
            merged = data
            continue
        _merge(merged, data, start, task.overlap or 0, task.dimension == "3d")
    merged.tags.sort(key=lambda tag: (tag.frame, tag.id))
    merged.shapes.sort(key=lambda shape: (shape.frame, shape.id))
    return data_body(merged)


def last_ids(session: Session) -> dict[str, int]:
    """The greatest id of each kind, to tell later what is newer."""
    return {
        table: raw(session).execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        for table in ("tag", "shape", "track")
    }


def _merge(merged: RowData, data: RowData, start: int, overlap: int, three_d: bool) -> None:
    shared = range(start, start + overlap)
    for frame in shared:
        old = [shape for shape in merged.shapes if shape.frame == frame]
        new = [shape for shape in data.shapes if shape.frame == frame]
        _put(merged.shapes, old, merge_shapes(old, new, three_d))
        old_tags = [tag for tag in merged.tags if tag.frame == frame]
        new_tags = [tag for tag in data.tags if tag.frame == frame]
        _put(merged.tags, old_tags, merge_tags(old_tags, new_tags))
    merged.shapes += [shape for shape in data.shapes if shape.frame not in shared]
    merged.tags += [tag for tag in data.tags if tag.frame not in shared]
    merge_tracks(merged.tracks, data.tracks, start, overlap, three_d)  # type: ignore[arg-type]


def _put(whole: list[Any], old: Sequence[Any], new: Sequence[Any]) -> None:
    """Put `new` in the place of `old`."""
    known = {id(value) for value in old}
    whole[:] = [value for value in whole if id(value) not in known]
    whole.extend(new)


def _read_job(
    session: Session, job_id: int, defaults: _Defaults, newer: Mapping[str, int] = {}
) -> RowData:
    connection = raw(session)

    def rows(table: str, columns: str) -> Iterable[tuple[Any, ...]]:
        return connection.execute(
            f"SELECT {columns} FROM {table} WHERE job_id = ? AND id > ? ORDER BY id",
            (job_id, newer.get(table, 0)),
        )

    tags = [
        RowTag(
            id=row[0],
            frame=row[1],
            label_id=row[2],
            label=str(row[2]),
            group=row[3],
            source=row[4],
            specs=_filled(row[5], defaults.every.get(row[2])),
        )
        for row in rows("tag", "id, frame, label_id, grp, source, attributes")
    ]
    shapes = _read_shapes(rows, defaults)
    tracks = _read_tracks(session, job_id, rows, defaults)
    tags.sort(key=lambda tag: tag.frame)
    shapes.sort(key=lambda shape: shape.frame)
    return RowData(tags=tags, shapes=shapes, tracks=tracks)


def _filled(text: str | None, defaults: Specs | None) -> Specs:
    given: Specs = orjson.loads(text) if text else {}
    return given if not defaults else given | {k: v for k, v in defaults.items() if k not in given}


def _read_shapes(rows: Any, defaults: _Defaults) -> list[RowShape]:
    shapes: list[RowShape] = []
    for row in rows(
        "shape",
        "id, parent_id, frame, label_id, type, points, occluded, outside, z_order, rotation, grp,"
        " source, attributes",
    ):
        shape = RowShape(
            id=row[0],
            frame=row[2],
            label_id=row[3],
            label=str(row[3]),
            type=row[4],
            points=list(unpack_points(row[5])),
            occluded=bool(row[6]),
            outside=bool(row[7]),
            z_order=row[8],
            rotation=row[9],
            group=row[10],
            source=row[11],
            specs=_filled(row[12], defaults.every.get(row[3])),
        )
        # Elements are written right after their skeleton.
        (shapes if row[1] is None else shapes[-1].elements).append(shape)
    return shapes


def _read_tracks(session: Session, job_id: int, rows: Any, defaults: _Defaults) -> list[RowTrack]:
    roots: list[RowTrack] = []
    every: dict[int, RowTrack] = {}
    for row in rows("track", "id, parent_id, frame, label_id, grp, source, attributes"):
        track = every[row[0]] = RowTrack(
            id=row[0],
            frame=row[2],
            label_id=row[3],
            label=str(row[3]),
            group=row[4],
            source=row[5],
            specs=_filled(row[6], defaults.fixed.get(row[3])),
        )
        (roots if row[1] is None else every[row[1]].elements).append(track)
    for row in raw(session).execute(
        "SELECT s.id, s.track_id, s.frame, s.type, s.points, s.occluded, s.outside, s.z_order,"
        " s.rotation, s.attributes FROM tracked_shape s JOIN track t ON t.id = s.track_id"
        " WHERE t.job_id = ? ORDER BY s.track_id, s.frame, s.id",
        (job_id,),
    ):
        owner = every.get(row[1])
        if owner is None:
            continue
        before = owner.shapes[-1] if owner.shapes else None
        known = before.specs if isinstance(before, RowKeyframe) else None
        owner.shapes.append(
            RowKeyframe(
                id=row[0],
                frame=row[2],
                type=row[3],
                points=list(unpack_points(row[4])),
                occluded=bool(row[5]),
                outside=bool(row[6]),
                z_order=row[7],
                rotation=row[8],
                specs=_filled(row[9], known or defaults.mutable.get(owner.label_id)),
            )
        )
    return roots


def data_body(data: RowData) -> dict[str, Any]:
    """Annotations as JSON."""
    return {
        "version": 0,
        "tags": [_owned(tag) for tag in data.tags],
        "shapes": [
            {**_shape(shape), "elements": [_shape(element) for element in shape.elements]}
            for shape in data.shapes
        ],
        "tracks": [
            {**_track(track), "elements": [_track(element) for element in track.elements]}
            for track in data.tracks
        ],
    }


def _owned(value: Any) -> dict[str, Any]:
    return {
        "id": value.id,
        "frame": value.frame,
        "label_id": value.label_id,
        "group": value.group,
        "source": value.source,
        "attributes": _attributes(value.specs),
    }


def _attributes(specs: Specs) -> list[dict[str, Any]]:
    return [{"spec_id": int(key), "value": value} for key, value in specs.items()]


def _drawn(value: Any) -> dict[str, Any]:
    return {
        "type": value.type,
        "occluded": value.occluded,
        "outside": value.outside,
        "z_order": value.z_order,
        "rotation": value.rotation,
        "points": value.points,
    }


def _shape(shape: Any) -> dict[str, Any]:
    return _drawn(shape) | _owned(shape)


def _track(track: Any) -> dict[str, Any]:
    shapes = []
    row: Any = None
    for keyframe in track.shapes:
        # A keyframe that merging made is a copy of the one before it, id and attributes too.
        row = keyframe if isinstance(keyframe, RowKeyframe) else row
        shapes.append(
            {
                **_drawn(keyframe),
                "id": None if row is None else row.id,
                "frame": keyframe.frame,
                "attributes": [] if row is None else _attributes(row.specs),
            }
        )
    return {**_owned(track), "shapes": shapes}
