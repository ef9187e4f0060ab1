"""Datumaro as an independent reader: it sees the boxes we write, we see those it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY, done

pytest.importorskip("datumaro")


def _coco_boxes(paths: list[Path]) -> dict[tuple[str, str], list[list[float]]]:
    found: dict[tuple[str, str], list[list[float]]] = {}
    for path in paths:
        coco = json.loads(path.read_bytes())
        images = {row["id"]: Path(row["file_name"]).stem for row in coco["images"]}
        names = {row["id"]: row["name"] for row in coco["categories"]}
        for row in coco["annotations"]:
            key = (images[row["image_id"]], names[row["category_id"]])
            found.setdefault(key, []).append([float(value) for value in row["bbox"]])
    return {key: sorted(boxes) for key, boxes in found.items()}


def _datumaro_boxes(dataset: Any) -> dict[tuple[str, str], list[list[float]]]:
    labels = dataset.categories()[_label_type()]
    found: dict[tuple[str, str], list[list[float]]] = {}
    for item in dataset:
        for annotation in item.annotations:
            if annotation.type.name == "bbox":
                key = (Path(item.id).stem, labels[annotation.label].name)
                found.setdefault(key, []).append([float(value) for value in annotation.get_bbox()])
    return {key: sorted(boxes) for key, boxes in found.items()}


def _label_type() -> Any:
    from datumaro.components.annotation import AnnotationType

    return AnnotationType.label


def _same(
    found: dict[tuple[str, str], list[list[float]]],
    expected: dict[tuple[str, str], list[list[float]]],
    tolerance: float,
) -> None:
    assert found.keys() == expected.keys()
    for key, boxes in expected.items():
        for mine, theirs in zip(found[key], boxes, strict=True):
            assert mine == pytest.approx(theirs, abs=tolerance)


@pytest.mark.parametrize(("ours", "theirs"), [("voc", "voc"), ("YOLO 1.1", "yolo")])
def test_datumaro_reads_the_boxes_we_write(tmp_path: Path, ours: str, theirs: str) -> None:
    import datumaro as dm

    source = COCO_TINY if ours == "voc" else tmp_path / "boxes"
    if ours != "voc":  # CVAT's dialect takes boxes only: give it boxes
        done("convert", COCO_TINY, tmp_path / "boxes", "--to", "yolo", "--with-images", "yes")
    done("convert", source, tmp_path / "out", "--to", ours, "--with-images", "yes")
    found = _datumaro_boxes(dm.Dataset.import_from(str(tmp_path / "out"), theirs))
    both = sorted((COCO_TINY / "annotations").glob("*.json"))
    _same(found, _coco_boxes(both), 0.5)


@pytest.mark.parametrize(("theirs", "ours"), [("voc", "voc"), ("yolo", "yolo")])
def test_we_read_the_boxes_datumaro_writes(tmp_path: Path, theirs: str, ours: str) -> None:
    import datumaro as dm

    boxes = [
        dm.DatasetItem(
            id="a",
            subset="train",
            media=dm.Image.from_file(str(next(COCO_TINY.rglob("000000006818.jpg")))),
            annotations=[
                dm.Bbox(10.5, 20.25, 30, 40, label=0),
                dm.Bbox(100, 120, 50, 60.5, label=1),
            ],
        )
    ]
    dataset = dm.Dataset.from_iterable(boxes, categories=["cat", "dog"])
    dataset.export(str(tmp_path / "theirs"), theirs, save_media=True)
    done("convert", tmp_path / "theirs", tmp_path / "back", "--to", "coco", "--from", ours)
    found = _coco_boxes(list((tmp_path / "back").rglob("*.json")))
    expected = {("a", "cat"): [[10.5, 20.25, 30.0, 40.0]], ("a", "dog"): [[100, 120, 50, 60.5]]}
    _same(found, expected, 0.5)


def test_datumaro_reads_the_polygons_we_write(tmp_path: Path) -> None:
    import datumaro as dm

    done("convert", COCO_TINY, tmp_path / "out", "--to", "coco", "--with-images", "yes")
    there = dm.Dataset.import_from(str(tmp_path / "out"), "coco_instances")
    counts: dict[str, int] = {}
    for item in there:
        for annotation in item.annotations:
            counts[annotation.type.name] = counts.get(annotation.type.name, 0) + 1
    assert (counts["polygon"], counts["mask"]) == (91, 1)
