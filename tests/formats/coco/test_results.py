"""COCO results: a bare list of detections, with the ground truth beside it or names passed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversions import BOX, IMAGE, converted, reasons, written
from localcvat.errors import DatasetError

Make = Callable[..., Path]
RESULTS = [
    {"image_id": 1, "category_id": 1, "bbox": [1.5, 2.0, 30.0, 40.0], "score": 0.9},
    {"image_id": 1, "category_id": 1, "bbox": [5.0, 6.0, 7.0, 8.0], "score": 0.1},
]


def _results(folder: Path, rows: Any = RESULTS, name: str = "results.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(rows))
    return folder / name


@pytest.mark.parametrize("bare", [True, False], ids=["file", "folder"])
def test_images_and_categories_are_those_of_the_ground_truth_beside(
    coco_file: Make, bare: bool
) -> None:
    truth = coco_file("in/instances_val.json")
    path = _results(truth.parent)
    folder, report = converted(path if bare else truth.parent, "coco")
    found = written(folder)
    assert [(row["bbox"], row["score"]) for row in found["annotations"]] == [
        (row["bbox"], row["score"]) for row in RESULTS
    ]
    assert found["images"][0]["file_name"] == IMAGE["file_name"]
    assert found["categories"][0]["name"] == "car"
    assert report.count("assumed", "results") == 1


def test_scores_reach_formats_that_have_them_and_are_counted_elsewhere(coco_file: Make) -> None:
    truth = coco_file("in/instances_val.json")
    path = _results(truth.parent)
    _, report = converted(path, "yolo")
    assert reasons(report, "dropped")["score: the format has no place for it"] == 2


def test_names_are_needed_where_there_is_no_ground_truth(tmp_path: Path) -> None:
    path = _results(tmp_path / "in")
    with pytest.raises(DatasetError, match="--names"):
        converted(path, "coco", "coco")
    folder, report = converted(path, "coco", "coco", labels=["car", "dog"])
    found = written(folder)
    assert found["images"][0]["file_name"] == "1.jpg"
    assert [row["score"] for row in found["annotations"]] == [0.9, 0.1]
    assert [row["name"] for row in found["categories"]] == ["car", "dog"]
    assert reasons(report, "assumed")["category: ids count the names from 1"] == 1


def test_a_broken_result_is_named(coco_file: Make) -> None:
    truth = coco_file("in/instances_val.json", annotations=[BOX])
    path = _results(truth.parent, [*RESULTS, {"image_id": 8, "category_id": 1, "bbox": [1, 2]}])
    with pytest.raises(DatasetError, match=r"results.json: \[2\].image_id"):
        converted(path, "coco")
    folder, report = converted(path, "coco", on_error="skip")
    assert len(written(folder)["annotations"]) == 2
    assert report.count("dropped", "annotation") == 1


def test_run_length_results_are_masks(coco_file: Make) -> None:
    truth = coco_file("in/instances_val.json")
    rle = {"counts": [160, 5, 75, 5, 7755], "size": [80, 100]}
    row = {"image_id": 1, "category_id": 1, "segmentation": rle, "score": 0.5}
    path = _results(truth.parent, [row])
    folder, _ = converted(path, "yolo")
    assert next(folder.rglob("a.txt")).read_text() == "0 0.030000 0.031250 0.020000 0.062500\n"
