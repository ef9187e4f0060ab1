"""The main job by the command line, on real photos with real annotations."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY
from commands import done as done_apart
from commands import done_here as done
from commands import run_here as run

SUBSETS = ("val2017", "train2017")


def _original(subset: str) -> Any:
    return json.loads((COCO_TINY / "annotations" / f"instances_{subset}.json").read_bytes())


def _by_id(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done("init", cwd=tmp_path)
    return tmp_path


def test_coco_through_the_store_gives_back_every_value(store: Path) -> None:
    assert done_apart("project", "create", "Real photos", cwd=store).strip() == "1"
    done_apart("project", "import-dataset", 1, COCO_TINY, "--format", "COCO 1.0", cwd=store)
    done_apart("project", "export-dataset", 1, "out", "--format", "coco", cwd=store)
    for subset in SUBSETS:
        written = json.loads((store / f"out/annotations/instances_{subset}.json").read_bytes())
        original = _original(subset)
        for part in ("images", "annotations", "categories"):
            assert _by_id(written[part]) == _by_id(original[part])
        assert written["info"] == original["info"]
        assert written["licenses"] == original["licenses"]


def test_the_written_file_loads_in_pycocotools_with_equal_masks(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    done("convert", COCO_TINY, tmp_path / "out", "--to", "coco")
    for subset in SUBSETS:
        name = f"annotations/instances_{subset}.json"
        ours, theirs = COCO(str(tmp_path / "out" / name)), COCO(str(COCO_TINY / name))
        assert sorted(ours.anns) == sorted(theirs.anns)
        for number, annotation in theirs.anns.items():
            expected = theirs.annToMask(annotation)
            assert (ours.annToMask(ours.anns[number]) == expected).all()


def test_exports_hold_the_same_image_bytes(store: Path) -> None:
    done("project", "create", "p", cwd=store)
    done("project", "import-dataset", 1, COCO_TINY, "--format", "coco", cwd=store)
    done("project", "export-dataset", 1, "o.zip", "--format=yolo", "--with-images=yes", cwd=store)
    photos = {path.name: path.read_bytes() for path in COCO_TINY.rglob("*.jpg")}
    with zipfile.ZipFile(store / "o.zip") as archive:
        exported = {
            name.rpartition("/")[2]: archive.read(name)
            for name in archive.namelist()
            if name.endswith(".jpg")
        }
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    assert exported == photos


def _boxes(folder: Path) -> dict[tuple[str, str], list[list[float]]]:
    found: dict[tuple[str, str], list[list[float]]] = {}
    for path in folder.rglob("*.json"):
        coco = json.loads(path.read_bytes())
        images = {row["id"]: Path(row["file_name"]).stem for row in coco["images"]}
        names = {row["id"]: row["name"] for row in coco["categories"]}
        for row in coco["annotations"]:
            key = (images[row["image_id"]], names[row["category_id"]])
            found.setdefault(key, []).append(row["bbox"])
    return {key: sorted(boxes) for key, boxes in found.items()}


@pytest.mark.parametrize("name", ["yolo", "voc", "ultralytics"])
def test_boxes_survive_a_round_trip_within_half_a_pixel(tmp_path: Path, name: str) -> None:
    done("convert", COCO_TINY, tmp_path / "there", "--to", name, "--with-images", "yes")
    done("convert", tmp_path / "there", tmp_path / "back", "--to", "coco")
    original, returned = _boxes(COCO_TINY), _boxes(tmp_path / "back")
    assert returned.keys() == original.keys()
    for key, boxes in original.items():
        for mine, theirs in zip(returned[key], boxes, strict=True):
            assert mine == pytest.approx(theirs, abs=0.5)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        done("convert", COCO_TINY, tmp_path / name, "--to", "voc", "--with-images", "yes")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_strict_refuses_a_loss_and_writes_nothing(tmp_path: Path) -> None:
    finished = run("convert", COCO_TINY, tmp_path / "out.zip", "--to", "yolo", "--strict")
    assert finished.returncode == 1
    assert "polygon changed: written as its bounding box" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_report_counts_what_changed_as_json(tmp_path: Path) -> None:
    report = json.loads(done("convert", COCO_TINY, tmp_path / "out", "--to", "yolo", "--json"))[
        "report"
    ]
    assert {row["kind"]: row["count"] for row in report["changed"]} == {"polygon": 89, "mask": 1}
    assert {"kind": "image", "count": 9}.items() <= report["kept"][0].items()


def test_a_task_is_made_from_local_images_and_deleted(store: Path) -> None:
    done("project", "create", "p", "--labels", '[{"name": "car"}]', cwd=store)
    photos = COCO_TINY / "images" / "val2017"
    made = done("task", "create", "t", "local", photos, "--project_id", 1, cwd=store)
    shown = json.loads(done("task", "show", made.strip(), "--json", cwd=store))
    assert (shown["name"], shown["size"], shown["project_id"]) == ("t", 3, 1)
    done("task", "delete", made.strip(), cwd=store)
    assert json.loads(done("task", "ls", "--json", cwd=store))["count"] == 0


def test_projects_are_listed_shown_deleted_and_restored(store: Path) -> None:
    labels = '[{"name": "car"}, {"name": "my_label"}]'
    done("project", "create", "A", "--labels", labels, "--bug_tracker", "http://b", cwd=store)
    done("project", "create", "B", cwd=store)
    listed = json.loads(done("project", "ls", "--json", cwd=store))
    assert [row["name"] for row in listed["results"]] == ["B", "A"]
    shown = json.loads(done("project", "show", 1, "--json", cwd=store))
    assert [label["color"] for label in shown["labels"]] == ["#2080c0", "#9e758d"]
    assert shown["bug_tracker"] == "http://b"
    done("project", "delete", 1, cwd=store)
    missing = run("project", "show", 1, cwd=store)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no project #1" in missing.stderr
    done("project", "restore", 1, cwd=store)
    assert json.loads(done("project", "show", 1, "--json", cwd=store))["name"] == "A"


def test_the_preview_is_drawn_in_the_size_of_the_photo(store: Path) -> None:
    from PIL import Image

    done("project", "create", "p", cwd=store)
    done("project", "import-dataset", 1, COCO_TINY, "--format", "coco", cwd=store)
    done("project", "preview", 1, "-o", "full.png", "--annotations", cwd=store)
    done("project", "preview", 1, "-o", "small.jpg", cwd=store)
    with Image.open(store / "full.png") as full, Image.open(store / "small.jpg") as small:
        assert max(full.size) == 640
        assert max(small.size) == 256


def test_without_a_store_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    finished = run("project", "ls", cwd=tmp_path)
    assert finished.returncode == 1
    assert "localcvat init" in finished.stderr
