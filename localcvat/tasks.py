"""Tasks: made from local media, listed, shown, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import func
from sqlmodel import Session, col, select

from localcvat.backup.frame_plan import FramePlan
from localcvat.errors import NotFoundError, ValidationError
from localcvat.label_rows import insert_labels
from localcvat.labels import fill_colors
from localcvat.model import Label
from localcvat.projects import check_labels, project_row
from localcvat.store.engine import Store, now
from localcvat.store.media import Batch
from localcvat.store.tables import DataRow, JobRow, TaskRow
from localcvat.task_data import TaskOptions, check_mapping, fill_task
from localcvat.task_media import TaskFile, TaskMedia, Undecoded, later, local_files
from localcvat.task_rows import insert_task
from localcvat.users import current_user

__all__ = ["TaskFile", "TaskOptions", "local_files"]


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

    Files are images, one video, or point clouds, with their context images and perhaps a
    manifest.jsonl. Raises ValidationError with CVAT's words, SourceError for unreadable media.
    """
    options = options or TaskOptions()
    _check(name, project_id, labels, options)
    media = TaskMedia(files, store.jobs)
    plan = None
    with suppress(Undecoded):
        plan = media.plan(options.data_record(), options.job_file_mapping, later)
    with store.media.batch() as batch, store.write() as session:
        task_id = _insert(store, session, batch, name, media, plan, project_id, labels, options)
        batch.sync()
        return task_id


def attach_data(
    store: Store, task_id: int, files: Sequence[TaskFile], options: TaskOptions | None = None
) -> None:
    """Give a task that was made without data its media, segments and jobs; see `create_task`.

    `segment_size` and `overlap` are the task's own; subset and bug tracker of `options` mean
    nothing here. Raises ValidationError when the task has data already.
    """
    options = options or TaskOptions()
    with store.read() as session:
        task = _empty_task(session, task_id)
        options = msgspec.structs.replace(
            options, segment_size=task.segment_size, overlap=task.overlap
        )
    check_mapping(options)
    media = TaskMedia(files, store.jobs)
    plan = None
    with suppress(Undecoded):
        plan = media.plan(options.data_record(), options.job_file_mapping, later)
    with store.media.batch() as batch, store.write() as session:
        task = _empty_task(session, task_id)
        fill_task(store, session, batch, task, media, plan, options)
        task.updated_date = now()
        if task.project_id is not None:
            project_row(session, task.project_id).updated_date = now()
        batch.sync()


def _empty_task(session: Session, task_id: int) -> TaskRow:
    task = task_row(session, task_id)
    if task.data_id is not None:
        raise ValidationError(["Adding more data is not supported"])
    return task


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
    check_mapping(options)
    if len(options.subset) > 64:
        raise ValidationError({"subset": ["Ensure this field has no more than 64 characters."]})
    check_labels(labels)


def _insert(
    store: Store,
    session: Session,
    batch: Batch,
    name: str,
    media: TaskMedia,
    plan: FramePlan | None,
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
        owner_id=current_user(session).id,
        created_date="",
        updated_date="",
    )
    task_id = insert_task(session, task, None)
    if project_id is None:
        made = list(labels)
        fill_colors(made)
        insert_labels(session, made, task_id=task_id)
    fill_task(store, session, batch, task, media, plan, options)
    return task_id


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
