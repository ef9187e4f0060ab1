"""The trash: what was deleted stays until `gc` frees it for good."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from sqlite3 import Connection
from typing import Any, Literal

import msgspec
from sqlmodel import Session, col, select

from localcvat.errors import NotFoundError, StoreError
from localcvat.projects import project_row, touch_project
from localcvat.requests import remove_expired
from localcvat.results import remove_stray_results
from localcvat.store.engine import Store, raw
from localcvat.store.media import collect
from localcvat.store.tables import ProjectRow, TaskRow
from localcvat.undo import remove_kept

ALWAYS = "9999"
"""After any date, also one that a clock gave which was set back since."""


class Trashed(msgspec.Struct, kw_only=True):
    """A project or task in the trash."""

    kind: str
    id: int
    name: str
    deleted_date: str


class Freed(msgspec.Struct, kw_only=True):
    """What `empty_trash` removed: rows by kind, and media files with their bytes."""

    projects: int = 0
    tasks: int = 0
    requests: int = 0
    files: int = 0
    bytes: int = 0


def list_trash(store: Store) -> list[Trashed]:
    """Projects, then tasks deleted on their own or with their project, newest first."""
    found: list[Trashed] = []
    with store.read() as session:
        for kind, table in (("project", ProjectRow), ("task", TaskRow)):
            rows: Any = session.exec(
                select(table)
                .where(col(table.deleted_date).is_not(None))
                .order_by(col(table.deleted_date).desc(), col(table.id).desc())
            )
            found += [
                Trashed(kind=kind, id=row.id, name=row.name, deleted_date=row.deleted_date)
                for row in rows
            ]
    return found


def restore_task(store: Store, task_id: int) -> None:
    """Bring a task back from the trash; raises NotFoundError when it or its project is not there.

    A task that went with its project comes back with it, by `projects.restore_project`.
    """
    with store.write() as session:
        row = session.get(TaskRow, task_id)
        if row is None or row.deleted_date is None:
            raise NotFoundError(f"no task #{task_id} in the trash")
        if row.project_id is not None:
            project_row(session, row.project_id)
        row.deleted_date = None
        session.add(row)
        touch_project(session, row.project_id)


def empty_trash(store: Store, *, older_than_days: float = 0) -> Freed:
    """Remove for good what is in the trash, results of expired requests, and media nobody uses.

    Files the user only referenced are never touched. Raises StoreError while media are added.
    """
    before, kept_before = ALWAYS, math.inf
    if older_than_days:
        limit = datetime.now(timezone.utc) - timedelta(days=older_than_days)
        before, kept_before = limit.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), limit.timestamp()
    freed = Freed()
    with store.write() as session:
        _delete_rows(session, before, freed)
    freed.requests = remove_expired(store)
    remove_kept(store, kept_before)
    remove_stray_results(store)
    media = collect(store)
    freed.files, freed.bytes = media.files, media.bytes
    return freed


def discard(store: Store, kind: Literal["project", "task"], number: int) -> None:
    """Remove for good what was made but could not be filled: it is not even in the trash.

    Its media go too, or by the next `empty_trash` while others are being added. The request that
    failed stays, it says why.
    """
    with store.write() as session:
        _delete(raw(session), {kind: "id = ?"}, number)
    with suppress(StoreError):
        collect(store)


def _delete_rows(session: Session, before: str, freed: Freed) -> None:
    connection = raw(session)
    deleted = "deleted_date IS NOT NULL AND deleted_date <= ?"
    if any(
        connection.execute(f"SELECT 1 FROM {table} WHERE {deleted}", (before,)).fetchone()
        for table in ("task", "project")
    ):
        counts = _delete(connection, {"task": deleted, "project": deleted}, before)
        freed.tasks, freed.projects = counts["task"], counts["project"]


def _delete(connection: Connection, which: dict[str, str], value: str | int) -> dict[str, int]:
    """Delete rows by a condition for each table, and data no task has; returns how many."""
    # Deleting a label asks for its shapes: without an index each one reads all shapes.
    connection.execute("CREATE INDEX shape_label ON shape(label_id)")
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE {condition}", (value,)).rowcount
        for table, condition in which.items()
    }
    connection.execute("DROP INDEX shape_label")
    connection.execute(
        "DELETE FROM data WHERE id NOT IN (SELECT data_id FROM task WHERE data_id IS NOT NULL)"
    )
    return counts
