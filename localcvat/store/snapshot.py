"""A consistent copy of a store that may be in use."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from localcvat.archive import FileMedia, open_sink
from localcvat.archive.partials import partial_folder
from localcvat.archive.sinks import refuse_in_store
from localcvat.errors import StoreError
from localcvat.store.engine import DATABASE, Store
from localcvat.store.failures import storage_errors


def write_snapshot(store: Store, target: str | os.PathLike[str]) -> None:
    """Copy the database to `target`; with the media when it ends in ``.zip``.

    Unpacked, such a zip is a store. Raises StoreError when the target exists or media are missing.
    """
    refuse_in_store(Path(target).absolute())
    if not os.fspath(target).lower().endswith(".zip"):
        store.snapshot(target)
        return
    if os.path.lexists(target):
        raise StoreError("the file exists", where=str(target))
    with partial_folder(Path(target).absolute()) as folder:
        database = folder / DATABASE
        store.snapshot(database, os.fspath(target))
        with open_sink(target) as sink:
            sink.add_media(DATABASE, FileMedia(str(database)))
            for sha256 in _copies(database, store.path):
                sink.add_media(f"media/{sha256[:2]}/{sha256[2:]}", _media(store, sha256))


def _copies(database: Path, place: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        with storage_errors(place):
            query = "SELECT sha256 FROM media WHERE kind = 'copy' ORDER BY sha256"
            return [row[0] for row in connection.execute(query)]
    finally:
        connection.close()


def _media(store: Store, sha256: str) -> FileMedia:
    path = store.media.path(sha256)
    if not path.is_file():
        raise StoreError("media are missing", where=str(path), hint="see `localcvat check`")
    return FileMedia(str(path))
