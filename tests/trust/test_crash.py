"""Killed at any moment: the store opens, its check passes, an operation happened whole or not.

Each operation runs in a process of its own. Half of the kills come after some part of the time that
it takes, more of them towards its end; half come just before a chosen write, rename or statement of
SQL. The default is a few kills, `make test-full` makes 200 of each.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from events import observed
from localcvat.archive.partials import sweep_partials
from operations import OPERATIONS, Operation, ready_place
from places import Expected, copied

KILLS = 4
MANY_KILLS = 200
ONLY_OFTEN = (
    "convert by two processes",
    "import without media",
    "export to the store",
    "snapshot",
)
"""Not among the few kills: others do the same and more, or they are slow to prepare."""
LATE = 0.85
"""The part of an operation after which it is about to end."""
LONG = 120
"""Seconds in which also a slow and busy machine ends a process."""
CONTEXT = multiprocessing.get_context("fork")


def started(operation: Operation, place: Path, kill_before: int | None = None) -> BaseProcess:
    """A process that does it, and kills itself before the event of that number."""
    number = itertools.count()

    def die(event: str) -> None:
        if next(number) == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        if kill_before is None:
            operation.run(place)
        else:
            with observed(die):
                operation.run(place)

    process = CONTEXT.Process(target=run)
    process.start()
    return process


class Run:
    """An operation in its place: how long it takes, its events and what it leaves."""

    def __init__(self, name: str, folder: Path) -> None:
        self.operation = OPERATIONS[name]
        self.source = ready_place(folder / "ready", self.operation)
        events: list[str] = []
        whole = copied(self.source, folder / "whole")
        with observed(events.append):  # also loads the modules that it needs
            self.operation.run(whole)
        self.events = len(events)
        self.seconds = self._seconds(folder)
        self.expected = Expected(self.operation, whole)
        shutil.rmtree(whole)

    def _seconds(self, folder: Path) -> float:
        place = copied(self.source, folder / "timed")
        began = time.monotonic()
        process = started(self.operation, place)
        process.join()
        spent = time.monotonic() - began
        assert process.exitcode == 0
        shutil.rmtree(place)
        return spent

    def kill(self, place: Path, moment: float | int) -> bool:
        """Kill it after some seconds, or before an event; True if it was not faster."""
        copied(self.source, place)
        if isinstance(moment, int):
            process = started(self.operation, place, moment)
        else:
            process = started(self.operation, place)
            time.sleep(moment)
            process.kill()
        process.join()
        self.expected.check(place)
        shutil.rmtree(place)
        return process.exitcode == -signal.SIGKILL


def moments(run: Run, kills: int, chance: random.Random) -> Iterator[float | int]:
    """When to kill: before events, the last ones among them, then after parts of its duration."""
    by_event = min(kills // 2, run.events)
    last = list(range(run.events - min(by_event, max(1, kills // 20)), run.events))
    rest = range(run.events - len(last))
    yield from last + sorted(chance.sample(rest, by_event - len(last)))
    for number in range(kills - by_event):
        yield run.seconds * chance.uniform(LATE if number % 2 else 0, 1)


def kill_often(name: str, tmp_path: Path, kills: int) -> None:
    """Kill it so many times; a kill that came after its end is made up for by an earlier event.

    So it depends on no clock: the first event is always there to be killed before.
    """
    run = Run(name, tmp_path)
    chance = random.Random(name)
    numbers = itertools.count()
    for moment in moments(run, kills, chance):
        while not run.kill(tmp_path / f"place-{next(numbers)}", moment):
            moment = chance.randrange(moment if isinstance(moment, int) else run.events)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ONLY_OFTEN])
def test_a_killed_operation_happened_or_not(name: str, tmp_path: Path) -> None:
    kill_often(name, tmp_path, KILLS)


@pytest.mark.full
@pytest.mark.parametrize("name", OPERATIONS)
def test_two_hundred_killed_operations_happened_or_not(name: str, tmp_path: Path) -> None:
    kill_often(name, tmp_path, MANY_KILLS)


def inside(place: Path) -> list[str]:
    """The processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(place)):
                found.append(process.name)
        except OSError:
            continue
    return found


def test_the_process_that_writes_files_ends_with_the_one_it_writes_for(tmp_path: Path) -> None:
    operation = OPERATIONS["convert by two processes"]
    source = ready_place(tmp_path / "ready", operation)
    seen = 0
    for number in range(20):
        place = copied(source, tmp_path / f"place-{number}")
        process = started(operation, place)
        while process.is_alive() and not (found := inside(place)):
            time.sleep(0.001)
        seen += len(found)
        time.sleep(0.02 * number)
        process.kill()
        process.join()
        until = time.monotonic() + LONG
        while inside(place) and time.monotonic() < until:
            time.sleep(0.01)
        before = sorted(place.rglob("*"))
        time.sleep(0.1)
        assert (inside(place), sorted(place.rglob("*"))) == ([], before)
        sweep_partials(place)
        assert list(place.glob(".*")) == []
        if number >= 2 and seen:
            break
    assert seen
