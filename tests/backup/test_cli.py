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
    written = json.loads(done("project", "backup", 1, "out.zip", "--json", cwd=tmp_path))
    assert {"kind": "rectangle", "count": 4}.items() <= written["report"]["kept"][1].items()
    assert backup_value(tmp_path / "out.zip") == backup_value(PROJECT)
    refused = run("project", "backup", 1, "out.zip", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
    done("project", "backup", 1, "out.zip", "--overwrite", cwd=tmp_path)


def test_a_backup_is_a_zip_whatever_its_name(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    done("task", "create-from-backup", TASK, cwd=tmp_path)
    done("task", "backup", 1, "saved.cvat", cwd=tmp_path)
    assert backup_value(tmp_path / "saved.cvat") == backup_value(TASK)


def test_the_wrong_kind_names_the_command_to_use(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    refused = run("task", "create-from-backup", PROJECT, cwd=tmp_path)
    assert refused.returncode == 1
    assert "localcvat project create-from-backup" in refused.stderr
    refused = run("project", "create-from-backup", TASK, cwd=tmp_path)
    assert "localcvat task create-from-backup" in refused.stderr


def test_a_task_goes_into_a_project_by_the_names_of_its_labels(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--labels", '["cat"]', cwd=tmp_path)
    arguments = ("task", "create-from-backup", TASK, "--project_id", 1)
    refused = run(*arguments, cwd=tmp_path)
    assert refused.returncode == 1
    assert "'dog' is missing" in refused.stderr
    assert json.loads(done("task", "ls", "--json", cwd=tmp_path))["count"] == 0
    done("project", "create", "q", "--labels", '["bird", "dog", "cat"]', cwd=tmp_path)
    done(*arguments[:-1], 2, cwd=tmp_path)
    done("project", "backup", 2, "out.zip", cwd=tmp_path)
    made = backup_value(tmp_path / "out.zip")
    assert made["task_0/annotations.json"] == backup_value(TASK)["annotations.json"]
    assert [label["name"] for label in made["project.json"]["labels"]] == ["bird", "dog", "cat"]


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
    assert "project backup: rich" in done("backup", "inspect", path, cwd=tmp_path)
