"""The schema's version: building a new database, migrating an old one, refusing a newer one.

Migrations are Alembic's; an up-to-date store opens without importing it.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from localcvat.errors import StoreError
from localcvat.store.engine import APPLICATION_ID, SCHEMA_VERSION, connect


def build(database: Path) -> None:
    """Make a new database at `database`, whole or not at all."""
    temporary = database.with_name(f".{database.name}.{secrets.token_hex(4)}")
    temporary.touch()
    try:
        connection = connect(temporary)
        _upgrade(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        os.link(temporary, database)
    except FileExistsError as error:
        raise StoreError("there is a store already", where=str(database.parent)) from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def version_of(database: Path) -> int:
    """The schema version of a database; raises StoreError when it is no store."""
    try:
        with open(database, "rb") as stream:
            header = stream.read(100)
    except OSError as error:
        raise StoreError(error.strerror or str(error), where=str(database)) from error
    if header[:16] != b"SQLite format 3\x00":
        raise StoreError("not a SQLite database", where=str(database), hint="restore a snapshot")
    try:
        connection = connect(database, readonly=True)
        try:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"can't be opened: {error}", where=str(database)) from error
    if application != APPLICATION_ID:
        raise StoreError("not a database of localcvat", where=str(database))
    return int(version)


def bring_up_to_date(database: Path, readonly: bool) -> None:
    """Migrate `database` forward if it is older, keeping a copy beside it; refuse a newer one."""
    version = version_of(database)
    if version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store has schema {version}, this localcvat knows up to {SCHEMA_VERSION}",
            where=str(database.parent),
            hint="use a newer localcvat",
        )
    if readonly:
        raise StoreError(
            f"the store has schema {version} and is read-only, so it can't be migrated",
            where=str(database.parent),
        )
    snapshot(database, database.with_name(f"{database.name}.schema-{version}.bak"))
    connection = connect(database)
    try:
        _upgrade(connection)
    finally:
        connection.close()


def snapshot(database: Path, target: Path) -> None:
    """A consistent copy of a live database at `target`, which is replaced whole."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        source = connect(database, readonly=True)
        copy = sqlite3.connect(temporary)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Run the missing migrations and set the versions, in one transaction."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    from localcvat.store.migrations import MIGRATIONS

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as wrapped:
        wrapped.exec_driver_sql("BEGIN EXCLUSIVE")
        reached = wrapped.exec_driver_sql("PRAGMA user_version").scalar_one()
        with Operations.context(MigrationContext.configure(wrapped)):
            for migration in MIGRATIONS[reached:]:
                migration()
        wrapped.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        wrapped.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        wrapped.exec_driver_sql("COMMIT")
