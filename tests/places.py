"""Places with a store after something went wrong in them: are they as before, or as after it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from localcvat.archive import open_sink
from localcvat.store.check import check_store
from operations import Operation, counts, opened

TOKEN = re.compile(r"[0-9a-f]{16}")


def copied(source: Path, place: Path) -> Path:
    """A copy of a place; media, which never change, are shared."""

    def copy(file: str, target: str) -> None:
        if "/store/media/" in file:
            os.link(file, target)
        else:
            shutil.copy(file, target)

    shutil.copytree(source, place, copy_function=copy)
    return place


def files(place: Path, exact: bool) -> dict[str, str]:
    """What a finished operation leaves: all files but SQLite's logs, copies and the lock."""
    found = {}
    for path in place.rglob("*"):
        name = path.relative_to(place).as_posix()
        if path.is_file() and not name.endswith(("-wal", "-shm", "tmp/lock", ".bak")):
            content = path.read_bytes() if exact and name.startswith("out") else b""
            found[TOKEN.sub("TOKEN", name)] = hashlib.sha256(content).hexdigest()
    return found


class Expected:
    """What a place holds once an operation is done, learned from one in which it is."""

    def __init__(self, operation: Operation, done: Path) -> None:
        self.operation = operation
        self.left = self._left(done)

    def _left(self, place: Path) -> tuple[dict[str, str], dict[str, int]]:
        return files(place, self.operation.exact), counts(place)

    def check(self, place: Path) -> None:
        """The operation happened whole or not at all, can be done, and leaves what it should."""
        happened = self.operation.happened(place)
        if happened or not self.operation.mends:
            with opened(place) as store:
                assert [p for p in check_store(store, deep=True) if p.severity == "error"] == []
        if not happened:
            assert not list(place.glob("out*"))
        if not happened or self.operation.repeatable:
            self.operation.run(place)
            assert self.operation.happened(place)
        assert os.listdir(place / "store" / "tmp") in ([], ["lock"])
        with open_sink(place / "next.zip") as sink:
            sink.write("a", b"")
        (place / "next.zip").unlink()
        assert self._left(place) == self.left
