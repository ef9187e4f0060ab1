"""Backups as their users handle them: told apart, imported, renamed, made of everything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import COCO_TINY, done_here, run_here
from corpus import CVAT_MADE, FIXTURES, zip_entries

PROJECT = CVAT_MADE / "rich" / "project_2_backup.zip"
TASK = CVAT_MADE / "plain" / "task_1_backup.zip"


@pytest.fixture
def store(tmp_path: Path) -> tuple[object, ...]:
    done_here("--store", tmp_path / "s", "init")
    return ("--store", tmp_path / "s")


@pytest.mark.parametrize("backup", [PROJECT, FIXTURES / "backups" / "everything_project.zip"])
def test_the_json_of_a_backup_comes_back_equal_in_all_its_orders(
    tmp_path: Path, store: tuple[object, ...], backup: Path
) -> None:
    done_here(*store, "import", backup)
    done_here(*store, "project", "backup", 1, tmp_path / "out.zip")
    there, back = zip_entries(backup), zip_entries(tmp_path / "out.zip")
    assert there.keys() == back.keys()
    documents = [name for name in there if name.endswith(".json")]
    assert [json.loads(there[name]) for name in documents] == [
        json.loads(back[name]) for name in documents
    ]


def test_info_says_what_a_file_is(tmp_path: Path) -> None:
    told = done_here("info", PROJECT)
    assert told.startswith("CVAT project backup 'rich', 3 tasks, 10 jobs, 32 frames, 14 labels,")
    assert done_here("info", TASK).startswith("CVAT task backup 'plain task', 1 task, 1 job, 4 ")
    assert json.loads(done_here("info", COCO_TINY, "--json")) == {
        "kind": "coco dataset",
        "name": "",
        "subsets": 2,
        "images": 9,
        "labels": 80,
        "objects": 90,
    }
    (tmp_path / "empty.zip").write_bytes(b"")
    assert run_here("info", tmp_path / "empty.zip").returncode == 1


def test_a_task_backup_goes_into_a_project_whose_labels_have_its_names(
    store: tuple[object, ...],
) -> None:
    done_here(*store, "project", "create", "Animals", "--labels", '["horse", "dog", "cat"]')
    done_here(*store, "import", TASK, "--into", 1)
    row = json.loads(done_here(*store, "task", "show", 1, "--json"))
    assert (row["project_id"], row["name"], row["size"]) == (1, "plain task", 4)
    done_here(*store, "project", "create", "Cars", "--labels", '["car", "dog"]')
    refused = run_here(*store, "import", TASK, "--into", 2)
    assert refused.returncode == 1
    assert "'cat' is missing" in refused.stderr
    assert "'dog' is missing" not in refused.stderr


def test_import_takes_each_kind_of_file_and_says_where_it_can_not_go(
    store: tuple[object, ...],
) -> None:
    assert done_here(*store, "import", PROJECT) == "1\n"
    assert run_here(*store, "import", PROJECT, "--into", 1).returncode == 2
    assert run_here(*store, "import", COCO_TINY).returncode == 2
    done_here(*store, "project", "create", "Photos")
    done_here(*store, "import", COCO_TINY, "--into", 2, "--media", "none")
    tasks = done_here(*store, "task", "ls", "--project_id", 2).splitlines()
    assert sorted(line.split("\t")[1] for line in tasks) == ["train2017", "val2017"]


def test_everything_is_backed_up_at_once_and_restores(
    tmp_path: Path, store: tuple[object, ...]
) -> None:
    done_here(*store, "import", PROJECT)
    done_here(*store, "import", TASK)
    folder = tmp_path / "out"
    told = done_here(*store, "backup", "--all", folder).splitlines()
    assert [Path(line).name for line in told] == ["project_1.zip", "task_4.zip"]
    assert run_here(*store, "backup", "all", folder).returncode == 1
    again = done_here(*store, "backup", "all", folder, "--overwrite").splitlines()
    assert again == told
    other = ("--store", tmp_path / "other")
    done_here(*other, "init")
    assert done_here(*other, "import", told[0]) == "1\n"
    assert zip_entries(folder / "task_4.zip").keys() == zip_entries(TASK).keys()


def test_a_backup_gets_another_name_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    done_here("backup", "rename", PROJECT, out, "Zweite Hälfte")
    assert done_here("backup", "validate", out) == "a restore would succeed, 0 warnings\n"
    there, here = zip_entries(PROJECT), zip_entries(out)
    named = json.loads(there.pop("project.json")) | {"name": "Zweite Hälfte"}
    assert json.loads(here.pop("project.json")) == named
    assert here == there
    assert run_here("backup", "rename", PROJECT, tmp_path / "no.zip", " ").returncode == 2


def test_a_size_may_have_decimals(tmp_path: Path) -> None:
    parts = done_here("backup", "split", PROJECT, tmp_path / "parts", "--max-bytes", "0.15M")
    assert len(parts.splitlines()) == 2
    bad = run_here("backup", "split", PROJECT, tmp_path / "no", "--max-bytes", "1.G")
    assert bad.returncode == 2
