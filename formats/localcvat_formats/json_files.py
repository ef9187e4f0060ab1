"""JSON annotation files: decoding by type, with errors that name the line or the JSON path."""

from __future__ import annotations

import errno
import fcntl
import gc
import json
import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, TypeVar

import msgspec
import orjson

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.text import check_utf8, decode

T = TypeVar("T")
SNIFFED = 1 << 14
LARGEST_COORDINATE = 1e9


@contextmanager
def file_bytes(source: Source, name: str) -> Iterator[bytes | mmap.mmap]:
    """The file's bytes, mapped where it is a real file; UTF-8 without BOM, never empty.

    Nobody can write to the file or cut it off before the block ends: what is mapped and no longer
    there could not be read, it would end the process by SIGBUS. Bytes and mapping outlive it.
    """
    where = source.where(name)
    path = source.local_path(name)
    size = source.byte_size(name)
    with ExitStack() as held:
        data: bytes | mmap.mmap | None = None
        if path is not None and 1 << 20 < size <= source.limits.max_text_bytes:
            stream = held.enter_context(open(path, "rb"))
            kept = held.enter_context(_kept_from_writers(stream))
            if kept and os.fstat(stream.fileno()).st_size == size:
                data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        if data is None:
            data = source.read(name)
        if data[:3] == b"\xef\xbb\xbf" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            data = decode(data[:], where).encode()
        if len(data) < 1 << 16 and not data[:].strip():
            raise DatasetError("the file is empty", where=where)
        check_utf8(data, where)
        yield data


@contextmanager
def _kept_from_writers(stream: BinaryIO) -> Iterator[bool]:
    """Make who would write to the file wait, as Linux can; False when somebody does already.

    True also where the system grants no such lease: of another user's file, on a network's disk.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        yield True
        return
    try:
        # That somebody waits is told by a signal, by default one that ends the process.
        fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        yield error.errno != errno.EAGAIN
        return
    try:
        yield True
    finally:
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: values being decoded are none, and looking costs a third.

    They are not looked through right afterwards either, as what is new would be.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()  # into the oldest generation
            gc.enable()


def refuse_changed(data: bytes | mmap.mmap, where: str) -> None:
    """Raise DatasetError when a mapped file is no longer as long as it was.

    To read what was cut off would end the process by SIGBUS, so ask before reading more of it.
    """
    if isinstance(data, mmap.mmap) and data.size() != len(data):
        raise DatasetError("the file was changed while it was being read", where=where)


def json_names(source: Source) -> list[str]:
    """The ``.json`` files of a source that are not hidden."""
    return [
        name
        for name in source.names
        if name.lower().endswith(".json") and not name.rpartition("/")[2].startswith(".")
    ]


def json_head(source: Source, name: str) -> bytes:
    """The first bytes of a file, for detection; UTF-16 as UTF-8, BOM left out."""
    with source.peek(name) as stream:
        head = stream.read(SNIFFED)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "ignore").encode()
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def read_json(source: Source, name: str, kind: type[T]) -> T:
    """A file's content as `kind`; raises DatasetError with the line or the JSON path."""
    with file_bytes(source, name) as data:
        return decode_json(data, kind, source.where(name))


def decode_json(data: bytes | mmap.mmap | msgspec.Raw, kind: type[T], where: str) -> T:
    """`data` as `kind`; `where` is the file, or the file and the JSON path of an entry."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _located(error, data, where) from error


def _located(error: Exception, data: Any, where: str) -> DatasetError:
    what, _, path = str(error).partition(" - at `$")
    what = what[:1].lower() + what[1:].replace("`", "'")
    if isinstance(error, RecursionError):
        return DatasetError("nested too deeply", where=where)
    if isinstance(error, msgspec.ValidationError):
        inner = path.rstrip("`").lstrip(".")
        return DatasetError(what, where=join(where, inner))
    digits = what.rpartition("(byte ")[2].rstrip(")")
    if digits.isdigit():
        where = f"{where}:{bytes(data[: int(digits)]).count(10) + 1}"
    return DatasetError(what, where=where, hint="is it truncated?" if "truncated" in what else "")


def join(where: str, path: str) -> str:
    """A JSON path put behind a file, or behind a path in it: ``a.json: [3].data``."""
    if not path:
        return where
    if ".json: " in where or where.endswith("]"):
        return f"{where}{'' if path.startswith('[') else '.'}{path}"
    return f"{where}: {path}"


def json_bytes(value: Any, option: int = 0) -> bytes:
    """`value` as compact JSON; integers of any size, which the fast encoder refuses."""
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)
        return text.encode()


def json_elements(values: list[Any]) -> bytes:
    """The values as `json_bytes` has each, numpy's too, with commas as in an array."""
    try:
        return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    except TypeError:
        return b",".join(json_bytes(value, orjson.OPT_SERIALIZE_NUMPY) for value in values)


def _plain(value: Any) -> Any:
    return value.tolist()


def finite(values: Any, what: str) -> list[float]:
    """Numbers as floats; raises ValueError for one that is absurdly large or is none."""
    numbers = [float(value) for value in values]
    if not all(-LARGEST_COORDINATE < number < LARGEST_COORDINATE for number in numbers):
        raise ValueError(f"{what}: a number that is none or absurdly large")
    return numbers
