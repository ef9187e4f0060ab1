"""Moving a task into a project, or into another one: its annotations get the project's labels.

Every label in use and every sublabel must have a counterpart of the same name in the target, or be
mapped to one; attributes must agree in name, values and input type. Source: formats specification,
section 12.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlmodel import Session, col, select

from localcvat.errors import ValidationError
from localcvat.label_rows import read_label_rows, read_spec_rows
from localcvat.projects import project_row, touch_project
from localcvat.store.engine import raw
from localcvat.store.tables import AttributeSpecRow, LabelRow, ProjectRow, TaskRow

NOT_MAPPED = "All task or project label names must be mapped to the target project"


def move_task(
    session: Session, task: TaskRow, project_id: int, mapping: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Move a task inside a transaction; `mapping` holds labels (`id`, `name` in the target).

    Raises ValidationError when labels, attributes, dimension or organization do not fit.
    """
    target = session.get(ProjectRow, project_id)
    if target is None or target.deleted_date is not None:
        raise ValidationError(["Project matching query does not exist."])
    if target.organization_id != task.organization_id:
        raise ValidationError(["The task and its project should be in the same organization."])
    _check_dimension(session, task, project_id)
    source = read_label_rows(session, project_id=task.project_id, task_id=task.id)
    labels = _label_map(source, read_label_rows(session, project_id=project_id), mapping)
    specs = _spec_map(session, source, labels)
    _relabel(session, int(task.id or 0), {old: new.id or 0 for old, new in labels.items()}, specs)
    if task.project_id is None:
        for row in source:
            if row.parent_id is None:
                session.delete(row)
    touch_project(session, task.project_id)
    touch_project(session, project_id)
    task.project_id = project_id
    project_row(session, project_id)


def _check_dimension(session: Session, task: TaskRow, project_id: int) -> None:
    other = session.exec(
        select(TaskRow)
        .where(TaskRow.project_id == project_id, col(TaskRow.deleted_date).is_(None))
        .order_by(col(TaskRow.id))
    ).first()
    if other is not None and other.dimension != task.dimension:
        raise ValidationError(
            [f"Dimension ({task.dimension}) of the task must be the same as other tasks in project"]
        )


def _label_map(
    source: Sequence[LabelRow], target: Sequence[LabelRow], mapping: Sequence[Mapping[str, Any]]
) -> dict[int, LabelRow]:
    """The target's row for each label id of the source; raises ValidationError."""
    renamed = {item.get("id"): item.get("name") for item in mapping}
    found: dict[int, LabelRow] = {}
    for row in source:
        name = renamed.get(row.id) or row.name
        parent = None if row.parent_id is None else found[row.parent_id].id
        fitting = [other for other in target if (other.name, other.parent_id) == (name, parent)]
        if not fitting:
            raise ValidationError([NOT_MAPPED])
        found[int(row.id or 0)] = fitting[0]
    return found


def _spec_map(
    session: Session, source: Sequence[LabelRow], labels: Mapping[int, LabelRow]
) -> dict[str, str]:
    theirs = {
        (spec.label_id, *_shape(spec)): spec
        for spec in read_spec_rows(session, list(labels.values()))
    }
    found: dict[str, str] = {}
    for spec in read_spec_rows(session, list(source)):
        label = labels[spec.label_id]
        other = theirs.get((label.id or 0, *_shape(spec)))
        if other is None:
            raise ValidationError(
                [f"Attribute '{spec.name}' of label '{label.name}' has no match in the project"]
            )
        found[str(spec.id)] = str(other.id)
    return found


def _shape(spec: AttributeSpecRow) -> tuple[str, str, str]:
    return spec.name, spec.input_type, spec.values


def _relabel(
    session: Session, task_id: int, labels: Mapping[int, int], specs: Mapping[str, str]
) -> None:
    """Rewrite the label and attribute ids of all annotations of a task."""
    connection = raw(session)
    mine = "job_id IN (SELECT id FROM job WHERE task_id = ?)"
    for table in ("tag", "shape", "track"):
        for row_id, label_id, attributes in connection.execute(
            f"SELECT id, label_id, attributes FROM {table} WHERE {mine}", (task_id,)
        ).fetchall():
            connection.execute(
                f"UPDATE {table} SET label_id = ?, attributes = ? WHERE id = ?",
                (labels[label_id], _respecced(attributes, specs), row_id),
            )
    for row_id, attributes in connection.execute(
        "SELECT s.id, s.attributes FROM tracked_shape s JOIN track t ON t.id = s.track_id"
        f" WHERE s.attributes IS NOT NULL AND t.{mine}",
        (task_id,),
    ).fetchall():
        connection.execute(
            "UPDATE tracked_shape SET attributes = ? WHERE id = ?",
            (_respecced(attributes, specs), row_id),
        )


def _respecced(attributes: str | None, specs: Mapping[str, str]) -> str | None:
    if attributes is None:
        return None
    given = orjson.loads(attributes)
    return orjson.dumps({specs.get(key, key): value for key, value in given.items()}).decode()
