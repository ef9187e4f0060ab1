"""Reading zips that are not to be trusted: all entries are checked before any is read."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from localcvat.archive.directory import IN_ZIP64_FIELD, BadDirectory, Directory, Entry
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
PATCH = 0x20
LOCAL_HEADER = struct.Struct("<4s2B4HL2L2H")
LARGEST_PLACE = 1 << 62
NO_ENTRY = Entry("", b"", 0, 0, 0, 0, 0, 0, 0)


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
            self._directory = Directory(self._file, self._size)
            self._places = self._checked_places()
            self._names = sorted(self._places)
            self._last = "", NO_ENTRY
        except BadDirectory as error:
            self._file.close()
            raise SourceError(
                f"not a readable zip: {error}", where=self.display, hint="is it truncated?"
            ) from error
        except BaseException:
            self._file.close()
            raise

    def _checked_places(self) -> dict[str, int]:
        """Where the directory has each file, by clean name; what is not to be trusted is refused.

        Nothing else of an entry is kept: a name and a number for each of millions.
        """
        places: dict[str, int] = {}
        extents = _Extents()
        total = count = 0
        for place, entry in self._directory.entries():
            count += 1
            if count > self.limits.max_entries:
                raise UnsafeArchiveError(
                    f"more than {self.limits.max_entries} entries are too many",
                    where=self.display,
                    hint="raise it with --max-entries",
                )
            extents.add(entry.at, entry.packed_size)
            is_folder = entry.name.endswith(("/", "\\"))
            if is_folder and not entry.name.strip("./\\"):
                continue
            name = safe_name(entry.name, self.display)
            self._check_entry(entry, is_folder)
            total += entry.size
            if is_folder:
                continue
            if name in places and not _same_content(entry, self._directory.entry(places[name])):
                raise UnsafeArchiveError(f"duplicate entry {name!r}", where=self.display)
            places[name] = place
        self._check_extents(extents)
        self._check_total(total)
        return places

    def _check_entry(self, entry: Entry, is_folder: bool) -> None:
        name = entry.name
        if entry.flags & ENCRYPTED:
            raise UnsafeArchiveError(
                f"encrypted entry {name!r}", where=self.display, hint="unpack it with its password"
            )
        if entry.mode & 0o170000 not in (0, 0o100000, 0o040000):
            raise UnsafeArchiveError(f"entry {name!r} is a link or device", where=self.display)
        if entry.method not in METHODS or entry.flags & PATCH:
            raise UnsafeArchiveError(
                f"entry {name!r} is packed by method {entry.method}, which is not supported",
                where=self.display,
                hint="pack it anew, stored or deflated",
            )
        if entry.method == zipfile.ZIP_STORED and entry.size != entry.packed_size:
            self._refuse_lie(name, f"{entry.packed_size} stored bytes as {entry.size}")
        if not entry.size and entry.packed_size > ENTRY_FLOOR:
            self._refuse_lie(name, f"{entry.packed_size} packed bytes as none")
        if is_folder and entry.size:
            self._refuse_lie(name, f"a folder of {entry.size} bytes")
        allowed = max(ENTRY_FLOOR, entry.packed_size * self.limits.max_ratio)
        if entry.size > allowed:
            raise UnsafeArchiveError(
                f"entry {name!r} unpacks {entry.packed_size} bytes to {entry.size}",
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

    def _check_extents(self, extents: _Extents) -> None:
        """Entries that share bytes are a bomb, or the work of someone who hides something."""
        found = extents.misplaced(self._size)
        if found is None:
            return
        index, overlaps = found
        entries = (entry.name for _, entry in self._directory.entries())
        name = next(islice(entries, index, None))
        if overlaps:
            raise UnsafeArchiveError(f"entry {name!r} overlaps another", where=self.display)
        raise SourceError(
            f"entry {name!r} ends after the end of the file",
            where=self.display,
            hint="is it truncated?",
        )

    @property
    def names(self) -> list[str]:
        return self._names

    @property
    def archive_order(self) -> list[str]:
        """Names in the order of the central directory."""
        return list(self._places)

    def raw_name(self, name: str) -> str:
        return self._entry(name).name

    def exists(self, name: str) -> bool:
        return name in self._places

    def _entry(self, name: str) -> Entry:
        before, entry = self._last
        if before == name:
            return entry
        place = self._places.get(name)
        if place is None:
            raise SourceError("no such entry", where=self.where(name))
        try:
            entry = self._directory.entry(place)
            if safe_name(entry.name) == name:
                self._last = name, entry
                return entry
        except (BadDirectory, UnsafeArchiveError):
            pass
        raise SourceError("the archive was changed while it was being read", where=self.display)

    def open(self, name: str) -> BinaryIO:
        self.touch(name)
        entry = self._entry(name)
        info = zipfile.ZipInfo(name)
        info.compress_type, info.flag_bits, info.CRC = entry.method, entry.flags, entry.checksum
        info.compress_size, info.file_size = entry.packed_size, entry.size
        try:
            packed = cast(Any, _Packed(self._file, self._start(entry, name)))
            stream = cast(IO[bytes], zipfile.ZipExtFile(packed, "r", info))
        except (OSError, NotImplementedError, RuntimeError) as error:
            raise SourceError(f"unreadable entry: {error}", where=self.where(name)) from error
        return cast(BinaryIO, _BoundedEntry(stream, entry.size, self.where(name)))

    def _start(self, entry: Entry, name: str) -> int:
        """Where the data begin: behind a header that must say what the directory says."""
        length = LOCAL_HEADER.size + len(entry.raw_name)
        header = os.pread(self._file.fileno(), length, entry.at)
        if len(header) < LOCAL_HEADER.size:
            raise SourceError("its header is cut off", where=self.where(name))
        fields = LOCAL_HEADER.unpack_from(header)
        signature, flags, method, packed, size = *fields[:1], *fields[3:5], *fields[8:10]
        name_length, extra_length = cast(tuple[int, int], fields[10:])
        if signature != b"PK\x03\x04":
            raise SourceError("no header where it should be", where=self.where(name))
        if flags & SIZES_FOLLOW or IN_ZIP64_FIELD in (packed, size):
            same = method == entry.method
        else:
            same = (method, packed, size) == (entry.method, entry.packed_size, entry.size)
        if not same:
            raise UnsafeArchiveError(
                "its header and the archive's directory disagree on size or method",
                where=self.where(name),
            )
        if header[LOCAL_HEADER.size :] != entry.raw_name or name_length != len(entry.raw_name):
            raise UnsafeArchiveError(
                "unreadable entry: its name in the archive's directory and in its header differ",
                where=self.where(name),
            )
        return entry.at + length + extra_length

    def byte_size(self, name: str) -> int:
        return self._entry(name).size

    def media(self, name: str) -> Media:
        self.touch(name)
        return EntryMedia(self, name)

    def close(self) -> None:
        self._file.close()


def _same_content(one: Entry, other: Entry) -> bool:
    """CVAT itself writes an asset twice when a guide shows two pictures of one name."""
    return (one.checksum, one.size) == (other.checksum, other.size)


class _Extents:
    """From where to where the entries of an archive are."""

    def __init__(self) -> None:
        self._starts = array("q")
        self._sizes = array("q")
        self._in_order = True

    def add(self, start: int, size: int) -> None:
        start = max(-1, min(start, LARGEST_PLACE))
        self._in_order = self._in_order and (not self._starts or self._starts[-1] <= start)
        self._starts.append(start)
        self._sizes.append(min(size, LARGEST_PLACE))

    def misplaced(self, file_size: int) -> tuple[int, bool] | None:
        """The first entry that is not where it can be, and whether it overlaps another."""
        order: Iterable[int] = range(len(self._starts))
        if not self._in_order:
            order = sorted(order, key=self._starts.__getitem__)
        end = 0
        for index in order:
            start = self._starts[index]
            if start < end:
                return index, True
            end = start + LOCAL_HEADER.size + self._sizes[index]
            if end > file_size:
                return index, False
        return None


class _Packed:
    """The bytes of a file from a place on, as several threads may read them."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file = file
        self._at = start

    def read(self, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, self._at)
        self._at += len(data)
        return data

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset if whence == os.SEEK_SET else self._at + offset
        return self._at


class _BoundedEntry(io.RawIOBase):
    """A zip entry that ends exactly at its stated size and turns damage into SourceError."""

    def __init__(self, stream: IO[bytes], size: int, where: str) -> None:
        self._stream = stream
        self._where = where
        self._size = size
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
