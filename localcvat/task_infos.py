"""What the header of a dataset says of the tasks and jobs it was made of."""

from __future__ import annotations

from typing import Any

import orjson
from sqlmodel import Session

from localcvat.model import JobInfo, TaskInfo, User
from localcvat.store.engine import raw
from localcvat.store.tables import DataRow, TaskRow, UserRow


def job_rows(session: Session, task: TaskRow) -> list[tuple[Any, ...]]:
    return (
        raw(session)
        .execute(
            "SELECT j.id, j.type, j.parent_job_id, s.id, s.start_frame, s.stop_frame, s.type,"
            " s.frames, j.status, j.assignee_id, j.updated_date"
            " FROM job j JOIN segment s ON s.id = j.segment_id WHERE j.task_id = ? ORDER BY j.id",
            (task.id,),
        )
        .fetchall()
    )


def job_info(session: Session, row: tuple[Any, ...]) -> JobInfo:
    return JobInfo(
        id=row[0],
        type=row[1],
        segment=row[3],
        start_frame=row[4],
        stop_frame=row[5],
        status=row[8],
        assignee=user_of(session, row[9]),
        updated=row[10],
    )


def task_info(session: Session, task: TaskRow) -> TaskInfo:
    data = session.get(DataRow, task.data_id) if task.data_id is not None else None
    info = TaskInfo(
        id=int(task.id or 0),
        name=task.name,
        mode=task.mode,
        overlap=task.overlap or 0,
        bug_tracker=task.bug_tracker,
        created=task.created_date,
        updated=task.updated_date,
        subset=task.subset,
        owner=user_of(session, task.owner_id),
        assignee=user_of(session, task.assignee_id),
        dimension=task.dimension,
    )
    if data is None:
        return info
    info.size, info.frame_filter = data.size, data.frame_filter
    info.start_frame, info.stop_frame = data.start_frame, data.stop_frame
    info.step = int(data.frame_filter.rpartition("=")[2]) if data.frame_filter else 1
    info.deleted_frames = orjson.loads(data.deleted_frames)
    if task.mode == "interpolation":
        _add_video(session, info, task)
    return info


def _add_video(session: Session, info: TaskInfo, task: TaskRow) -> None:
    database = raw(session)
    name = database.execute(
        "SELECT path FROM data_file WHERE data_id = ? AND kind = 'media' ORDER BY position",
        (task.data_id,),
    ).fetchone()
    size = database.execute(
        "SELECT width, height FROM frame WHERE data_id = ? ORDER BY number", (task.data_id,)
    ).fetchone()
    info.video = name[0] if name else ""
    info.width, info.height = size or (0, 0)


def user_of(session: Session, user_id: int | None) -> User | None:
    row = session.get(UserRow, user_id) if user_id is not None else None
    return User(username=row.username, email=row.email) if row is not None else None
