"""The seam between us and the disk: every byte of an output goes through `write_bytes`.

Tests put a watcher here that raises ENOSPC or EIO at a chosen write, so that no file system needs
to be faked.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

CHUNK = 1 << 20
Watcher = Callable[[str, int], None]
_watchers: list[Watcher] = []


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the operation (``write``, ``sync``, ``rename``) and its byte count first.

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
    """A new file whose writes go through the seam; seekable, never appended to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
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
    """Copy the bytes of a file to a new one, inside the kernel where it can."""
    with open(source, "rb", buffering=0) as stream, OutputFile(target) as out:
        if not _copied_in_kernel(stream.fileno(), out.fileno()):
            while block := stream.read(CHUNK):
                out.write(block)


def _copied_in_kernel(source: int, target: int) -> bool:
    """Whether the kernel copied the file; False, with nothing written, where it can't."""
    if not hasattr(os, "copy_file_range"):
        return False
    done = 0
    size = os.fstat(source).st_size
    while done < size:
        _watch("write", min(size - done, 64 * CHUNK))
        try:
            count = os.copy_file_range(source, target, min(size - done, 64 * CHUNK))
        except OSError:
            if done:
                raise
            return False
        if count == 0:
            break
        done += count
    return done > 0 or size == 0
