"""Is a store whole: the database by SQLite's own checks, and its media files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from localcvat.store.engine import Store, raw
from localcvat.store.media import CHUNK

if TYPE_CHECKING:
    import sqlite3


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it should be."""

    what: str
    where: str


def check_store(store: Store, *, full: bool = False) -> list[Problem]:
    """What is wrong with a store, nothing changed; `full` reads the media and compares hashes."""
    with store.read() as session:
        connection = raw(session)
        return [*_database_problems(connection), *_media_problems(store, connection, full)]


def _database_problems(connection: sqlite3.Connection) -> Iterator[Problem]:
    for (message,) in connection.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield Problem(message, "database")
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Problem(f"refers to a row of {parent!r} that is not there", f"{table} #{row}")


def _media_problems(store: Store, connection: sqlite3.Connection, full: bool) -> Iterator[Problem]:
    rows = connection.execute("SELECT sha256, size, kind, path FROM media ORDER BY id")
    for sha256, size, kind, path in rows:
        place = path if kind == "reference" else str(store.media.path(sha256))
        try:
            if os.path.getsize(place) != size:
                yield Problem(f"not {size} bytes long, as it was when it was added", place)
            elif full and _digest(place) != sha256:
                yield Problem("changed since it was added: its hash differs", place)
        except OSError as error:
            yield Problem(error.strerror or str(error), place)


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()
