"""Results that lie in the store, and files on their way: folders below ``exports/``."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localcvat.processes import is_alive
from localcvat.store.engine import Store, raw

if TYPE_CHECKING:
    from localcvat.requests import Request

UPLOADS = "upload-of-task-"
UPLOAD_SECONDS = 24 * 3600
"""How long the files of an upload in several calls may wait for its last one."""


def new_result(store: Store, filename: str) -> tuple[Path, str]:
    """A place for a result in the store: its path, and how the request names it."""
    token = secrets.token_hex(8)
    folder = store.path / "exports" / token
    folder.mkdir(parents=True)
    return folder / filename, f"exports/{token}/{filename}"


def result_file(store: Store, request: Request) -> Path | None:
    """The file of a finished export on this machine; None when there is none any more."""
    if request.result_path is None or "://" in request.result_path:
        return None
    path = store.path / request.result_path
    return path if path.is_file() else None


def remove_result(store: Store, result_path: str | None) -> None:
    """Remove a result that lies in the store; a path elsewhere is the user's."""
    token = _token(result_path)
    if token is not None:
        shutil.rmtree(store.path / "exports" / token, ignore_errors=True)


def remove_stray_results(store: Store) -> None:
    """Remove folders in ``exports/`` that a crash left; nothing while a request is at work."""
    with store.read() as session:
        rows = raw(session).execute("SELECT status, process, result_path FROM request").fetchall()
    if any(status in ("queued", "started") and is_alive(name) for status, name, _ in rows):
        return
    known = {_token(path) for _, _, path in rows}
    for folder in (store.path / "exports").glob("*"):
        if folder.is_dir() and folder.name not in known and not _awaited(folder):
            with suppress(OSError), _locked(folder):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch(store: Store, kind: str = "transfer") -> Iterator[Path]:
    """A folder for files on their way, removed at the end, or later when a crash left it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=store.path / "exports"))
    with _locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises BlockingIOError when a process that is at work has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _token(result_path: str | None) -> str | None:
    """The folder of a result in the store."""
    parts = (result_path or "").split("/")
    if len(parts) != 3 or parts[0] != "exports" or parts[1] in ("", ".", ".."):
        return None
    return parts[1]


def _awaited(folder: Path) -> bool:
    age = time.time() - folder.stat().st_mtime
    return folder.name.startswith(UPLOADS) and age < UPLOAD_SECONDS
