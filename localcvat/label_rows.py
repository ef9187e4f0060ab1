"""Labels and attribute specifications as rows of the store."""

from __future__ import annotations

import orjson
from sqlmodel import Session, col, select

from localcvat.model import AttributeSpec, Label
from localcvat.store.tables import AttributeSpecRow, LabelRow


def read_label_rows(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> list[LabelRow]:
    """The label rows of a project, or of a task without one, in order of creation."""
    query = select(LabelRow).order_by(col(LabelRow.id))
    if project_id is not None:
        query = query.where(LabelRow.project_id == project_id)
    else:
        query = query.where(LabelRow.task_id == task_id)
    return list(session.exec(query))


def read_spec_rows(session: Session, labels: list[LabelRow]) -> list[AttributeSpecRow]:
    """The attribute rows of these labels, in order of creation."""
    ids = [row.id for row in labels]
    query = select(AttributeSpecRow).where(col(AttributeSpecRow.label_id).in_(ids))
    return list(session.exec(query.order_by(col(AttributeSpecRow.id))))


def read_labels(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> list[Label]:
    """The labels as model values, sublabels inside their skeletons."""
    rows = read_label_rows(session, project_id=project_id, task_id=task_id)
    specs: dict[int, list[AttributeSpec]] = {}
    for spec in read_spec_rows(session, rows):
        specs.setdefault(spec.label_id, []).append(spec_value(spec))
    made: dict[int, Label] = {}
    roots: list[Label] = []
    for row in rows:
        label = Label(
            name=row.name,
            color=row.color,
            type=row.type,
            attributes=specs.get(int(row.id or 0), []),
            svg=row.svg,
            extras=orjson.loads(row.extras) if row.extras else None,
        )
        made[int(row.id or 0)] = label
        (roots if row.parent_id is None else made[row.parent_id].sublabels).append(label)
    return roots


def spec_value(row: AttributeSpecRow) -> AttributeSpec:
    """An attribute row as a model value."""
    return AttributeSpec(
        name=row.name,
        mutable=bool(row.mutable),
        input_type=row.input_type,
        default_value=row.default_value,
        values=orjson.loads(row.values),
    )


def insert_labels(
    session: Session,
    labels: list[Label],
    *,
    project_id: int | None = None,
    task_id: int | None = None,
    parent_id: int | None = None,
) -> list[LabelRow]:
    """Write labels with attributes and sublabels as they are; returns the rows of `labels`."""
    rows = []
    for label in labels:
        row = LabelRow(
            project_id=project_id,
            task_id=task_id,
            parent_id=parent_id,
            name=label.name,
            color=label.color,
            type=label.type,
            svg=label.svg,
            extras=orjson.dumps(label.extras).decode() if label.extras else None,
        )
        session.add(row)
        session.flush()
        for spec in label.attributes:
            session.add(spec_row(int(row.id or 0), spec))
            session.flush()
        insert_labels(
            session, label.sublabels, project_id=project_id, task_id=task_id, parent_id=row.id
        )
        rows.append(row)
    return rows


def spec_row(label_id: int, spec: AttributeSpec) -> AttributeSpecRow:
    """A row for a new attribute."""
    return AttributeSpecRow(
        label_id=label_id,
        name=spec.name,
        mutable=int(spec.mutable),
        input_type=spec.input_type,
        default_value=spec.default_value,
        values=orjson.dumps(spec.values).decode(),
    )
