"""Media files of a store: content-addressed copies, references to the user's own files, orphans.

A copy is hashed while it is written under ``tmp/``, then renamed to ``media/ab/cdef…`` before the
transaction that mentions it commits. A journal names what was renamed, so that whatever a crash
left behind is found by the next `sweep`. Files are removed only while no batch is active anywhere,
which a lock on ``tmp/lock`` makes sure of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Literal

import msgspec

from localcvat import disk
from localcvat.archive import FileMedia
from localcvat.checksums import digest_of
from localcvat.errors import NotFoundError, SourceError, StoreError
from localcvat.model import Media
from localcvat.store.engine import Store, raw, remove_quietly
from localcvat.store.failures import disk_errors

if TYPE_CHECKING:
    from sqlmodel import Session

MediaMode = Literal["copy", "reference", "none"]
SYNC_EACH = 32
HASH = re.compile(r"[0-9a-f]{64}")


class Blob(msgspec.Struct, frozen=True):
    """What was stored: the SHA-256 in hex and the length in bytes."""

    sha256: str
    size: int


class Reference(msgspec.Struct, frozen=True):
    """A file of the user's own as it was when it was read."""

    path: str
    blob: Blob
    mtime_ns: int


class Collected(msgspec.Struct):
    """What `collect` freed."""

    files: int = 0
    bytes: int = 0


class MediaFolder:
    """The ``media/`` and ``tmp/`` folders of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.root = store.path / "media"
        self.temporary = store.path / "tmp"

    def path(self, sha256: str) -> Path:
        """Where the copy with this hash lies; raises StoreError for what is no hash."""
        if not HASH.fullmatch(sha256):
            raise StoreError(f"{sha256!r} is no hash of media", where=str(self._store.path))
        return self.root / sha256[:2] / sha256[2:]

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Files to be added together with one transaction; open it around ``store.write()``.

        When the block raises, the files it brought are removed again.
        """
        self._store.refuse_readonly()
        self.temporary.mkdir(exist_ok=True)
        try:
            with self._lock(fcntl.LOCK_SH):
                batch = Batch(self)
                try:
                    yield batch
                except BaseException:
                    batch.discard_parts()
                    raise
                batch.close()
        except BaseException:
            self.sweep()
            raise

    @contextmanager
    def _lock(self, mode: int) -> Iterator[None]:
        descriptor = os.open(self.temporary / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what crashed or failed batches left; nothing while another batch is active."""
        try:
            if not any(name != "lock" for name in os.listdir(self.temporary)):
                return
        except OSError:
            return
        with suppress(BlockingIOError), self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for entry in list(self.temporary.iterdir()):
                if entry.suffix == ".journal":
                    self._undo(entry)
                if entry.name != "lock":
                    remove_quietly(entry)

    def _undo(self, journal: Path) -> None:
        with self._store.read() as session:
            for sha256 in filter(HASH.fullmatch, journal.read_text(errors="replace").split()):
                known = raw(session).execute(
                    "SELECT 1 FROM media WHERE sha256 = ? AND kind = 'copy'", (sha256,)
                )
                if known.fetchone() is None:
                    remove_quietly(self.path(sha256))

    def collect(self) -> Collected:
        """Remove media rows nothing mentions and copies no row mentions; see `collect`."""
        freed = Collected()
        with self.exclusive():
            with self._store.write() as session:
                raw(session).execute(_UNUSED_ROWS)
            with self._store.read() as session:
                rows = raw(session).execute("SELECT sha256 FROM media WHERE kind = 'copy'")
                known = {row[0] for row in rows}
            self._remove_unknown(known, freed)
        return freed

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every batch away; raises StoreError when one is active."""
        self._store.refuse_readonly()
        self.temporary.mkdir(exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise StoreError(
                    "media are being added by another process",
                    where=str(self._store.path),
                    hint="try again when it has ended",
                ) from error
            yield

    def files(self) -> Iterator[tuple[str, str]]:
        """(hash, path) of every copy that is on disk, in order."""
        for folder in sorted(self.root.glob("??")):
            if folder.is_dir():
                for file in sorted(folder.iterdir()):
                    yield folder.name + file.name, str(file)

    def _remove_unknown(self, known: set[str], freed: Collected) -> None:
        for sha256, path in self.files():
            if sha256 not in known:
                freed.files += 1
                freed.bytes += os.path.getsize(path)
                os.unlink(path)


_UNUSED_ROWS = """
DELETE FROM media WHERE id NOT IN (SELECT media_id FROM frame WHERE media_id IS NOT NULL)
  AND id NOT IN (SELECT media_id FROM data_file WHERE media_id IS NOT NULL)
  AND id NOT IN (SELECT media_id FROM asset)
"""


class Batch:
    """The files of one transaction; several threads may add to it."""

    def __init__(self, folder: MediaFolder) -> None:
        self._folder = folder
        self._lock = Lock()
        self._token = secrets.token_hex(8)
        self._count = 0
        self.journal = folder.temporary / f"{self._token}.journal"
        self._journal = open(self.journal, "w")
        self._made: set[str] = set()

    def add(self, media: Media) -> Blob:
        """Copy the bytes of `media` into the store; equal bytes are kept once."""
        try:
            stream = media.open()
        except OSError as error:
            place = media.path or media.name
            raise SourceError(error.strerror or str(error), where=place) from error
        with stream:
            return self.add_stream(stream)

    def add_stream(self, stream: IO[bytes]) -> Blob:
        """As `add`, from an open binary stream."""
        with self._lock:
            self._count += 1
            number = self._count
        part = self._folder.temporary / f"{self._token}-{number}.part"
        try:
            digest = hashlib.sha256()
            with disk_errors(self._folder.root):
                with disk.OutputFile(part) as target:
                    size = disk.copy_stream(stream, target, digest.update)
                    if number <= SYNC_EACH:
                        disk.sync(target.fileno())
                blob = Blob(digest.hexdigest(), size)
                with self._lock:
                    self._publish(part, blob)
        except BaseException:
            remove_quietly(part)
            raise
        return blob

    def _publish(self, part: Path, blob: Blob) -> None:
        sha256 = blob.sha256
        target = self._folder.path(sha256)
        with suppress(FileNotFoundError):
            if target.stat().st_size == blob.size:  # one that was cut off is replaced
                part.unlink()
                return
        self._journal.write(sha256 + "\n")
        self._journal.flush()
        if sha256[:2] not in self._made:
            target.parent.mkdir(exist_ok=True)
            self._made.add(sha256[:2])
        disk.rename(part, target)

    def sync(self) -> None:
        """Make sure the files are on disk; call it before the transaction commits."""
        if self._count > SYNC_EACH:
            with disk_errors(self._folder.root):
                disk.sync_all()

    def discard_parts(self) -> None:
        """Forget the batch; its journal stays for `sweep` to undo what was renamed."""
        self._journal.close()

    def close(self) -> None:
        """The transaction has committed: nothing to undo any more."""
        self._journal.close()
        remove_quietly(self.journal)


def copied(session: Session, blob: Blob) -> int:
    """The id of the media row of a copied blob, made if needed."""
    connection = raw(session)
    row = connection.execute(
        "SELECT id FROM media WHERE sha256 = ? AND kind = 'copy'", (blob.sha256,)
    ).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO media (sha256, size, kind) VALUES (?, ?, 'copy') RETURNING id",
            (blob.sha256, blob.size),
        ).fetchone()
    return int(row[0])


def take_media(batch: Batch, media: Media | None, mode: MediaMode) -> Blob | Reference | None:
    """Copy or read `media` as `mode` says; any thread may, the database is not touched.

    Raises StoreError: bytes inside an archive can't be referenced.
    """
    if media is None or mode == "none":
        return None
    if mode == "copy":
        return batch.add(media)
    if media.path is None:
        raise StoreError(
            "media inside an archive can't be referenced",
            where=media.name,
            hint="use --media copy, or unpack the archive first",
        )
    return reference_to(media.path)


def reference_to(path: str | os.PathLike[str]) -> Reference:
    """The user's file with its hash as it is now."""
    absolute = os.path.abspath(path)
    try:
        with open(absolute, "rb") as stream:
            modified = os.fstat(stream.fileno()).st_mtime_ns
            with disk.unchanged(stream):
                return Reference(absolute, Blob(digest_of(stream), stream.tell()), modified)
    except OSError as error:
        raise StoreError(error.strerror or str(error), where=absolute) from error


def media_row(session: Session, taken: Blob | Reference | None) -> int | None:
    """The id of the row of media that were taken, made if needed."""
    if taken is None:
        return None
    return copied(session, taken) if isinstance(taken, Blob) else referenced(session, taken)


def keep_media(session: Session, batch: Batch, media: Media | None, mode: MediaMode) -> int | None:
    """`take_media` and its `media_row`."""
    return media_row(session, take_media(batch, media, mode))


def referenced(session: Session, found: Reference) -> int:
    """The id of a media row that leaves the user's file where it is."""
    connection = raw(session)
    row = connection.execute(
        "SELECT id FROM media WHERE kind = 'reference' AND path = ? AND sha256 = ?"
        " AND mtime_ns = ?",
        (found.path, found.blob.sha256, found.mtime_ns),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO media (sha256, size, kind, path, mtime_ns)"
            " VALUES (?, ?, 'reference', ?, ?) RETURNING id",
            (found.blob.sha256, found.blob.size, found.path, found.mtime_ns),
        ).fetchone()
    return int(row[0])


def media_of(store: Store, session: Session, media_id: int, name: str) -> FileMedia:
    """The media of a row, unopened, under the base name `name`."""
    row = (
        raw(session)
        .execute("SELECT kind, sha256, path FROM media WHERE id = ?", (media_id,))
        .fetchone()
    )
    if row is None:
        raise NotFoundError(f"no media {media_id}")
    return stored_media(store, row[0], row[1], row[2], name)


def stored_media(store: Store, kind: str, sha256: str, path: str | None, name: str) -> FileMedia:
    """As `media_of`, from the columns of the row."""
    place = path if kind == "reference" and path else str(store.media.path(sha256))
    return FileMedia(place, name.rpartition("/")[2])


def collect(store: Store) -> Collected:
    """Free the media nothing mentions; never touches referenced files of the user."""
    return store.media.collect()
