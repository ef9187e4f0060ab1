"""A disk that is full or fails at any write: said in a line, and the operation never happened.

Our own writes fail at the seam (see `disk`); those of SQLite by a limit on the size of files, which
it takes for a full disk.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
from pathlib import Path

import pytest

from localcvat import disk
from localcvat.errors import LocalCvatError
from operations import OPERATIONS, opened, ready_place
from places import Expected, copied

MOMENTS = 4
MANY_MOMENTS = 60
CONTEXT = multiprocessing.get_context("fork")
QUIET = ("delete", "migration", "convert by two processes")
"""Their writes are those of SQLite, or are as those of another."""
WRITING = [name for name in OPERATIONS if name not in QUIET]
LIMITS = [1 << 12, 1 << 15, 60_000, 150_000, 220_000, 260_000]


class Failing:
    """Raises at the write of that number and all that follow."""

    def __init__(self, moment: int, code: int) -> None:
        self.left, self.code, self.failed = moment, code, False

    def __call__(self, what: str, size: int) -> None:
        self.left -= 1
        if self.left < 0:
            self.failed = True
            raise OSError(self.code, os.strerror(self.code))


def outcome(name: str, place: Path) -> str:
    """Why it failed, "" if it did not."""
    try:
        OPERATIONS[name].run(place)
    except LocalCvatError as error:
        return str(error)
    return ""


def fail_often(name: str, tmp_path: Path, code: int, count: int) -> None:
    operation = OPERATIONS[name]
    source = ready_place(tmp_path / "ready", operation)
    seen: list[str] = []
    whole = copied(source, tmp_path / "whole")
    with disk.watched(lambda what, size: seen.append(what)):
        operation.run(whole)
    expected = Expected(operation, whole)
    chosen = random.Random(name).sample(range(len(seen)), min(count, len(seen)))
    for moment in sorted({*chosen, *range(len(seen))[-1:]}):
        place = copied(source, tmp_path / f"place-{moment}")
        failing = Failing(moment, code)
        with disk.watched(failing):
            said = outcome(name, place)
        assert os.strerror(code) in said or (not said and operation.happened(place))
        assert failing.failed
        expected.check(place)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", WRITING)
def test_a_failing_write_undoes_all(name: str, code: int, tmp_path: Path) -> None:
    fail_often(name, tmp_path, code, MOMENTS)


@pytest.mark.full
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", WRITING)
def test_any_failing_write_undoes_all(name: str, code: int, tmp_path: Path) -> None:
    fail_often(name, tmp_path, code, MANY_MOMENTS)


def limited(name: str, place: Path, limit: int) -> None:
    """Do it with files that can't grow beyond `limit` bytes; end with 3 if that is said."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        OPERATIONS[name].run(place)
    except LocalCvatError as error:
        os._exit(3 if "\n" not in str(error) else 4)
    os._exit(0)


@pytest.mark.parametrize(
    "name", ["restore", "import of annotations", "delete", "gc", "migration", "snapshot", "repair"]
)
def test_a_disk_that_is_full_for_sqlite_undoes_all(name: str, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    source = ready_place(tmp_path / "ready", operation)
    whole = copied(source, tmp_path / "whole")
    operation.run(whole)
    expected = Expected(operation, whole)
    codes = []
    for limit in LIMITS:
        place = copied(source, tmp_path / f"place-{limit}")
        process = CONTEXT.Process(target=limited, args=(name, place, limit))
        process.start()
        process.join()
        codes.append(process.exitcode)
        assert process.exitcode == 3 or (process.exitcode == 0 and operation.happened(place))
        expected.check(place)
    assert 3 in codes


def test_a_migration_on_a_full_disk_leaves_the_old_store_as_it_was(tmp_path: Path) -> None:
    place = ready_place(tmp_path / "place", OPERATIONS["migration"])
    database = place / "store" / "localcvat.db"
    rows = list(sqlite3.connect(database).iterdump())
    process = CONTEXT.Process(target=limited, args=("migration", place, 100_000))
    process.start()
    process.join()
    assert process.exitcode == 3
    assert sqlite3.connect(database).execute("PRAGMA user_version").fetchone() == (1,)
    assert list(sqlite3.connect(database).iterdump()) == rows
    opened(place).close()
