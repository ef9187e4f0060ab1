"""Whole processes, measured: wall and CPU seconds, peak memory of the process and its children."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
SAMPLE_SECONDS = 0.02
KEPT_ERROR = 300
READ_BYTES = 1 << 20


@dataclass
class Run:
    """One finished process: seconds, MB (10⁶ bytes), and why it failed if it did."""

    wall: float
    cpu: float
    memory: float
    failed: str = ""


def run(command: list[str], seconds: float) -> Run:
    """Run a command to its end, or to its time limit; what it prints is not shown."""
    os.sync()  # What was written before must not slow this one down,
    _into_page_cache(command)  # nor a disk that has to be read the one that comes first.
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=errors, env=_environment()
            )
        except OSError as error:
            return Run(0, 0, 0, f"{command[0]}: {error.strerror}")
        watch = _Watch(process.pid, start + seconds)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.end()
        errors.seek(0)
        failed = ""
        if process.returncode:
            text = errors.read().decode(errors="replace").strip()[-KEPT_ERROR:]
            failed = f"exit {process.returncode}: {text}" if not watch.late else "took too long"
    memory = max(usage.ru_maxrss * 1024 / 1e6, watch.memory)
    return Run(wall, usage.ru_utime + usage.ru_stime, memory, failed)


def _environment() -> dict[str, str]:
    """Ours, but compiled modules are kept, as those of an installed package are."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _into_page_cache(words: list[str]) -> None:
    """Read the files, and the files of stores, that a command names."""
    named = [Path(word) for word in words if os.sep in word]
    stores = [path / "localcvat.db" for path in named if path.is_dir()]
    for path in [*named[1:], *stores]:
        if path.is_file():
            with open(path, "rb") as stream:
                while stream.read(READ_BYTES):
                    pass


class _Watch:
    """Samples what a process and its children hold together, and ends it when it is late.

    The kernel's own maximum is of the largest of them only.
    """

    def __init__(self, pid: int, deadline: float) -> None:
        self.memory = 0.0
        self.late = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid, deadline), daemon=True)
        self._thread.start()

    def _watch(self, pid: int, deadline: float) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.memory = max(self.memory, _held(pid))
            if time.perf_counter() > deadline and not self.late:
                self.late = True
                os.kill(pid, 9)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


def _held(pid: int) -> float:
    """MB in memory of a process and all below it; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/statm") as stream:
            held = int(stream.read().split()[1]) * PAGE_MB
        with open(f"/proc/{pid}/task/{pid}/children") as stream:
            children = stream.read().split()
    except OSError:
        return 0.0
    return held + sum(_held(int(child)) for child in children)
