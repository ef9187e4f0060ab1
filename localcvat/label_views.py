"""Labels as the API shows them: listed, shown, changed, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import ColumnElement, Row, func
from sqlmodel import Session, col, select

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.fields import checked
from localcvat.label_changes import LabelOwner, change_labels, svg_with_ids, touch_owner
from localcvat.listing import (
    Collection,
    ListQuery,
    Page,
    batches,
    columns_of,
    find_page,
    find_row,
    read_one,
)
from localcvat.model import LABEL_TYPES
from localcvat.projects import PROJECT_COLUMNS
from localcvat.schemas import LABEL_PATCH
from localcvat.store.engine import Store
from localcvat.store.tables import AttributeSpecRow, JobRow, LabelRow, ProjectRow, TaskRow
from localcvat.task_views import TASK_COLUMNS

LABEL_COLUMNS = columns_of(LabelRow)
_PARENT = LabelRow.__table__.alias("parent")  # type: ignore[attr-defined]
ONE_OWNER = "job_id, task_id and project_id parameters cannot be used together"
NOT_DELETED_BY_PATCH = (
    "Labels cannot be deleted by updating in this endpoint. Please use the DELETE method instead."
)
SUBLABEL_CHANGED = (
    "Sublabels cannot be {} this way. "
    "Please send a PATCH request with updated parent label data instead."
)


class SpecView(msgspec.Struct, kw_only=True):
    """An attribute of a label."""

    id: int
    name: str
    mutable: bool
    input_type: str
    default_value: str
    values: list[str]


class LabelView(msgspec.Struct, kw_only=True):
    """A label; attributes come by name. `svg` of a skeleton refers to sublabels by id.

    `type` is None for a label that was made by a change without a type: any type, then.
    """

    id: int
    name: str
    color: str
    type: str | None
    attributes: list[SpecView] = []
    sublabels: list[LabelView] = []
    svg: str = ""
    project_id: int | None = None
    task_id: int | None = None
    parent_id: int | None = None


LABELS = Collection(
    source=LabelRow.__table__.outerjoin(  # type: ignore[attr-defined]
        ProjectRow.__table__,  # type: ignore[attr-defined]
        LABEL_COLUMNS["project_id"] == PROJECT_COLUMNS["id"],
    )
    .outerjoin(
        TaskRow.__table__,  # type: ignore[attr-defined]
        LABEL_COLUMNS["task_id"] == TASK_COLUMNS["id"],
    )
    .outerjoin(_PARENT, LABEL_COLUMNS["parent_id"] == _PARENT.c.id),
    columns=list(LABEL_COLUMNS.values()),
    id=LABEL_COLUMNS["id"],
    fields={
        "id": query.Field(LABEL_COLUMNS["id"], "integer"),
        "name": query.Field(LABEL_COLUMNS["name"]),
        "parent": query.Field(_PARENT.c.name, nullable=True),
        "type": query.Field(LABEL_COLUMNS["type"]),
        "color": query.Field(LABEL_COLUMNS["color"]),
        "parent_id": query.Field(LABEL_COLUMNS["parent_id"], "integer", nullable=True),
    },
    simple=("name", "parent", "type", "color", "parent_id"),
    searched=("name", "parent"),
    kept=[PROJECT_COLUMNS["deleted_date"].is_(None), TASK_COLUMNS["deleted_date"].is_(None)],
    choices={"type": LABEL_TYPES},
    pointers={"parent_id": LABEL_COLUMNS["id"]},
    organization=func.coalesce(PROJECT_COLUMNS["organization_id"], TASK_COLUMNS["organization_id"]),
    default_sort="id",
)


def list_label_views(
    store: Store,
    wanted: ListQuery,
    *,
    project_id: int | None = None,
    task_id: int | None = None,
    job_id: int | None = None,
) -> Page[LabelView]:
    """A page of root labels, with their sublabels inside; of one project, task or job when named.

    Raises ValidationError for a bad filter or several owners, NotFoundError for a bad page or id.
    """
    if sum(value is not None for value in (project_id, task_id, job_id)) > 1:
        raise ValidationError([ONE_OWNER])
    with store.read() as session:
        also: list[ColumnElement[bool]] = [LABEL_COLUMNS["parent_id"].is_(None)]
        if not project_id is task_id is job_id is None:
            owner = _owner_of(session, project_id, task_id, job_id)
            also += [
                LABEL_COLUMNS["task_id"] == owner.task_id
                if owner.project_id is None
                else LABEL_COLUMNS["project_id"] == owner.project_id
            ]
        page, rows = find_page(session, LABELS, wanted, also)
        page.results = _views(session, rows)
    return page


def _owner_of(
    session: Session, project_id: int | None, task_id: int | None, job_id: int | None
) -> LabelOwner:
    if job_id is not None:
        job = session.get(JobRow, job_id)
        if job is None:
            raise NotFoundError(f"no job #{job_id}")
        task_id = job.task_id
    if task_id is not None:
        task = session.get(TaskRow, task_id)
        if task is None or task.deleted_date is not None:
            raise NotFoundError(f"no task #{task_id}")
        project_id = task.project_id
    elif (project := session.get(ProjectRow, project_id)) is None or project.deleted_date:
        raise NotFoundError(f"no project #{project_id}")
    return LabelOwner(project_id=project_id, task_id=None if project_id is not None else task_id)


def read_label_view(store: Store, label_id: int) -> LabelView:
    """One label, also a sublabel; raises NotFoundError."""
    return read_one(store, LABELS, label_id, _views, "label")


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[LabelView]:
    views = {row.id: _view(row) for row in rows}
    everyone = dict(views)
    for batch in batches(list(views)):
        chosen = select(LabelRow).where(col(LabelRow.parent_id).in_(batch))
        for sublabel in session.exec(chosen.order_by(col(LabelRow.id))):
            view = everyone[int(sublabel.id or 0)] = _view(sublabel)
            views[int(sublabel.parent_id or 0)].sublabels.append(view)
    for batch in batches(list(everyone)):
        specs = select(AttributeSpecRow).where(col(AttributeSpecRow.label_id).in_(batch))
        for spec in session.exec(specs.order_by(col(AttributeSpecRow.name))):
            everyone[spec.label_id].attributes.append(_spec(spec))
    for view in views.values():
        view.svg = svg_with_ids(view.svg, {sub.name: sub.id for sub in view.sublabels})
    return list(views.values())


def _view(row: Any) -> LabelView:
    return LabelView(
        id=row.id,
        name=row.name,
        color=row.color,
        type=row.type or None,
        svg=row.svg,
        project_id=row.project_id,
        task_id=row.task_id,
        parent_id=row.parent_id,
    )


def _spec(row: AttributeSpecRow) -> SpecView:
    return SpecView(
        id=int(row.id or 0),
        name=row.name,
        mutable=bool(row.mutable),
        input_type=row.input_type,
        default_value=row.default_value,
        values=orjson.loads(row.values),
    )


def update_label(store: Store, label_id: int, values: Mapping[str, Any]) -> None:
    """Change one root label as PATCH does; without a colour it gets a new one.

    Raises ValidationError and NotFoundError.
    """
    fields = checked(LABEL_PATCH, {**values, "id": label_id})
    if fields.get("deleted"):
        raise ValidationError({"non_field_errors": [NOT_DELETED_BY_PATCH]})
    with store.write() as session:
        row = _root_row(session, label_id, "modified")
        owner = LabelOwner(project_id=row.project_id, task_id=row.task_id)
        change_labels(session, owner, [fields])


def delete_label(store: Store, label_id: int) -> None:
    """Remove a root label with its sublabels and annotations; raises NotFoundError."""
    with store.write() as session:
        row = _root_row(session, label_id, "deleted")
        owner = LabelOwner(project_id=row.project_id, task_id=row.task_id)
        session.delete(row)
        session.flush()
        touch_owner(session, owner)


def _root_row(session: Session, label_id: int, done: str) -> LabelRow:
    row = session.get(LabelRow, label_id)
    if row is None or find_row(session, LABELS, label_id) is None:
        raise NotFoundError(f"no label #{label_id}", hint="see `localcvat label ls`")
    if row.parent_id is not None:
        raise ValidationError([SUBLABEL_CHANGED.format(done)])
    return row
