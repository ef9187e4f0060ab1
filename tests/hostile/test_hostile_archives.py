"""No archive or folder made to do harm gets in: each is refused with its reason, nothing written.

One corpus, made here, through every door of the command line.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doors import BACKUP_DOORS, DATASET_DOORS, DOORS, command, enter, snapshot
from hostile_archives import ARCHIVES, FOLDERS, backup, dataset, write_hostile

# Doors that do not read the entry which is wrong have no reason to complain about it.
LATE = (
    "the two headers disagree",
    "packed entry is longer than it says",
    "packed entry is shorter than it says",
    "a flipped byte",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "store"
    assert command("--store", path, "init").code == 0
    assert command("--store", path, "project", "create", "p", "--labels", '["cat"]').code == 0
    return path


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", [*ARCHIVES, *FOLDERS])
def test_it_is_refused_with_its_reason_and_nothing_is_written(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    source_folder, work = tmp_path / "source", tmp_path / "work"
    source_folder.mkdir()
    work.mkdir()
    entries = dataset() if door in DATASET_DOORS else backup()
    source, reason = write_hostile(name, entries, source_folder)
    before = snapshot(source_folder), snapshot(store), _projects(store)
    outcome = enter(door, source, work, store)
    said = outcome.out + outcome.error
    # Telling the format takes the head of a file only.
    assert outcome.code == 1 or (door == "detect" and name in LATE), said
    assert "Traceback" not in said
    assert "unexpected" not in said
    if name not in LATE:
        assert reason in said
    assert (snapshot(source_folder), snapshot(store), _projects(store)) == before
    assert list(work.iterdir()) == []
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("door", ["convert", *BACKUP_DOORS[:1], *BACKUP_DOORS[2:4]])
@pytest.mark.parametrize("name", LATE)
def test_damage_inside_an_entry_names_the_entry(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    entries = dataset() if door == "convert" else backup()
    source, reason = write_hostile(name, entries, tmp_path)
    outcome = enter(door, source, tmp_path, store)
    said = outcome.out + outcome.error
    assert reason in said
    assert next(iter(entries)) in said


def _projects(store: Path) -> str:
    return command("--store", store, "project", "ls", "--json").out


@pytest.mark.parametrize("path", ["/dev/zero", "fifo"])
def test_a_device_or_fifo_given_as_the_source_does_not_hang(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    source = Path(path) if path.startswith("/") else tmp_path / path
    for door in ("convert", "detect", "backup check", "backup repair", "backup inspect"):
        outcome = enter(door, source, tmp_path, tmp_path)
        assert outcome.code == 1
        assert "neither a file nor a folder" in outcome.out + outcome.error


TRUSTING = (
    "convert",
    "detect",
    "project import-dataset",
    "project create-from-backup",
    "backup check",
    "backup repair",
    "backup inspect",
)


@pytest.mark.parametrize("door", TRUSTING)
def test_raising_the_ratio_lets_a_trusted_archive_in(
    tmp_path: Path, store: Path, door: str
) -> None:
    entries = dataset() if door in DATASET_DOORS else backup()
    source, _ = write_hostile("1000 to 1", entries, tmp_path)
    assert enter(door, source, tmp_path, store, "--max-ratio", 2000).code == 0
