"""What an import does to annotations that are there: replaced, added to, merged; tried first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY
from commands import done_here as done
from localcvat import Client

PHOTOS = COCO_TINY / "images" / "val2017"
NAME = "000000475546.jpg"


def coco(path: Path, boxes: list[tuple[str, list[float]]]) -> Path:
    """A COCO file of boxes on one photo."""
    labels = sorted({label for label, _ in boxes})
    data = {
        "images": [{"id": 1, "file_name": NAME, "width": 500, "height": 375}],
        "categories": [{"id": n, "name": label} for n, label in enumerate(labels, 1)],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": labels.index(label) + 1, "bbox": bbox}
            for n, (label, bbox) in enumerate(boxes, 1)
        ],
    }
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A store with task 1, which has two boxes of cup."""
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--labels", '["cup", "sink"]', cwd=tmp_path)
    done("task", "create", "t", "local", PHOTOS, "--project_id", 1, cwd=tmp_path)
    boxes = [("cup", [10.0, 10.0, 50.0, 50.0]), ("cup", [200.0, 100.0, 40.0, 40.0])]
    done("task", "import-dataset", 1, coco(tmp_path / "first.json", boxes), cwd=tmp_path)
    return tmp_path


SECOND: list[tuple[str, list[float]]] = [
    ("cup", [12.0, 10.0, 50.0, 50.0]),  # the first again, two pixels off
    ("sink", [200.0, 100.0, 40.0, 40.0]),  # another label at the place of the second
    ("cup", [300.0, 200.0, 40.0, 40.0]),
]


def there(store: Path) -> list[tuple[str, list[float]]]:
    with Client(store) as client:
        shapes = client.tasks.retrieve(1).get_annotations().shapes
        return sorted((shape.label, list(shape.points)) for shape in shapes)


def imported(store: Path, *options: object) -> dict[str, Any]:
    path = coco(store / "second.json", SECOND)
    said = done("task", "import-dataset", 1, path, "--json", *options, cwd=store)
    report: dict[str, Any] = json.loads(said)["report"]
    return report


def counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["kind"]: row["count"] for row in rows}


def test_merging_adds_what_is_not_there(task: Path) -> None:
    before = there(task)
    report = imported(task, "--mode", "merge")
    added = [("cup", [300.0, 200.0, 340.0, 240.0]), ("sink", [200.0, 100.0, 240.0, 140.0])]
    assert there(task) == sorted(before + added)
    assert counts(report["kept"]) == {"annotation that was there before": 2, "rectangle": 2}
    (dropped,) = (row for row in report["dropped"] if row["kind"] == "rectangle")
    assert dropped["count"] == 1
    assert dropped["reason"] == "it is there already"


def test_merging_with_a_higher_iou_takes_more_for_new(task: Path) -> None:
    imported(task, "--mode", "merge", "--iou", 0.95)
    assert len(there(task)) == 5


def test_appending_doubles_and_says_what_was_there(task: Path) -> None:
    report = imported(task, "--mode", "append")
    assert len(there(task)) == 5
    assert counts(report["kept"]) == {"annotation that was there before": 2, "rectangle": 3}


def test_replacing_says_how_many_went(task: Path) -> None:
    report = imported(task, "--mode", "replace")
    assert len(there(task)) == 3
    assert counts(report["dropped"])["annotation"] == 2


@pytest.mark.parametrize("mode", ["replace", "append", "merge"])
def test_a_dry_run_says_what_the_import_does_and_changes_nothing(task: Path, mode: str) -> None:
    before, requests = there(task), done("request", "ls", cwd=task)
    said = imported(task, "--mode", mode, "--dry-run")
    assert there(task) == before
    assert done("request", "ls", cwd=task) == requests
    assert imported(task, "--mode", mode) == said


def test_tags_tracks_and_masks_that_are_there_are_not_added_again(tmp_path: Path) -> None:
    rich = COCO_TINY.parent / "backups" / "everything_project.zip"
    done("init", cwd=tmp_path)
    done("project", "create-from-backup", rich, cwd=tmp_path)
    with Client(tmp_path) as client:
        for task in client.tasks.list():
            out = tmp_path / f"{task.id}.zip"
            task.export_dataset("cvat-images", out, include_images=False)
            before = task.get_annotations()
            task.import_annotations(None, out, mode="merge", on_error="skip")
            after = task.get_annotations()
            for kind in ("tags", "shapes", "tracks"):
                assert len(getattr(after, kind)) == len(getattr(before, kind)), (task.id, kind)


def test_a_dry_run_of_a_project_import_or_an_export_keeps_nothing(task: Path) -> None:
    done("project", "create", "new", cwd=task)
    tried = done("project", "import-dataset", 2, COCO_TINY, "--dry-run", "--json", cwd=task)
    assert json.loads(tried)["tasks"] == []
    assert done("task", "ls", "--project_id", 2, cwd=task) == ""
    assert done("label", "ls", "--project_id", 2, cwd=task) == ""
    real = done("project", "import-dataset", 2, COCO_TINY, "--json", cwd=task)
    assert json.loads(real)["report"] == json.loads(tried)["report"]
    said = json.loads(
        done("project", "export-dataset", 1, task / "o", "--dry-run", "--json", cwd=task)
    )
    assert counts(said["report"]["kept"])["rectangle"] == 2
    assert not (task / "o").exists()
    assert done("check", cwd=task) == ""


@pytest.mark.parametrize("command", ["convert", "merge", "split"])
def test_a_dry_run_of_a_dataset_command_writes_nothing(tmp_path: Path, command: str) -> None:
    order: list[object] = [command, COCO_TINY, tmp_path / "out", "--to", "yolo"]
    if command == "split":
        order += ["--into", "train=0.5,val=0.5"]
    tried = done(*order, "--dry-run")
    assert list(tmp_path.iterdir()) == []
    assert done(*order) == tried
    assert (tmp_path / "out").is_dir()
