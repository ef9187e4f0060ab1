"""The directory at the end of a zip, read one entry after the other.

So an archive can be refused before all of its entries are in memory. Source: APPNOTE.TXT 6.3,
sections 4.3.12 to 4.3.16 and 4.5.3.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO

import msgspec

CENTRAL = struct.Struct("<4s6H3L5H2L")
LENGTHS, LENGTHS_AT = struct.Struct("<3H"), 28
END = struct.Struct("<4s4H2LH")
LOCATOR64 = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
MAX_COMMENT = 1 << 16
READ_AT_ONCE = 1 << 20
USUAL_RECORD = 256
LARGEST_RECORD = CENTRAL.size + 3 * 0xFFFF
NEWEST_VERSION = 63
UTF8_NAME = 0x800
IN_ZIP64_FIELD = 0xFFFFFFFF
ZIP64_FIELD = 1


class BadDirectory(ValueError):
    """The directory is damaged, or there is none."""


class Entry(msgspec.Struct, frozen=True):
    """What the directory says of an entry; `at` is where its header is in the file."""

    name: str
    raw_name: bytes
    at: int
    flags: int
    method: int
    checksum: int
    packed_size: int
    size: int
    mode: int


class Directory:
    """The directory of an open zip: `entries` with the place of each, `entry` at a place.

    Raises BadDirectory, when made too.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._start, self._length, self._before = _extent(stream, size)

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """(place of its record in the file, entry) of every entry, as they come."""
        place, end = self._start, self._start + self._length
        window, at = b"", 0
        while place < end:
            if len(window) - at < LARGEST_RECORD and place + len(window) - at < end:
                window, at = self._read(min(READ_AT_ONCE, end - place), place), 0
            head = window[at : at + CENTRAL.size]
            if len(head) < CENTRAL.size:
                raise BadDirectory("the directory is cut off")
            length = CENTRAL.size + _names_length(head)
            yield place, _entry(head, window[at + CENTRAL.size : at + length], self._before)
            place += length
            at += length

    def entry(self, place: int) -> Entry:
        """The entry whose record is at a place that `entries` gave."""
        record = self._read(USUAL_RECORD, place)
        if len(record) < CENTRAL.size:
            raise BadDirectory("the directory is cut off")
        length = CENTRAL.size + _names_length(record)
        if length > len(record):
            record = self._read(length, place)
        return _entry(record, record[CENTRAL.size : length], self._before)

    def _read(self, length: int, place: int) -> bytes:
        return os.pread(self._stream.fileno(), length, place)


def _entry(head: bytes, tail: bytes, before: int) -> Entry:
    """The entry of a record and of what is behind it."""
    fields = CENTRAL.unpack_from(head)
    signature, _, version, flags, method, _, _, checksum, packed, size = fields[:10]
    name_length, extra_length, _, _, _, attributes, at = fields[10:]
    if signature != b"PK\x01\x02":
        raise BadDirectory("no entry where the directory should have one")
    if version & 0xFF > NEWEST_VERSION:
        raise BadDirectory(f"made by version {(version & 0xFF) / 10} of the format")
    if len(tail) < name_length + extra_length:
        raise BadDirectory("the directory is cut off")
    if extra_length:
        extra = tail[name_length : name_length + extra_length]
        size, packed, at = _large(extra, size, packed, at)
    name = tail[:name_length]
    return Entry(
        name=_text(name, flags),
        raw_name=name,
        at=at + before,
        flags=flags,
        method=method,
        checksum=checksum,
        packed_size=packed,
        size=size,
        mode=attributes >> 16,
    )


def _names_length(head: bytes) -> int:
    """Bytes of the name, the extra field and the comment behind a record."""
    return sum(LENGTHS.unpack_from(head, LENGTHS_AT))


def _text(name: bytes, flags: int) -> str:
    """The name, whole: UTF-8 where it is that, flagged or not, as macOS's archives are not."""
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        if flags & UTF8_NAME:
            raise BadDirectory(str(error)) from error
        return name.decode("cp437")


def _large(extra: bytes, size: int, packed: int, at: int) -> tuple[int, int, int]:
    """The two sizes and the place, from the field for those that 32 bits can't hold."""
    numbers = [size, packed, at]
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        place += 4
        if place + length > len(extra):
            raise BadDirectory(f"an extra field {kind:04x} of {length} bytes is cut off")
        if kind == ZIP64_FIELD:
            wanted = [index for index, number in enumerate(numbers) if number == IN_ZIP64_FIELD]
            if length < 8 * len(wanted):
                raise BadDirectory("the extra field of large sizes is cut off")
            for position, index in enumerate(wanted):
                numbers[index] = struct.unpack_from("<Q", extra, place + 8 * position)[0]
        place += length
    return numbers[0], numbers[1], numbers[2]


def _extent(stream: IO[bytes], size: int) -> tuple[int, int, int]:
    """(start, length) of the directory, and how many bytes are before the archive in its file."""
    tail_size = min(size, END.size + MAX_COMMENT)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise BadDirectory("it has no directory")
    _, _, _, _, _, length, offset, _ = END.unpack_from(tail, at)
    end = size - tail_size + at
    large = _large_extent(stream, end)
    if large is not None:
        length, offset = large
        end -= END64.size + LOCATOR64.size
    start = end - length
    if start < 0:
        raise BadDirectory("its directory is not where it should be")
    return start, length, start - offset


def _large_extent(stream: IO[bytes], end: int) -> tuple[int, int] | None:
    """Length and offset of a directory by the records of a large archive, if it has them."""
    place = end - LOCATOR64.size - END64.size
    if place < 0:
        return None
    stream.seek(place)
    record = stream.read(END64.size)
    signature, disk, _, disks = LOCATOR64.unpack(stream.read(LOCATOR64.size))
    if signature != b"PK\x06\x07" or record[:4] != b"PK\x06\x06":
        return None
    if disk != 0 or disks > 1:
        raise BadDirectory("it is one of several parts")
    fields = END64.unpack(record)
    return fields[8], fields[9]
