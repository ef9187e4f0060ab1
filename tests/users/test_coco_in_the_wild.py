"""COCO files as people make them: keys left out, polygons that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import done_here, run_here

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}
SOUND = {"id": 8, "bbox": [30, 30, 10, 10], "area": 100, "iscrowd": 0}
SOUND_RING = [30, 30, 40, 30, 40, 40, 30, 40]
BAD = {
    "a box as a polygon": ([[10, 10, 20, 20]], [[10, 10, 20, 10, 20, 20, 10, 20]]),
    "a point": ([[10, 10]], []),
    "an odd list": ([[10, 10, 20, 10, 20, 20, 5]], [[10, 10, 20, 10, 20, 20]]),
    "a flat odd list": ([10, 10, 20, 10, 20, 20, 5], [[10, 10, 20, 10, 20, 20]]),
    "a point beside a ring": ([[10, 10, 20, 10, 20, 20], [5, 5]], [[10, 10, 20, 10, 20, 20]]),
}


def written(path: Path, *annotations: dict[str, Any], **more: Any) -> Path:
    entries = [{"image_id": 1, "category_id": 1, **annotation} for annotation in annotations]
    categories = [{"id": 1, "name": "cat"}]
    document = {"images": [IMAGE], "categories": categories, "annotations": entries, **more}
    path.write_text(json.dumps(document))
    return path


def to_coco(source: Path, *options: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(annotations by id, report) of a conversion to COCO."""
    out = source.with_name("out.json")
    told = done_here("convert", source, out, "--to", "coco", "--json", *options)
    annotations = json.loads(out.read_bytes())["annotations"]
    return sorted(annotations, key=lambda each: each["id"]), json.loads(told)["report"]


def test_every_default_that_is_taken_is_told(tmp_path: Path) -> None:
    ring = [10, 10, 20, 10, 20, 20]
    source = written(
        tmp_path / "in.json",
        {"bbox": [1, 2, 3, 4]},
        {"id": 5, "segmentation": [ring], "area": 50, "iscrowd": 0},
        {"id": 6, "bbox": [1, 2, 3, 4], "segmentation": [], "area": 12, "iscrowd": 0},
    )
    annotations, report = to_coco(source)
    assert [(each["bbox"], each["area"], each["iscrowd"]) for each in annotations] == [
        ([1, 2, 3, 4], 12, 0),
        ([10, 10, 10, 10], 50, 0),
        ([1, 2, 3, 4], 12, 0),
    ]
    assert annotations[1]["segmentation"] == [ring]
    assumed = {row["kind"]: (row["count"], row["reason"]) for row in report["assumed"]}
    assert assumed == {
        "id": (1, "missing: numbered"),
        "bbox": (1, "missing: that of the segmentation"),
        "area": (1, "missing: that of the shape"),
        "iscrowd": (1, "missing: 1 for a mask, else 0"),
        "segmentation": (1, "missing: the object is its bbox"),
        "info": (1, "missing: left empty"),
        "licenses": (1, "missing: left empty"),
    }
    assert (report["changed"], report["dropped"]) == ([], [])


def test_a_file_that_leaves_nothing_out_has_no_defaults(tmp_path: Path) -> None:
    full = written(
        tmp_path / "in.json", {**SOUND, "segmentation": [SOUND_RING]}, info={}, licenses=[]
    )
    _, report = to_coco(full)
    assert report["assumed"] == []


@pytest.mark.parametrize("name", BAD)
def test_a_polygon_that_is_none_is_named_or_skipped_or_mended(tmp_path: Path, name: str) -> None:
    segmentation, mended = BAD[name]
    bad = {"id": 7, "bbox": [10, 10, 10, 10], "area": 50, "iscrowd": 0}
    source = written(
        tmp_path / "in.json",
        {**bad, "segmentation": segmentation},
        {**SOUND, "segmentation": [SOUND_RING]},
    )
    refused = run_here("convert", source, tmp_path / "no.json", "--to", "coco")
    assert refused.returncode == 1
    assert "annotations[0].segmentation[" in refused.stderr
    assert "annotation 7 has a polygon of" in refused.stderr

    annotations, report = to_coco(source, "--on-error", "skip")
    assert [each["id"] for each in annotations] == [8]
    assert [row["count"] for row in report["dropped"]] == [1]
    (tmp_path / "out.json").unlink()

    annotations, report = to_coco(source, "--fix")
    assert [(each["id"], each["bbox"]) for each in annotations] == [
        (7, [10, 10, 10, 10]),
        (8, [30, 30, 10, 10]),
    ]
    assert [each["segmentation"] for each in annotations] == [mended, [SOUND_RING]]
    assert [(row["kind"], row["count"]) for row in report["changed"]] == [("polygon", 1)]


@pytest.mark.parametrize(
    ("start", "expected"), [(None, {"a": 0, "b": 90}), (0, {"a": 0, "b": 1}), (5, {"a": 5, "b": 6})]
)
def test_category_ids_are_those_of_the_source_or_counted_from_a_number(
    tmp_path: Path, start: int | None, expected: dict[str, int]
) -> None:
    categories = [{"id": 90, "name": "b"}, {"id": 0, "name": "a"}]
    sound = {**SOUND, "segmentation": [SOUND_RING]}
    boxes = [{**sound, "category_id": 90}, {**sound, "id": 9, "category_id": 0}]
    source = written(tmp_path / "in.json", *boxes, categories=categories)
    options = [] if start is None else ["--category-id-start", str(start)]
    annotations, _ = to_coco(source, *options)
    found = json.loads((tmp_path / "out.json").read_bytes())["categories"]
    assert {each["name"]: each["id"] for each in found} == expected
    assert [each["category_id"] for each in annotations] == [expected["b"], expected["a"]]
