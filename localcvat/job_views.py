"""Jobs as the API shows them: listed and shown (formats specification, section 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Row
from sqlmodel import Session

from localcvat import query
from localcvat.guides import guide_ids
from localcvat.listing import (
    Collection,
    ListQuery,
    Page,
    columns_of,
    read_one,
    read_page,
)
from localcvat.model import STAGES, STATES
from localcvat.projects import PROJECT_COLUMNS, storage_of
from localcvat.store.engine import Store
from localcvat.store.tables import (
    DataRow,
    JobRow,
    ProjectRow,
    SegmentRow,
    TaskRow,
    UserRow,
)
from localcvat.task_views import DIMENSIONS, TASK_COLUMNS
from localcvat.users import USER, User, users_of

JOB_TYPES = ("annotation", "ground_truth", "consensus_replica")
JOB_COLUMNS = columns_of(JobRow)
_SEGMENT = columns_of(SegmentRow)
_DATA = columns_of(DataRow)
_ASSIGNEE = UserRow.__table__.alias("assignee")  # type: ignore[attr-defined]


class JobView(msgspec.Struct, kw_only=True):
    """A job; its frames are task-relative and inclusive."""

    id: int
    task_id: int
    project_id: int | None
    assignee: User | None
    assignee_updated_date: str | None
    guide_id: int | None = None
    dimension: str
    bug_tracker: str | None
    status: str
    stage: str
    state: str
    type: str
    mode: str
    frame_count: int
    start_frame: int
    stop_frame: int
    chunk_size: int | None
    chunk_type: str
    created_date: str
    updated_date: str
    organization_id: int | None
    parent_job_id: int | None
    source_storage: dict[str, Any] | None
    target_storage: dict[str, Any] | None


JOBS = Collection(
    source=JobRow.__table__.join(  # type: ignore[attr-defined]
        SegmentRow.__table__,  # type: ignore[attr-defined]
        JOB_COLUMNS["segment_id"] == _SEGMENT["id"],
    )
    .join(
        TaskRow.__table__,  # type: ignore[attr-defined]
        JOB_COLUMNS["task_id"] == TASK_COLUMNS["id"],
    )
    .outerjoin(
        ProjectRow.__table__,  # type: ignore[attr-defined]
        TASK_COLUMNS["project_id"] == PROJECT_COLUMNS["id"],
    )
    .outerjoin(
        DataRow.__table__,  # type: ignore[attr-defined]
        TASK_COLUMNS["data_id"] == _DATA["id"],
    )
    .outerjoin(_ASSIGNEE, JOB_COLUMNS["assignee_id"] == _ASSIGNEE.c.id),
    columns=[
        *JOB_COLUMNS.values(),
        _SEGMENT["start_frame"],
        _SEGMENT["stop_frame"],
        _SEGMENT["frames"],
        _SEGMENT["type"].label("segment_type"),
        TASK_COLUMNS["project_id"],
        TASK_COLUMNS["dimension"],
        TASK_COLUMNS["mode"],
        TASK_COLUMNS["organization_id"],
        TASK_COLUMNS["source_storage"],
        TASK_COLUMNS["target_storage"],
        TASK_COLUMNS["bug_tracker"],
        PROJECT_COLUMNS["bug_tracker"].label("project_bug_tracker"),
        _DATA["chunk_size"],
        _DATA["chunk_type"],
    ],
    id=JOB_COLUMNS["id"],
    fields={
        "id": query.Field(JOB_COLUMNS["id"], "integer"),
        "task_id": query.Field(JOB_COLUMNS["task_id"], "integer"),
        "project_id": query.Field(TASK_COLUMNS["project_id"], "integer", nullable=True),
        "task_name": query.Field(TASK_COLUMNS["name"]),
        "project_name": query.Field(PROJECT_COLUMNS["name"], nullable=True),
        "stage": query.Field(JOB_COLUMNS["stage"], words=STAGES),
        "state": query.Field(JOB_COLUMNS["state"], words=STATES),
        "type": query.Field(JOB_COLUMNS["type"]),
        "dimension": query.Field(TASK_COLUMNS["dimension"]),
        "updated_date": query.Field(JOB_COLUMNS["updated_date"], "date"),
        "assignee": query.Field(
            _ASSIGNEE.c.username,
            nullable=True,
            reference=query.Reference(JOB_COLUMNS["assignee_id"], USER["id"], USER["username"]),
        ),
    },
    simple=(
        ("task_name", "project_name", "assignee", "state", "stage", "task_id", "project_id")
        + ("dimension", "type")
    ),
    searched=("task_name", "project_name", "assignee", "state", "stage"),
    kept=[TASK_COLUMNS["deleted_date"].is_(None)],
    choices={"stage": STAGES, "state": STATES, "type": JOB_TYPES, "dimension": DIMENSIONS},
    pointers={"task_id": TASK_COLUMNS["id"], "project_id": PROJECT_COLUMNS["id"]},
    organization=TASK_COLUMNS["organization_id"],
)


def list_job_views(store: Store, wanted: ListQuery) -> Page[JobView]:
    """A page of jobs; raises ValidationError for a bad filter, NotFoundError for a bad page."""
    return read_page(store, JOBS, wanted, _views)


def read_job_view(store: Store, job_id: int) -> JobView:
    """One job; raises NotFoundError."""
    return read_one(store, JOBS, job_id, _views, "job")


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[JobView]:
    users = users_of(session, [row.assignee_id for row in rows])
    projects = {row.project_id for row in rows if row.project_id is not None}
    tasks = {row.task_id for row in rows if row.project_id is None}
    guides_of_projects = guide_ids(session, "project_id", list(projects))
    guides_of_tasks = guide_ids(session, "task_id", list(tasks))
    views = []
    for row in rows:
        view = _view(row, users)
        if row.project_id is None:
            view.guide_id = guides_of_tasks.get(row.task_id)
        else:
            view.guide_id = guides_of_projects.get(row.project_id)
        views.append(view)
    return views


def _view(row: Row[Any], users: Mapping[int | None, User]) -> JobView:
    chosen = orjson.loads(row.frames) if row.segment_type == "specific_frames" else None
    count = row.stop_frame - row.start_frame + 1 if chosen is None else len(chosen)
    return JobView(
        id=row.id,
        task_id=row.task_id,
        project_id=row.project_id,
        assignee=users.get(row.assignee_id),
        assignee_updated_date=row.assignee_updated_date,
        dimension=row.dimension,
        bug_tracker=row.bug_tracker or row.project_bug_tracker,
        status=row.status,
        stage=row.stage,
        state=row.state,
        type=row.type,
        mode=row.mode,
        frame_count=count,
        start_frame=row.start_frame,
        stop_frame=row.stop_frame,
        chunk_size=row.chunk_size,
        chunk_type=row.chunk_type,
        created_date=row.created_date,
        updated_date=row.updated_date,
        organization_id=row.organization_id,
        parent_job_id=row.parent_job_id,
        source_storage=storage_of(row.source_storage),
        target_storage=storage_of(row.target_storage),
    )
