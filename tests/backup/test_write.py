"""Backups written again equal what a real CVAT wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backup_values import backup_value, unordered
from corpus import CVAT_MADE, zip_entries
from localcvat.backup.restore import restore_project, restore_task
from localcvat.backup.write import write_project_backup, write_task_backup
from localcvat.store.engine import Store

BACKUPS = sorted(CVAT_MADE.glob("*/*_backup.zip"))


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        yield made


def again(store: Store, path: Path, target: Path) -> Path:
    """Restore a backup and write it again."""
    if path.name.startswith("project"):
        write_project_backup(store, restore_project(store, path), target)
    else:
        write_task_backup(store, restore_task(store, path), target)
    return target


@pytest.mark.parametrize("path", BACKUPS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_restored_backup_written_again_is_equal(store: Store, path: Path, tmp_path: Path) -> None:
    made = backup_value(again(store, path, tmp_path / "again.zip"))
    original = backup_value(path)
    assert made.keys() == original.keys()
    for name, value in original.items():
        assert made[name] == value, name


def test_the_same_store_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    path = CVAT_MADE / "rich" / "project_2_backup.zip"
    first = again(store, path, tmp_path / "a.zip").read_bytes()
    second = again(store, path, tmp_path / "b.zip").read_bytes()
    assert first == second


def test_annotations_keep_the_order_they_had(store: Store, tmp_path: Path) -> None:
    path = CVAT_MADE / "rich" / "task_2_backup.zip"
    made = zip_entries(again(store, path, tmp_path / "again.zip"))
    original = json.loads(zip_entries(path)["annotations.json"])
    for job, other in zip(json.loads(made["annotations.json"]), original, strict=True):
        shapes = [unordered(shape, inside=True) for shape in job["shapes"]]
        assert shapes == [unordered(shape, inside=True) for shape in other["shapes"]]
