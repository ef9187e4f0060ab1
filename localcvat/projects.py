"""Projects: create, list, show, change, delete, restore (formats specification, section 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.label_rows import insert_labels, read_labels
from localcvat.labels import fill_colors
from localcvat.model import STATUSES, Label
from localcvat.store.engine import Store, now
from localcvat.store.tables import OrganizationRow, ProjectRow, TaskRow, UserRow
from localcvat.users import current_user, get_user

MAX_NAME = 256
MAX_BUG_TRACKER = 2000
MAX_LABEL_NAME = 64

Owner = aliased(UserRow)
Assignee = aliased(UserRow)
FIELDS = {
    "id": query.Field(col(ProjectRow.id), "integer"),
    "name": query.Field(col(ProjectRow.name)),
    "status": query.Field(col(ProjectRow.status)),
    "updated_date": query.Field(col(ProjectRow.updated_date), "date"),
    "owner": query.Field(col(Owner.username), nullable=True),
    "assignee": query.Field(col(Assignee.username), nullable=True),
}


class Project(msgspec.Struct, kw_only=True):
    """A project as listed; `owner` and `assignee` are user names."""

    id: int
    name: str
    status: str
    owner: str | None = None
    assignee: str | None = None
    bug_tracker: str = ""
    created_date: str = ""
    updated_date: str = ""
    task_count: int = 0


class Page(msgspec.Struct, kw_only=True):
    """One page of a list: `count` is of all pages."""

    count: int
    results: list[Any]
    page: int = 1
    page_size: int | None = query.DEFAULT_PAGE_SIZE


class ListQuery(msgspec.Struct, kw_only=True):
    """The list parameters of the API; `filter` is a JSON Logic rule or its text."""

    name: str | None = None
    owner: str | None = None
    assignee: str | None = None
    status: str | None = None
    search: str = ""
    filter: Any = ""
    sort: str = "-id"
    org: str | None = None
    page: int = 1
    page_size: int | None = query.DEFAULT_PAGE_SIZE
    extended: bool = True


def check_labels(labels: Sequence[Label], where: str = "labels") -> None:
    """Raise ValidationError when a label set is one that CVAT refuses."""
    names = [label.name.strip() for label in labels]
    if len(set(names)) != len(names):
        raise ValidationError(["All label names must be unique"])
    for label in labels:
        _check_text({"name": label.name}, "name", MAX_LABEL_NAME, where)
        if len(label.color) > 8:
            raise ValidationError(
                {"color": ["Ensure this field has no more than 8 characters."]}, where=where
            )
        attributes = [spec.name for spec in label.attributes]
        for name in attributes:
            if attributes.count(name) > 1:
                raise ValidationError([f"Duplicate attribute with name '{name}' exists"])
        check_labels(label.sublabels, f"{where}.sublabels")


def _check_text(values: dict[str, Any], field: str, limit: int, where: str = "") -> None:
    text = values.get(field)
    if text is not None and field == "name" and not str(text).strip():
        raise ValidationError({field: ["This field may not be blank."]}, where=where)
    if text is not None and len(text) > limit:
        raise ValidationError(
            {field: [f"Ensure this field has no more than {limit} characters."]}, where=where
        )


def _check_values(values: dict[str, Any]) -> None:
    _check_text(values, "name", MAX_NAME)
    _check_text(values, "bug_tracker", MAX_BUG_TRACKER)
    status = values.get("status")
    if status is not None and status not in STATUSES:
        raise ValidationError({"status": [f'"{status}" is not a valid choice.']})


def create_project(
    store: Store,
    name: str,
    labels: Sequence[Label] = (),
    *,
    bug_tracker: str = "",
    status: str = "annotation",
    assignee_id: int | None = None,
    owner_id: int | None = None,
) -> int:
    """Make a project with these labels, colours filled in; returns its id.

    Raises ValidationError with CVAT's words.
    """
    values = {"name": name, "bug_tracker": bug_tracker, "status": status}
    _check_values(values)
    check_labels(labels)
    with store.write() as session:
        owner = get_user(session, owner_id) if owner_id is not None else current_user(session)
        if assignee_id is not None:
            get_user(session, assignee_id)
        row = insert_project(session, name.strip(), labels, bug_tracker=bug_tracker, status=status)
        row.owner_id, row.assignee_id = owner.id, assignee_id
        return int(row.id or 0)


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
        found = session.exec(_select().where(ProjectRow.id == project_id)).one()
        return _project(session, found)


def project_labels(store: Store, project_id: int) -> list[Label]:
    """The labels of a project, in order of creation."""
    with store.read() as session:
        project_row(session, project_id)
        return read_labels(session, project_id=project_id)


def _select() -> Any:
    return (
        select(ProjectRow, Owner.username, Assignee.username)
        .outerjoin(Owner, col(ProjectRow.owner_id) == col(Owner.id))
        .outerjoin(Assignee, col(ProjectRow.assignee_id) == col(Assignee.id))
    )


def _project(session: Session, found: Any) -> Project:
    row, owner, assignee = found
    tasks = select(func.count()).select_from(TaskRow)
    count = session.exec(
        tasks.where(TaskRow.project_id == row.id, col(TaskRow.deleted_date).is_(None))
    ).one()
    return Project(
        id=row.id,
        name=row.name,
        status=row.status,
        owner=owner,
        assignee=assignee,
        bug_tracker=row.bug_tracker,
        created_date=row.created_date,
        updated_date=row.updated_date,
        task_count=count,
    )


def list_projects(store: Store, wanted: ListQuery) -> Page:
    """A page of projects; raises ValidationError for a bad filter, NotFoundError for a bad page."""
    conditions = list_conditions(wanted)
    with store.read() as session:
        joined = _select().where(*conditions)
        count = session.exec(
            select(func.count()).select_from(joined.with_only_columns(ProjectRow.id).subquery())
        ).one()
        rows = joined.order_by(*query.order_by(wanted.sort, FIELDS, col(ProjectRow.id)))
        size = wanted.page_size
        last = 1 if size is None else max(1, -(-count // size))
        if not 1 <= wanted.page <= last:
            raise NotFoundError("Invalid page.")
        if size is not None:
            rows = rows.limit(size).offset((wanted.page - 1) * size)
        results = [_project(session, found) for found in session.exec(rows)]
    return Page(count=count, results=results, page=wanted.page, page_size=size)


def list_conditions(wanted: ListQuery) -> list[ColumnElement[bool]]:
    """The WHERE clauses of a list request."""
    values = {name: getattr(wanted, name) for name in ("name", "owner", "assignee", "status")}
    conditions: list[ColumnElement[bool]] = [col(ProjectRow.deleted_date).is_(None)]
    conditions += query.simple_clauses(values, FIELDS, values)
    rule = query.parse_filter(wanted.filter) if isinstance(wanted.filter, str) else wanted.filter
    if rule is not None:
        conditions.append(query.filter_clause(rule, FIELDS, extended=wanted.extended))
    searched = [FIELDS[name].expression for name in ("name", "owner", "assignee", "status")]
    found = query.search_clause(wanted.search, searched)
    if found is not None:
        conditions.append(found)
    if wanted.org is not None:
        slug = select(OrganizationRow.id).where(OrganizationRow.slug == wanted.org)
        organization = col(ProjectRow.organization_id)
        chosen = organization.in_(slug) if wanted.org else organization.is_(None)
        conditions.append(chosen)
    return conditions


def update_project(store: Store, project_id: int, **values: Any) -> None:
    """Change name, status, bug_tracker, owner_id or assignee_id; raises ValidationError."""
    _check_values(values)
    with store.write() as session:
        row = project_row(session, project_id)
        for name in ("owner_id", "assignee_id"):
            if values.get(name) is not None:
                get_user(session, values[name])
        if "assignee_id" in values and values["assignee_id"] != row.assignee_id:
            row.assignee_updated_date = now()
        for name, value in values.items():
            setattr(row, name, value.strip() if name == "name" else value)
        row.updated_date = now()
        session.add(row)


def delete_projects(store: Store, project_ids: Sequence[int]) -> None:
    """Move projects to the trash, all or none; `restore_project` brings them back."""
    with store.write() as session:
        for project_id in project_ids:
            row = project_row(session, project_id)
            row.deleted_date = now()
            session.add(row)


def restore_project(store: Store, project_id: int) -> None:
    """Bring a project back from the trash; raises NotFoundError."""
    with store.write() as session:
        row = session.get(ProjectRow, project_id)
        if row is None or row.deleted_date is None:
            raise NotFoundError(f"no project #{project_id} in the trash")
        row.deleted_date = None
        session.add(row)
