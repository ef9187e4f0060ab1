"""The annotations of a task as they were before the last import, kept to be put back.

They lie in the store's trash, a small database for each task with the rows as they were; `gc`
removes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlmodel import Session

from localcvat import disk
from localcvat.archive.partials import partial_folder
from localcvat.errors import NotFoundError, StoreError
from localcvat.jobs import touch_annotations
from localcvat.store.annotation_rows import clear_annotations
from localcvat.store.engine import DATABASE, SCHEMA_VERSION, Store, raw, remove_quietly
from localcvat.store.failures import disk_errors, storage_errors
from localcvat.tasks import task_row

COLUMNS = {
    "tag": {"id": "tag"},
    "shape": {"id": "shape", "parent_id": "shape"},
    "track": {"id": "track", "parent_id": "track"},
    "tracked_shape": {"id": "tracked_shape", "track_id": "track"},
}
"""The columns of each table that number rows, and the table whose rows they number."""
TABLES = tuple(COLUMNS)
ROOT = "AND parent_id IS NULL"
OF_JOBS = "job_id IN (SELECT id FROM before.job WHERE task_id = ?)"
CONDITIONS = {
    **dict.fromkeys(("tag", "shape", "track"), OF_JOBS),
    "tracked_shape": f"track_id IN (SELECT id FROM before.track WHERE {OF_JOBS})",
}
BATCH = 1000


@contextmanager
def annotations_kept(store: Store, task_id: int) -> Iterator[None]:
    """Keep the annotations of a task as they are, to be put back by `undo_import`.

    What is kept takes the place of what was kept before when the block ends well.
    """
    target = _place(store, task_id)
    with partial_folder(target) as folder, storage_errors(store.path):
        made = folder / target.name
        with closing(sqlite3.connect(made, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")
            copy.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            copy.execute("ATTACH ? AS before", (str(store.path / DATABASE),))
            for table, condition in CONDITIONS.items():
                copy.execute(
                    f"CREATE TABLE main.{table} AS SELECT * FROM before.{table} WHERE {condition}",
                    (task_id,),
                )
        yield
        with disk_errors(target):
            disk.rename(made, target)


def undo_import(store: Store, task_id: int) -> tuple[int, int]:
    """Put the annotations of a task back as they were before the last import into it.

    Returns how many annotations there were and are. A second time puts back what the first took
    away. Raises NotFoundError when nothing is kept, StoreError when it no longer fits.
    """
    kept = _place(store, task_id)
    if not kept.is_file():
        raise NotFoundError(f"no import into task #{task_id} is kept", hint="gc removes what is")
    with store.write() as session:
        task_row(session, task_id)
        rows = raw(session).execute("SELECT id FROM job WHERE task_id = ?", (task_id,))
        jobs = [row[0] for row in rows]
        with closing(sqlite3.connect(kept)) as old:
            _check(session, old, jobs)
            before = _count(session, jobs)
            with annotations_kept(store, task_id):
                for job in jobs:
                    clear_annotations(session, job)
                _put_back(session, old)
        touch_annotations(session, jobs)
        return before, _count(session, jobs)


def remove_kept(store: Store, older_than: float) -> None:
    """Remove what is kept from before this moment, in seconds since the epoch."""
    for path in (store.path / "trash").glob("import-*.db"):
        if path.stat().st_mtime <= older_than:
            remove_quietly(path)


def _place(store: Store, task_id: int) -> Path:
    return store.path / "trash" / f"import-{task_id}.db"


def _check(session: Session, old: sqlite3.Connection, jobs: Sequence[int]) -> None:
    """Raise StoreError when the kept rows are of jobs, labels or a schema that are no more."""
    labels = {row[0] for row in raw(session).execute("SELECT id FROM label")}
    if old.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        raise StoreError("what was kept is of an older schema: it can't be put back")
    for table in ("tag", "shape", "track"):
        for job, label in old.execute(f"SELECT DISTINCT job_id, label_id FROM {table}"):
            if job not in jobs or label not in labels:
                raise StoreError("the jobs or labels have changed since: it can't be put back")


def _count(session: Session, jobs: Sequence[int]) -> int:
    found = ", ".join(map(str, jobs))
    query = " UNION ALL ".join(
        f"SELECT count(*) FROM {table} WHERE job_id IN ({found}) {roots}"
        for table, roots in (("tag", ""), ("shape", ROOT), ("track", ROOT))
    )
    return sum(row[0] for row in raw(session).execute(query))


def _put_back(session: Session, old: sqlite3.Connection) -> None:
    """Insert the kept rows; the ids of a table grow by as much as those in use ask for."""
    shifts = {table: _shift(session, old, table) for table in TABLES}
    for table, columns in COLUMNS.items():
        rows = old.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [column[0] for column in rows.description]
        places = [(names.index(column), shifts[of]) for column, of in columns.items()]
        insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        while found := rows.fetchmany(BATCH):
            raw(session).executemany(insert, [_moved(row, places) for row in found])


def _moved(row: Sequence[Any], places: Sequence[tuple[int, int]]) -> list[Any]:
    values = list(row)
    for place, shift in places:
        if values[place] is not None:
            values[place] += shift
    return values


def _shift(session: Session, old: sqlite3.Connection, table: str) -> int:
    least = old.execute(f"SELECT min(id) FROM {table}").fetchone()[0]
    most = raw(session).execute(f"SELECT max(id) FROM {table}").fetchone()[0]
    return 0 if least is None or most is None or most < least else int(most) + 1 - int(least)
