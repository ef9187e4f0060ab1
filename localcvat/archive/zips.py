"""Reading zips that are not to be trusted: all entries are checked before any is read."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

from localcvat.archive.names import Limits, safe_name
from localcvat.archive.sources import EntryMedia, Source
from localcvat.errors import SourceError, UnsafeArchiveError
from localcvat.model import Media

# Entries and archives below these sizes may unpack to any multiple: little files compress well.
ENTRY_FLOOR = 1 << 17
TOTAL_FLOOR = 1 << 24
METHODS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflated",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "lzma",
}
# Bits: encrypted, strong encryption, masked headers.
ENCRYPTED = 0x1 | 0x40 | 0x2000
SIZES_FOLLOW = 0x8
UTF8_NAME = 0x800
LOCAL_HEADER = struct.Struct("<4s2B4HL2L2H")
END_RECORD = struct.Struct("<4s4H2LH")
END64_RECORD = struct.Struct("<4sQ2H2L4Q")
END64_LOCATOR_SIZE = 20
MAX_COMMENT = 1 << 16
SMALLEST_ENTRY = 46
IN_ZIP64_FIELD = 0xFFFFFFFF
NO_DATE = (1980, 1, 1, 0, 0, 0)
"""In place of each entry's own, which nobody asks for and which are a fifth of what they take."""


class ZipSource(Source):
    """A zip; all entries are checked when it is opened, and bounded again while they are read."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        try:
            self._file = open(path, "rb")
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.display) from error
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._check_directory_size()
            self._zip = self._opened()
            self._entries = self._checked_entries()
            self._names = sorted(self._entries)
        except BaseException:
            self._file.close()
            raise

    def _opened(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._file)
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            NotImplementedError,
            OverflowError,
            struct.error,
        ) as error:
            raise SourceError(
                f"not a readable zip: {error}", where=self.display, hint="is it truncated?"
            ) from error

    def _check_directory_size(self) -> None:
        """Refuse a directory of too many entries before it is read into memory."""
        claimed = _directory_size(self._file, self._size)
        if claimed // SMALLEST_ENTRY > self.limits.max_entries:
            raise UnsafeArchiveError(
                f"more than {self.limits.max_entries} entries are too many",
                where=self.display,
                hint="raise it with --max-entries",
            )

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > self.limits.max_entries:
            raise UnsafeArchiveError(
                f"{len(infos)} entries are too many",
                where=self.display,
                hint="raise it with --max-entries",
            )
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in infos:
            given = entry_name(info)
            is_folder = given.endswith(("/", "\\"))
            if is_folder and not given.strip("./\\"):
                continue
            name = safe_name(given, self.display)
            self._check_entry(info, is_folder)
            total += info.file_size
            info.date_time = NO_DATE
            if is_folder:
                continue
            if name in entries and not _same_content(info, entries[name]):
                raise UnsafeArchiveError(f"duplicate entry {name!r}", where=self.display)
            entries[name] = info
        self._check_overlap(infos)
        self._check_total(total)
        return entries

    def _check_entry(self, info: zipfile.ZipInfo, is_folder: bool) -> None:
        name = info.filename
        if info.flag_bits & ENCRYPTED:
            raise UnsafeArchiveError(
                f"encrypted entry {name!r}", where=self.display, hint="unpack it with its password"
            )
        kind = (info.external_attr >> 16) & 0o170000
        if kind not in (0, 0o100000, 0o040000):
            raise UnsafeArchiveError(f"entry {name!r} is a link or device", where=self.display)
        if info.compress_type not in METHODS:
            raise UnsafeArchiveError(
                f"entry {name!r} is packed by method {info.compress_type}, which is not supported",
                where=self.display,
                hint="pack it anew, stored or deflated",
            )
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            self._refuse_lie(name, f"{info.compress_size} stored bytes as {info.file_size}")
        if not info.file_size and info.compress_size > ENTRY_FLOOR:
            self._refuse_lie(name, f"{info.compress_size} packed bytes as none")
        if is_folder and info.file_size:
            self._refuse_lie(name, f"a folder of {info.file_size} bytes")
        allowed = max(ENTRY_FLOOR, info.compress_size * self.limits.max_ratio)
        if info.file_size > allowed:
            raise UnsafeArchiveError(
                f"entry {name!r} unpacks {info.compress_size} bytes to {info.file_size}",
                where=self.display,
                hint="a zip bomb? raise --max-ratio if you trust it",
            )

    def _refuse_lie(self, name: str, what: str) -> None:
        raise UnsafeArchiveError(f"entry {name!r} lies about its size: {what}", where=self.display)

    def _check_total(self, total: int) -> None:
        if total > self.limits.max_total_bytes:
            raise UnsafeArchiveError(
                f"unpacks to {total} bytes", where=self.display, hint="raise it with --max-size"
            )
        if total > max(TOTAL_FLOOR, self._size * self.limits.max_ratio):
            raise UnsafeArchiveError(
                f"unpacks {self._size} bytes to {total}",
                where=self.display,
                hint="a zip bomb? raise --max-ratio if you trust it",
            )

    def _check_overlap(self, infos: list[zipfile.ZipInfo]) -> None:
        """Entries that share bytes are a bomb, or the work of someone who hides something."""
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if info.header_offset < end:
                raise UnsafeArchiveError(
                    f"entry {info.filename!r} overlaps another", where=self.display
                )
            end = info.header_offset + LOCAL_HEADER.size + info.compress_size
            if end > self._size:
                raise SourceError(
                    f"entry {info.filename!r} ends after the end of the file",
                    where=self.display,
                    hint="is it truncated?",
                )

    @property
    def names(self) -> list[str]:
        return self._names

    @property
    def archive_order(self) -> list[str]:
        """Names in the order of the central directory."""
        return list(self._entries)

    def raw_name(self, name: str) -> str:
        return entry_name(self._entries[name])

    def exists(self, name: str) -> bool:
        return name in self._entries

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._entries.get(name)
        if info is None:
            raise SourceError("no such entry", where=self.where(name))
        return info

    def open(self, name: str) -> BinaryIO:
        self.touch(name)
        info = self._info(name)
        self._check_local_header(info, name)
        try:
            return cast(BinaryIO, _BoundedEntry(self._zip.open(info), info, self.where(name)))
        except (
            zipfile.BadZipFile,
            OSError,
            NotImplementedError,
            RuntimeError,
            UnicodeDecodeError,
            struct.error,
        ) as error:
            raise SourceError(f"unreadable entry: {error}", where=self.where(name)) from error

    def _check_local_header(self, info: zipfile.ZipInfo, name: str) -> None:
        """The header before the data must say what the directory at the end says."""
        header = os.pread(self._file.fileno(), LOCAL_HEADER.size, info.header_offset)
        if len(header) < LOCAL_HEADER.size:
            raise SourceError("its header is cut off", where=self.where(name))
        fields = LOCAL_HEADER.unpack(header)
        flags, method, packed, size = fields[3], fields[4], fields[8], fields[9]
        if flags & SIZES_FOLLOW or IN_ZIP64_FIELD in (packed, size):
            same = method == info.compress_type
        else:
            same = (method, packed, size) == (
                info.compress_type,
                info.compress_size,
                info.file_size,
            )
        if not same:
            raise UnsafeArchiveError(
                "its header and the archive's directory disagree on size or method",
                where=self.where(name),
            )

    def byte_size(self, name: str) -> int:
        return self._info(name).file_size

    def media(self, name: str) -> Media:
        self.touch(name)
        return EntryMedia(self, name)

    def close(self) -> None:
        self._zip.close()
        self._file.close()


def _same_content(one: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    """CVAT itself writes an asset twice when a guide shows two pictures of one name."""
    return (one.CRC, one.file_size) == (other.CRC, other.file_size)


def entry_name(info: zipfile.ZipInfo) -> str:
    """The name as stored, whole: UTF-8 where it is that, flagged or not.

    `ZipInfo.filename` ends at a NUL, and takes names without the flag for code page 437, which
    macOS's archives are not.
    """
    name = info.orig_filename
    if not info.flag_bits & UTF8_NAME and not name.isascii():
        try:
            return name.encode("cp437").decode()
        except UnicodeError:
            return name
    return name


def _directory_size(stream: IO[bytes], size: int) -> int:
    """Bytes of the central directory by the end record, 0 when there is none."""
    tail_size = min(size, END_RECORD.size + MAX_COMMENT)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END_RECORD.size:
        return 0
    found: int = END_RECORD.unpack_from(tail, at)[5]
    if found == IN_ZIP64_FIELD:
        start = size - tail_size + at - END64_LOCATOR_SIZE - END64_RECORD.size
        if start >= 0:
            stream.seek(start)
            record = stream.read(END64_RECORD.size)
            if record[:4] == b"PK\x06\x06":
                found = END64_RECORD.unpack(record)[8]
    return min(found, size)


class _BoundedEntry(io.RawIOBase):
    """A zip entry that ends exactly at its stated size and turns damage into SourceError."""

    def __init__(self, stream: IO[bytes], info: zipfile.ZipInfo, where: str) -> None:
        self._stream = stream
        self._where = where
        self._size = info.file_size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            self._at = self._stream.seek(offset, whence)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise SourceError(f"damaged entry: {error}", where=self._where) from error
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        wanted = left if size < 0 else min(size, left)
        try:
            # One byte more than there should be makes the end, and with it the checksum, be seen.
            data = self._stream.read(wanted + 1 if size < 0 else size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise SourceError(f"damaged entry: {error}", where=self._where) from error
        self._at += len(data)
        if self._at > self._size:
            raise UnsafeArchiveError("entry is longer than it says", where=self._where)
        if wanted and not data:
            raise UnsafeArchiveError("entry is shorter than it says", where=self._where)
        if size < 0 and self._at < self._size:
            raise UnsafeArchiveError("entry is shorter than it says", where=self._where)
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
