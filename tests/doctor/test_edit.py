"""A backup split into parts that restore, and a label renamed or merged in one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from commands import run
from corpus import CVAT_MADE, zip_entries
from localcvat.backup.check import check_backup
from localcvat.backup.edit import rename_label, split_backup
from localcvat.errors import BackupError
from probes import SPEC, Backup

RICH = CVAT_MADE / "rich" / "project_2_backup.zip"


def test_the_parts_of_a_backup_restore_and_hold_every_task_once(tmp_path: Path) -> None:
    limit = 150_000
    paths = split_backup(RICH, tmp_path / "parts", limit)
    assert len(paths) == 2
    whole = zip_entries(RICH)
    seen: dict[str, bytes] = {}
    for path in paths:
        assert path.stat().st_size <= limit
        assert check_backup(path) == []
        part = zip_entries(path)
        for name in ("project.json", "annotation_guide.md", "assets/example.jpg"):
            assert part[name] == whole[name]
        assert not [name for name in part if name.startswith("task_") and name in seen]
        seen |= part
    assert seen == whole


def test_a_task_that_is_too_large_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    finished = run("backup", "split", RICH, tmp_path / "parts", "--max-bytes", "100k")
    assert finished.returncode == 1
    assert "task_1" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_label_gets_another_name_everywhere(tmp_path: Path) -> None:
    finished = run("backup", "rename-label", RICH, tmp_path / "out.zip", "car=vehicle")
    assert finished.returncode == 0, finished.stderr
    assert check_backup(tmp_path / "out.zip") == []
    before, after = zip_entries(RICH), zip_entries(tmp_path / "out.zip")
    for name in before:
        if name.endswith((".json", ".md")) and "/data/" not in name:
            expected = before[name].decode().replace('"car"', '"vehicle"')
            if name.endswith(".json"):
                assert json.loads(after[name]) == json.loads(expected)
        else:
            assert after[name] == before[name]


def test_two_labels_with_equal_attributes_are_merged(tmp_path: Path) -> None:
    backup = Backup()
    (tmp_path / "in.zip").write_bytes(backup.write())
    rename_label(tmp_path / "in.zip", tmp_path / "out.zip", "cat", "dog")
    after = zip_entries(tmp_path / "out.zip")
    assert [label["name"] for label in json.loads(after["project.json"])["labels"]] == ["dog"]
    shapes = json.loads(after["task_0/annotations.json"])[0]["shapes"]
    assert {shape["label"] for shape in shapes} == {"dog"}
    assert len(shapes) == 4
    assert check_backup(tmp_path / "out.zip") == []


def test_labels_with_other_attributes_are_not_merged(tmp_path: Path) -> None:
    backup = Backup()
    backup.label["attributes"] = [dict(SPEC)]
    (tmp_path / "in.zip").write_bytes(backup.write())
    with pytest.raises(BackupError, match="attributes differ"):
        rename_label(tmp_path / "in.zip", tmp_path / "out.zip", "cat", "dog")
    with pytest.raises(BackupError, match="no label 'cow'"):
        rename_label(tmp_path / "in.zip", tmp_path / "out.zip", "cow", "dog")
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]
    assert zipfile.is_zipfile(tmp_path / "in.zip")
