"""The store on disk: one folder with a SQLite database, its media, exports and trash.

WAL, foreign keys on, one writer at a time. Every write is one IMMEDIATE transaction, so that after
a kill at any moment the store is as before or as after.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from localcvat.errors import StoreError

DATABASE = "localcvat.db"
FOLDER = ".localcvat"
SUBFOLDERS = ("media", "exports", "trash", "tmp")
APPLICATION_ID = 0x4C435654  # "LCVT"
SCHEMA_VERSION = 1
BUSY_SECONDS = 30


class Store:
    """An open store; use `Store.create` or `Store.open`, and `read` and `write` for sessions."""

    def __init__(self, path: Path, engine: Engine, readonly: bool) -> None:
        self.path = path
        self.engine = engine
        self.readonly = readonly

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Store:
        """A new, empty store at `path`; raises StoreError when there is one."""
        from localcvat.store.schema import build

        folder = Path(path).absolute()
        if (folder / DATABASE).exists():
            raise StoreError("there is a store already", where=str(folder))
        try:
            for name in SUBFOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
            build(folder / DATABASE)
        except OSError as error:
            raise StoreError(error.strerror or str(error), where=str(folder)) from error
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | os.PathLike[str], readonly: bool = False) -> Store:
        """The store at `path`, migrated forward when it is older.

        Raises StoreError when there is none, or when it is damaged or of a newer version.
        """
        from localcvat.store.schema import bring_up_to_date

        folder = Path(path).absolute()
        database = folder / DATABASE
        if not database.is_file():
            raise StoreError("no store here", where=str(folder), hint="make one: localcvat init")
        readonly = readonly or not os.access(database, os.W_OK) or not os.access(folder, os.W_OK)
        bring_up_to_date(database, readonly)
        if not readonly:
            _clear_temporary(folder)
        return cls(folder, _engine(database, readonly), readonly)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent snapshot."""
        with _explained(self.path), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is one transaction: committed at the end, rolled back on any exception."""
        if self.readonly:
            raise StoreError("the store is read-only", where=str(self.path))
        with _explained(self.path), Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"localcvat_write": True})
            yield session
            session.commit()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def find_store(explicit: str | None = None) -> Path:
    """The store's folder: `explicit`, else ``.localcvat`` in this folder or above it.

    Raises StoreError telling how to make one.
    """
    if explicit:
        given = Path(explicit)
        return given / FOLDER if (given / FOLDER / DATABASE).is_file() else given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / DATABASE).is_file():
            return folder / FOLDER
    raise StoreError("no store found here or above", hint="make one with `localcvat init`")


def connect(database: Path, readonly: bool = False) -> sqlite3.Connection:
    """A plain connection with the store's settings, in autocommit mode."""
    mode = "ro" if readonly else "rw"
    uri = f"{database.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    if not readonly:
        connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.create_function("casefold", 1, _casefold, deterministic=True)
    return connection


def _casefold(text: Any) -> Any:
    return text.casefold() if isinstance(text, str) else text


def _engine(database: Path, readonly: bool) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: connect(database, readonly))

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # sqlite3's own transaction control is off (isolation_level None): a writer takes the lock
        # at once, so that it never fails halfway with a busy database.
        options = connection.get_execution_options()
        word = "IMMEDIATE" if options.get("localcvat_write") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {word}")

    return engine


def _clear_temporary(folder: Path) -> None:
    for entry in (folder / "tmp").glob("*"):
        if not _in_use(entry):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _in_use(entry: Path) -> bool:
    """Whether the process that made this temporary file, named in it as ``<pid>-…``, is alive."""
    pid = entry.name.partition("-")[0]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the database's failures into StoreError with what to do."""
    try:
        yield
    except DBAPIError as error:
        raise explained(error.orig or error, path) from error
    except sqlite3.Error as error:
        raise explained(error, path) from error


def explained(error: BaseException, path: Path) -> StoreError:
    """A StoreError for a failure of SQLite."""
    text = str(error)
    hint = ""
    if "locked" in text or "busy" in text:
        hint = f"another process is writing; try again when it is done ({BUSY_SECONDS} s waited)"
    elif "malformed" in text or "not a database" in text:
        hint = "run `localcvat check`, or restore a snapshot"
    elif "full" in text:
        hint = "free some disk space"
    return StoreError(text, where=str(path), hint=hint)
