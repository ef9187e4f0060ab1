"""What SQLite and the file system raise, as StoreError; databases that are not to be trusted."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from localcvat.errors import LocalCvatError, NotFoundError, StoreBusyError, StoreError
from localcvat.store.surroundings import lock_holders, network_file_system

FULL_DISK = "free some space; nothing was changed"
TABLES = """
    alembic_version asset attribute_spec data data_file event frame guide job label media
    organization project request segment shape tag task track tracked_shape user
""".split()
BLAMELESS = (LocalCvatError, OSError, MemoryError, sqlite3.Error)
"""What fails for reasons of its own, not because of what a damaged store holds."""


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn what SQLite and its wrapper raise into StoreError, a number past its into NotFound."""
    try:
        yield
    except OverflowError as error:
        if "SQLite INTEGER" not in str(error):
            raise
        raise NotFoundError("no store has a number that large", hint="is the id right?") from error
    except sqlite3.Error as error:
        raise _store_error(error, place) from error
    except Exception as error:
        original = getattr(error, "orig", None)
        if isinstance(original, sqlite3.Error):
            raise _store_error(original, place) from error
        raise


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn what the file system raises into StoreError."""
    try:
        yield
    except OSError as error:
        hint = FULL_DISK if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise StoreError(error.strerror or str(error), where=str(place), hint=hint) from error


def _store_error(error: sqlite3.Error, place: Path) -> StoreError:
    text = str(error)
    hint = ""
    if "locked" in text or "busy" in text:
        holders = lock_holders(place.glob("localcvat.db*"))
        pids = f" (pid {', '.join(map(str, holders))})" if holders else ""
        return StoreBusyError(
            f"the store is locked by another process{pids}",
            where=str(place),
            hint="wait for it to end, then try again",
        )
    if "malformed" in text or "not a database" in text or "UTF-8" in text:
        hint = "restore the database from a copy; `localcvat check` says more"
    elif "full" in text:
        hint = FULL_DISK
    elif "disk I/O error" in text or "protocol" in text:
        network = network_file_system(place)
        hint = "is the disk full, or failing?"
        if network:
            hint = f"keep it on a disk of this machine: it is on a network file system ({network})"
    return StoreError(text, where=str(place), hint=hint)


def refuse_views(connection: sqlite3.Connection, place: Path) -> None:
    """Raise StoreError when a view stands where a table of ours should be."""
    names = ", ".join(f"'{name}'" for name in TABLES)
    _refuse(connection, place, "view", f"AND lower(name) IN ({names})")


def refuse_triggers(connection: sqlite3.Connection, place: Path) -> None:
    """Raise StoreError when what we write would make a trigger do something else besides."""
    _refuse(connection, place, "trigger")


def _refuse(connection: sqlite3.Connection, place: Path, kind: str, which: str = "") -> None:
    query = f"SELECT name FROM sqlite_master WHERE type = '{kind}' {which} LIMIT 1"
    for (name,) in connection.execute(query):
        raise StoreError(
            f"the database has a {kind} that is none of localcvat's: {name!r}",
            where=str(place),
            hint="DROP it with sqlite3 if you know what it does",
        )


def blame_damage(error: Exception, connect: Callable[[], sqlite3.Connection], place: Path) -> None:
    """Raise StoreError when what failed unexpectedly did so in a store that is not sound.

    All that reads a store may rely on what `check` checks, and so need not look at it itself.
    """
    from localcvat.store.check import first_damage

    if isinstance(error, BLAMELESS) or isinstance(getattr(error, "orig", None), BLAMELESS):
        return
    with suppress(sqlite3.Error):
        connection = connect()
        try:
            found = first_damage(connection)
        finally:
            connection.close()
        if found is not None:
            raise StoreError(
                f"the store is damaged: {found.what}",
                where=f"{place}: {found.where}",
                hint="`localcvat check --deep` lists all that is wrong",
            ) from error
