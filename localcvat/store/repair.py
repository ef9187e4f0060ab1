"""Mending what can be mended without guessing, after a copy of the database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from localcvat import disk
from localcvat.store.check import Problem, check_store, expected_schema, schema_of
from localcvat.store.check_rows import LOST_DATA
from localcvat.store.engine import DATABASE, Store, now, raw
from localcvat.store.failures import disk_errors


def repair_store(store: Store) -> tuple[list[Problem], Path | None]:
    """Mend what is safe: (what was mended, the copy of the database made before).

    Nothing is done, and no copy made, when nothing can be mended, or a whole table or page is gone.
    References to rows that are gone get what deleting those rows would have done; lost indexes are
    made again; files that no row mentions go to the trash folder. Media that are missing or changed
    can't be made up.
    """
    # What a running import has copied is no stray, though no row mentions it yet.
    with store.media.exclusive():
        problems = check_store(store)
        mendable = [problem for problem in problems if problem.repair]
        if not mendable or any(problem.is_loss for problem in problems):
            return [], None
        copy = store.path / f"{DATABASE}.before-repair-{now().replace(':', '')}.bak"
        store.snapshot(copy)
        with store.write() as session:
            _mend(raw(session))
        with disk_errors(store.path / "trash"):
            for problem in mendable:
                if problem.repair == "moved to the trash":
                    name = os.path.basename(problem.where)
                    disk.rename(problem.where, store.path / "trash" / name)
    return mendable, copy


def _mend(connection: sqlite3.Connection) -> None:
    _restore_indexes(connection)
    _settle_references(connection)
    if connection.execute(LOST_DATA).fetchone() is None:
        connection.execute(
            "DELETE FROM data WHERE id NOT IN (SELECT data_id FROM task WHERE data_id IS NOT NULL)"
        )
    connection.execute("REINDEX")


def _restore_indexes(connection: sqlite3.Connection) -> None:
    found, expected = schema_of(connection), expected_schema()
    for name in sorted(expected.keys() - found.keys()):
        if expected[name].startswith("CREATE INDEX"):
            connection.execute(expected[name])


def _settle_references(connection: sqlite3.Connection) -> None:
    """Do for each dangling reference what its ON DELETE says, until there is none."""
    before: list[Any] = []
    while rows := connection.execute("PRAGMA foreign_key_check").fetchall():
        if rows == before:
            raise sqlite3.DatabaseError("references that can't be settled: database is malformed")
        before = rows
        for table, row, parent, number in rows:
            keys = connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()
            column, action = next((key[3], key[6]) for key in keys if key[0] == number)
            # Tables without row ids are settled all at once.
            which = "rowid = ?"
            values: tuple[int, ...] = (row,)
            if row is None:
                which, values = f"{column} NOT IN (SELECT id FROM {parent})", ()
            if action == "CASCADE" or _required(connection, table, column):
                connection.execute(f"DELETE FROM {table} WHERE {which}", values)
            else:
                connection.execute(f"UPDATE {table} SET {column} = NULL WHERE {which}", values)


def _required(connection: sqlite3.Connection, table: str, column: str) -> bool:
    columns = connection.execute(f"PRAGMA table_info({table})")
    return any(name == column and required for _, name, _, required, _, _ in columns)
