"""Sources and sinks: folders, zips and single files; every safety rule of archives lives here.

A `Source` never follows a name out of its root and never reads more than its limits allow. A `Sink`
writes beside its target and renames: the output is there whole or not at all.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

import msgspec

from localcvat.errors import LocalCvatError, OutputError, SourceError, UnsafeArchiveError
from localcvat.filewriter import FileWriter, write_file
from localcvat.model import Media

FIXED_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
COPY_CHUNK = 1 << 20
RATIO_FLOOR = 1 << 20
DIRECT_FILES = 2_000
"""Small files of a folder that are written before a second process is worth its start."""
SMALL_ENTRY = 1 << 20


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what an archive may hold; a flag raises them."""

    max_entries: int = 5_000_000
    max_total_bytes: int = 1 << 42
    max_text_bytes: int = 1 << 34
    max_ratio: int = 200


DEFAULT_LIMITS = Limits()


PLAIN_NAME = re.compile(r"\w[\w .()+-]*(?:/\w[\w .()+-]*)*")
"""Names that need no closer look: every part begins with a letter, digit or underscore."""


def safe_name(name: str, where: str = "") -> str:
    """`name` as a clean relative path with ``/`` separators; raises UnsafeArchiveError otherwise.

    Refused: absolute paths, drive letters, ``..``, NUL and other control characters, empty names.
    """
    if PLAIN_NAME.fullmatch(name):
        return name
    clean = name.replace("\\", "/")
    parts = clean.split("/")
    reason = ""
    if not clean.strip("/"):
        reason = "empty name"
    elif any(ord(char) < 32 or char == "\x7f" for char in clean):
        reason = "control character in name"
    elif clean.startswith("/"):
        reason = "absolute path"
    elif len(clean) > 1 and clean[1] == ":" and clean[0].isalpha():
        reason = "drive letter"
    elif ".." in parts:
        reason = "'..' climbs out of the archive"
    if reason:
        raise UnsafeArchiveError(f"unsafe entry {name!r}: {reason}", where=where)
    return "/".join(part for part in parts if part not in ("", "."))


class FileMedia:
    """Media that is a file on disk."""

    def __init__(self, path: str, name: str | None = None) -> None:
        self._path = path
        self.name = name or os.path.basename(path)

    @property
    def path(self) -> str | None:
        return self._path

    def open(self) -> BinaryIO:
        return open(self._path, "rb")

    def byte_size(self) -> int:
        return os.stat(self._path).st_size

    def image_size(self) -> tuple[int, int]:
        from localcvat.images import image_size

        return image_size(self)


class EntryMedia:
    """Media inside a source that has no real file for it (a zip entry)."""

    path: str | None = None

    def __init__(self, source: Source, entry: str) -> None:
        self._source = source
        self._entry = entry
        self.name = PurePosixPath(entry).name

    def open(self) -> BinaryIO:
        return self._source.open(self._entry)

    def byte_size(self) -> int:
        return self._source.byte_size(self._entry)

    def image_size(self) -> tuple[int, int]:
        from localcvat.images import image_size

        return image_size(self)


class Source:
    """Read access to a dataset: `names` are clean relative paths with ``/``, files only, sorted.

    `display` is how messages call it. `path` is the folder or file on disk.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.display = str(path)

    @property
    def names(self) -> list[str]:
        """Every file in the source."""
        raise NotImplementedError

    def raw_name(self, name: str) -> str:
        """The name as the source spells it: with its own separators, ``./`` and all."""
        return name

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        raise NotImplementedError

    def open(self, name: str) -> BinaryIO:
        """A binary stream over one file."""
        raise NotImplementedError

    def byte_size(self, name: str) -> int:
        """Length of one file in bytes."""
        raise NotImplementedError

    def media(self, name: str) -> Media:
        """One file as media, unopened."""
        raise NotImplementedError

    def local_path(self, name: str) -> str | None:
        """The real file behind `name`, if there is one."""
        return None

    def read(self, name: str) -> bytes:
        """The whole of one text-like file (annotations); refused past `limits.max_text_bytes`."""
        size = self.byte_size(name)
        if size > self.limits.max_text_bytes:
            raise UnsafeArchiveError(
                f"{size} bytes is more than the limit of {self.limits.max_text_bytes}",
                where=self.where(name),
                hint="raise it with --max-size",
            )
        with self.open(name) as stream:
            return stream.read()

    def read_text(self, name: str) -> str:
        """One file as text: UTF-8 with or without BOM, or UTF-16 with BOM."""
        from localcvat.text import decode

        return decode(self.read(name), self.where(name))

    def where(self, name: str, line: int | None = None) -> str:
        """How messages call a place in this source."""
        place = f"{self.display}/{name}" if name else self.display
        return f"{place}:{line}" if line is not None else place

    def under(self, folder: str) -> list[str]:
        """Names below `folder` (without trailing slash), sorted; "" means all."""
        if not folder:
            return self.names
        prefix = folder + "/"
        return [name for name in self.names if name.startswith(prefix)]

    def close(self) -> None:
        """Release what the source holds open."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class FolderSource(Source):
    """A folder on disk; links that lead out of it are refused when opened."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._root = os.path.realpath(path)
        self._names: list[str] | None = None
        self._set: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        if self._names is None:
            self._names = sorted(self._walk(self._root, ""))
            self._set = frozenset(self._names)
        return self._names

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    yield prefix + entry.name

    def exists(self, name: str) -> bool:
        if self._names is None:
            return os.path.isfile(os.path.join(self._root, name))
        return name in self._set

    def local_path(self, name: str) -> str | None:
        path = os.path.join(self._root, safe_name(name, self.display))
        if os.path.islink(path) or os.path.islink(os.path.dirname(path)):
            real = os.path.realpath(path)
            if os.path.commonpath([real, self._root]) != self._root:
                raise UnsafeArchiveError(
                    f"the link {name!r} leads out of the folder", where=self.display
                )
        return path

    def open(self, name: str) -> BinaryIO:
        try:
            return open(cast(str, self.local_path(name)), "rb")
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.where(name)) from error

    def byte_size(self, name: str) -> int:
        try:
            return os.stat(cast(str, self.local_path(name))).st_size
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.where(name)) from error

    def media(self, name: str) -> Media:
        return FileMedia(cast(str, self.local_path(name)))


class FileSource(Source):
    """A single file (a bare ``.json`` or ``.xml``); its siblings can be reached as media."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._folder = FolderSource(path.parent, limits)

    @property
    def names(self) -> list[str]:
        return [self.path.name]

    def where(self, name: str, line: int | None = None) -> str:
        place = self.display if name in ("", self.path.name) else str(self.path.parent / name)
        return f"{place}:{line}" if line is not None else place

    def exists(self, name: str) -> bool:
        return self._folder.exists(name)

    def local_path(self, name: str) -> str | None:
        return self._folder.local_path(name)

    def open(self, name: str) -> BinaryIO:
        return self._folder.open(name)

    def byte_size(self, name: str) -> int:
        return self._folder.byte_size(name)

    def media(self, name: str) -> Media:
        return self._folder.media(name)


class ZipSource(Source):
    """A zip; all entries are checked when it is opened, and bounded again while they are read."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise SourceError(
                f"not a readable zip: {error}", where=self.display, hint="is it truncated?"
            ) from error
        try:
            self._entries = self._checked_entries()
        except BaseException:
            self._zip.close()
            raise

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > self.limits.max_entries:
            raise UnsafeArchiveError(f"{len(infos)} entries are too many", where=self.display)
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in infos:
            name = safe_name(info.filename, self.display)
            self._check_entry(info)
            if info.is_dir() or info.filename.endswith("\\"):
                continue
            if name in entries:
                raise UnsafeArchiveError(f"duplicate entry {name!r}", where=self.display)
            total += info.file_size
            entries[name] = info
        if total > self.limits.max_total_bytes:
            raise UnsafeArchiveError(f"unpacks to {total} bytes", where=self.display)
        return entries

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        if info.flag_bits & 0x1:
            raise UnsafeArchiveError(f"encrypted entry {info.filename!r}", where=self.display)
        kind = (info.external_attr >> 16) & 0o170000
        if kind not in (0, 0o100000, 0o040000):
            raise UnsafeArchiveError(
                f"entry {info.filename!r} is a link or device", where=self.display
            )
        allowed = max(RATIO_FLOOR, info.compress_size * self.limits.max_ratio)
        if info.file_size > allowed:
            raise UnsafeArchiveError(
                f"entry {info.filename!r} unpacks {info.compress_size} bytes to {info.file_size}",
                where=self.display,
                hint="a zip bomb? raise --max-ratio if you trust it",
            )

    @property
    def names(self) -> list[str]:
        return sorted(self._entries)

    @property
    def archive_order(self) -> list[str]:
        """Names in the order of the central directory."""
        return list(self._entries)

    def raw_name(self, name: str) -> str:
        return self._entries[name].orig_filename

    def exists(self, name: str) -> bool:
        return name in self._entries

    def open(self, name: str) -> BinaryIO:
        info = self._entries.get(name)
        if info is None:
            raise SourceError("no such entry", where=self.where(name))
        try:
            return cast(BinaryIO, _BoundedEntry(self._zip.open(info), info, self.where(name)))
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise SourceError(f"unreadable entry: {error}", where=self.where(name)) from error

    def byte_size(self, name: str) -> int:
        info = self._entries.get(name)
        if info is None:
            raise SourceError("no such entry", where=self.where(name))
        return info.file_size

    def media(self, name: str) -> Media:
        return EntryMedia(self, name)

    def close(self) -> None:
        self._zip.close()


class _BoundedEntry(io.RawIOBase):
    """A zip entry that stops at its stated size and turns damage into SourceError."""

    def __init__(self, stream: IO[bytes], info: zipfile.ZipInfo, where: str) -> None:
        self._stream = stream
        self._where = where
        self._left = info.file_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        position = self._stream.seek(offset, whence)
        size = self._left + getattr(self, "_at", 0)
        self._at = position
        self._left = size - position
        return position

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size if size >= 0 else self._left + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise SourceError(f"damaged entry: {error}", where=self._where) from error
        self._at = getattr(self, "_at", 0) + len(data)
        self._left -= len(data)
        if self._left < 0:
            raise UnsafeArchiveError("entry is longer than it says", where=self._where)
        return data

    def readall(self) -> bytes:
        return self.read(-1)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_source(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Source:
    """The folder, zip or single file at `path` as a Source; raises SourceError when it is neither.

    A zip is known by its first bytes, not by its name.
    """
    target = Path(path)
    if target.is_dir():
        return FolderSource(target, limits)
    try:
        with open(target, "rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise SourceError(error.strerror or str(error), where=str(target)) from error
    if magic in (b"PK\x03\x04", b"PK\x05\x06") or target.suffix.lower() == ".zip":
        return ZipSource(target, limits)
    return FileSource(target, limits)


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
        with media.open() as source, self.stream(name) as out:
            shutil.copyfileobj(source, out, COPY_CHUNK)

    def commit(self) -> None:
        """Make the output appear at its target."""
        raise NotImplementedError

    def abort(self) -> None:
        """Remove what was written beside the target."""
        raise NotImplementedError


class FolderSink(Sink):
    """A folder, written as a hidden sibling and renamed; many small files by a second process."""

    def __init__(self, target: Path, jobs: int) -> None:
        super().__init__(target)
        self._temp = _beside(target)
        self._temp.mkdir()
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
            os.makedirs(os.path.join(self._root, folder), exist_ok=True)
            self._made.add(folder)
        return clean

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
        return open(self._path(name), "xb")

    def add_media(self, name: str, media: Media) -> None:
        if media.path is None:
            super().add_media(name, media)
        else:
            shutil.copyfile(media.path, self._path(name))

    def commit(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.finish()
        # One sync of the file system instead of one fsync a file: 100,000 small files in seconds.
        os.sync()
        if self.target.is_dir():
            self.target.rmdir()
        os.rename(self._temp, self.target)
        _sync_folder(self.target.parent)

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.abort()
        shutil.rmtree(self._temp, ignore_errors=True)


class ZipSink(Sink):
    """A zip with STORED entries and fixed timestamps, written beside its target and renamed."""

    def __init__(self, target: Path, compress: bool = False) -> None:
        super().__init__(target)
        self._temp = _beside(target)
        self._method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        self._zip = zipfile.ZipFile(self._temp, "x", self._method, allowZip64=True)

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
        header = info.FileHeader(zip64=False)
        archive.fp.write(header + data)  # type: ignore[union-attr]
        archive.start_dir += len(header) + len(data)
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive._didModify = True  # type: ignore[attr-defined]

    def stream(self, name: str) -> IO[bytes]:
        return self._zip.open(self._info(name), "w", force_zip64=True)

    def add_media(self, name: str, media: Media) -> None:
        info = self._info(name)
        info.file_size = media.byte_size()
        with media.open() as source, self._zip.open(info, "w") as out:
            shutil.copyfileobj(source, out, COPY_CHUNK)

    def commit(self) -> None:
        self._zip.close()
        with open(self._temp, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(self._temp, self.target)
        _sync_folder(self.target.parent)

    def abort(self) -> None:
        with_open = self._zip.fp is not None
        if with_open:
            self._zip._writing = False  # type: ignore[attr-defined]
            self._zip.close()
        self._temp.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    base = target.name.encode()[:200].decode(errors="ignore")
    return target.parent / f".{base}.{secrets.token_hex(4)}.partial"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_sink(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    zipped: bool | None = None,
    jobs: int | None = None,
) -> Iterator[Sink]:
    """A sink for `path` (a zip when it ends in ``.zip``, else a folder), committed on success.

    `zipped` says which it is whatever its name. `jobs` is how many processes may be used, all cores
    if not given; what is written does not depend on it.

    Raises OutputError when the target is there already, unless it is an empty folder or `overwrite`
    is given for a zip file. On any exception nothing stays behind.
    """
    target = Path(os.path.abspath(path))
    _check_free(target, overwrite)
    sink: Sink
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if zipped is None:
            zipped = target.suffix.lower() == ".zip"
        sink = ZipSink(target) if zipped else FolderSink(target, jobs or os.cpu_count() or 1)
    except OSError as error:
        raise OutputError(error.strerror or str(error), where=str(target)) from error
    try:
        yield sink
        sink.commit()
    except BaseException as error:
        sink.abort()
        if isinstance(error, OSError) and not isinstance(error, LocalCvatError):
            raise OutputError(error.strerror or str(error), where=str(target)) from error
        raise


def _check_free(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise OutputError("the folder is not empty", where=str(target), hint="name a new one")
    elif target.exists() and not overwrite:
        raise OutputError("the file exists", where=str(target), hint="pass --overwrite")


def normalized(name: str) -> str:
    """`name` in Unicode NFC, for comparing names of different origin."""
    return unicodedata.normalize("NFC", name)
