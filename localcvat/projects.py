"""Projects: create, list, show, change, delete, restore (formats specification, section 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Row, func, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.fields import checked
from localcvat.guides import guide_ids
from localcvat.label_changes import (
    NOT_UNIQUE,
    LabelOwner,
    change_labels,
    check_attribute_names,
    labels_from,
)
from localcvat.label_rows import insert_labels, read_labels
from localcvat.labels import fill_colors
from localcvat.listing import (
    Collection,
    ListQuery,
    Page,
    batches,
    columns_of,
    find_row,
    read_page,
)
from localcvat.model import STATUSES, Label
from localcvat.schemas import PROJECT, PROJECT_PATCH, STATUS
from localcvat.store.engine import Store, now
from localcvat.store.tables import ProjectRow, TaskRow, UserRow
from localcvat.users import (
    USER,
    User,
    check_user,
    current_user,
    organization_id_of,
    users_of,
)

MAX_NAME = 256
MAX_BUG_TRACKER = 2000
MAX_LABEL_NAME = 64

PROJECT_COLUMNS = columns_of(ProjectRow)
_TASK = columns_of(TaskRow)
_OWNER = UserRow.__table__.alias("owner")  # type: ignore[attr-defined]
_ASSIGNEE = UserRow.__table__.alias("assignee")  # type: ignore[attr-defined]
_CREATE = msgspec.structs.replace(PROJECT, fields={**PROJECT.fields, "status": STATUS})
_PATCH = msgspec.structs.replace(PROJECT_PATCH, fields={**PROJECT_PATCH.fields, "status": STATUS})


class Project(msgspec.Struct, kw_only=True):
    """A project; `dimension` is that of its first task, `task_subsets` the names in use."""

    id: int
    name: str
    status: str
    owner: User | None = None
    assignee: User | None = None
    assignee_updated_date: str | None = None
    guide_id: int | None = None
    bug_tracker: str = ""
    created_date: str = ""
    updated_date: str = ""
    dimension: str | None = None
    organization_id: int | None = None
    source_storage: dict[str, Any] | None = None
    target_storage: dict[str, Any] | None = None
    task_count: int = 0
    task_subsets: list[str] = []


PROJECTS = Collection(
    source=ProjectRow.__table__.outerjoin(  # type: ignore[attr-defined]
        _OWNER, PROJECT_COLUMNS["owner_id"] == _OWNER.c.id
    ).outerjoin(_ASSIGNEE, PROJECT_COLUMNS["assignee_id"] == _ASSIGNEE.c.id),
    columns=list(PROJECT_COLUMNS.values()),
    id=PROJECT_COLUMNS["id"],
    fields={
        "id": query.Field(PROJECT_COLUMNS["id"], "integer"),
        "name": query.Field(PROJECT_COLUMNS["name"]),
        "status": query.Field(PROJECT_COLUMNS["status"], words=STATUSES),
        "updated_date": query.Field(PROJECT_COLUMNS["updated_date"], "date"),
        "owner": query.Field(
            _OWNER.c.username,
            nullable=True,
            reference=query.Reference(PROJECT_COLUMNS["owner_id"], USER["id"], USER["username"]),
        ),
        "assignee": query.Field(
            _ASSIGNEE.c.username,
            nullable=True,
            reference=query.Reference(PROJECT_COLUMNS["assignee_id"], USER["id"], USER["username"]),
        ),
    },
    simple=("name", "owner", "assignee", "status"),
    searched=("name", "owner", "assignee", "status"),
    kept=[PROJECT_COLUMNS["deleted_date"].is_(None)],
    choices={"status": STATUSES},
    organization=PROJECT_COLUMNS["organization_id"],
)


def check_labels(labels: Sequence[Label], where: str = "labels") -> None:
    """Raise ValidationError when a label set is one that CVAT refuses."""
    names = [label.name.strip() for label in labels]
    if len(set(names)) != len(names):
        raise ValidationError([NOT_UNIQUE])
    for label in labels:
        _check_text({"name": label.name}, "name", MAX_LABEL_NAME, where)
        if len(label.color) > 8:
            raise ValidationError(
                {"color": ["Ensure this field has no more than 8 characters."]}, where=where
            )
        check_attribute_names([{"name": spec.name} for spec in label.attributes])
        check_labels(label.sublabels, f"{where}.sublabels")


def _check_text(values: dict[str, Any], field: str, limit: int, where: str = "") -> None:
    text = values.get(field)
    if text is not None and field == "name" and not str(text).strip():
        raise ValidationError({field: ["This field may not be blank."]}, where=where)
    if text is not None and len(text) > limit:
        raise ValidationError(
            {field: [f"Ensure this field has no more than {limit} characters."]}, where=where
        )


def create_project(store: Store, name: str, labels: Sequence[Label] = (), **values: Any) -> int:
    """Make a project with these labels, colours filled in; returns its id.

    `values` are fields of a POST but for the labels: bug_tracker, status, owner_id (None: nobody;
    left out: whoever runs this), assignee_id, source_storage, target_storage; `organization` is a
    slug. Raises ValidationError with CVAT's words.
    """
    slug = values.pop("organization", None)
    fields = checked(_CREATE, {"name": name, **values})
    check_labels(labels)
    with store.write() as session:
        return _insert(session, fields, labels, slug)


def create_project_from(
    store: Store,
    body: Any,
    *,
    requester_id: int | None = None,
    organization: str | None = None,
) -> int:
    """Make a project from a POST body of the API; returns its id.

    The owner is `requester_id` (None: whoever runs this) unless the body says otherwise.
    """
    fields = checked(_CREATE, body)
    labels = labels_from(fields.pop("labels", ()))
    check_labels(labels)
    with store.write() as session:
        if requester_id is not None:
            fields.setdefault("owner_id", requester_id)
        return _insert(session, fields, labels, organization)


def _insert(
    session: Session, fields: dict[str, Any], labels: Sequence[Label], organization: str | None
) -> int:
    if "owner_id" not in fields:
        fields["owner_id"] = current_user(session).id
    columns = row_columns(session, fields)
    if organization:
        columns["organization_id"] = organization_id_of(session, organization)
        if columns["organization_id"] is None:
            raise NotFoundError(f"no organization {organization!r}")
    row = insert_project(session, columns.pop("name"), labels, **columns)
    return int(row.id or 0)


def row_columns(session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Checked body fields as column values; raises ValidationError for unknown users."""
    columns = {name: value for name, value in fields.items() if name != "labels"}
    for name in ("owner_id", "assignee_id"):
        if name in columns:
            check_user(session, columns[name], name)
    for name in ("source_storage", "target_storage"):
        if name in columns:
            columns[name] = orjson.dumps(columns[name]).decode()
    return columns


def insert_project(
    session: Session, name: str, labels: Sequence[Label], **columns: Any
) -> ProjectRow:
    """Write a project row with its labels inside a transaction."""
    moment = now()
    row = ProjectRow(name=name, created_date=moment, updated_date=moment, **columns)
    session.add(row)
    session.flush()
    made = list(labels)
    fill_colors(made)
    insert_labels(session, made, project_id=row.id)
    return row


def project_row(session: Session, project_id: int) -> ProjectRow:
    """The row of a project that is not in the trash; raises NotFoundError."""
    row = session.get(ProjectRow, project_id)
    if row is None or row.deleted_date is not None:
        raise NotFoundError(f"no project #{project_id}", hint="see `localcvat project ls`")
    return row


def get_project(store: Store, project_id: int) -> Project:
    """One project; raises NotFoundError."""
    with store.read() as session:
        project_row(session, project_id)
        row = find_row(session, PROJECTS, project_id)
        return _projects(session, [row] if row is not None else [])[0]


def project_labels(store: Store, project_id: int) -> list[Label]:
    """The labels of a project, in order of creation."""
    with store.read() as session:
        project_row(session, project_id)
        return read_labels(session, project_id=project_id)


def list_projects(store: Store, wanted: ListQuery) -> Page[Project]:
    """A page of projects; raises ValidationError for a bad filter, NotFoundError for a bad page."""
    return read_page(store, PROJECTS, wanted, _projects)


def _projects(session: Session, rows: Sequence[Row[Any]]) -> list[Project]:
    """Projects of listed rows: what is in other tables comes in a few queries for all of them."""
    users = users_of(session, [user for row in rows for user in (row.owner_id, row.assignee_id)])
    projects = {row.id: _project(row, users) for row in rows}
    first: dict[int, int] = {}
    for batch in batches(list(projects)):
        for found in session.connection().execute(_tasks_of(batch)):
            project = projects[found.project_id]
            project.task_count += found.tasks
            if found.subset:
                project.task_subsets.append(found.subset)
            if found.first <= first.get(project.id, found.first):
                first[project.id] = found.first
                project.dimension = found.dimension
    for owner, guide in guide_ids(session, "project_id", list(projects)).items():
        projects[owner].guide_id = guide
    return list(projects.values())


def _tasks_of(project_ids: Sequence[int]) -> Any:
    """Per project and subset: how many tasks, the first of them and its dimension."""
    return (
        select_columns(
            _TASK["project_id"],
            _TASK["subset"],
            _TASK["dimension"],
            func.count().label("tasks"),
            func.min(_TASK["id"]).label("first"),
        )
        .where(_TASK["project_id"].in_(project_ids), _TASK["deleted_date"].is_(None))
        .group_by(_TASK["project_id"], _TASK["subset"])
        .order_by(func.min(_TASK["id"]))
    )


def _project(row: Row[Any], users: Mapping[int | None, User]) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        status=row.status,
        owner=users.get(row.owner_id),
        assignee=users.get(row.assignee_id),
        assignee_updated_date=row.assignee_updated_date,
        bug_tracker=row.bug_tracker,
        created_date=row.created_date,
        updated_date=row.updated_date,
        organization_id=row.organization_id,
        source_storage=storage_of(row.source_storage),
        target_storage=storage_of(row.target_storage),
    )


def storage_of(text: str | None) -> dict[str, Any] | None:
    """A storage column as a value."""
    found: dict[str, Any] | None = None if text is None else orjson.loads(text)
    return found


def update_project(store: Store, project_id: int, /, **values: Any) -> None:
    """Change a project as PATCH does: name, status, bug_tracker, owner_id, assignee_id, storages
    and `labels`, whose bodies say what is changed, made and deleted (see `label_changes`).

    Raises ValidationError and NotFoundError.
    """
    fields = checked(_PATCH, values)
    with store.write() as session:
        row = project_row(session, project_id)
        change_row(row, row_columns(session, fields))
        session.add(row)
        session.flush()
        if fields.get("labels"):
            change_labels(session, LabelOwner(project_id=project_id), fields["labels"])


def change_row(row: Any, columns: Mapping[str, Any]) -> None:
    """Set columns of a project, task or job row and its dates."""
    moment = now()
    if "assignee_id" in columns and columns["assignee_id"] != row.assignee_id:
        row.assignee_updated_date = moment
    for name, value in columns.items():
        setattr(row, name, value)
    row.updated_date = moment


def touch_project(session: Session, project_id: int | None) -> None:
    """A task of a project was made, changed, moved or deleted: the project is newer."""
    session.execute(
        update(ProjectRow)
        .where(col(ProjectRow.id) == project_id)
        .values(updated_date=func.max(now(), col(ProjectRow.created_date)))
    )


def delete_projects(store: Store, project_ids: Sequence[int]) -> None:
    """Move projects with their tasks to the trash, all or none; `restore_project` undoes it."""
    with store.write() as session:
        moment = now()
        for project_id in project_ids:
            row = project_row(session, project_id)
            row.deleted_date = moment
            session.add(row)
            _move_tasks(session, project_id, None, moment)


def restore_project(store: Store, project_id: int) -> None:
    """Bring a project back from the trash with the tasks that went with it.

    Raises NotFoundError.
    """
    with store.write() as session:
        row = session.get(ProjectRow, project_id)
        if row is None or row.deleted_date is None:
            raise NotFoundError(f"no project #{project_id} in the trash")
        _move_tasks(session, project_id, row.deleted_date, None)
        row.deleted_date = None
        session.add(row)


def _move_tasks(session: Session, project_id: int, old: str | None, new: str | None) -> None:
    session.execute(
        update(TaskRow)
        .where(col(TaskRow.project_id) == project_id, col(TaskRow.deleted_date).is_(old))
        .values(deleted_date=new)
    )
