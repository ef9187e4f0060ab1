"""Restoring CVAT's backups into the store (backup specification).

What the files say is checked first, then the media are copied, then one transaction writes the
rows; a refusal leaves nothing in the store or on disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlmodel import Session

from localcvat.archive import DEFAULT_LIMITS, Limits, open_source
from localcvat.backup.conflicts import label_conflicts
from localcvat.backup.guide_restorer import copy_guide, write_guide_rows
from localcvat.backup.layout import Layout
from localcvat.backup.task_records import (
    TaskRecord,
    read_project_record,
)
from localcvat.backup.task_restorer import Progress, TaskRestorer, backup_extras
from localcvat.errors import BackupError
from localcvat.label_rows import insert_labels, read_labels
from localcvat.model import Label
from localcvat.projects import project_row
from localcvat.report import Report
from localcvat.store.engine import Store, now, raw
from localcvat.store.tables import ProjectRow
from localcvat.users import current_user


def restore_project(
    store: Store,
    path: str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    report: Report | None = None,
) -> int:
    """Make a project of a project backup (zip or unpacked folder); returns its id.

    `report` gets what was assumed or changed; `progress` is called with the number of media files
    copied. Raises BackupError with CVAT's words, naming the entry.
    """
    with open_source(path, limits) as source:
        layout = Layout(source)
        layout.require("project")
        record = read_project_record(layout)
        report = report or Report()
        restorer = TaskRestorer(store, layout, progress, report)
        tasks = [restorer.read(folder) for folder in layout.task_folders()]
        _one_dimension([task.dimension for task in tasks], "")
        with store.media.batch() as batch:
            for task in tasks:
                restorer.copy(batch, task)
            guide = copy_guide(layout, batch, "", report)
            with store.write() as session:
                moment, owner = now(), current_user(session).id
                row = ProjectRow(
                    name=record.name,
                    bug_tracker=record.bug_tracker,
                    status=record.status,
                    owner_id=owner,
                    created_date=moment,
                    updated_date=moment,
                    extras=backup_extras(record.unknown),
                )
                session.add(row)
                session.flush()
                project_id = int(row.id or 0)
                insert_labels(session, record.labels, project_id=project_id)
                if guide is not None:
                    write_guide_rows(session, guide, owner, project_id=project_id)
                for task in tasks:
                    restorer.write(session, task, record.labels, project_id)
                batch.sync()
    return project_id


def restore_task(
    store: Store,
    path: str | os.PathLike[str],
    *,
    project_id: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    report: Report | None = None,
) -> int:
    """Make a task of a task backup, in a project when given; returns its id.

    In a project labels go by name: BackupError lists those that the project lacks or has otherwise.
    A project without labels gets the backup's. See `restore_project`.
    """
    with open_source(path, limits) as source:
        layout = Layout(source)
        layout.require("task")
        restorer = TaskRestorer(store, layout, progress, report or Report())
        task = restorer.read("")
        with store.read() as session:
            labels = _labels_for(session, task.record, project_id)
            if project_id is not None:
                _one_dimension([task.dimension], *_dimensions(session, project_id))
        with store.media.batch() as batch:
            restorer.copy(batch, task)
            with store.write() as session:
                if project_id is not None:
                    labels = _labels_for(session, task.record, project_id)
                    project_row(session, project_id).updated_date = now()
                    if labels is task.record.labels:
                        insert_labels(session, labels, project_id=project_id)
                task_id = restorer.write(session, task, labels, project_id)
                batch.sync()
    return task_id


def _labels_for(session: Session, record: TaskRecord, project_id: int | None) -> list[Label]:
    """The labels that annotations refer to: the task's own, or the project's if it has some."""
    if project_id is None:
        return record.labels
    project_row(session, project_id)
    labels = read_labels(session, project_id=project_id)
    if not labels:
        return record.labels
    conflicts = label_conflicts(record.labels, labels)
    if conflicts:
        raise BackupError(
            f"the labels do not match those of project #{project_id}: {'; '.join(conflicts)}",
            hint="add or change labels of the project, or restore without a project",
        )
    return labels


def _dimensions(session: Session, project_id: int) -> list[str]:
    rows = raw(session).execute(
        "SELECT DISTINCT dimension FROM task WHERE project_id = ? AND deleted_date IS NULL",
        (project_id,),
    )
    return [row[0] for row in rows]


def _one_dimension(found: Sequence[str], *known: str) -> None:
    dimensions = [dimension for dimension in (*known, *found) if dimension]
    if len(set(dimensions)) > 1:
        other = next(each for each in dimensions if each != dimensions[0])
        raise BackupError(
            f"Dimension ({other}) of the task must be the same as other tasks in project"
            f" ({dimensions[0]})"
        )
