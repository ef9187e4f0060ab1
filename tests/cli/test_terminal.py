"""On a terminal there are tables and progress; piped, plain lines and silence."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from commands import done, done_here
from localcvat.cli import progress
from localcvat.cli.progress import item_progress


def on_a_terminal(arguments: list[str], cwd: Path, columns: int = 60) -> str:
    """What a command shows on a terminal of its own."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "localcvat", *arguments],
        cwd=cwd,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            block = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        shown += block
    os.close(master)
    assert process.wait() == 0, shown
    return shown.decode()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done_here("init", cwd=tmp_path)
    done_here("project", "create", "word " * 30, cwd=tmp_path)
    done_here("project", "create", "[b]x[/b]", cwd=tmp_path)
    return tmp_path


def test_lists_are_tables_on_a_terminal_and_lines_when_piped(store: Path) -> None:
    shown = on_a_terminal(["project", "ls"], store, columns=100)
    assert "┃" in shown
    assert shown.count("word") == 30
    assert "[b]x[/b]" in shown.replace("\r\n", "").replace("│", "") or "bold" in shown
    piped = done("project", "ls", cwd=store)
    assert "┃" not in piped
    assert len(piped.splitlines()) == 2


def test_json_is_json_on_a_terminal_too(store: Path) -> None:
    import json

    shown = on_a_terminal(["project", "ls", "--json"], store)
    assert json.loads(shown)["count"] == 2


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def count_to(stream: StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """What progress over some items writes to standard error."""
    monkeypatch.setattr(sys, "stderr", stream)
    with item_progress("images") as told:
        work: Callable[[int], None] = told or (lambda _: None)
        for done_so_far in range(1, 4):
            work(done_so_far)
    return stream.getvalue()


def test_progress_is_for_terminals_and_for_what_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert count_to(StringIO(), monkeypatch) == ""
    assert count_to(Terminal(), monkeypatch) == ""
    monkeypatch.setattr(progress, "DELAY_SECONDS", -1.0)
    monkeypatch.setattr(progress, "STEP_SECONDS", 0.0)
    shown = count_to(Terminal(), monkeypatch)
    assert "3 images" in shown
    assert shown.endswith("\r\x1b[K")
