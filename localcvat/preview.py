"""Previews: CVAT's rule of which frame, small or with the annotations drawn.

A project shows its newest task (highest id), a task its first used frame, a job the first frame of
its segment (of a ground-truth job the first chosen one); deleted frames are not skipped. Source:
formats specification, section 12.3.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlmodel import Session, col, select

from localcvat.drawing import draw_annotations, encoded, open_image, thumbnail
from localcvat.errors import NotFoundError, UsageError
from localcvat.frames import frame_media, job_frames, write_whole
from localcvat.geometry.tracks import FlatTrack
from localcvat.label_rows import read_labels
from localcvat.model import Media, Shape, Tag
from localcvat.projects import project_row
from localcvat.store.annotation_reading import frames_of, tracks_of
from localcvat.store.engine import Store
from localcvat.store.label_map import label_map
from localcvat.store.tables import JobRow, TaskRow
from localcvat.tasks import task_row

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def preview(
    store: Store, noun: str, number: int, *, annotations: bool = False, kind: str = "JPEG"
) -> bytes:
    """The encoded picture of project, task or job `number`.

    Inside a 256×256 box, or with the annotations of its frame drawn at full size. Raises
    NotFoundError when there is none, or no frame, or its image is not in the store.
    """
    with store.read() as session:
        task, job, frame = _frame(session, noun, number)
        image = open_image(_media(store, session, task, frame))
        if not annotations:
            return encoded(thumbnail(image), kind)
        shapes, tags = _annotations(session, task, job, frame)
        owner = {"task_id": task.id} if task.project_id is None else {"project_id": task.project_id}
        labels = read_labels(session, **owner)
    return encoded(draw_annotations(image, shapes, tags, labels), kind)


def write_preview(
    store: Store, noun: str, number: int, path: str | os.PathLike[str], annotations: bool = False
) -> None:
    """Write `preview` to an image file; raises UsageError for an unknown image format."""
    target = Path(path)
    kind = KINDS.get(target.suffix.lower())
    if kind is None:
        raise UsageError(f"{target.name!r} is no image name", hint="end it in .png or .jpg")
    write_whole(target, preview(store, noun, number, annotations=annotations, kind=kind))


def _frame(session: Session, noun: str, number: int) -> tuple[TaskRow, JobRow | None, int]:
    """The task, the job whose annotations count, and the task-relative frame."""
    if noun == "job":
        job = session.get(JobRow, number)
        frames = job_frames(session, number)
        if job is None or not frames:
            raise NotFoundError(f"job #{number} has no frames")
        return task_row(session, job.task_id), job, frames[0]
    if noun == "task":
        task = task_row(session, number)
    else:
        task = _newest_task(session, number)
    jobs = select(JobRow).where(JobRow.task_id == task.id, JobRow.type == "annotation")
    return task, session.exec(jobs.order_by(col(JobRow.id))).first(), 0


def _newest_task(session: Session, project_id: int) -> TaskRow:
    project_row(session, project_id)
    tasks = select(TaskRow).where(
        TaskRow.project_id == project_id, col(TaskRow.deleted_date).is_(None)
    )
    task: TaskRow | None = session.exec(tasks.order_by(col(TaskRow.id).desc())).first()
    if task is None:
        raise NotFoundError("Project image preview not found")
    return task


def _media(store: Store, session: Session, task: TaskRow, frame: int) -> Media:
    if task.data_id is None:
        raise NotFoundError(f"task #{task.id} has no data")
    return frame_media(store, session, task.data_id, frame)


def _annotations(
    session: Session, task: TaskRow, job: JobRow | None, frame: int
) -> tuple[list[Shape], list[Tag]]:
    """What one job has on a frame, tracks interpolated."""
    if job is None:
        return [], []
    job_id = int(job.id or 0)
    labels = label_map(session, task_id=task.id)
    shapes: list[Shape] = []
    tags: list[Tag] = []
    for found in frames_of(session, job_id, labels):
        if found.frame > frame:
            break
        if found.frame == frame:
            shapes += found.shapes
            tags += found.tags
    for number, track in enumerate(tracks_of(session, job_id, labels)):
        shape = FlatTrack(track, number, frame).at(frame)
        if shape is not None:
            shapes.append(shape)
    return shapes, tags
