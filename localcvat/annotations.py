"""The annotations of jobs, tasks and projects: read with ids, replaced, added to, changed, removed.

What is written to a task is cut to its jobs: an object on a frame that two jobs share goes to both,
a track is cut at the edges of each job (formats specification, section 0.4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec
import orjson
from sqlmodel import Session, col, select

from localcvat.errors import NotFoundError, UsageError
from localcvat.jobs import touch_annotations
from localcvat.labeled_data import (
    LabeledData,
    LabeledShape,
    LabeledTag,
    LabeledTrack,
    annotations_from,
    ids_in,
)
from localcvat.model import Annotations, Shape, Track, TrackedShape
from localcvat.projects import project_row
from localcvat.store.annotations import (
    LabelMap,
    clear_annotations,
    label_map,
    read_annotations,
    write_annotations,
)
from localcvat.store.engine import Store, raw
from localcvat.store.tables import JobRow, SegmentRow, TaskRow
from localcvat.tasks import task_row

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
    """The annotations of a task's annotation jobs, job by job; raises NotFoundError."""
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
            _, jobs = _jobs(session, Scope(task_id=task.id))
            labels = label_map(session, project_id=project_id)
            for job in jobs:
                _extend(found, _labeled(session, job.id, labels))
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
    found = LabeledData()
    with store.read() as session:
        task, jobs = _jobs(session, scope)
        labels = label_map(session, task_id=task.id)
        for job in jobs:
            _extend(found, _labeled(session, job.id, labels))
    return found


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
    for job in jobs:
        cut = Annotations(
            tags=[tag for tag in annotations.tags if tag.frame in job],
            shapes=[shape for shape in annotations.shapes if shape.frame in job],
            tracks=[
                track
                for track in (cut_track(t, job.start, job.stop) for t in annotations.tracks)
                if track is not None
            ],
        )
        write_annotations(session, job.id, cut, labels)
    _check_placed(annotations, jobs)
    touch_annotations(session, [job.id for job in jobs])


def _check_placed(annotations: Annotations, jobs: Collection[_JobFrames]) -> None:
    """Raise UsageError for what no job took: nothing is dropped silently."""
    places = [(f"tags[{n}]", tag.frame) for n, tag in enumerate(annotations.tags)]
    places += [(f"shapes[{n}]", shape.frame) for n, shape in enumerate(annotations.shapes)]
    places += [
        (f"tracks[{n}].shapes", shape.frame)
        for n, track in enumerate(annotations.tracks)
        for shape in track.shapes[:1]
    ]
    for place, frame in places:
        if not any(frame in job for job in jobs):
            raise UsageError(f"there is no frame {frame} here", where=f"{place}.frame")


def cut_track(track: Track, start: int, stop: int) -> Track | None:
    """The part of `track` on frames `start` to `stop`; None when it is not there at all.

    Where the cut falls between keyframes, an interpolated one is made.
    """
    shapes = _cut_shapes(track, start, stop)
    if not shapes or (shapes is not track.shapes and shapes[-1].outside and len(shapes) == 1):
        return None
    return _with_shapes(track, shapes, start, stop)


def _with_shapes(track: Track, shapes: list[TrackedShape], start: int, stop: int) -> Track:
    elements = [
        _with_shapes(element, _cut_shapes(element, start, stop), start, stop)
        for element in track.elements
    ]
    frame = shapes[0].frame if shapes else track.frame
    return msgspec.structs.replace(track, frame=frame, shapes=shapes, elements=elements)


def _cut_shapes(track: Track, start: int, stop: int) -> list[TrackedShape]:
    """Keyframes from `start` to `stop`; of leading ones that are outside the last stays at most."""
    from localcvat.geometry.tracks import interpolate

    last = max((shape.frame for shape in track.shapes), default=0)
    if all(start <= shape.frame <= stop for shape in track.shapes):
        return track.shapes
    every = [
        (shape, keyframe)
        for shape, keyframe in interpolate(track, max(stop, last))
        if start <= shape.frame <= stop
    ]
    kept = [
        shape
        for position, (shape, keyframe) in enumerate(every)
        if keyframe or position == 0 or (shape.frame == stop and last > stop)
    ]
    while len(kept) > 1 and kept[0].outside:
        kept = kept[1:]
    return kept
