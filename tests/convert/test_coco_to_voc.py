"""COCO to Pascal VOC: boxes as they were stated, crowds painted, the rest told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import etree
from PIL import Image
from pycocotools import mask as coco

from localcvat.archive.sinks import DIRECT_FILES
from localcvat.convert import convert
from localcvat.errors import DatasetError

WIDTH, HEIGHT = 40, 30
RING = [[2.5, 3, 20.25, 3, 20.25, 19, 2.5, 19]]
BOX = [2.5, 3, 17.75, 16]


def crowd(*runs: tuple[int, int]) -> tuple[dict[str, Any], np.ndarray]:
    """A run-length mask of runs (start, end) down the columns, and its pixels."""
    flat = np.zeros(WIDTH * HEIGHT, np.uint8)
    for start, end in runs:
        flat[start:end] = 1
    pixels = flat.reshape(WIDTH, HEIGHT).T
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    counts = np.diff([0, *edges, len(flat)]).tolist()
    return {"counts": counts, "size": [HEIGHT, WIDTH]}, pixels


def dataset(*annotations: dict[str, Any], images: int = 1) -> dict[str, Any]:
    size = {"width": WIDTH, "height": HEIGHT}
    return {
        "images": [{"id": n, "file_name": f"{n}.jpg", **size} for n in range(1, images + 1)],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 7, "area": 9, "iscrowd": 0, **values}
            for number, values in enumerate(annotations, 1)
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog & co"}],
    }


def written(folder: Path, name: str, content: dict[str, Any], **options: Any) -> tuple[Path, Any]:
    source = folder / f"{name}.json"
    source.write_text(json.dumps(content))
    return folder / name, convert(source, folder / name, to="voc", **options)


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.array(image)


def test_boxes_are_as_stated_and_crowds_are_painted_with_their_class_and_number(
    tmp_path: Path,
) -> None:
    rle, pixels = crowd((10, 14), (50, 290), (700, 1190))
    first = {"segmentation": RING, "bbox": BOX}
    mask = {"segmentation": rle, "bbox": [1, 0, 39, 30], "iscrowd": 1, "category_id": 3}
    packed = coco.encode(np.asfortranarray(pixels[::-1]))["counts"].decode()
    other = {"segmentation": {"counts": packed, "size": rle["size"]}, "bbox": [1, 0, 39, 30]}
    out, report = written(tmp_path, "out", dataset(first, mask, other))

    objects = etree.parse(out / "Annotations/1.xml").findall("object")
    boxes = [[float(side.text or "") for side in found.find("bndbox")] for found in objects]
    assert boxes == [[2.5, 3, 20.25, 19], [1, 0, 40, 30], [1, 0, 40, 30]]
    assert [found.findtext("name") for found in objects] == ["dog & co", "cat", "dog & co"]
    assert [found.findtext("mask") for found in objects] == [None, "2", "3"]
    turned = pixels[::-1]
    classes = np.where(turned, 2, pixels)  # background, cat, dog & co
    numbers = np.where(turned, 3, pixels * 2)
    assert np.array_equal(picture(out / "SegmentationClass/1.png"), classes)
    assert np.array_equal(picture(out / "SegmentationObject/1.png"), numbers)
    rows = {(row.outcome, row.kind): row.count for row in report.entries}
    assert rows["changed", "polygon"] == 1
    assert rows["kept", "mask"] == 2


def test_what_only_coco_has_is_told_of_boxes_and_masks(tmp_path: Path) -> None:
    rle, _ = crowd((50, 90))
    annotations = (
        {"segmentation": RING, "bbox": BOX, "iscrowd": 1},
        {"segmentation": rle, "bbox": BOX, "iscrowd": 1},
        {"segmentation": [], "bbox": BOX},
    )
    _, report = written(tmp_path, "known", dataset(*annotations))
    assert {row.reason: row.count for row in report.losses if row.kind == "field"} == {
        "'iscrowd' of coco, for which the format has no place": 2
    }
    keyed = [{**annotation, "mood": "good"} for annotation in annotations]
    _, report = written(tmp_path, "unknown", dataset(*keyed))
    lost = {row.reason.partition(" ")[0]: row.count for row in report.losses if row.kind == "field"}
    assert lost == {"'iscrowd'": 2, "'mood'": 3}


def test_a_polygon_without_a_box_gets_that_of_its_outline(tmp_path: Path) -> None:
    out, _ = written(tmp_path, "out", dataset({"segmentation": RING}))
    box = etree.parse(out / "Annotations/1.xml").find("object/bndbox")
    assert [float(side.text or "") for side in box] == [2.5, 3, 20.25, 19]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"segmentation": RING, "bbox": [1, 2, 3]}, "annotations[1].bbox"),
        ({"segmentation": RING, "bbox": [1, 2, 1e12, 3]}, "annotations[1].bbox"),
        ({"segmentation": RING, "bbox": BOX, "category_id": 5}, "annotations[1].category_id"),
        (
            {"segmentation": {"counts": [4, 5], "size": [HEIGHT, WIDTH]}, "bbox": BOX},
            "annotations[1].segmentation.counts",
        ),
        ({"segmentation": {}, "bbox": BOX}, "annotations[1].segmentation"),
        ({"segmentation": RING, "bbox": "wide"}, "annotations[1].bbox"),
    ],
)
def test_what_is_broken_is_refused_with_its_place(
    tmp_path: Path, values: dict[str, Any], place: str
) -> None:
    good = {"segmentation": RING, "bbox": BOX}
    with pytest.raises(DatasetError) as refused:
        written(tmp_path, "out", dataset(good, values))
    assert str(refused.value.where).endswith(place)
    assert not (tmp_path / "out").exists()
    _, report = written(tmp_path, "skipped", dataset(good, values), on_error="skip")
    assert report.count("dropped", "annotation") == 1
    assert report.count("changed", "polygon") == 1


def test_one_process_or_two_write_the_same_bytes(tmp_path: Path) -> None:
    images = DIRECT_FILES + 40
    annotations = [
        {"segmentation": crowd((n % 1100, n % 1100 + 90))[0], "bbox": BOX, "image_id": n}
        if n % 9 == 0
        else {"segmentation": RING, "bbox": BOX, "image_id": n}
        for n in range(1, images + 1)
    ]
    content = dataset(*annotations, images=images)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    outs = [
        written(tmp_path / "one", "out", content, jobs=1)[0],
        written(tmp_path / "two", "out", content, jobs=2)[0],
    ]
    files = [
        {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in outs
    ]
    assert len(files[0]) > images
    assert files[0] == files[1]
