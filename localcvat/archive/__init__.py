"""Sources and sinks: folders, zips and single files; every safety rule of archives lives here.

A `Source` never follows a name out of its root and never reads more than its limits allow. A `Sink`
writes beside its target and renames: the output is there whole or not at all.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from localcvat.archive.names import DEFAULT_LIMITS, Limits, normalized, safe_name
from localcvat.archive.sinks import COPY_CHUNK, FileSink, FolderSink, Sink, ZipSink, open_sink
from localcvat.archive.sources import EntryMedia, FileMedia, FileSource, FolderSource, Source
from localcvat.archive.zips import ZipSource
from localcvat.errors import SourceError

__all__ = [
    "COPY_CHUNK",
    "DEFAULT_LIMITS",
    "EntryMedia",
    "FileMedia",
    "FileSink",
    "FileSource",
    "FolderSink",
    "FolderSource",
    "Limits",
    "Sink",
    "Source",
    "ZipSink",
    "ZipSource",
    "normalized",
    "open_sink",
    "open_source",
    "safe_name",
]
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def open_source(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Source:
    """The folder, zip or single file at `path` as a Source; raises SourceError when it is neither.

    A zip is known by its first bytes, not by its name.
    """
    target = Path(path)
    try:
        mode = os.stat(target).st_mode
        if stat.S_ISDIR(mode):
            return FolderSource(target, limits)
        if not stat.S_ISREG(mode):
            raise SourceError("neither a file nor a folder", where=str(target))
        with open(target, "rb") as stream:
            magic = stream.read(4)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(reason, where=str(target)) from error
    if magic in ZIP_MAGIC or target.suffix.lower() == ".zip":
        return ZipSource(target, limits)
    return FileSource(target, limits)
