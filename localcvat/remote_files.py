"""Files at fsspec URLs (``s3://bucket/a.zip``); needs the extra `cloud`."""

from __future__ import annotations

import shutil
from typing import Any

from localcvat.errors import MissingExtraError, OutputError, SourceError

CHUNK = 1 << 20


def _fsspec(url: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(
            f"{url!r} needs fsspec", hint="pip install 'localcvat[cloud]'"
        ) from error
    return fsspec


def send(path: str, url: str) -> None:
    """Copy a file to an fsspec URL; raises OutputError and leaves nothing half written there."""
    fsspec = _fsspec(url)
    try:
        system, target = fsspec.core.url_to_fs(url)
        part = f"{target}.part"
        try:
            with open(path, "rb") as source, system.open(part, "wb") as stream:
                shutil.copyfileobj(source, stream, CHUNK)
            system.mv(part, target)
        except BaseException:
            if system.exists(part):
                system.rm(part)
            raise
    except (OSError, ValueError, ImportError) as error:
        raise OutputError(str(error), where=url) from error


def fetch(url: str, path: str) -> None:
    """Copy what an fsspec URL names to a file; raises SourceError."""
    fsspec = _fsspec(url)
    try:
        with fsspec.open(url, "rb") as source, open(path, "wb") as stream:
            shutil.copyfileobj(source, stream, CHUNK)
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(str(error) or type(error).__name__, where=url) from error
