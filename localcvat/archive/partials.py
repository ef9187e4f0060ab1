"""What an output is while it is written: a hidden sibling of its target, locked by its writer.

What a killed process left behind nobody has locked, so the next one that writes there removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from localcvat import disk

MAX_BASE_BYTES = 200
PARTIAL = re.compile(r"\..+\.[0-9a-f]{16}\.partial")
SWEEPS = 20


def _beside(target: Path) -> Path:
    base = target.name.encode()[:MAX_BASE_BYTES].decode(errors="ignore")
    return target.parent / f".{base}.{secrets.token_hex(8)}.partial"


def locked_folder(target: Path) -> tuple[Path, int]:
    """A new folder beside `target`, and the descriptor that locks it while it is open."""
    while True:
        path = _beside(target)
        path.mkdir()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            if _locked(path, descriptor):
                return path, descriptor
            os.close(descriptor)


def locked_file(target: Path) -> tuple[Path, IO[bytes]]:
    """A new file beside `target`, locked while it is open."""
    while True:
        path = _beside(target)
        stream = disk.create(path)
        if _locked(path, stream.fileno()):
            return path, stream
        stream.close()


def _locked(path: Path, descriptor: int) -> bool:
    """Lock what was just made; False when another process took it for a dead one's and swept it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return path.exists()


@contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target` to prepare it in; removed at the end, or when found dead."""
    sweep_partials(target.parent)
    folder, descriptor = locked_folder(target)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep_partials(folder: Path) -> None:
    """Remove what killed processes left in `folder`: partial outputs that nobody has locked."""
    with os.scandir(folder) as entries:
        found = [entry.path for entry in entries if PARTIAL.fullmatch(entry.name)]
    for path in found:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(descriptor)


def _remove(path: str) -> None:
    if not os.path.isdir(path):
        os.unlink(path)
        return
    for _ in range(SWEEPS):  # a process that wrote for the dead one may be adding its last file
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            break
