"""Jobs: listed, shown, changed; ground-truth jobs made (formats specification, section 12.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from sqlmodel import Session, col, select

from localcvat.errors import NotFoundError, ValidationError
from localcvat.model import STAGES, STATES
from localcvat.store.engine import Store, now
from localcvat.store.tables import DataRow, JobRow, ProjectRow, SegmentRow, TaskRow, UserRow
from localcvat.task_rows import JobDraft, insert_jobs
from localcvat.users import get_user

UNCHANGED: Any = msgspec.UNSET


class Job(msgspec.Struct, kw_only=True):
    """A job as listed; start and stop are task-relative and inclusive.

    `frames` lists the chosen frames (task-relative) of a ground-truth job, else it is empty.
    """

    id: int
    task_id: int
    project_id: int | None
    type: str
    stage: str
    state: str
    status: str
    start_frame: int
    stop_frame: int
    frame_count: int
    frames: list[int] = []
    parent_job_id: int | None = None
    assignee: str | None = None
    mode: str = "annotation"
    dimension: str = "2d"
    created_date: str = ""
    updated_date: str = ""


def job_status(stage: str, state: str) -> str:
    """The status CVAT derives from a job's stage and state."""
    if stage == "annotation":
        return "annotation"
    return "completed" if (stage, state) == ("acceptance", "completed") else "validation"


def _selected() -> Any:
    return (
        select(JobRow, SegmentRow, TaskRow, UserRow.username)
        .join(SegmentRow, col(JobRow.segment_id) == col(SegmentRow.id))
        .join(TaskRow, col(JobRow.task_id) == col(TaskRow.id))
        .outerjoin(UserRow, col(JobRow.assignee_id) == col(UserRow.id))
        .where(col(TaskRow.deleted_date).is_(None))
    )


def _job(found: Any) -> Job:
    row, segment, task, assignee = found
    frames = orjson.loads(segment.frames)
    return Job(
        id=row.id,
        task_id=task.id,
        project_id=task.project_id,
        type=row.type,
        stage=row.stage,
        state=row.state,
        status=row.status,
        start_frame=segment.start_frame,
        stop_frame=segment.stop_frame,
        frame_count=len(frames) or segment.stop_frame - segment.start_frame + 1,
        frames=frames,
        parent_job_id=row.parent_job_id,
        assignee=assignee,
        mode=task.mode,
        dimension=task.dimension,
        created_date=row.created_date,
        updated_date=row.updated_date,
    )


def list_jobs(
    store: Store,
    *,
    task_id: int | None = None,
    project_id: int | None = None,
    type: str | None = None,
) -> list[Job]:
    """Jobs by id; of one task, project or type when given."""
    chosen = _selected().order_by(col(JobRow.id))
    if task_id is not None:
        chosen = chosen.where(JobRow.task_id == task_id)
    if project_id is not None:
        chosen = chosen.where(TaskRow.project_id == project_id)
    if type is not None:
        chosen = chosen.where(JobRow.type == type)
    with store.read() as session:
        return [_job(found) for found in session.exec(chosen)]


def get_job(store: Store, job_id: int) -> Job:
    """One job; raises NotFoundError."""
    with store.read() as session:
        found = session.exec(_selected().where(JobRow.id == job_id)).first()
        if found is None:
            raise _no_job(job_id)
        return _job(found)


def job_row(session: Session, job_id: int) -> JobRow:
    """The row of a job whose task is not in the trash; raises NotFoundError."""
    row = session.get(JobRow, job_id)
    task = session.get(TaskRow, row.task_id) if row is not None else None
    if row is None or task is None or task.deleted_date is not None:
        raise _no_job(job_id)
    return row


def _no_job(job_id: int) -> NotFoundError:
    return NotFoundError(f"no job #{job_id}", hint="see `localcvat job ls`")


def update_job(
    store: Store,
    job_id: int,
    *,
    stage: str | None = None,
    state: str | None = None,
    assignee_id: int | None = UNCHANGED,
) -> None:
    """Change stage, state or assignee (None takes the assignee away).

    The job's status follows from stage and state, the task's from its jobs; a new stage without a
    state sets the state to new. Raises ValidationError with CVAT's words, NotFoundError.
    """
    for field, value, choices in (("stage", stage, STAGES), ("state", state, STATES)):
        if value is not None and value not in choices:
            raise ValidationError({field: [f'"{value}" is not a valid choice.']})
    with store.write() as session:
        row = job_row(session, job_id)
        if stage is not None and stage != row.stage and state is None:
            state = "new"
        row.stage, row.state = stage or row.stage, state or row.state
        if stage is not None or state is not None:
            row.status = job_status(row.stage, row.state)
        if assignee_id is not UNCHANGED and assignee_id != row.assignee_id:
            if assignee_id is not None:
                get_user(session, assignee_id)
            row.assignee_id, row.assignee_updated_date = assignee_id, now()
        row.updated_date = now()
        session.add(row)
        session.flush()
        refresh_task_status(session, row.task_id)


def refresh_task_status(session: Session, task_id: int) -> None:
    """Derive a task's status from its jobs, ground truth counted, as CVAT does on a job's save."""
    statuses = set(session.exec(select(JobRow.status).where(JobRow.task_id == task_id)))
    task = session.get_one(TaskRow, task_id)
    status = next((s for s in ("annotation", "validation") if s in statuses), "completed")
    if task.status != status:
        task.status = status
        touch(session, task)


def touch(session: Session, task: TaskRow) -> None:
    """Set the date of a task and of its project to now."""
    moment = now()
    task.updated_date = moment
    session.add(task)
    if task.project_id is not None:
        project = session.get_one(ProjectRow, task.project_id)
        project.updated_date = moment
        session.add(project)


def touch_annotations(session: Session, job_ids: Sequence[int]) -> None:
    """Set the dates that a change of annotations sets: of the jobs, their tasks and projects."""
    for job_id in job_ids:
        row = job_row(session, job_id)
        row.updated_date = now()
        session.add(row)
        touch(session, session.get_one(TaskRow, row.task_id))


def create_ground_truth_job(store: Store, task_id: int, frames: Sequence[int]) -> int:
    """Make the ground-truth job of a task from task-relative frame numbers; returns its id.

    Raises ValidationError with CVAT's words: one such job a task, 2D only, frames of the task.
    """
    from localcvat.tasks import task_row

    with store.write() as session:
        task = task_row(session, task_id)
        data = session.get(DataRow, task.data_id) if task.data_id is not None else None
        size = data.size if data is not None else 0
        _check_ground_truth(session, task, size, frames)
        draft = JobDraft(
            start_frame=0, stop_frame=size - 1, type="ground_truth", frames=sorted(frames)
        )
        (job_id,) = insert_jobs(session, task_id, [draft])
        touch(session, task)
        return job_id


def _check_ground_truth(session: Session, task: TaskRow, size: int, frames: Sequence[int]) -> None:
    if task.dimension != "2d":
        raise ValidationError(["Ground Truth jobs can only be added in 2d tasks"])
    taken = select(JobRow.id).where(JobRow.task_id == task.id, JobRow.type == "ground_truth")
    if session.exec(taken).first() is not None:
        raise ValidationError([f"Task {task.id} already has a ground truth job"])
    if not frames:
        raise ValidationError({"frames": ["This list may not be empty."]})
    if len(set(frames)) != len(frames):
        raise ValidationError({"frames": ["Frames must not repeat"]})
    wrong = [str(frame) for frame in frames if not 0 <= frame < size]
    if wrong:
        text = f"The following frames are not included in the task: {', '.join(wrong)}"
        raise ValidationError({"frames": [text]})


def delete_job(store: Store, job_id: int) -> None:
    """Remove a ground-truth job with its annotations; raises ValidationError for any other."""
    with store.write() as session:
        row = job_row(session, job_id)
        if row.type != "ground_truth":
            raise ValidationError(["Only ground truth jobs can be removed"])
        task = session.get_one(TaskRow, row.task_id)
        session.delete(session.get_one(SegmentRow, row.segment_id))
        session.flush()
        refresh_task_status(session, int(task.id or 0))
        touch(session, task)
