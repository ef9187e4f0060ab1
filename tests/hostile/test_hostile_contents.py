"""Files made to exhaust or mislead a reader are refused by name, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from doors import command, enter, snapshot
from hostile_contents import BACKUPS, DATASETS, HARMLESS, archive

READING_DOORS = ("convert", "project import-dataset")
RESTORING_DOORS = ("project create-from-backup", "backup check", "backup repair")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "store"
    assert command("--store", path, "init").code == 0
    assert command("--store", path, "project", "create", "p", "--labels", '["cat"]').code == 0
    return path


@pytest.mark.parametrize("door", READING_DOORS)
@pytest.mark.parametrize("name", DATASETS)
def test_a_hostile_dataset_is_refused_by_name(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    files, reason = DATASETS[name]
    _refused(tmp_path, store, files, reason, door)


@pytest.mark.parametrize("door", RESTORING_DOORS)
@pytest.mark.parametrize("name", BACKUPS)
def test_a_hostile_backup_is_refused_by_name(
    tmp_path: Path, store: Path, name: str, door: str
) -> None:
    files, reason = BACKUPS[name]
    _refused(tmp_path, store, files, reason, door)


def _refused(tmp_path: Path, store: Path, files: dict[str, bytes], reason: str, door: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    source = tmp_path / "hostile.zip"
    source.write_bytes(archive(files))
    before = snapshot(store), command("--store", store, "task", "ls", "--json").out
    outcome = enter(door, source, work, store)
    said = outcome.out + outcome.error
    assert "Traceback" not in said
    assert "unexpected" not in said
    assert outcome.code == 1, said
    assert reason in said
    assert "root:" not in said
    assert (snapshot(store), command("--store", store, "task", "ls", "--json").out) == before
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("name", HARMLESS)
def test_what_points_outside_reads_nothing_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "hostile.zip").write_bytes(archive(HARMLESS[name]))
    outcome = enter("convert", tmp_path / "hostile.zip", tmp_path, tmp_path)
    assert "unexpected" not in outcome.error
    assert "root:" not in outcome.out + outcome.error
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"root:" not in path.read_bytes()
    assert not list(tmp_path.parent.glob("evil*"))
