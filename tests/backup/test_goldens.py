"""Backups written field by field from the specification go in and come out equal."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from backup_values import backup_value
from corpus import FIXTURES, zip_entries
from localcvat.backup.restore import restore_project, restore_task
from localcvat.backup.write import write_project_backup, write_task_backup
from localcvat.store.engine import Store, raw

GOLDENS = sorted((FIXTURES / "backups").glob("*.zip"))


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        yield made


def again(store: Store, path: Path, target: Path) -> Path:
    if "project" in path.name:
        write_project_backup(store, restore_project(store, path), target)
    else:
        write_task_backup(store, restore_task(store, path), target)
    return target


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_golden_goes_in_and_comes_out_equal(store: Store, path: Path, tmp_path: Path) -> None:
    made = backup_value(again(store, path, tmp_path / "again.zip"))
    golden = backup_value(path)
    assert sorted(made) == sorted(golden)
    for name, value in golden.items():
        assert made[name] == value, name


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_written_backup_restores_to_the_same_bytes(
    store: Store, path: Path, tmp_path: Path
) -> None:
    first = again(store, path, tmp_path / "first.zip")
    second = again(store, first.rename(tmp_path / f"first_{path.name}"), tmp_path / "second.zip")
    assert second.read_bytes() == (tmp_path / f"first_{path.name}").read_bytes()


def test_the_goldens_are_what_their_script_writes(tmp_path: Path) -> None:
    script = Path(__file__).parent / "make_goldens.py"
    specification = importlib.util.spec_from_file_location("make_goldens", script)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.main(tmp_path)
    assert [path.name for path in GOLDENS] == sorted(path.name for path in tmp_path.glob("*.zip"))
    for path in GOLDENS:
        assert zip_entries(tmp_path / path.name) == zip_entries(path)


def test_frames_of_a_validation_pool_repeat_among_jobs(store: Store) -> None:
    restore_task(store, FIXTURES / "backups" / "pool_task.zip")
    with store.read() as session:
        paths = raw(session).execute("SELECT path FROM frame ORDER BY number").fetchall()
        gt = (
            raw(session)
            .execute("SELECT frames FROM segment WHERE type = 'specific_frames'")
            .fetchall()
        )
    expected = "a.png p1.png b.png p0.png c.png d.png p0.png p1.png".split()
    assert [row[0] for row in paths] == expected
    assert gt == [("[6,7]",)]


def test_ground_truth_frames_are_kept_relative_to_the_task(store: Store) -> None:
    restore_task(store, FIXTURES / "backups" / "ground_truth_task.zip")
    with store.read() as session:
        gt = (
            raw(session)
            .execute("SELECT frames FROM segment WHERE type = 'specific_frames'")
            .fetchall()
        )
    assert gt == [("[0,2]",)]
