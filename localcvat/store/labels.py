"""Labels and attribute specifications as rows, and the ids annotations refer to."""

from __future__ import annotations

import orjson
from sqlmodel import Session, col, select

from localcvat.errors import DatasetError
from localcvat.model import AttributeSpec, Label
from localcvat.store.tables import AttributeSpecRow, LabelRow


class LabelIds:
    """Ids of the labels and attributes of one project or task, both ways.

    Sublabels are found by their own name and their skeleton's.
    """

    def __init__(self, labels: list[LabelRow], specs: list[AttributeSpecRow]) -> None:
        names = {row.id: row.name for row in labels}
        self._names = {int(row.id or 0): row.name for row in labels}
        self._ids = {
            (names[row.parent_id] if row.parent_id else "", row.name): int(row.id or 0)
            for row in labels
        }
        self._specs = {(row.label_id, row.name): int(row.id or 0) for row in specs}
        self.spec_names = {str(row.id): row.name for row in specs}

    def id(self, name: str, skeleton: str = "") -> int:
        """The id of a root label, or of a sublabel of `skeleton`; raises DatasetError."""
        found = self._ids.get((skeleton, name))
        if found is None:
            owner = f" of the skeleton {skeleton!r}" if skeleton else ""
            known = ", ".join(sorted(n for s, n in self._ids if s == skeleton)) or "none"
            raise DatasetError(f"unknown label {name!r}{owner}", hint=f"known labels: {known}")
        return found

    def name(self, label_id: int) -> str:
        """The label's own name."""
        return self._names[label_id]

    def spec_id(self, label_id: int, name: str) -> int:
        """The id of an attribute of a label; raises DatasetError."""
        found = self._specs.get((label_id, name))
        if found is None:
            raise DatasetError(f"unknown attribute {name!r} of label {self._names[label_id]!r}")
        return found


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


def label_ids(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> LabelIds:
    """The `LabelIds` of a project, or of a task without one."""
    rows = read_label_rows(session, project_id=project_id, task_id=task_id)
    return LabelIds(rows, read_spec_rows(session, rows))


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
        values=orjson.loads(row.values_json),
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
        values_json=orjson.dumps(spec.values).decode(),
    )
