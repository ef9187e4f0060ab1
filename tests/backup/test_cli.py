"""The backup commands as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

from backup_values import backup_value
from commands import done, run
from corpus import CVAT_MADE

PROJECT = CVAT_MADE / "plain" / "project_1_backup.zip"
TASK = CVAT_MADE / "plain" / "task_1_backup.zip"


def test_a_project_goes_in_and_comes_out_equal(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    assert done("project", "create-from-backup", PROJECT, cwd=tmp_path) == "1\n"
    # A backup is a zip whatever its name.
    written = json.loads(done("project", "backup", 1, "saved.cvat", "--json", cwd=tmp_path))
    assert {"kind": "rectangle", "count": 4}.items() <= written["report"]["kept"][1].items()
    assert backup_value(tmp_path / "saved.cvat") == backup_value(PROJECT)
    refused = run("project", "backup", 1, "saved.cvat", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr


def test_a_task_goes_into_a_project_or_is_refused_with_the_reason(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--labels", '["cat"]', cwd=tmp_path)
    refused = run("task", "create-from-backup", PROJECT, cwd=tmp_path)
    assert refused.returncode == 1
    assert "localcvat project create-from-backup" in refused.stderr
    refused = run("task", "create-from-backup", TASK, "--project_id", 1, cwd=tmp_path)
    assert refused.returncode == 1
    assert "'dog' is missing" in refused.stderr
    assert done("task", "create-from-backup", TASK, cwd=tmp_path) == "1\n"
    done("task", "backup", 1, "out.zip", "--lightweight", cwd=tmp_path)
    assert "data/img0.jpg" not in backup_value(tmp_path / "out.zip")


def test_inspect_tells_what_is_inside_without_a_store(tmp_path: Path) -> None:
    path = CVAT_MADE / "rich" / "project_2_backup.zip"
    found = json.loads(done("backup", "inspect", path, "--json", cwd=tmp_path))
    assert (found["kind"], found["name"], found["frames"], found["guide"]) == (
        "project",
        "rich",
        32,
        True,
    )
    assert "pose.head" in found["labels"]
    assert [task["jobs"] for task in found["tasks"]] == [
        {"annotation": 4},
        {"annotation": 3},
        {"annotation": 3},
    ]
    assert found["tasks"][2]["media_bytes"] == 7615
    assert found["annotations"]["skeleton"] == 2
