"""Writing folders and zips that appear whole or not at all.

A sink writes to a hidden sibling of its target and renames it. The sibling is locked while it is
written; what a killed process left behind is removed by the next one that writes there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from localcvat import disk
from localcvat.archive.names import safe_name
from localcvat.archive.partials import locked_file, locked_folder, sweep_partials
from localcvat.errors import LocalCvatError, OutputError, SourceError
from localcvat.filewriter import FileWriter, write_file
from localcvat.model import Media

FIXED_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
COPY_CHUNK = 1 << 20
DIRECT_FILES = 2_000
"""Small files of a folder that are written before a second process is worth its start."""
SMALL_ENTRY = 1 << 20
SMALL_HEADER = struct.Struct(zipfile.structFileHeader)  # type: ignore[attr-defined]
SMALL_FIELDS = (
    *(zipfile.stringFileHeader, zipfile.DEFAULT_VERSION, 0, 0),  # type: ignore[attr-defined]
    *(zipfile.ZIP_STORED, 0, 1 << 5 | 1),
)
"""Signature, version, flags, method; midnight of the first of January 1980."""
STORE_DATABASE = "localcvat.db"
STORE_FOLDERS = ("media", "trash", "tmp")
FULL_DISK = "is the disk full?"
LONG_NAME = "shorten the image's name, or write a .zip"


class Sink:
    """Write access to an output that appears whole when `commit` is called, else not at all.

    Use `open_sink`; names are relative with ``/``. Names are checked by `safe_name`, and a name
    written twice raises OutputError.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._seen: set[str] = set()

    def _claim(self, name: str) -> str:
        clean = safe_name(name, str(self.target))
        if clean in self._seen:
            raise OutputError(
                f"{clean!r} would be written twice",
                where=str(self.target),
                hint="two images share a name: pass --rename-duplicates",
            )
        self._seen.add(clean)
        return clean

    def has(self, name: str) -> bool:
        """Whether this name was written already."""
        return name in self._seen

    def write(self, name: str, data: bytes) -> None:
        """Write one file whole."""
        raise NotImplementedError

    def stream(self, name: str) -> IO[bytes]:
        """A stream to one file, for use in a with statement; one at a time in a zip."""
        raise NotImplementedError

    def add_media(self, name: str, media: Media) -> None:
        """Copy media bytes unchanged."""
        with open_media(media) as source, self.stream(name) as out:
            shutil.copyfileobj(source, out, COPY_CHUNK)

    def commit(self) -> None:
        """Make the output appear at its target."""
        raise NotImplementedError

    def abort(self) -> None:
        """Remove what was written beside the target; never raises."""
        raise NotImplementedError


class FolderSink(Sink):
    """A folder, written as a hidden sibling and renamed; many small files by a second process."""

    def __init__(self, target: Path, jobs: int) -> None:
        super().__init__(target)
        self._lock: int | None
        self._temp, self._lock = locked_folder(target)
        self._root = str(self._temp)
        self._made: set[str] = {""}
        self._jobs = jobs
        self._written = 0
        self._writer: FileWriter | None = None

    def _placed(self, name: str) -> str:
        """The claimed name, its folder made."""
        clean = self._claim(name)
        folder = clean.rpartition("/")[0]
        if folder not in self._made:
            self._make(folder)
        return clean

    def _make(self, folder: str) -> None:
        """Make a folder and those around it, never the root: that it is gone must be seen."""
        above = folder.rpartition("/")[0]
        if above not in self._made:
            self._make(above)
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{self._root}/{folder}")
        self._made.add(folder)

    def _path(self, name: str) -> str:
        return f"{self._root}/{self._placed(name)}"

    def write(self, name: str, data: bytes) -> None:
        self._written += 1
        if self._written <= DIRECT_FILES or self._jobs < 2:
            write_file(self._path(name), data)
            return
        if self._writer is None:
            self._writer = FileWriter(self._temp)
        self._writer.write(self._placed(name), data)

    def stream(self, name: str) -> IO[bytes]:
        return disk.create(self._path(name))

    def nested_zip(self, name: str) -> AbstractContextManager[Sink]:
        """A sink for a zip inside this folder."""
        return open_sink(self._path(name), zipped=True)

    def add_media(self, name: str, media: Media) -> None:
        if media.path is None:
            super().add_media(name, media)
        else:
            disk.copy_file(media.path, self._path(name))

    def commit(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.finish()
        disk.sync_all()
        disk.rename(self._temp, self.target)
        self._unlock()
        _sync_folder(self.target.parent)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.abort()
        self._unlock()
        shutil.rmtree(self._temp, ignore_errors=True)


class ZipSink(Sink):
    """A zip with STORED entries and fixed timestamps, written beside its target and renamed."""

    def __init__(self, target: Path, compress: bool = False) -> None:
        super().__init__(target)
        self._method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        self._temp, self._file = locked_file(target)
        self._zip = zipfile.ZipFile(self._file, "w", self._method, allowZip64=True)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(self._claim(name), FIXED_ZIP_DATE)
        info.compress_type = self._method
        info.external_attr = 0o644 << 16
        return info

    def write(self, name: str, data: bytes) -> None:
        info = self._info(name)
        if self._method == zipfile.ZIP_STORED and len(data) < SMALL_ENTRY:
            self._append(info, data)
        else:
            self._zip.writestr(info, data)

    def _append(self, info: zipfile.ZipInfo, data: bytes) -> None:
        """Add a small entry as `writestr` would, without its seeks: a third of the time."""
        archive = self._zip
        info.CRC = zlib.crc32(data)
        info.file_size = info.compress_size = len(data)
        info.header_offset = archive.start_dir
        header = _file_header(info)
        archive.fp.write(header + data)  # type: ignore[union-attr]
        archive.start_dir += len(header) + len(data)
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive._didModify = True  # type: ignore[attr-defined]

    def stream(self, name: str) -> IO[bytes]:
        return self._zip.open(self._info(name), "w", force_zip64=True)

    def add_media(self, name: str, media: Media) -> None:
        info = self._info(name)
        with open_media(media) as source:
            info.file_size = media.byte_size()
            with self._zip.open(info, "w") as out:
                shutil.copyfileobj(source, out, COPY_CHUNK)

    def commit(self) -> None:
        self._zip.close()
        _publish(self._file, self._temp, self.target)

    def abort(self) -> None:
        # Without a file the zip writes no directory any more, neither now nor when it is collected.
        self._zip.fp = None
        with contextlib.suppress(OSError, ValueError):
            self._file.raw.close()  # type: ignore[attr-defined]
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temp.unlink(missing_ok=True)


def _file_header(info: zipfile.ZipInfo) -> bytes:
    """What `info.FileHeader` gives for a small stored entry, whose fields do not vary."""
    try:
        name = info.filename.encode("ascii")
    except UnicodeEncodeError:
        return info.FileHeader(zip64=False)
    size = info.file_size
    return SMALL_HEADER.pack(*SMALL_FIELDS, info.CRC, size, size, len(name), 0) + name


class FileSink(Sink):
    """A single file (``out.json``), for formats that happen to write just one."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self._temp, self._file = locked_file(target)

    def _only(self, name: str) -> None:
        self._claim(name)
        if len(self._seen) > 1:
            first, second = sorted(self._seen)[:2]
            raise OutputError(
                f"more than one file would be written: {first}, {second}",
                where=str(self.target),
                hint="name a folder or a .zip",
            )

    def write(self, name: str, data: bytes) -> None:
        self._only(name)
        self._file.write(data)

    def stream(self, name: str) -> IO[bytes]:
        self._only(name)
        return os.fdopen(os.dup(self._file.fileno()), "wb")

    def commit(self) -> None:
        if not self._seen:
            raise OutputError("nothing would be written", where=str(self.target))
        _publish(self._file, self._temp, self.target)

    def abort(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temp.unlink(missing_ok=True)


def _publish(file: IO[bytes], temp: Path, target: Path) -> None:
    """Put a file that was written beside its target in its place; its lock is held until then."""
    file.flush()
    disk.sync(file.fileno())
    disk.rename(temp, target)
    file.close()
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Keep the new name; the output is whole already, and not every file system can do this."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def open_media(media: Media) -> Iterator[IO[bytes]]:
    """The bytes of media to be copied; SourceError when they can't be had or change meanwhile."""
    try:
        stream = media.open()
    except OSError as error:
        place = media.path or media.name
        raise SourceError(error.strerror or str(error), where=place) from error
    with stream, disk.unchanged(stream):
        yield stream


@contextmanager
def open_sink(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    zipped: bool | None = None,
    single: bool = False,
    jobs: int | None = None,
) -> Iterator[Sink]:
    """A sink for `path` (a zip when it ends in ``.zip``, else a folder), committed on success.

    `zipped` says which it is whatever its name; `single` makes it one plain file. `jobs` is how
    many processes may be used, all cores if not given; what is written does not depend on it.

    Raises OutputError when the target is there already, unless it is an empty folder or
    `overwrite` is given for a file. On any exception nothing stays behind.
    """
    target = Path(os.path.abspath(path))
    refuse_in_store(target)
    _check_free(target, overwrite)
    if zipped is None:
        zipped = target.suffix.lower() == ".zip"
    sink: Sink
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_partials(target.parent)
        if single:
            sink = FileSink(target)
        else:
            sink = ZipSink(target) if zipped else FolderSink(target, jobs or os.cpu_count() or 1)
    except OSError as error:
        raise _output_error(error, target) from error
    try:
        yield sink
        sink.commit()
    except BaseException as error:
        sink.abort()
        if isinstance(error, OSError) and not isinstance(error, LocalCvatError):
            raise _output_error(error, target) from error
        raise


def _output_error(error: OSError, target: Path) -> OutputError:
    where, hint = str(target), ""
    if error.errno == errno.ENOSPC:
        hint = FULL_DISK
    elif error.errno == errno.ENAMETOOLONG and error.filename:
        where, hint = f"{where}: {os.path.basename(error.filename)}", LONG_NAME
    return OutputError(error.strerror or str(error), where=where, hint=hint)


def refuse_in_store(target: Path) -> None:
    """Raise OutputError where an output would stand in the place of a store's own files."""
    for folder in target.parents:
        name = target.relative_to(folder).parts[0]
        inner = name in STORE_FOLDERS or name.startswith(STORE_DATABASE)
        if inner and (folder / STORE_DATABASE).is_file():
            raise OutputError(
                "this is a place of the store's",
                where=str(target),
                hint="name one outside of it",
            )


def _check_free(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise OutputError("the folder is not empty", where=str(target), hint="name a new one")
    elif os.path.lexists(target) and not overwrite:
        raise OutputError("the file exists", where=str(target), hint="pass --overwrite")
