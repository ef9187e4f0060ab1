"""The moments of an operation: before each write and rename of ours and each statement of SQL.

usage: python tests/events.py EVENT COMMAND…

runs a command of localcvat that stops itself (SIGSTOP) before its first event of that name, so that
a test can do something at that moment, however slow or busy the machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localcvat import disk
from localcvat.store import engine


@contextmanager
def observed(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` before every event: ``write``, ``clone``, ``sync``, ``rename`` or a statement."""
    connect = engine._connect

    def traced(*arguments: object, **options: object) -> object:
        connection = connect(*arguments, **options)  # type: ignore[arg-type]
        connection.set_trace_callback(tell)
        return connection

    engine._connect = traced  # type: ignore[assignment]
    try:
        with disk.watched(lambda what, size: tell(what)):
            yield
    finally:
        engine._connect = connect


def stopped_before(event: str, *command: object, cwd: Path) -> subprocess.Popen[str]:
    """The process of a command, stopped there; `continued` lets it go on. In its own session."""
    process = subprocess.Popen(
        [sys.executable, __file__, event, *map(str, command)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if found is None or found.si_code != os.CLD_STOPPED:
        raise AssertionError(f"it ended without {event!r}: {process.communicate()}")
    return process


def continued(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Let a stopped process go on to its end: its exit code and what it said of errors."""
    process.send_signal(signal.SIGCONT)
    error = process.communicate()[1]
    return process.returncode, error


def main(event: str, *command: str) -> None:
    """Run a command that stops before its first event of that name."""
    from localcvat.cli.main import main as command_line

    waiting = [event]

    def stop(what: str) -> None:
        if what in waiting:
            waiting.clear()
            # To this thread: another one would stop all of them, but a little later.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    sys.argv = ["localcvat", *command]
    with observed(stop):
        command_line()


if __name__ == "__main__":
    main(*sys.argv[1:])
