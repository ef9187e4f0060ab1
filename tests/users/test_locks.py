"""A locked store names who holds it; on a network file system it is kept as SQLite can there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from commands import done_here as done
from localcvat.errors import StoreBusyError
from localcvat.projects import create_project
from localcvat.store import surroundings
from localcvat.store.engine import DATABASE, Store

HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="locks are not told here")
def test_who_holds_the_lock_is_named(tmp_path: Path) -> None:
    Store.create(tmp_path / "store").close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "store" / DATABASE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with (
            Store.open(tmp_path / "store", busy_seconds=0.1) as store,
            pytest.raises(StoreBusyError, match=rf"locked by another process \(pid {holder.pid}\)"),
        ):
            create_project(store, "p")
    finally:
        holder.stdin.close()
        holder.wait()


MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 21 0:50 / {place}/far\\040away rw - nfs4 server:/export rw
31 30 8:2 / {place}/far\\040away/disk rw - xfs /dev/sdb rw
"""


def test_a_network_file_system_is_told_by_the_mount_that_is_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = os.path.realpath(tmp_path)
    (tmp_path / "mounts").write_text(MOUNTS.format(place=place))
    monkeypatch.setattr(surroundings, "MOUNTS", tmp_path / "mounts")
    kinds = [
        surroundings.network_file_system(tmp_path / name)
        for name in ("near", "far away/store", "far away/disk/store", "far away too")
    ]
    assert kinds == [None, "nfs4", None, None]


def test_a_store_on_a_network_file_system_has_no_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = os.path.realpath(tmp_path)
    (tmp_path / "mounts").write_text(MOUNTS.format(place=place))
    near = tmp_path / "store"
    Store.create(near).close()
    monkeypatch.setattr(surroundings, "MOUNTS", tmp_path / "mounts")
    far = tmp_path / "far away"
    done("--store", far / "new", "init")
    near.rename(far / "moved")
    for name in ("new", "moved"):
        done("--store", far / name, "project", "create", "p")
        found = sqlite3.connect(far / name / DATABASE)
        assert found.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        found.close()
        assert done("--store", far / name, "check") == ""
