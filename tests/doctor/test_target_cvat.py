"""A backup is judged for CVAT 2.15, or for a newer one that has validation pools and clouds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backup_edits import GONE, PLAIN_TASK, edited, in_json
from commands import run_here
from corpus import CVAT_MADE, FIXTURES, zip_entries
from localcvat.backup.check import check_backup
from localcvat.backup.repair import repair_backup

BACKUPS = FIXTURES / "backups"
POOL, CLOUD = BACKUPS / "pool_task.zip", BACKUPS / "cloud_task.zip"
REPLICAS = BACKUPS / "consensus_task.zip"
Entries = dict[str, bytes]


def _errors(path: Path, target: str) -> list[str]:
    return [each.reason for each in check_backup(path, target=target) if each.is_error]


@pytest.mark.parametrize("path", [POOL, CLOUD], ids=lambda path: path.stem)
def test_what_only_newer_versions_have_is_an_error_for_2_15_alone(path: Path) -> None:
    assert _errors(path, "2.15") == [each.reason for each in check_backup(path) if each.is_error]
    assert _errors(path, "2.15")
    assert _errors(path, "newest") == _errors(path, "2.41.0") == []


def test_what_the_newer_ones_do_with_it_is_told(tmp_path: Path) -> None:
    told = [str(each) for each in check_backup(CLOUD, target="newest")]
    assert len(told) == 1
    assert "must be attached to the restored task" in told[0]
    assert check_backup(REPLICAS, target="newest") == []
    assert any("replicas" in each.reason for each in check_backup(REPLICAS))


@pytest.mark.parametrize("path", sorted(CVAT_MADE.rglob("*_backup.zip")), ids=lambda p: p.name)
def test_what_2_15_made_and_takes_the_newer_ones_take(path: Path) -> None:
    relative = {"The following frames are not included in the task"}
    assert {reason.partition(":")[0] for reason in _errors(path, "newest")} <= relative


CHANGES: dict[str, tuple[Path, Callable[[Entries], object], str]] = {
    "no storage": (PLAIN_TASK, in_json("task.json", "data", "storage", value=GONE), "'storage'"),
    "a share": (
        PLAIN_TASK,
        in_json("task.json", "data", "storage", value="share"),
        "Unexpected storage type in the backup files",
    ),
    "media beside a cloud's manifest": (
        CLOUD,
        lambda entries: entries.update({"data/a.png": b"x"}),
        "Expected manifest.jsonl in backup files",
    ),
    "a pool without segments": (
        POOL,
        in_json("task.json", "data", "custom_segments", value=False),
        "Expected segment info in the backup files",
    ),
    "a pool without a count": (
        POOL,
        in_json("task.json", "data", "validation_layout", "frames_per_job_count", value=GONE),
        "KeyError: 'frames_per_job_count'",
    ),
    "a pool of other frames": (
        POOL,
        in_json("task.json", "data", "validation_layout", "frames", value=["p0.png"]),
        "GT job frames do not match validation frames",
    ),
    "a pool without ground truth": (
        POOL,
        in_json("task.json", "jobs", 2, "type", value="annotation"),
        "Can't find any GT jobs info in the backup files",
    ),
    "a frame of no pool in two jobs": (
        POOL,
        in_json("task.json", "jobs", 1, "files", value=["p0.png", "a.png", "d.png"]),
        "cannot be used multiple times in the job file mapping",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_newer_versions_refuse_is_named(case: str, tmp_path: Path) -> None:
    source, change, reason = CHANGES[case]
    path = edited(source, tmp_path / "bad.zip", change)
    assert any(reason in each for each in _errors(path, "newest"))


def test_missing_replicas_shift_annotations(tmp_path: Path) -> None:
    change = in_json("task.json", "consensus_replicas", value=3)
    path = edited(REPLICAS, tmp_path / "bad.zip", change)
    assert any("annotations shift" in str(each) for each in check_backup(path, target="newest"))


@pytest.mark.parametrize("path", [POOL, CLOUD, REPLICAS], ids=lambda path: path.stem)
def test_repair_for_a_newer_version_leaves_its_own_as_they_are(path: Path, tmp_path: Path) -> None:
    def change(entries: Entries) -> Any:
        return {f"top/{name}": data for name, data in entries.items()}

    bad = edited(path, tmp_path / "bad.zip", change)
    repair_backup(bad, tmp_path / "good.zip", target_cvat="2.41")
    assert zip_entries(tmp_path / "good.zip") == zip_entries(path)
    assert _errors(tmp_path / "good.zip", "newest") == []


def test_the_version_is_an_option_of_the_commands(tmp_path: Path) -> None:
    assert run_here("backup", "check", str(POOL)).returncode == 1
    assert run_here("backup", "check", str(POOL), "--target-cvat", "newest").returncode == 0
    wrong = run_here("backup", "check", str(POOL), "--target-cvat", "old")
    assert wrong.returncode == 2
    assert "no version of CVAT" in wrong.stderr
    out = str(tmp_path / "out.zip")
    assert run_here("backup", "repair", str(POOL), out, "--target-cvat", "2.41").returncode == 0
