"""Restoring what a real CVAT wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus import CVAT_MADE
from localcvat.backup.inspect import inspect_backup
from localcvat.backup.restore import restore_project, restore_task
from localcvat.report import Report
from localcvat.store.engine import Store, raw

BACKUPS = sorted(CVAT_MADE.glob("*/*_backup.zip"))


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        yield made


@pytest.mark.parametrize("path", BACKUPS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_backup_of_a_real_cvat_restores(store: Store, path: Path) -> None:
    restore = restore_project if path.name.startswith("project") else restore_task
    report = Report()
    assert restore(store, path, report=report) == 1
    for kind, count in inspect_backup(path).annotations.items():
        assert report.count("kept", kind) == count
    with store.read() as session:
        frames = raw(session).execute("SELECT count(*), min(width) FROM frame").fetchone()
        sizes = raw(session).execute("SELECT sum(size) FROM data").fetchone()
    assert frames[0] == sizes[0]
    assert frames[1] > 0
