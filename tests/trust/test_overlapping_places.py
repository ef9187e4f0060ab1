"""Source, target and store inside one another: refused where it would do harm, else no matter."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import orjson
import pytest

from commands import COCO_TINY, done_here, run_here


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its hash; SQLite's logs aside."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A dataset in a folder, and inside of it a store that holds it."""
    shutil.copytree(COCO_TINY, tmp_path / "set")
    store = tmp_path / "set" / "store"
    done_here("--store", store, "init")
    done_here("--store", store, "project", "create", "P")
    done_here("--store", store, "project", "import-dataset", "1", tmp_path / "set")
    return tmp_path


def test_a_store_inside_of_its_source_takes_nothing_of_itself(place: Path) -> None:
    store = place / "set" / "store"
    done_here("--store", store, "project", "create", "Again", "--dataset_path", place / "set")
    assert done_here("--store", store, "check", "--deep") == ""
    tasks = orjson.loads(done_here("--store", store, "task", "ls", "--json"))["results"]
    assert sorted(task["size"] for task in tasks) == [3, 3, 6, 6]


@pytest.mark.parametrize("target", ["set", "set/out", "set/images/out.zip"])
def test_a_target_inside_of_its_source_is_refused(place: Path, target: str) -> None:
    before = content(place)
    done = run_here("convert", place / "set", place / target, "--to", "yolo")
    assert done.returncode == 1
    assert "the target is inside the source" in done.stderr
    assert content(place) == before


def test_a_zip_is_not_written_over_itself(place: Path) -> None:
    done_here("convert", place / "set", place / "a.zip", "--to", "coco")
    done_here("--store", place / "set" / "store", "project", "backup", "1", place / "b.zip")
    (place / "link.zip").symlink_to(place / "a.zip")
    before = content(place)
    for command in (
        ("convert", place / "a.zip", place / "a.zip", "--to", "yolo", "--overwrite"),
        ("convert", place / "link.zip", place / "a.zip", "--to", "yolo", "--overwrite"),
        ("backup", "repair", place / "b.zip", place / "b.zip"),
        ("export-manifest", place / "a.zip", "-o", place / "a.zip", "--overwrite"),
    ):
        assert run_here(*command).returncode == 1, command
        assert content(place) == before, command


@pytest.mark.parametrize(
    "target", ["localcvat.db", "localcvat.db-wal", "media/x.zip", "tmp/x.zip", "trash/out"]
)
def test_no_output_takes_the_place_of_what_the_store_holds(place: Path, target: str) -> None:
    store = place / "set" / "store"
    before = content(store)
    for command in (
        ("--store", store, "project", "backup", "1", store / target, "--overwrite"),
        ("--store", store, "project", "export-dataset", "1", store / target, "--overwrite"),
        ("--store", store, "snapshot", store / target),
        ("convert", COCO_TINY, store / target, "--to", "yolo", "--overwrite"),
        ("export-manifest", COCO_TINY, "-o", store / target, "--overwrite"),
    ):
        done = run_here(*command)
        assert done.returncode == 1, command
        assert "Traceback" not in done.stderr
        assert "unexpected" not in done.stderr
    after = content(store)
    before.pop("localcvat.db"), after.pop("localcvat.db")  # failed requests are recorded
    assert after == before
    assert done_here("--store", store, "check", "--deep") == ""
