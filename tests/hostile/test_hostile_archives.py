"""No archive or folder made to do harm gets in: each is refused with its reason, nothing written.

One corpus, made here, through every door of the command line.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from doors import BACKUP_DOORS, DOORS, REST_DOORS, command, enter, send, snapshot
from hostile_archives import ARCHIVES, FOLDERS, backup, dataset, image, write_hostile
from localcvat.store.engine import Store

# Doors that do not read the entry which is wrong have no reason to complain about it.
LATE = (
    "the two headers disagree",
    "packed entry is longer than it says",
    "packed entry is shorter than it says",
    "a flipped byte",
    "the two names disagree",
    "the other name is no UTF-8",
    "sizes that follow lie",
    "a link to a file outside",
)
# The head of a file tells its format, and images are taken without the annotations beside them.
INDIFFERENT = ("detect", "task create local")
CASES = [
    (name, door)
    for name in (*ARCHIVES, *FOLDERS)
    for door in DOORS
    if name not in LATE or door not in INDIFFERENT
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "store"
    assert command("--store", path, "init").code == 0
    assert command("--store", path, "project", "create", "p", "--labels", '["cat"]').code == 0
    (path / "a.png").write_bytes(image())
    create = ("task", "create", "t", "local", path / "a.png", "--project_id", "1")
    assert command("--store", path, *create).code == 0
    (path / "sums").write_text(f"{'0' * 64}  a.png\n")
    return path


@pytest.mark.parametrize(("name", "door"), CASES)
def test_it_is_refused_with_its_reason_and_nothing_is_written(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    source_folder, work = tmp_path / "source", tmp_path / "work"
    source_folder.mkdir()
    work.mkdir()
    source, reason = write_hostile(name, door in BACKUP_DOORS, source_folder)
    before = snapshot(source_folder), snapshot(store), _projects(store)
    outcome = enter(door, source, work, store)
    said = outcome.out + outcome.error
    assert outcome.code == 1, said
    assert "Traceback" not in said
    assert "unexpected" not in said
    if name not in LATE:
        assert reason in said
    assert (snapshot(source_folder), snapshot(store), _projects(store)) == before
    assert list(work.iterdir()) == []
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("door", ["convert", *BACKUP_DOORS[:1], *BACKUP_DOORS[2:4]])
@pytest.mark.parametrize("name", [name for name in LATE if name in ARCHIVES])
def test_damage_inside_an_entry_names_the_entry(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    entries = dataset() if door == "convert" else backup()
    source, reason = write_hostile(name, door != "convert", tmp_path)
    outcome = enter(door, source, tmp_path, store)
    said = outcome.out + outcome.error
    assert reason in said
    assert next(iter(entries)) in said


@pytest.mark.parametrize("door", REST_DOORS)
@pytest.mark.parametrize("name", ARCHIVES)
def test_an_upload_is_refused_with_its_reason(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    source, reason = write_hostile(name, "backup" in door, tmp_path)
    before = snapshot(store), _projects(store)
    with Store.open(store) as opened:
        outcome = send(door, source, opened)
    assert outcome.code == 1
    assert "unexpected" not in outcome.error
    if name not in LATE:
        assert reason in outcome.error
    assert (snapshot(store), _projects(store)) == before


def _projects(store: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(store / "localcvat.db")) as connection:
        there = "WHERE deleted_date IS NULL"
        return connection.execute(
            f"SELECT name, 1 FROM project {there} UNION ALL SELECT name, id FROM task {there}"
        ).fetchall()


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
    source, _ = write_hostile("1000 to 1", door in BACKUP_DOORS, tmp_path)
    assert enter(door, source, tmp_path, store, "--max-ratio", 2000).code == 0
