"""Tasks: made from local media, listed, shown, deleted."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import func
from sqlmodel import Session, col, select

from localcvat.archive import FileMedia, open_source
from localcvat.errors import NotFoundError, SourceError, UsageError, ValidationError
from localcvat.images import is_image_name
from localcvat.label_rows import insert_labels
from localcvat.labels import fill_colors
from localcvat.model import Label, Media
from localcvat.natural import natural_key
from localcvat.projects import check_labels, project_row
from localcvat.store.engine import Store, now
from localcvat.store.media import Batch, MediaMode, keep_media
from localcvat.store.tables import DataRow, JobRow, TaskRow
from localcvat.task_rows import (
    FileDraft,
    FrameDraft,
    FrameWriter,
    JobDraft,
    insert_jobs,
    insert_task,
    segment_grid,
)
from localcvat.users import current_user

SORTING_METHODS = ("lexicographical", "natural", "predefined", "random")
CHUNK_PIXELS = 36 * 1920 * 1080


class Task(msgspec.Struct, kw_only=True):
    """A task as listed."""

    id: int
    name: str
    project_id: int | None
    subset: str
    status: str
    size: int
    mode: str
    job_count: int
    updated_date: str = ""


class TaskOptions(msgspec.Struct, kw_only=True):
    """How a task's data are cut and ordered; frames are absolute in the sorted list of files.

    `stop_frame` None means to the end, `segment_size` 0 one job for all.
    """

    subset: str = ""
    bug_tracker: str = ""
    segment_size: int = 0
    overlap: int = 0
    start_frame: int = 0
    stop_frame: int | None = None
    step: int = 1
    sorting_method: str = "lexicographical"
    image_quality: int = 70
    media: MediaMode = "copy"


class TaskFile(msgspec.Struct):
    """A media file of a new task and the path it gets."""

    path: str
    media: Media


def sort_files(files: Sequence[TaskFile], method: str) -> list[TaskFile]:
    """The files in the order CVAT takes their frames; raises UsageError for an unknown method."""
    if method == "lexicographical":
        return sorted(files, key=lambda file: file.path)
    if method == "natural":
        return sorted(files, key=lambda file: natural_key(file.path))
    if method == "predefined":
        return list(files)
    if method == "random":
        shuffled = sorted(files, key=lambda file: file.path)
        random.Random(0).shuffle(shuffled)
        return shuffled
    raise UsageError(f"unknown sorting method {method!r}", hint=", ".join(SORTING_METHODS))


def chunk_size_for(width: int, height: int) -> int:
    """CVAT's default frames per chunk for images of this size."""
    return max(2, min(72, CHUNK_PIXELS // max(width * height, 1)))


def local_files(paths: Iterable[str]) -> list[TaskFile]:
    """Image files named by paths, folders and zips; raises SourceError when there are none."""
    files = [file for path in paths for file in _files_of(path)]
    if not files:
        raise SourceError("no images found", hint="name image files, folders or zips of them")
    return files


def _files_of(path: str) -> Iterator[TaskFile]:
    if os.path.isfile(path) and is_image_name(path):
        yield TaskFile(os.path.basename(path), FileMedia(path))
        return
    source = open_source(path)
    for name in source.names:
        if is_image_name(name) and not name.startswith("__MACOSX/"):
            yield TaskFile(name, source.media(name))


def create_task(
    store: Store,
    name: str,
    files: Sequence[TaskFile],
    *,
    project_id: int | None = None,
    labels: Sequence[Label] = (),
    options: TaskOptions | None = None,
) -> int:
    """Make a task with its media, segments and jobs; returns its id.

    Raises ValidationError with CVAT's words, SourceError for unreadable media.
    """
    options = options or TaskOptions()
    _check(name, project_id, labels, options)
    used = _used_files(files, options)
    with store.media.batch() as batch, store.write() as session:
        task_id = _insert(session, batch, name, files, used, project_id, labels, options)
        batch.sync()
        return task_id


def _check(
    name: str, project_id: int | None, labels: Sequence[Label], options: TaskOptions
) -> None:
    if not name.strip():
        raise ValidationError({"name": ["This field may not be blank."]})
    if len(name) > 256:
        raise ValidationError({"name": ["Ensure this field has no more than 256 characters."]})
    if project_id is None and not labels:
        raise ValidationError(["Label set or project_id must be present"])
    if project_id is not None and labels:
        raise ValidationError(["Project must have only one of Label set or project_id"])
    if options.stop_frame is not None and options.stop_frame < options.start_frame:
        raise ValidationError(["Stop frame must be more or equal start frame"])
    if len(options.subset) > 64:
        raise ValidationError({"subset": ["Ensure this field has no more than 64 characters."]})
    check_labels(labels)


def _used_files(files: Sequence[TaskFile], options: TaskOptions) -> list[TaskFile]:
    ordered = sort_files(files, options.sorting_method)
    paths = [file.path for file in ordered]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise SourceError("two files would get the same path", where=twice)
    stop = len(ordered) if options.stop_frame is None else options.stop_frame + 1
    used = ordered[options.start_frame : stop : options.step]
    if not used:
        raise ValidationError(["No media data found"])
    return used


def _insert(
    session: Session,
    batch: Batch,
    name: str,
    files: Sequence[TaskFile],
    used: Sequence[TaskFile],
    project_id: int | None,
    labels: Sequence[Label],
    options: TaskOptions,
) -> int:
    if project_id is not None:
        project_row(session, project_id).updated_date = now()
    task = TaskRow(
        name=name.strip(),
        project_id=project_id,
        subset=options.subset,
        bug_tracker=options.bug_tracker,
        mode="annotation",
        overlap=options.overlap,
        segment_size=min(options.segment_size or len(used), len(used)),
        owner_id=current_user(session).id,
        created_date="",
        updated_date="",
    )
    width, height = used[0].media.image_size()
    data = DataRow(
        size=len(used),
        chunk_size=chunk_size_for(width, height),
        image_quality=options.image_quality,
        start_frame=options.start_frame,
        stop_frame=options.start_frame + (len(used) - 1) * options.step,
        frame_filter=f"step={options.step}" if options.step > 1 else "",
        sorting_method=options.sorting_method,
    )
    task_id = insert_task(session, task, data)
    if project_id is None:
        made = list(labels)
        fill_colors(made)
        insert_labels(session, made, task_id=task_id)
    _write_files(session, FrameWriter(session, int(data.id or 0)), batch, files, used, options)
    grid = segment_grid(len(used), options.segment_size, options.overlap)
    insert_jobs(session, task_id, [JobDraft(start_frame=a, stop_frame=b) for a, b in grid])
    return task_id


def _write_files(
    session: Session,
    writer: FrameWriter,
    batch: Batch,
    files: Sequence[TaskFile],
    used: Sequence[TaskFile],
    options: TaskOptions,
) -> None:
    ids: dict[str, int | None] = {}
    for file in files:
        ids[file.path] = keep_media(session, batch, file.media, options.media)
        writer.file(FileDraft(path=file.path, media_id=ids[file.path]))
    for file in used:
        width, height = file.media.image_size()
        writer.frame(
            FrameDraft(path=file.path, width=width, height=height, media_id=ids[file.path])
        )
    writer.flush()


def task_row(session: Session, task_id: int) -> TaskRow:
    """The row of a task that is not in the trash; raises NotFoundError."""
    row = session.get(TaskRow, task_id)
    if row is None or row.deleted_date is not None:
        raise NotFoundError(f"no task #{task_id}", hint="see `localcvat task ls`")
    return row


def _task(session: Session, row: TaskRow) -> Task:
    data = session.get(DataRow, row.data_id) if row.data_id is not None else None
    jobs = select(func.count()).select_from(JobRow).where(JobRow.task_id == row.id)
    return Task(
        id=int(row.id or 0),
        name=row.name,
        project_id=row.project_id,
        subset=row.subset,
        status=row.status,
        size=data.size if data is not None else 0,
        mode=row.mode,
        job_count=session.exec(jobs).one(),
        updated_date=row.updated_date,
    )


def get_task(store: Store, task_id: int) -> Task:
    """One task; raises NotFoundError."""
    with store.read() as session:
        return _task(session, task_row(session, task_id))


def list_tasks(store: Store, project_id: int | None = None) -> list[Task]:
    """Tasks by id, newest first; of one project when given."""
    chosen = select(TaskRow).where(col(TaskRow.deleted_date).is_(None))
    if project_id is not None:
        chosen = chosen.where(TaskRow.project_id == project_id)
    with store.read() as session:
        return [
            _task(session, row) for row in session.exec(chosen.order_by(col(TaskRow.id).desc()))
        ]


def delete_tasks(store: Store, task_ids: Sequence[int]) -> None:
    """Move tasks to the trash, all or none; `gc` frees what they hold."""
    with store.write() as session:
        for task_id in task_ids:
            row = task_row(session, task_id)
            row.deleted_date = now()
            session.add(row)
            if row.project_id is not None:
                project_row(session, row.project_id).updated_date = now()
