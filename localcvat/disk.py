"""The seam between us and the disk: every byte of an output goes through `write_bytes`.

Tests put a watcher here that raises ENOSPC or EIO at a chosen write, so that no file system needs
to be faked.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from localcvat.errors import LocalCvatError, SourceError

CHUNK = 1 << 20
KERNEL_CHUNK = 4 << 20
FICLONE = 0x40049409
NOT_HERE = frozenset(
    (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EINVAL, errno.EPERM)
    + (errno.ETXTBSY, errno.EIO)
)
"""What the kernel answers where two files can't share blocks, or it can't copy between them.

Copying through memory shows on which side a failure (EIO) is.
"""
Watcher = Callable[[str, int], None]
_watchers: list[Watcher] = []


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the operation (``write``, ``clone``, ``sync``, ``rename``) and its bytes.

    What it raises is raised in place of the operation.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _watch(operation: str, count: int = 0) -> None:
    for watcher in _watchers:
        watcher(operation, count)


def write_bytes(descriptor: int, data: bytes | bytearray | memoryview) -> int:
    """Write all of `data`; returns its length."""
    view = memoryview(data).cast("B")
    count = len(view)
    if _watchers:
        _watch("write", count)
    while view:
        view = view[os.write(descriptor, view) :]
    return count


def sync(descriptor: int) -> None:
    """Make sure that a file or folder is on disk."""
    _watch("sync")
    os.fsync(descriptor)


def sync_all() -> None:
    """Make sure that everything is on disk: one call for 100,000 small files."""
    _watch("sync")
    os.sync()


def rename(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
    """Put a file or folder in its place, over what is there."""
    _watch("rename")
    os.replace(old, new)


class OutputFile(io.RawIOBase):
    """A new file whose writes go through the seam; seekable, never appended to.

    Its descriptor can be read too, for hashing what was copied.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self.name = os.fspath(path)

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return write_bytes(self._descriptor, data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def create(path: str | os.PathLike[str]) -> IO[bytes]:
    """A buffered stream to a new file; FileExistsError when there is one."""
    raw: io.RawIOBase = OutputFile(path)
    return io.BufferedWriter(raw, CHUNK)


def copy_file(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copy the bytes of a file to a new one; see `copy_stream`."""
    try:
        stream = open(source, "rb", buffering=0)
    except OSError as error:
        raise SourceError(error.strerror or str(error), where=os.fspath(source)) from error
    with stream, OutputFile(target) as out:
        copy_stream(stream, out)


def copy_stream(
    source: IO[bytes], target: OutputFile, hashed: Callable[[bytes], object] | None = None
) -> int:
    """Copy a stream from where it is to a new file; returns the number of bytes.

    A file's blocks are shared where the file system can (reflink), else copied inside the kernel,
    else through memory. `hashed` is called with what the new file has, block by block: it is read
    back from the page cache, never twice from the disk. Raises SourceError when the source is a
    file that is changed meanwhile.
    """
    done = 0
    with unchanged(source):
        descriptor = _file_at_start(source)
        if descriptor is not None:
            done = _cloned(descriptor, target.fileno(), hashed)
            done = done or _copied_in_kernel(descriptor, target.fileno(), hashed)
            source.seek(done)
            target.seek(done)
        while block := _block(source):
            target.write(block)
            if hashed is not None:
                hashed(block)
            done += len(block)
    return done


@contextmanager
def unchanged(stream: IO[bytes]) -> Iterator[None]:
    """Raise SourceError when the file behind a stream, if any, is written to within the context."""
    before = _version(stream)
    yield
    if before != _version(stream):
        raise SourceError(
            "the file was changed while it was being read",
            where=str(getattr(stream, "name", "")),
            hint="run it again when nothing writes to it",
        )


def _version(stream: IO[bytes]) -> tuple[int, int] | None:
    try:
        found = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return None
    return found.st_size, found.st_mtime_ns


def _block(stream: IO[bytes]) -> bytes:
    """The next bytes; that a source can't be read is no failure of the disk that is written to."""
    try:
        return stream.read(CHUNK)
    except OSError as error:
        if isinstance(error, LocalCvatError):
            raise
        place = str(getattr(stream, "name", ""))
        raise SourceError(error.strerror or str(error), where=place) from error


def _file_at_start(stream: IO[bytes]) -> int | None:
    """The descriptor of a stream that is an unread file."""
    try:
        return stream.fileno() if stream.tell() == 0 else None
    except (OSError, AttributeError):
        return None


def _cloned(source: int, target: int, hashed: Callable[[bytes], object] | None) -> int:
    """The bytes of a file whose blocks are shared now; 0 where the file system can't."""
    _watch("clone")
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        return 0
    size = os.fstat(target).st_size
    _read_back(target, 0, size, hashed)
    return size


def _copied_in_kernel(source: int, target: int, hashed: Callable[[bytes], object] | None) -> int:
    """The bytes the kernel copied: less than all, or 0, where it can't."""
    done, size = 0, os.fstat(source).st_size
    while done < size and hasattr(os, "copy_file_range"):
        wanted = min(size - done, KERNEL_CHUNK)
        _watch("write", wanted)
        try:
            count = os.copy_file_range(source, target, wanted, done, done)
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            break
        if count == 0:
            break
        _read_back(target, done, count, hashed)
        done += count
    return done


def _read_back(
    descriptor: int, start: int, count: int, hashed: Callable[[bytes], object] | None
) -> None:
    end = start + count
    while hashed is not None and start < end:
        block = os.pread(descriptor, min(CHUNK, end - start), start)
        if not block:
            raise OSError(errno.EIO, "what was copied can't be read back")
        hashed(block)
        start += len(block)
