"""The annotations of jobs, tasks and projects: read with ids, replaced, added to, changed, removed.

What is written to a task is cut to its jobs: an object on a frame that two jobs share goes to both,
a track is cut at the edges of each job (formats specification, section 0.4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

import msgspec
import orjson
from sqlmodel import Session, col, select

from localcvat.errors import NotFoundError, UsageError
from localcvat.geometry.overlap import merge_shapes, merge_tags, merge_tracks
from localcvat.jobs import touch_annotations
from localcvat.labeled_data import (
    LabeledData,
    LabeledShape,
    LabeledTag,
    LabeledTrack,
    annotations_from,
    ids_in,
)
from localcvat.model import Annotations, Shape, Tag, Track
from localcvat.projects import project_row
from localcvat.report import Report
from localcvat.store.annotation_reading import read_annotations
from localcvat.store.annotation_rows import clear_annotations, write_annotations
from localcvat.store.engine import Store, raw
from localcvat.store.label_map import LabelMap, label_map
from localcvat.store.tables import JobRow, SegmentRow, TaskRow
from localcvat.tasks import task_row

V = TypeVar("V", Tag, Shape)
Action = Literal["create", "update", "delete"]
TABLES = {"tags": "tag", "shapes": "shape", "tracks": "track"}


class Scope(msgspec.Struct, frozen=True):
    """Whose annotations are meant: those of one job, or of all annotation jobs of a task."""

    task_id: int | None = None
    job_id: int | None = None


class _JobFrames(msgspec.Struct):
    """A job and its frames, task-relative and inclusive; `chosen` are those of a ground truth."""

    id: int
    start: int
    stop: int
    chosen: frozenset[int] | None = None

    def __contains__(self, frame: int) -> bool:
        if self.chosen is not None:
            return frame in self.chosen
        return self.start <= frame <= self.stop


def job_annotations(store: Store, job_id: int) -> LabeledData:
    """The annotations of one job; raises NotFoundError."""
    return _read(store, Scope(job_id=job_id))


def task_annotations(store: Store, task_id: int) -> LabeledData:
    """The annotations of a task's annotation jobs, job by job; raises NotFoundError.

    What overlapping jobs both have is there once (formats specification, section 0.3).
    """
    return _read(store, Scope(task_id=task_id))


def project_annotations(store: Store, project_id: int) -> LabeledData:
    """The annotations of all tasks of a project, task by task; raises NotFoundError."""
    found = LabeledData()
    with store.read() as session:
        project_row(session, project_id)
        tasks = select(TaskRow).where(
            TaskRow.project_id == project_id, col(TaskRow.deleted_date).is_(None)
        )
        for task in session.exec(tasks.order_by(col(TaskRow.id))).all():
            _extend(found, read_scope(session, Scope(task_id=task.id)))
    return found


def set_annotations(store: Store, scope: Scope, data: Any) -> None:
    """Replace all annotations; raises ValidationError and then changes nothing."""
    with store.write() as session:
        task, jobs = _jobs(session, scope)
        labels = label_map(session, task_id=task.id)
        made = annotations_from(data, labels)
        for job in jobs:
            clear_annotations(session, job.id)
        _write(session, task, jobs, made, labels)


def update_annotations(store: Store, scope: Scope, data: Any, action: Action) -> None:
    """Create, update or delete the given annotations; `update` and `delete` go by their ids.

    An updated annotation gets a new id, as CVAT's does. Raises NotFoundError for an unknown id.
    """
    if action not in ("create", "update", "delete"):
        raise UsageError(f"unknown action {action!r}", hint="create, update or delete")
    with store.write() as session:
        task, jobs = _jobs(session, scope)
        labels = label_map(session, task_id=task.id)
        made = Annotations() if action == "delete" else annotations_from(data, labels)
        if action != "create":
            _delete(session, jobs, ids_in(data))
        _write(session, task, jobs, made, labels)


def remove_annotations(store: Store, scope: Scope, ids: Collection[int] | None = None) -> None:
    """Remove all annotations, or those of any kind that have one of these ids."""
    with store.write() as session:
        _, jobs = _jobs(session, scope)
        for job in jobs:
            if ids is None:
                clear_annotations(session, job.id)
                continue
            for table in TABLES.values():
                rows = [(job.id, number) for number in ids]
                raw(session).executemany(
                    f"DELETE FROM {table} WHERE job_id = ? AND id = ? AND {_ROOT[table]}", rows
                )
        touch_annotations(session, [job.id for job in jobs])


def join_task_tracks(store: Store, task_id: int, least: float, *, dry_run: bool = False) -> Report:
    """Make tracks of one object one (see `geometry.track_joining`); returns what was joined.

    `least` is the mean IoU from which two are one. Joined tracks are cut to the jobs again. A dry
    run changes nothing. Raises NotFoundError.
    """
    from localcvat.geometry.track_joining import join_tracks

    report = Report()
    with store.write() as session:
        scope = Scope(task_id=task_id)
        task, jobs = _jobs(session, scope)
        found = cast(list[Track], read_scope(session, scope).tracks)
        stop = max((job.stop for job in jobs), default=-1)
        kept, joined = join_tracks(found, least, [stop])
        for part in joined:
            part.report(report)
        if kept:
            report.kept("track", len(kept))
        if joined and not dry_run:
            for job in jobs:
                raw(session).execute("DELETE FROM track WHERE job_id = ?", (job.id,))
            labels = label_map(session, task_id=task.id)
            _write(session, task, jobs, Annotations(tracks=kept), labels)
    return report


_ROOT = {"tag": "1", "shape": "parent_id IS NULL", "track": "parent_id IS NULL"}


def _jobs(session: Session, scope: Scope) -> tuple[TaskRow, list[_JobFrames]]:
    query = select(JobRow, SegmentRow).join(SegmentRow, col(JobRow.segment_id) == SegmentRow.id)
    if scope.job_id is not None:
        query = query.where(JobRow.id == scope.job_id)
    else:
        query = query.where(JobRow.task_id == scope.task_id, JobRow.type == "annotation")
    rows = session.exec(query.order_by(col(JobRow.id))).all()
    if scope.job_id is not None and not rows:
        raise NotFoundError(f"no job #{scope.job_id}", hint="see `localcvat job ls`")
    task = task_row(session, rows[0][0].task_id if scope.job_id is not None else scope.task_id or 0)
    jobs = []
    for job, segment in rows:
        chosen = frozenset(orjson.loads(segment.frames)) if segment.type != "range" else None
        frames = (segment.start_frame, segment.stop_frame, chosen)
        jobs.append(_JobFrames(int(job.id or 0), *frames))
    return task, jobs


def _read(store: Store, scope: Scope) -> LabeledData:
    with store.read() as session:
        return read_scope(session, scope)


def read_scope(session: Session, scope: Scope) -> LabeledData:
    """The annotations of a scope; what overlapping jobs both have is there once."""
    found = LabeledData()
    task, jobs = _jobs(session, scope)
    labels = label_map(session, task_id=task.id)
    for order, job in enumerate(jobs):
        data = _labeled(session, job.id, labels)
        if order:
            _merge(found, data, job.start, task)
        else:
            _extend(found, data)
    return found


def _merge(found: LabeledData, more: LabeledData, start: int, task: TaskRow) -> None:
    """Add a job's annotations to those of the jobs before; what both have is once there."""
    overlap, three_d = task.overlap or 0, task.dimension == "3d"
    shared = range(start, start + overlap)
    tags, shapes = list[Tag](), list[Shape]()
    for frame in shared:
        old, new = _on(found.shapes, frame), _on(more.shapes, frame)
        shapes += merge_shapes(old, new, three_d)[len(old) :]
        old_tags, new_tags = _on(found.tags, frame), _on(more.tags, frame)
        tags += merge_tags(old_tags, new_tags)[len(old_tags) :]
    kept = {id(value) for value in (*tags, *shapes)}
    found.tags += [tag for tag in more.tags if tag.frame not in shared or id(tag) in kept]
    found.shapes += [one for one in more.shapes if one.frame not in shared or id(one) in kept]
    merge_tracks(cast(list[Track], found.tracks), more.tracks, start, overlap, three_d)


def _on(values: Sequence[V], frame: int) -> list[V]:
    return [value for value in values if value.frame == frame]


def _extend(found: LabeledData, more: LabeledData) -> None:
    found.tags += more.tags
    found.shapes += more.shapes
    found.tracks += more.tracks


def _labeled(session: Session, job_id: int, labels: LabelMap) -> LabeledData:
    """One job's annotations with the ids of their rows, which grow in the order of reading."""
    read = read_annotations(session, job_id, labels)
    tags, shapes, tracks = (_row_ids(session, table, job_id) for table in TABLES.values())
    return LabeledData(
        tags=[LabeledTag(**_fields(tag), **next(tags)) for tag in read.tags],
        shapes=[_labeled_shape(shape, shapes) for shape in read.shapes],
        tracks=_labeled_tracks(read.tracks, tracks),
    )


def _row_ids(session: Session, table: str, job_id: int) -> Iterator[dict[str, Any]]:
    rows = raw(session).execute(
        f"SELECT id, label_id FROM {table} WHERE job_id = ? ORDER BY id", (job_id,)
    )
    for number, label_id in rows.fetchall():
        yield {"id": number, "label_id": label_id, "job_id": job_id}


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(value)


def _labeled_shape(shape: Shape, ids: Iterator[dict[str, Any]]) -> LabeledShape:
    made = LabeledShape(**_fields(shape), **next(ids))
    made.elements = [_labeled_shape(element, ids) for element in shape.elements]
    return made


def _labeled_tracks(tracks: Iterable[Track], ids: Iterator[dict[str, Any]]) -> list[LabeledTrack]:
    labeled = []
    for track in tracks:
        made = LabeledTrack(**_fields(track), **next(ids))
        made.elements = list(_labeled_tracks(track.elements, ids))
        labeled.append(made)
    return labeled


def _delete(session: Session, jobs: Iterable[_JobFrames], ids: Mapping[str, Iterable[int]]) -> None:
    numbers = ", ".join(str(job.id) for job in jobs)
    for kind, table in TABLES.items():
        for number in ids[kind]:
            gone = raw(session).execute(
                f"DELETE FROM {table} WHERE id = ? AND job_id IN ({numbers}) AND {_ROOT[table]}",
                (number,),
            )
            if not gone.rowcount:
                raise NotFoundError(f"no {table} #{number} here")


def _write(
    session: Session,
    task: TaskRow,
    jobs: Collection[_JobFrames],
    annotations: Annotations,
    labels: LabelMap,
) -> None:
    _check_placed(annotations, jobs)
    tracks = _parts(annotations.tracks, jobs)
    for job in jobs:
        cut = Annotations(
            tags=[tag for tag in annotations.tags if tag.frame in job],
            shapes=[shape for shape in annotations.shapes if shape.frame in job],
            tracks=tracks[job.id],
        )
        write_annotations(session, job.id, cut, labels)
    touch_annotations(session, [job.id for job in jobs])


def _check_placed(annotations: Annotations, jobs: Collection[_JobFrames]) -> None:
    """Raise UsageError for what no job takes: nothing is dropped silently."""
    from localcvat.geometry.slicing import keyframes

    for place, frame in _places(annotations):
        if not any(frame in job for job in jobs):
            raise UsageError(f"there is no frame {frame} here", where=f"{place}.frame")
    for number, track in enumerate(annotations.tracks):
        for frame in keyframes(track):
            if not any(job.start <= frame <= job.stop for job in jobs):
                raise UsageError(f"there is no frame {frame} here", where=f"tracks[{number}]")


def _places(annotations: Annotations) -> Iterator[tuple[str, int]]:
    yield from ((f"tags[{n}]", tag.frame) for n, tag in enumerate(annotations.tags))
    yield from ((f"shapes[{n}]", shape.frame) for n, shape in enumerate(annotations.shapes))
    for number, track in enumerate(annotations.tracks):
        yield from ((f"tracks[{number}].shapes", shape.frame) for shape in track.shapes[:1])


def _parts(tracks: Iterable[Track], jobs: Collection[_JobFrames]) -> dict[int, list[Track]]:
    """What each job gets of the tracks."""
    from localcvat.geometry.slicing import track_parts

    parts: dict[int, list[Track]] = {job.id: [] for job in jobs}
    ranges = [(job.start, job.stop) for job in jobs]
    for track in tracks:
        for job, part in zip(jobs, track_parts(track, ranges), strict=True):
            if part is not None:
                parts[job.id].append(part)
    return parts
