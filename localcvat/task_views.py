"""Tasks as the API shows them: listed, shown and changed (formats specification, section 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, case, func
from sqlalchemy import select as select_columns
from sqlmodel import Session

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.fields import checked
from localcvat.guides import guide_ids
from localcvat.label_changes import LabelOwner, change_labels, labels_from
from localcvat.label_rows import insert_labels
from localcvat.listing import (
    Collection,
    ListQuery,
    Page,
    batches,
    columns_of,
    read_one,
    read_page,
)
from localcvat.model import STATUSES
from localcvat.projects import (
    PROJECT_COLUMNS,
    change_row,
    check_labels,
    row_columns,
    storage_of,
    touch_project,
)
from localcvat.schemas import TASK, TASK_PATCH
from localcvat.store.engine import Store
from localcvat.store.tables import DataRow, JobRow, ProjectRow, TaskRow, UserRow
from localcvat.task_moves import move_task
from localcvat.task_rows import insert_task
from localcvat.users import USER, User, current_user, organization_id_of, users_of

TASK_COLUMNS = columns_of(TaskRow)
DIMENSIONS = ("3d", "2d")
_DATA = columns_of(DataRow)
_JOB = columns_of(JobRow)
_OWNER = UserRow.__table__.alias("owner")  # type: ignore[attr-defined]
_ASSIGNEE = UserRow.__table__.alias("assignee")  # type: ignore[attr-defined]
_WRITE_ONCE = ("overlap", "segment_size", "consensus_replicas")


class TaskData(msgspec.Struct, kw_only=True):
    """What a task says about its data."""

    id: int
    size: int
    chunk_size: int | None
    image_quality: int
    chunk_type: str
    original_chunk_type: str


class TaskView(msgspec.Struct, kw_only=True):
    """A task; `data` is None before any were uploaded."""

    id: int
    name: str
    project_id: int | None
    mode: str
    status: str
    owner: User | None
    assignee: User | None
    assignee_updated_date: str | None
    bug_tracker: str
    created_date: str
    updated_date: str
    overlap: int | None
    segment_size: int
    consensus_replicas: int
    dimension: str
    subset: str
    organization_id: int | None
    source_storage: dict[str, Any] | None
    target_storage: dict[str, Any] | None
    guide_id: int | None = None
    data: TaskData | None = None
    job_count: int = 0
    completed_jobs: int = 0
    validation_jobs: int = 0


TASKS = Collection(
    source=TaskRow.__table__.outerjoin(  # type: ignore[attr-defined]
        ProjectRow.__table__,  # type: ignore[attr-defined]
        TASK_COLUMNS["project_id"] == PROJECT_COLUMNS["id"],
    )
    .outerjoin(_OWNER, TASK_COLUMNS["owner_id"] == _OWNER.c.id)
    .outerjoin(_ASSIGNEE, TASK_COLUMNS["assignee_id"] == _ASSIGNEE.c.id),
    columns=list(TASK_COLUMNS.values()),
    id=TASK_COLUMNS["id"],
    fields={
        "id": query.Field(TASK_COLUMNS["id"], "integer"),
        "name": query.Field(TASK_COLUMNS["name"]),
        "status": query.Field(TASK_COLUMNS["status"], words=STATUSES),
        "subset": query.Field(TASK_COLUMNS["subset"]),
        "mode": query.Field(TASK_COLUMNS["mode"]),
        "dimension": query.Field(TASK_COLUMNS["dimension"], words=DIMENSIONS),
        "tracker_link": query.Field(TASK_COLUMNS["bug_tracker"]),
        "updated_date": query.Field(TASK_COLUMNS["updated_date"], "date"),
        "project_id": query.Field(TASK_COLUMNS["project_id"], "integer", nullable=True),
        "project_name": query.Field(PROJECT_COLUMNS["name"], nullable=True),
        "owner": query.Field(
            _OWNER.c.username,
            nullable=True,
            reference=query.Reference(TASK_COLUMNS["owner_id"], USER["id"], USER["username"]),
        ),
        "assignee": query.Field(
            _ASSIGNEE.c.username,
            nullable=True,
            reference=query.Reference(TASK_COLUMNS["assignee_id"], USER["id"], USER["username"]),
        ),
    },
    simple=(
        ("project_name", "name", "owner", "status", "assignee", "subset", "mode", "dimension")
        + ("tracker_link", "project_id")
    ),
    searched=(
        ("project_name", "name", "owner", "status", "assignee", "subset", "mode", "dimension")
        + ("tracker_link",)
    ),
    kept=[TASK_COLUMNS["deleted_date"].is_(None)],
    choices={"status": STATUSES, "dimension": DIMENSIONS},
    pointers={"project_id": PROJECT_COLUMNS["id"]},
    organization=TASK_COLUMNS["organization_id"],
)


def list_task_views(store: Store, wanted: ListQuery) -> Page[TaskView]:
    """A page of tasks; raises ValidationError for a bad filter, NotFoundError for a bad page."""
    return read_page(store, TASKS, wanted, _views)


def read_task_view(store: Store, task_id: int) -> TaskView:
    """One task; raises NotFoundError."""
    return read_one(store, TASKS, task_id, _views, "task")


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[TaskView]:
    users = users_of(session, [user for row in rows for user in (row.owner_id, row.assignee_id)])
    views = {row.id: _view(row, users) for row in rows}
    data = _data_of(session, rows)
    for row in rows:
        views[row.id].data = data.get(row.data_id)
    for batch in batches(list(views)):
        for found in session.connection().execute(_job_counts(batch)):
            view = views[found.task_id]
            view.job_count, view.completed_jobs = found.jobs, found.completed
            view.validation_jobs = found.validation
    for owner, guide in guide_ids(session, "task_id", list(views)).items():
        views[owner].guide_id = guide
    return list(views.values())


def _job_counts(task_ids: Sequence[int]) -> Any:
    completed = (_JOB["stage"] == "acceptance") & (_JOB["state"] == "completed")
    return (
        select_columns(
            _JOB["task_id"],
            func.count().label("jobs"),
            func.sum(case((completed, 1), else_=0)).label("completed"),
            func.sum(case((_JOB["stage"] == "validation", 1), else_=0)).label("validation"),
        )
        .where(_JOB["task_id"].in_(task_ids))
        .group_by(_JOB["task_id"])
    )


def _data_of(session: Session, rows: Sequence[Row[Any]]) -> dict[int, TaskData]:
    names = ("id", "size", "chunk_size", "image_quality", "chunk_type", "original_chunk_type")
    chosen = select_columns(*[_DATA[name] for name in names])
    found: dict[int, TaskData] = {}
    for batch in batches([row.data_id for row in rows if row.data_id is not None]):
        for row in session.connection().execute(chosen.where(_DATA["id"].in_(batch))):
            found[row.id] = TaskData(**row._mapping)
    return found


def _view(row: Row[Any], users: Mapping[int | None, User]) -> TaskView:
    return TaskView(
        id=row.id,
        name=row.name,
        project_id=row.project_id,
        mode=row.mode,
        status=row.status,
        owner=users.get(row.owner_id),
        assignee=users.get(row.assignee_id),
        assignee_updated_date=row.assignee_updated_date,
        bug_tracker=row.bug_tracker,
        created_date=row.created_date,
        updated_date=row.updated_date,
        overlap=row.overlap,
        segment_size=row.segment_size,
        consensus_replicas=row.consensus_replicas,
        dimension=row.dimension,
        subset=row.subset,
        organization_id=row.organization_id,
        source_storage=storage_of(row.source_storage),
        target_storage=storage_of(row.target_storage),
    )


def create_task_from(
    store: Store,
    body: Any,
    *,
    requester_id: int | None = None,
    organization: str | None = None,
) -> int:
    """Make a task without data from a POST body of the API; returns its id.

    Raises ValidationError with CVAT's words.
    """
    fields = checked(TASK, body)
    labels = labels_from(fields.pop("labels", ()))
    check_labels(labels)
    project_id = fields.get("project_id")
    if project_id is None and not labels:
        raise ValidationError(["Label set or project_id must be present"])
    if project_id is not None and labels:
        raise ValidationError(["Project must have only one of Label set or project_id"])
    with store.write() as session:
        owner = requester_id if requester_id is not None else current_user(session).id
        fields.setdefault("owner_id", owner)
        columns = row_columns(session, fields)
        columns["organization_id"] = _organization_id(session, organization, project_id)
        task = TaskRow(created_date="", updated_date="", **columns)
        task_id = insert_task(session, task, None)
        insert_labels(session, labels, task_id=task_id)
        touch_project(session, project_id)
        return task_id


def _organization_id(session: Session, slug: str | None, project_id: int | None) -> int | None:
    """The organization of a new task, which must be its project's; raises ValidationError."""
    named = organization_id_of(session, slug) if slug else None
    if slug and named is None:
        raise NotFoundError(f"no organization {slug!r}")
    if project_id is None:
        return named
    project = session.get(ProjectRow, project_id)
    if project is None or project.deleted_date is not None:
        raise ValidationError(["Project matching query does not exist."])
    if slug is not None and project.organization_id != named:
        raise ValidationError(["The task and its project should be in the same organization."])
    return project.organization_id


def update_task(store: Store, task_id: int, /, **values: Any) -> None:
    """Change a task as PATCH does: name, subset, bug_tracker, owner_id, assignee_id, storages,
    `labels` of a task without a project, and `project_id`, which moves it (see `task_moves`).

    Fields that are written once (overlap, segment_size) are ignored, as in CVAT. Raises
    ValidationError and NotFoundError.
    """
    fields = {
        name: value
        for name, value in checked(TASK_PATCH, values).items()
        if name not in _WRITE_ONCE
    }
    labels = fields.pop("labels", ())
    project_id = fields.pop("project_id", None)
    if "project_id" in values and project_id is None:
        raise ValidationError({"project_id": ["This field may not be null."]})
    with store.write() as session:
        row = session.get(TaskRow, task_id)
        if row is None or row.deleted_date is not None:
            raise NotFoundError(f"no task #{task_id}", hint="see `localcvat task ls`")
        touch_project(session, row.project_id)
        if project_id is not None and project_id != row.project_id:
            move_task(session, row, project_id, labels)
        elif labels and row.project_id is None:
            change_labels(session, LabelOwner(task_id=task_id), labels)
        change_row(row, row_columns(session, fields))
        session.add(row)
