"""The last import into a task is undone, and done again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY, FIXTURES
from commands import done_here as done
from commands import run_here as run
from localcvat import Client

EVERYTHING = FIXTURES / "backups" / "everything_project.zip"


def values(store: Path, number: int) -> list[str]:
    """The annotations of a task as texts, without ids."""
    import msgspec

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key != "id"}
        return [plain(each) for each in value] if isinstance(value, list) else value

    with Client(store) as client:
        found = client.tasks.retrieve(number).get_annotations()
    built = msgspec.to_builtins(found, enc_hook=list)
    return sorted(
        json.dumps([kind, plain(each)], sort_keys=True)
        for kind in ("tags", "shapes", "tracks")
        for each in built[kind]
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done("init", cwd=tmp_path)
    done("project", "create-from-backup", EVERYTHING, cwd=tmp_path)
    return tmp_path


@pytest.mark.parametrize("mode", ["replace", "append", "merge"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_import_is_undone_and_done_again(store: Path, number: int, mode: str) -> None:
    out = store / "out"
    done("task", "export-dataset", number, out, "--format", "datumaro", cwd=store)
    before = values(store, number)
    order = ("task", "import-dataset", number, out, "--mode", mode, "--lenient", "--iou", 0.99)
    done(*order, cwd=store)
    done("task", "copy", number, cwd=store)  # takes the ids that were free
    after = values(store, number)
    said = done("task", "undo", number, cwd=store)
    assert values(store, number) == before
    assert said.endswith(" now\n")
    assert done("check", cwd=store) == ""
    done("task", "undo", number, cwd=store)
    assert values(store, number) == after
    assert done("check", cwd=store) == ""


def test_an_import_that_failed_leaves_what_was_kept(store: Path) -> None:
    assert run("task", "undo", 1, cwd=store).returncode == 1
    out = store / "out"
    done("task", "export-dataset", 1, out, "--format", "cvat-images", cwd=store)
    before = values(store, 1)
    done("task", "import-dataset", 1, out, "--mode", "append", cwd=store)
    assert run("task", "import-dataset", 1, COCO_TINY, cwd=store).returncode == 1
    done("task", "import-dataset", 1, out, "--dry-run", cwd=store)
    assert [path.name for path in (store / ".localcvat" / "trash").iterdir()] == ["import-1.db"]
    done("task", "undo", 1, cwd=store)
    assert values(store, 1) == before


def test_what_no_longer_fits_is_refused_and_gc_removes_what_is_kept(store: Path) -> None:
    out = store / "out"
    done("task", "export-dataset", 2, out, "--format", "cvat-images", cwd=store)
    done("task", "import-dataset", 2, out, cwd=store)
    with Client(store) as client:
        used = {track.label for track in client.tasks.retrieve(2).get_annotations().tracks}
    labels = json.loads(done("label", "ls", "--json", cwd=store))["results"]
    done("label", "delete", *(each["id"] for each in labels if each["name"] in used), cwd=store)
    refused = run("task", "undo", 2, cwd=store)
    assert refused.returncode == 1
    assert "labels have changed" in refused.stderr
    done("gc", cwd=store)
    assert list((store / ".localcvat" / "trash").iterdir()) == []
    assert "no import into task #2 is kept" in run("task", "undo", 2, cwd=store).stderr
