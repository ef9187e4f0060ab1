"""A dataset read for the store, if it is large by a process of its own, so that two cores work.

The process reads, transforms and packs; the caller's, which holds the store's one transaction,
writes. Items come in the same order, and errors and the report are the same, as without it.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import msgspec

from localcvat import errors
from localcvat.archive import DEFAULT_LIMITS, Limits, Source, open_source
from localcvat.errors import LocalCvatError, SourceError, UsageError
from localcvat.images import is_image_name
from localcvat.model import Dataset, Header, Track
from localcvat.packed_dataset import PackedDataset, PackedItem, packed
from localcvat.plugin import ReadOptions, named_or_detected, read_dataset, refuse_backup
from localcvat.report import Entry, FileMatch, Report
from localcvat.transforms import NO_TRANSFORMS, Transforms, transform

LARGE_BYTES = 4 << 20
LARGE_COUNT = 2_000
BATCH_SHAPES = 1_000
SIZE_BYTES = 8
PIPE_BYTES = 1 << 20
CODE_ROOT = Path(__file__).parents[1]
"""A folder that Python looks for modules in anyway; that of the caller may hold anything."""


class DatasetReading(msgspec.Struct, kw_only=True):
    """What is read and how; `media` False means pictures are wanted only for their sizes."""

    path: str
    format_name: str | None = None
    media: bool = False
    image_size: tuple[int, int] | None = None
    on_error: Literal["raise", "skip"] = "raise"
    transforms: Transforms = NO_TRANSFORMS
    limits: Limits = DEFAULT_LIMITS

    def dataset(self, source: Source, report: Report) -> Dataset:
        """The dataset in `source`, transformed; the format is detected unless named."""
        refuse_backup(source)
        choice = named_or_detected(source, self.format_name)
        plugin = choice.format
        if not plugin.can_read:
            raise UsageError(f"the format {plugin.name!r} can't be read")
        options = ReadOptions(
            dialect=choice.dialect,
            media=self.media,
            image_size=self.image_size,
            on_error=self.on_error,
        )
        return transform(read_dataset(plugin, source, options, report), self.transforms, report)


@contextmanager
def begun(order: DatasetReading, jobs: int) -> Iterator[Reader | None]:
    """The process that reads it, if one pays, ended with the context; for `reading`.

    `jobs` is how many processes may be used. Media are not handed over: who wants them reads them
    without. A caller that has much to do before it can take items begins first.
    """
    if order.media or jobs < 2 or not _is_large(order.path):
        yield None
        return
    process = Reader(order)
    try:
        yield process
    finally:
        process.close()


@contextmanager
def reading(
    order: DatasetReading, report: Report, jobs: int, ahead: Reader | None = None
) -> Iterator[PackedDataset]:
    """The dataset, open as long as the context; read by the process `ahead` if it has this order.

    Otherwise by one begun now, or here.
    """
    if ahead is not None and ahead.order == order:
        yield ahead.dataset(report)
        return
    with begun(order, jobs) as process:
        if process is not None:
            yield process.dataset(report)
            return
        with open_source(order.path, order.limits) as source:
            yield packed(order.dataset(source, report), report)


def _is_large(path: str) -> bool:
    """Whether reading takes longer than starting a process; looks no further than it must."""
    with suppress(OSError, ValueError):
        if not os.path.isdir(path):
            return os.path.getsize(path) >= LARGE_BYTES
        count = size = 0
        for folder, _, names in os.walk(path):
            count += len(names)
            for name in names if count < LARGE_COUNT else ():
                if not is_image_name(name):
                    size += os.path.getsize(os.path.join(folder, name))
            if count >= LARGE_COUNT or size >= LARGE_BYTES:
                return True
    return False


class Order(msgspec.Struct, kw_only=True):
    """A reading as it is sent to the process."""

    path: bytes
    folder: bytes
    reading: DatasetReading


class Begun(msgspec.Struct, tag=True):
    """The dataset could be opened."""

    header: Header


class Items(msgspec.Struct, tag=True):
    """The next items."""

    items: list[PackedItem]


class Ended(msgspec.Struct, tag=True):
    """There are no more items."""

    tracks: list[Track]
    entries: list[Entry]
    matches: list[FileMatch]


class Failed(msgspec.Struct, tag=True):
    """What went wrong: the name of the error's class and its parts."""

    kind: str
    what: str
    where: str
    hint: str


Message = Begun | Items | Ended | Failed
PLAIN_ERRORS = (
    "UsageError",
    "DatasetError",
    "UnsafeArchiveError",
    "DetectionError",
    "MissingExtraError",
)


class Reader:
    """The process as its caller sees it."""

    def __init__(self, order: DatasetReading) -> None:
        self.order = order
        self._tracks: list[Track] = []
        self._decoder = msgspec.msgpack.Decoder(Message)
        search = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localcvat.reading_process"],
            cwd=CODE_ROOT,
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._output = cast(BinaryIO, self._process.stdout)
        _widen(self._output)
        sent = Order(
            path=os.fsencode(order.path),
            folder=os.fsencode(os.getcwd()),
            reading=msgspec.structs.replace(order, path=""),
        )
        with suppress(BrokenPipeError), cast(BinaryIO, self._process.stdin) as stream:
            stream.write(msgspec.msgpack.encode(sent))

    def dataset(self, report: Report) -> PackedDataset:
        """The dataset as it comes in, once; what is to be reported is when all items were read."""
        first = self._next()
        if not isinstance(first, Begun):
            raise self._broken()
        return PackedDataset(first.header, self._items(report), self._late_tracks())

    def _items(self, report: Report) -> Iterator[PackedItem]:
        while isinstance(message := self._next(), Items):
            yield from message.items
        if not isinstance(message, Ended):
            raise self._broken()
        self._tracks = message.tracks
        for entry in message.entries:
            report.add(entry)
        report.add_matches(message.matches)

    def _late_tracks(self) -> Iterator[Track]:
        """The tracks, which are known when all items were read."""
        yield from self._tracks

    def _next(self) -> Message:
        """The next message; raises what the process failed with."""
        size = int.from_bytes(self._output.read(SIZE_BYTES), "little")
        data = self._output.read(size)
        if not size or len(data) < size:
            raise self._broken()
        message: Message = self._decoder.decode(data)
        if isinstance(message, Failed):
            kind = getattr(errors, message.kind) if message.kind in PLAIN_ERRORS else SourceError
            raise kind(message.what, where=message.where, hint=message.hint)
        return message

    def _broken(self) -> SourceError:
        return SourceError(f"the process that reads it ended with code {self._process.wait()}")

    def close(self) -> None:
        """End the process, wherever it is."""
        self._process.kill()
        self._process.wait()
        self._output.close()


def _widen(pipe: BinaryIO) -> None:
    """Let the process be ahead of its reader by more than the usual 64 KB, where that is known."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def main() -> None:
    """Read what the order on standard input says; messages go to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends us
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no message
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    os.chdir(order.folder)
    order.reading.path = os.fsdecode(order.path)
    report = Report()
    with suppress(BrokenPipeError):  # then nobody reads any more
        try:
            with open_source(order.reading.path, order.reading.limits) as source:
                dataset = packed(order.reading.dataset(source, report), report)
                gc.freeze()  # what was decoded stays until the end: nothing to look through
                _send(out, Begun(dataset.header))
                for batch in _batches(dataset.items):
                    _send(out, Items(batch))
                _send(out, Ended(list(dataset.tracks), report.rows, report.matches))
        except LocalCvatError as error:
            _send(out, Failed(type(error).__name__, error.what, error.where, error.hint))
        except BrokenPipeError:
            raise
        except Exception as error:
            _send(out, Failed("", f"{type(error).__name__}: {error}", "", ""))
        out.flush()
    os._exit(0)  # what is still in memory needs no cleaning up


def _batches(items: Iterable[PackedItem]) -> Iterator[list[PackedItem]]:
    """Items in lists of some size; what came before an error is still handed over."""
    batch, shapes = list[PackedItem](), 0
    try:
        for item in items:
            item.media = None
            batch.append(item)
            shapes += 1 + len(item.shapes)
            if shapes >= BATCH_SHAPES:
                yield batch
                batch, shapes = [], 0
    except LocalCvatError:
        yield batch
        raise
    yield batch


def _send(out: BinaryIO, message: Message) -> None:
    data = msgspec.msgpack.encode(message, enc_hook=_plain)
    out.write(len(data).to_bytes(SIZE_BYTES, "little"))
    out.write(data)
    out.flush()


def _plain(value: Any) -> Any:
    """Numbers and sequences that are none of Python's own."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable):
        return list(value)
    return float(value)


if __name__ == "__main__":
    main()
