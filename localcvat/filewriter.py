"""Small files written by a process of its own, so that computing and writing use two cores.

Threads would not do: each system call of a writing thread waits for the interpreter's lock, which a
computing thread gives up only every few milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from localcvat import disk

BATCH_FILES = 256
BATCH_BYTES = 1 << 20
SIZE_BYTES = 8
PIPE_BYTES = 1 << 20


class Failure(msgspec.Struct):
    """What went wrong in the writing process."""

    errno: int
    text: str
    name: str


def write_file(path: str | bytes, data: bytes) -> None:
    """Write one new file whole; raises OSError when it is there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        disk.write_bytes(descriptor, data)
    finally:
        os.close(descriptor)


def widen(pipe: BinaryIO) -> None:
    """Let one end be ahead of the other by more than the usual 64 KB, where that is known."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


class FileWriter:
    """Hands files to a process that writes them below `folder`; `finish` waits for the last one.

    Memory is bounded by a batch and the pipe. A failure is raised as OSError by the next `write`
    or by `finish`.
    """

    def __init__(self, folder: Path) -> None:
        search = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localcvat.filewriter", str(os.getpid())],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the process that it writes for
        )
        self._input = cast(BinaryIO, self._process.stdin)
        widen(self._input)
        self._batch: list[tuple[bytes, bytes]] = []
        self._bytes = 0

    def write(self, name: str, data: bytes) -> None:
        """Have one file written; its folder must be there."""
        self._batch.append((os.fsencode(name), data))
        self._bytes += len(data)
        if len(self._batch) >= BATCH_FILES or self._bytes >= BATCH_BYTES:
            self._send()

    def _send(self) -> None:
        packed = msgspec.msgpack.encode(self._batch)
        self._batch, self._bytes = [], 0
        try:
            self._input.write(len(packed).to_bytes(SIZE_BYTES, "little"))
            self._input.write(packed)
        except BrokenPipeError:
            self._raise_failure()

    def finish(self) -> None:
        """Wait until every file is written; raises the OSError of the first that could not be."""
        if self._batch:
            self._send()
        self._raise_failure()

    def _raise_failure(self) -> None:
        with suppress(BrokenPipeError):
            self._input.close()
        answer = self._process.stdout.read() if self._process.stdout else b""
        code = self._process.wait()
        self._close()
        if answer:
            failure = msgspec.msgpack.decode(answer, type=Failure)
            raise OSError(failure.errno, failure.text, failure.name)
        if code:
            raise OSError(f"the process that writes files ended with code {code}")

    def abort(self) -> None:
        """End the process without waiting for what is left."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._input.close()
        self._close()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()


def main() -> None:
    """Write the batches that come on standard input; a failure goes to standard output.

    Ends with the process that the first argument names: what that one began is nobody's then.
    """
    source, parent = sys.stdin.buffer, int(sys.argv[1])
    decoder = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])
    while header := source.read(SIZE_BYTES):
        for name, data in decoder.decode(source.read(int.from_bytes(header, "little"))):
            if os.getppid() != parent:
                sys.exit(1)
            try:
                write_file(name, data)
            except OSError as error:
                failure = Failure(error.errno or 0, error.strerror or str(error), os.fsdecode(name))
                sys.stdout.buffer.write(msgspec.msgpack.encode(failure))
                sys.exit(1)


if __name__ == "__main__":
    main()
