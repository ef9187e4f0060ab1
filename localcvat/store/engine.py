"""Opening, creating and migrating a store; transactions.

One writer at a time (IMMEDIATE transactions on a WAL database), readers never wait; on a network
file system, where a WAL is not safe, a rollback journal is used and readers may. A store of an
older schema is copied, then migrated when it is opened; one of a newer schema is refused.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from localcvat.errors import StoreError
from localcvat.ordered import all_cores
from localcvat.store.failures import (
    blame_damage,
    disk_errors,
    refuse_triggers,
    refuse_views,
    storage_errors,
)
from localcvat.store.surroundings import network_file_system

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from localcvat.store.media import MediaFolder

DATABASE = "localcvat.db"
FOLDER = ".localcvat"
APPLICATION_ID = 0x6C637674  # "lcvt"
SCHEMA_VERSION = 3
BUSY_SECONDS = 30.0
CACHE_KILOBYTES = {"IMMEDIATE": 16_384, "DEFERRED": 8_192}
"""Who writes comes back to the same pages; who reads mostly reads on."""
PAGE_BYTES = 8_192
"""Of new stores: with most polygons several to a page, bulk writes take a quarter less."""
SUBFOLDERS = ("media", "exports", "trash", "tmp")


_latest = ""


def now() -> str:
    """This moment as the database spells dates: ISO 8601 UTC, microseconds, ``Z``.

    Never before one that this process was given: the clock may be set back meanwhile.
    """
    global _latest
    _latest = max(_latest, datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    return _latest


def find_store(explicit: str | os.PathLike[str] | None = None) -> Path:
    """The store directory: the given one, else $LOCALCVAT_STORE, else `.localcvat` here or above.

    Raises StoreError that tells to run ``localcvat init``.
    """
    named = explicit or os.environ.get("LOCALCVAT_STORE")
    if named:
        for folder in (Path(named), Path(named) / FOLDER):
            if (folder / DATABASE).is_file():
                return folder
        raise StoreError("no store there", where=str(named), hint="make one: localcvat init")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / DATABASE).is_file():
            return folder / FOLDER
    raise StoreError(
        "no store in this folder or above it",
        where=str(here),
        hint="make one with `localcvat init`, or name one with --store or $LOCALCVAT_STORE",
    )


class Store:
    """An open store; use `create` or `open`, and `close` (or a with statement) when done.

    `jobs` is how many threads and processes its operations may use; what they do does not depend
    on it.
    """

    def __init__(self, path: Path, readonly: bool, busy_seconds: float = BUSY_SECONDS) -> None:
        self.jobs = all_cores()
        self.path = path
        self.readonly = readonly
        self._busy = busy_seconds

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Store:
        """Make a store in `path` (made if needed) and open it; StoreError if one is there."""
        folder = Path(path).absolute()
        database = folder / DATABASE
        with disk_errors(folder):
            if database.is_file() and _is_ours(database):
                raise StoreError("there is a store already", where=str(folder))
            for name in SUBFOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        with storage_errors(folder), _connected(database) as connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise StoreError("the database is not a store of localcvat", where=str(database))
            connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
            connection.execute(f"PRAGMA journal_mode={_journal(folder)}")
            _migrate(database, connection)
        return cls.open(folder)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        readonly: bool = False,
        *,
        busy_seconds: float = BUSY_SECONDS,
    ) -> Store:
        """Open the store in `path`, migrating an older one after a copy of its database.

        Raises StoreError when it is missing, damaged, locked, or of a newer localcvat.
        """
        folder = Path(path).absolute()
        database = folder / DATABASE
        if not database.is_file():
            raise StoreError("no store there", where=str(folder), hint="make one: localcvat init")
        readonly = readonly or not (os.access(database, os.W_OK) and os.access(folder, os.W_OK))
        store = cls(folder, readonly, busy_seconds)
        with storage_errors(folder), disk_errors(folder):
            connection = store._connect()
            try:
                if not readonly and _journal(folder) != "WAL":
                    connection.execute(f"PRAGMA journal_mode={_journal(folder)}")
                store._check_version(connection)
            finally:
                connection.close()
        if not readonly:
            store._tidy()
        return store

    def _tidy(self) -> None:
        """Make the folders that an unpacked snapshot lacks; remove what a crash left."""
        from localcvat.archive.partials import sweep_partials

        for name in SUBFOLDERS:
            (self.path / name).mkdir(exist_ok=True)
        sweep_partials(self.path)
        self.media.sweep()

    def _check_version(self, connection: sqlite3.Connection) -> None:
        application, version = _header(connection)
        if application != APPLICATION_ID:
            raise StoreError(
                "the database is not a store of localcvat, or was never finished",
                where=str(self.path),
                hint="make one: localcvat init",
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"made by a newer localcvat: schema {version}, this one knows {SCHEMA_VERSION}",
                where=str(self.path),
                hint="upgrade with `pip install -U localcvat`",
            )
        refuse_views(connection, self.path)
        if version < SCHEMA_VERSION:
            refuse_triggers(connection, self.path)
            if self.readonly:
                raise StoreError(
                    f"schema {version} must be migrated to {SCHEMA_VERSION} first",
                    where=str(self.path),
                    hint="open it once where it can be written",
                )
            _migrate(self.path / DATABASE, connection, lambda: self._keep_old(version))

    def _keep_old(self, version: int) -> None:
        """Copy the database while the migration's transaction keeps other writers away."""
        connection = self._connect()
        try:
            if _header(connection)[1] == version:  # not so when another process was faster
                _copy_database(connection, self.path / f"{DATABASE}.schema-{version}.bak")
        finally:
            connection.close()

    @cached_property
    def media(self) -> MediaFolder:
        """The media files of the store."""
        from localcvat.store.media import MediaFolder

        return MediaFolder(self)

    def _connect(self) -> sqlite3.Connection:
        """A configured connection; transactions are ours to begin."""
        database = self.path / DATABASE
        try:
            connection = _connect(database, self._busy, readonly=self.readonly)
            connection.execute("PRAGMA schema_version").fetchone()
        except UnicodeDecodeError as error:  # of the schema
            raise sqlite3.DatabaseError("the schema is malformed") from error
        except sqlite3.OperationalError:
            if not self.readonly:
                raise
            # A WAL database in a folder nobody may write can only be read as unchanging.
            connection = _connect(database, self._busy, readonly=True, immutable=True)
        return connection

    @cached_property
    def engine(self) -> Engine:
        """The SQLAlchemy engine; sessions of `read` and `write` are the way to use it."""
        from sqlalchemy import create_engine, event
        from sqlalchemy.engine import Connection

        engine = create_engine("sqlite://", creator=self._connect, poolclass=_pool())

        def begin(connection: Connection) -> None:
            options = connection.get_execution_options()
            connection.exec_driver_sql(f"PRAGMA busy_timeout={options['busy_milliseconds']}")
            mode = options["begin_mode"]
            connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KILOBYTES[mode]}")
            connection.exec_driver_sql(f"BEGIN {mode}")

        event.listen(engine, "begin", begin)
        return engine

    def refuse_readonly(self) -> None:
        """Raise StoreError when nothing may be written to the store."""
        if self.readonly:
            raise StoreError("the store is read-only", where=str(self.path))

    @contextmanager
    def write(self, *, patient: bool = True) -> Iterator[Session]:
        """One write transaction: committed on success, rolled back on any exception.

        Raises StoreBusyError when another process writes: at once if not `patient`.
        """
        self.refuse_readonly()
        with self._session("IMMEDIATE", self._busy if patient else 0) as session:
            refuse_triggers(raw(session), self.path)
            yield session
            session.commit()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view of the store; nothing written in it is kept."""
        with self._session("DEFERRED", self._busy) as session:
            yield session

    @contextmanager
    def _session(self, mode: str, busy_seconds: float) -> Iterator[Session]:
        from sqlalchemy import event
        from sqlmodel import Session

        with storage_errors(self.path):
            bind = self.engine.execution_options(
                begin_mode=mode, busy_milliseconds=int(busy_seconds * 1000)
            )
            session = Session(bind, autoflush=True, expire_on_commit=False)
            event.listen(session, "before_flush", _order_dates)
            try:
                session.connection()
                yield session
            except Exception as error:
                session.rollback()
                blame_damage(error, self._connect, self.path)
                raise
            finally:
                session.close()

    def snapshot(self, target: str | os.PathLike[str], named: str = "") -> None:
        """A consistent copy of the database, taken while others may write.

        Raises StoreError when `target`, which it calls `named`, exists or can't be written.
        """
        if os.path.lexists(target):
            raise StoreError("the file exists", where=str(target))
        place = Path(named or target)
        with storage_errors(place), disk_errors(place):
            connection = self._connect()
            try:
                _copy_database(connection, Path(target).absolute())
            finally:
                connection.close()

    def close(self) -> None:
        """Release the connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def raw(session: Session) -> sqlite3.Connection:
    """The sqlite3 connection of a session, for bulk statements in the same transaction."""
    return cast(sqlite3.Connection, session.connection().connection.driver_connection)


def _order_dates(session: Session, *_: object) -> None:
    """Nothing is changed before it was made, whatever the clock said when it was."""
    for row in session.dirty:
        created, updated = (getattr(row, name, None) for name in ("created_date", "updated_date"))
        if created and updated and updated < created:
            row.updated_date = created


def _pool() -> Any:
    from sqlalchemy.pool import QueuePool

    return QueuePool


def _uri(database: Path, readonly: bool, immutable: bool) -> str:
    mode = "ro" if readonly else "rwc"
    flags = f"mode={mode}&immutable=1" if immutable else f"mode={mode}"
    return f"file:{quote(os.fsencode(database))}?{flags}"


def _connect(
    database: Path, busy: float, *, readonly: bool = False, immutable: bool = False
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        _uri(database, readonly, immutable),
        uri=True,
        timeout=busy,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA temp_store=MEMORY")
    # Somebody else may have made the file: its schema calls nothing, its pages are looked over.
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.create_function("casefold", 1, _casefold, deterministic=True)
    return connection


def _casefold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


@contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    connection = _connect(database, BUSY_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def _is_ours(database: Path) -> bool:
    """Whether the file begins as a store of any version does."""
    with open(database, "rb") as stream:
        return stream.read(100)[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _journal(folder: Path) -> str:
    """The journal of a store there: a WAL, but not where its shared memory does not work."""
    return "DELETE" if network_file_system(folder) else "WAL"


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _copy_database(connection: sqlite3.Connection, target: Path) -> None:
    from localcvat import disk
    from localcvat.archive.partials import partial_folder

    with partial_folder(target) as folder:
        copy = sqlite3.connect(folder / DATABASE)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        disk.rename(folder / DATABASE, target)


def _migrate(
    database: Path, connection: sqlite3.Connection, before: Callable[[], None] = lambda: None
) -> None:
    from localcvat.store.migrations import upgrade

    upgrade(database, connection, APPLICATION_ID, SCHEMA_VERSION, before)


def remove_quietly(path: str | os.PathLike[str]) -> None:
    """Unlink a file of ours that may be gone already."""
    with suppress(OSError):
        os.unlink(path)
