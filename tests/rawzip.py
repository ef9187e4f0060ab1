"""A zip written by hand, so that its headers can lie."""

from __future__ import annotations

import struct
import zlib

import msgspec

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
REGULAR = 0o100644 << 16
SIZES_FOLLOW = 8


class RawEntry(msgspec.Struct, kw_only=True):
    """One entry; what is None is what is true of `data`."""

    name: bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0
    attributes: int = REGULAR
    size: int | None = None
    packed_size: int | None = None
    local_size: int | None = None
    local_name: bytes | None = None
    shares: int | None = None
    extra: bytes = b""


def raw_zip(entries: list[RawEntry]) -> bytes:
    """The bytes of the archive; `shares` is the index of the entry whose data one points at."""
    body = bytearray()
    directory = bytearray()
    offsets: list[int] = []
    for entry in entries:
        packed = _packed(entry)
        crc = zlib.crc32(entry.data)
        size = len(entry.data) if entry.size is None else entry.size
        packed_size = len(packed) if entry.packed_size is None else entry.packed_size
        offset = len(body) if entry.shares is None else offsets[entry.shares]
        offsets.append(offset)
        if entry.shares is None:
            name = entry.name if entry.local_name is None else entry.local_name
            local_size = size if entry.local_size is None else entry.local_size
            body += LOCAL.pack(
                b"PK\x03\x04", 20, entry.flags, entry.method, 0, 33, crc, packed_size, local_size,
                len(name), 0,
            )  # fmt: skip
            body += name + packed
            if entry.flags & SIZES_FOLLOW:
                body += struct.pack("<4s3L", b"PK\x07\x08", crc, packed_size, size)
        directory += CENTRAL.pack(
            b"PK\x01\x02", 0x031E, 20, entry.flags, entry.method, 0, 33, crc, packed_size, size,
            len(entry.name), len(entry.extra), 0, 0, 0, entry.attributes, offset,
        )  # fmt: skip
        directory += entry.name + entry.extra
    count = min(len(entries), 0xFFFF)
    end = END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def _packed(entry: RawEntry) -> bytes:
    if entry.method != 8:
        return entry.data
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(entry.data) + packer.flush()
