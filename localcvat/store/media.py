"""Media in the store: content-addressed copies, or references that leave the user's files in place.

A copy is hashed while it is written to ``tmp/``, then renamed to ``media/ab/cdef…`` before the
transaction that names it commits: a crash leaves at most a file no row names, which `gc` removes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal

from sqlmodel import Session

from localcvat.archive import COPY_CHUNK, FileMedia
from localcvat.errors import SourceError, StoreError
from localcvat.model import Media
from localcvat.store.annotations import raw_connection
from localcvat.store.engine import Store

MediaMode = Literal["copy", "reference", "none"]


class StoredMedia(FileMedia):
    """Media of the store; a reference is checked against its recorded size before it is read."""

    def __init__(self, path: str, name: str, size: int, reference: bool) -> None:
        super().__init__(path, name)
        self._size = size
        self._reference = reference

    def byte_size(self) -> int:
        return self._size

    def check(self) -> None:
        """Raise SourceError when the file is missing or has another size than recorded."""
        path = self.path or ""
        try:
            size = os.stat(path).st_size
        except OSError as error:
            kind = "referenced file" if self._reference else "media file of the store"
            raise SourceError(f"the {kind} is missing", where=path) from error
        if size != self._size:
            raise SourceError(f"has {size} bytes, {self._size} were recorded", where=path)


def media_path(store: Store, sha256: str) -> Path:
    """Where the copy with this hash lies."""
    return store.path / "media" / sha256[:2] / sha256[2:]


class MediaKeeper:
    """Adds media to the store inside one write transaction; `undo` removes files it brought in."""

    def __init__(self, store: Store, session: Session, mode: MediaMode = "copy") -> None:
        self._store = store
        self._db = raw_connection(session)
        self._mode = mode
        self._brought: list[Path] = []
        self._folders: set[Path] = set()

    def add(self, media: Media) -> int | None:
        """The id of the media row for these bytes, made if needed; None in mode `none`.

        Media without a file of its own (inside an archive) is copied even in mode `reference`.
        Raises SourceError when it can't be read.
        """
        if self._mode == "none":
            return None
        if self._mode == "reference" and media.path is not None:
            return self._reference(media.path)
        return self.add_copy(media)

    def add_copy(self, media: Media) -> int:
        """The id of the row of a copy of these bytes."""
        temporary = self._store.path / "tmp" / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            digest, size = _copy_hashed(media, temporary)
            known = self._db.execute(
                "SELECT id FROM media WHERE sha256 = ? AND kind = 'copy'", (digest,)
            ).fetchone()
            target = media_path(self._store, digest)
            if not target.exists():
                self._place(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        if known is not None:
            return int(known[0])
        row = self._db.execute(
            "INSERT INTO media (sha256, size, kind) VALUES (?, ?, 'copy')", (digest, size)
        )
        return int(row.lastrowid or 0)

    def _place(self, temporary: Path, target: Path) -> None:
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        os.rename(temporary, target)
        self._brought.append(target)

    def _reference(self, path: str) -> int:
        absolute = os.path.abspath(path)
        digest, size = file_sha256(absolute)
        mtime = os.stat(absolute).st_mtime_ns
        known = self._db.execute(
            "SELECT id FROM media WHERE path = ? AND kind = 'reference' AND sha256 = ?",
            (absolute, digest),
        ).fetchone()
        if known is not None:
            return int(known[0])
        row = self._db.execute(
            "INSERT INTO media (sha256, size, kind, path, mtime_ns) "
            "VALUES (?, ?, 'reference', ?, ?)",
            (digest, size, absolute, mtime),
        )
        return int(row.lastrowid or 0)

    def sync(self) -> None:
        """Make the brought files durable; call it before the transaction commits."""
        for path in self._brought:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def undo(self) -> None:
        """Remove the files this keeper brought in; for use when the transaction failed."""
        for path in self._brought:
            path.unlink(missing_ok=True)
        self._brought.clear()


def _copy_hashed(media: Media, target: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    try:
        with media.open() as source, open(target, "xb") as out:
            while chunk := source.read(COPY_CHUNK):
                digest.update(chunk)
                out.write(chunk)
                size += len(chunk)
    except FileNotFoundError as error:
        raise SourceError("no such file", where=media.path or media.name) from error
    return digest.hexdigest(), size


def file_sha256(path: str) -> tuple[str, int]:
    """(hex SHA-256, length) of a file; raises SourceError when it can't be read."""
    digest = hashlib.sha256()
    size = 0
    try:
        with open(path, "rb") as source:
            while chunk := source.read(COPY_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise SourceError(error.strerror or str(error), where=path) from error
    return digest.hexdigest(), size


class MediaShelf:
    """Finds stored media by id."""

    def __init__(self, store: Store, session: Session) -> None:
        self._store = store
        self._db = raw_connection(session)

    def get(self, media_id: int | None, name: str) -> StoredMedia | None:
        """The media with this id under the base name of `name`; None for no id."""
        if media_id is None:
            return None
        row = self._db.execute(
            "SELECT sha256, size, kind, path FROM media WHERE id = ?", (media_id,)
        ).fetchone()
        if row is None:
            raise StoreError(f"no media #{media_id}", hint="run `localcvat check`")
        sha256, size, kind, path = row
        where = path if kind == "reference" else str(media_path(self._store, sha256))
        return StoredMedia(where, os.path.basename(name), size, kind == "reference")


def collect_garbage(store: Store, session: Session) -> tuple[int, int]:
    """Delete media rows nothing refers to and their copies; (files, bytes) freed.

    References are only forgotten: the user's files stay. Files are unlinked by the caller's
    transaction's end, see `unlink_unreferenced`.
    """
    database = raw_connection(session)
    orphans = database.execute(
        "SELECT id, size, kind FROM media WHERE "
        "NOT EXISTS (SELECT 1 FROM data_file f WHERE f.media_id = media.id) AND "
        "NOT EXISTS (SELECT 1 FROM frame f WHERE f.media_id = media.id) AND "
        "NOT EXISTS (SELECT 1 FROM asset a WHERE a.media_id = media.id)"
    ).fetchall()
    database.executemany("DELETE FROM media WHERE id = ?", [(row[0],) for row in orphans])
    copies = [row for row in orphans if row[2] == "copy"]
    return len(copies), sum(row[1] for row in copies)


def unlink_unreferenced(store: Store) -> int:
    """Delete media files no row names; returns how many.

    Holds the write lock, so that no import is placing files meanwhile.
    """
    removed = 0
    with store.write() as session:
        known = {
            row[0]
            for row in raw_connection(session).execute(
                "SELECT sha256 FROM media WHERE kind = 'copy'"
            )
        }
        for folder in (store.path / "media").glob("??"):
            for file in folder.iterdir():
                if folder.name + file.name not in known:
                    file.unlink(missing_ok=True)
                    removed += 1
    return removed
