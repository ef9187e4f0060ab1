"""Projects, tasks and jobs as datasets that stream out of the store.

In the `cvat` dialect they are just what CVAT hands to its own writers (formats specification,
section 0.3): attributes filled with defaults, subset `default` for tasks and jobs, frames numbered
on over the tasks of a subset, equal names of a project mangled. In both dialects deleted frames are
left out, and objects that overlapping jobs both have are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
import orjson
from sqlmodel import Session, col, select

from localcvat.frames import task_video
from localcvat.geometry.overlap import merge_shapes, merge_tags, merge_tracks
from localcvat.honeypots import has_pool, honeypots
from localcvat.image_names import ImageNames
from localcvat.label_defaults import LabelDefaults
from localcvat.label_rows import read_labels
from localcvat.model import (
    DEFAULT_SUBSET,
    Dataset,
    Header,
    Item,
    JobInfo,
    Label,
    ProjectInfo,
    Shape,
    Tag,
    TaskInfo,
    Track,
    frame_offsets,
    named_subset,
)
from localcvat.plugin import Dialect
from localcvat.projects import project_row
from localcvat.report import Report
from localcvat.store.annotation_reading import FrameAnnotations, frames_of, tracks_of
from localcvat.store.engine import Store, now, raw
from localcvat.store.label_map import LabelMap, label_map
from localcvat.store.media import stored_media
from localcvat.store.tables import JobRow, TaskRow
from localcvat.task_infos import job_info, job_rows, task_info, user_of
from localcvat.video_frames import VideoFrames, has_decoder

Z_ORDER = attrgetter("z_order")
VIDEO_FRAME = "frame_{:06d}.PNG"


def export_project(
    store: Store,
    session: Session,
    project_id: int,
    dialect: Dialect = "plain",
    report: Report | None = None,
) -> Dataset:
    """A project as a dataset that streams, task by task; read it while `session` is open.

    `report` counts what is left out: deleted frames, ground-truth jobs, annotations of no frame.
    """
    project = project_row(session, project_id)
    tasks = list(
        session.exec(
            select(TaskRow)
            .where(
                TaskRow.project_id == project_id,
                col(TaskRow.deleted_date).is_(None),
                col(TaskRow.data_id).is_not(None),
            )
            .order_by(col(TaskRow.id))
        )
    )
    extras = orjson.loads(project.extras) if project.extras else {}
    header = _header("project", dialect, read_labels(session, project_id=project_id))
    header.info = extras.get("info", {})
    header.project = ProjectInfo(
        id=project_id,
        name=project.name,
        bug_tracker=project.bug_tracker,
        created=project.created_date,
        updated=project.updated_date,
        owner=user_of(session, project.owner_id),
        assignee=user_of(session, project.assignee_id),
    )
    parts = [_part(session, task, report=report) for task in tasks]
    taken = {task.subset for task in tasks}
    for part in parts:
        part.subset = named_subset(part.task.subset, taken)
    offsets = frame_offsets([part.info for part in parts])
    for part, offset in zip(parts, offsets, strict=True):
        part.info.frame_offset = offset
    return _dataset(store, session, header, parts, label_map(session, project_id=project_id))


def export_task(
    store: Store,
    session: Session,
    task: TaskRow,
    dialect: Dialect = "plain",
    report: Report | None = None,
) -> Dataset:
    """One task as a dataset that streams; read it while `session` is open.

    Only annotation jobs count: a ground-truth job is exported by itself. But where a task has a
    validation pool, that job holds its frames; their copies in the other jobs are left out.
    """
    owner = _label_owner(task)
    header = _header("task", dialect, read_labels(session, **owner))
    part = _part(session, task, report=report)
    part.subset = DEFAULT_SUBSET if dialect == "cvat" else task.subset or DEFAULT_SUBSET
    return _dataset(store, session, header, [part], label_map(session, **owner))


def export_job(
    store: Store,
    session: Session,
    job: JobRow,
    dialect: Dialect = "plain",
    report: Report | None = None,
) -> Dataset:
    """One job as a dataset that streams: its frames, of a ground-truth job the chosen ones."""
    task = session.get_one(TaskRow, job.task_id)
    owner = _label_owner(task)
    header = _header("job", dialect, read_labels(session, **owner))
    part = _part(session, task, job, report)
    part.subset = DEFAULT_SUBSET if dialect == "cvat" else task.subset or DEFAULT_SUBSET
    return _dataset(store, session, header, [part], label_map(session, **owner))


def _label_owner(task: TaskRow) -> dict[str, Any]:
    if task.project_id is not None:
        return {"project_id": task.project_id}
    return {"task_id": task.id}


def _header(kind: str, dialect: Dialect, labels: list[Label]) -> Header:
    return Header(kind=kind, dialect=dialect, labels=labels, dumped=now())


class _Part(msgspec.Struct):
    """What of one task is exported; `frames` are the chosen ones of a ground-truth job.

    `copies` are honeypots, which are not.
    """

    task: TaskRow
    info: TaskInfo
    jobs: list[JobInfo]
    report: Report
    frames: set[int] | None = None
    copies: frozenset[int] = frozenset()
    subset: str = DEFAULT_SUBSET

    @property
    def three_d(self) -> bool:
        return self.info.dimension == "3d"

    @property
    def wanted(self) -> range:
        """The frames the jobs reach over."""
        if not self.jobs:
            return range(self.info.size)
        start = min(job.start_frame for job in self.jobs)
        return range(start, max(job.stop_frame for job in self.jobs) + 1)


def _part(
    session: Session, task: TaskRow, job: JobRow | None = None, report: Report | None = None
) -> _Part:
    rows = job_rows(session, task)
    types = ("annotation", "ground_truth") if has_pool(session, task) else ("annotation",)
    found = [
        row
        for row in rows
        if (row[0] == job.id if job is not None else row[1] in types and row[2] is None)
    ]
    jobs = [job_info(session, row) for row in found]
    info = task_info(session, task)
    info.jobs = jobs
    part = _Part(task, info, jobs, report or Report())
    if job is not None and found[0][6] == "specific_frames":
        part.frames = set(orjson.loads(found[0][7]))
    if job is None and len(rows) > len(found):
        why = "ground truth and replicas are no part of a task's dataset: export the job itself"
        part.report.dropped("job", why, task.name, count=len(rows) - len(found), lossy=False)
    if job is None:
        part.copies = honeypots(session, task)
    if part.copies:
        why = "a copy of a frame of the validation pool: left out with its annotations"
        part.report.dropped("honeypot", why, task.name, count=len(part.copies), lossy=False)
    gone = len(set(info.deleted_frames).intersection(part.wanted))
    if gone:
        why = "deleted in its task: left out with its annotations"
        part.report.dropped("image", why, task.name, count=gone, lossy=False)
    return part


def _dataset(
    store: Store, session: Session, header: Header, parts: list[_Part], labels: LabelMap
) -> Dataset:
    header.tasks = [part.info for part in parts]
    header.subsets = list(dict.fromkeys(part.subset for part in parts))
    fill = LabelDefaults(header.labels) if header.dialect == "cvat" else None
    tracks = [
        track
        for position, part in enumerate(parts)
        for track in _tracks(session, part, position, labels, fill)
    ]
    names = ImageNames() if header.kind == "project" else None
    items = (
        item
        for position, part in enumerate(parts)
        for item in _items(store, session, part, position, labels, fill, names)
    )
    return Dataset(header, items, tracks)


def _tracks(
    session: Session, part: _Part, position: int, labels: LabelMap, fill: LabelDefaults | None
) -> list[Track]:
    """The tracks of all jobs, those joined that go on from one job to the next."""
    joined: list[Track] = []
    for job in part.jobs:
        tracks = list(tracks_of(session, job.id, labels))
        for track in tracks:
            track.task = position
            if fill is not None:
                fill.track(track)
        if len(part.jobs) == 1:
            return tracks
        merge_tracks(joined, tracks, job.start_frame, part.info.overlap, part.three_d)
    return joined


def _items(
    store: Store,
    session: Session,
    part: _Part,
    position: int,
    labels: LabelMap,
    fill: LabelDefaults | None,
    names: ImageNames | None,
) -> Iterator[Item]:
    deleted, wanted = set(part.info.deleted_frames), part.wanted
    annotated = _by_frame(session, part, labels)
    upcoming = next(annotated, None)
    video = _video(store, session, part)
    for row in raw(session).execute(
        "SELECT f.number, f.path, f.width, f.height, f.extras, m.kind, m.sha256, m.path "
        "FROM frame f LEFT JOIN media m ON m.id = f.media_id "
        "WHERE f.data_id = ? ORDER BY f.number",
        (part.task.data_id,),
    ):
        item = _item(store, row, part, position)
        if video is not None:
            absolute = part.info.start_frame + row[0] * part.info.step
            item.media = video.frame(absolute, item.path)
        if names is not None and not part.info.video:
            item.path = names.free(part.subset, item.path)
        while upcoming is not None and upcoming[0] < row[0]:
            _leave_out(part, upcoming, "on a frame that its task does not have")
            upcoming = next(annotated, None)
        found = None
        if upcoming is not None and upcoming[0] == row[0]:
            found, upcoming = upcoming, next(annotated, None)
        if row[0] in deleted or row[0] in part.copies:
            continue
        if row[0] not in wanted or (part.frames is not None and row[0] not in part.frames):
            if found is not None:
                _leave_out(part, found, "on a frame that its job does not have")
            continue
        if found is not None:
            _, item.shapes, item.tags = found
        if names is not None and not part.info.video and item.path != row[1]:
            why = "renamed: another of the project has its name"
            part.report.changed("image", why, f"{row[1]} -> {item.path}", lossy=False)
            place = f"task {part.task.id}: {part.task.name}"
            part.report.renames.append((item.path, row[1], place))
        if fill is not None:
            fill.item(item)
        item.shapes.sort(key=Z_ORDER)
        yield item
    while upcoming is not None:
        _leave_out(part, upcoming, "on a frame that its task does not have")
        upcoming = next(annotated, None)


def _leave_out(part: _Part, found: tuple[int, list[Shape], list[Tag]], why: str) -> None:
    """Count annotations on a frame that is not exported, which a backup may bring."""
    frame, shapes, tags = found
    for kind in (*(shape.type for shape in shapes), *("tag" for _ in tags)):
        part.report.dropped(kind, why, f"{part.task.name}, frame {frame}")


def _video(store: Store, session: Session, part: _Part) -> VideoFrames | None:
    """The video of a task, where there is one that can be decoded here."""
    if not part.info.video or part.task.data_id is None or not has_decoder():
        return None
    return task_video(store, session, part.task.data_id)


def _item(store: Store, row: tuple[Any, ...], part: _Part, position: int) -> Item:
    number, path, width, height, extras, kind, sha256, reference = row
    info = part.info
    kept = orjson.loads(extras) if extras else {}
    source_frame = info.start_frame + number * info.step + info.frame_offset
    return Item(
        path=VIDEO_FRAME.format(source_frame) if info.video else path,
        subset=part.subset,
        width=width,
        height=height,
        frame=number,
        source_frame=source_frame,
        task=position,
        media=stored_media(store, kind, sha256, reference, path) if kind else None,
        related=kept.get("related") or [],
        attributes=kept.get("attributes") or {},
        extras=kept.get("extras"),
    )


def _by_frame(
    session: Session, part: _Part, labels: LabelMap
) -> Iterator[tuple[int, list[Shape], list[Tag]]]:
    """Annotations of all jobs of a task by frame; what overlapping jobs both have is one."""
    if len(part.jobs) == 1:
        for found in frames_of(session, part.jobs[0].id, labels):
            yield found.frame, found.shapes, found.tags
        return
    streams = [
        _numbered(frames_of(session, job.id, labels), order) for order, job in enumerate(part.jobs)
    ]
    for frame, of_jobs in groupby(merge(*streams, key=_place), key=lambda each: each[0].frame):
        shapes: list[Shape] = []
        tags: list[Tag] = []
        for more, order in of_jobs:
            if frame < part.jobs[order].start_frame + part.info.overlap:
                shapes = merge_shapes(shapes, more.shapes, part.three_d)
                tags = merge_tags(tags, more.tags)
            else:
                shapes += more.shapes
                tags += more.tags
        yield frame, shapes, tags


def _numbered(
    frames: Iterator[FrameAnnotations], order: int
) -> Iterator[tuple[FrameAnnotations, int]]:
    for found in frames:
        yield found, order


def _place(pair: tuple[FrameAnnotations, int]) -> tuple[int, int]:
    return pair[0].frame, pair[1]
