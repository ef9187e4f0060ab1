"""Shapes and images changed on their way: boxes of all, what is covered, sizes, conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from commands import COCO_TINY
from commands import done_here as done
from commands import run_here as run
from localcvat.model import Item, Shape, Tag
from localcvat.where import condition

SQUARE = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]


def source(folder: Path, segmentations: list[Any], size: tuple[int, int] = (60, 40)) -> Path:
    """A COCO dataset of one picture with these objects, the last on top."""
    (folder / "src" / "images").mkdir(parents=True)
    Image.new("RGB", size, "white").save(folder / "src" / "images" / "a.png")
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "segmentation": found, "iscrowd": 0}
            for n, found in enumerate(segmentations, 1)
        ],
    }
    path = folder / "src" / "annotations.json"
    path.write_text(json.dumps(data))
    return folder / "src"


def converted(tmp_path: Path, src: Path, *options: object) -> dict[str, Any]:
    done("convert", src, tmp_path / "out.json", "--to", "coco", *options)
    data: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    return data


def pixels(path: Path) -> list[Any]:
    coco = COCO(str(path))
    return [coco.annToMask(found) for found in coco.loadAnns(sorted(coco.getAnnIds()))]


def test_all_shapes_become_the_boxes_around_them(tmp_path: Path) -> None:
    two_parts = [SQUARE, [40, 5, 50, 5, 50, 12]]
    bitmap = np.zeros((40, 60), np.uint8, order="F")
    bitmap[3:9, 20:25] = 1
    rle = coco_mask.encode(bitmap)
    mask = {"size": [40, 60], "counts": rle["counts"].decode()}
    found = converted(tmp_path, source(tmp_path, [two_parts, mask]), "--shapes-to-boxes")
    assert [each["bbox"] for each in found["annotations"]] == [[10, 5, 40, 25], [20, 3, 5, 6]]
    assert not any(each["segmentation"] for each in found["annotations"])


def test_what_is_covered_is_cut_away_and_no_pixel_else(tmp_path: Path) -> None:
    over = [20.0, 5.0, 50.0, 5.0, 50.0, 20.0, 20.0, 20.0]
    src = source(tmp_path, [[SQUARE], [over]])
    before = pixels(src / "annotations.json")
    converted(tmp_path, src, "--crop-covered")
    after = pixels(tmp_path / "out.json")
    assert (after[1] == before[1]).all()
    assert (after[0] == (before[0] & ~before[1] & 1)).all()


def test_an_object_in_two_pieces_stays_one_and_a_hole_is_a_mask(tmp_path: Path) -> None:
    bar = [18.0, 0.0, 22.0, 0.0, 22.0, 40.0, 18.0, 40.0]
    inside = [40.0, 10.0, 56.0, 10.0, 56.0, 30.0, 40.0, 30.0]
    hole = [44.0, 14.0, 50.0, 14.0, 50.0, 20.0, 44.0, 20.0]
    src = source(tmp_path, [[SQUARE], [bar], [inside], [hole], [[45, 15, 47, 15, 47, 17]]])
    order = ("convert", src, tmp_path / "out.json", "--to", "coco", "--crop-covered")
    said = done(*order)
    assert "made a mask: what covers it leaves a hole" in said
    found = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert len(found) == 5
    assert len(found[0]["segmentation"]) == 2
    assert isinstance(found[2]["segmentation"], dict)
    before, after = pixels(src / "annotations.json"), pixels(tmp_path / "out.json")
    assert (after[0] == (before[0] & ~before[1] & 1)).all()
    assert (after[2] == (before[2] & ~before[3] & 1)).all()


def test_what_is_covered_whole_is_left_out_and_told(tmp_path: Path) -> None:
    small = [12.0, 12.0, 20.0, 12.0, 20.0, 20.0, 12.0, 20.0]
    src = source(tmp_path, [[small], [SQUARE]])
    said = done("convert", src, tmp_path / "out.json", "--to", "coco", "--crop-covered")
    assert "dropped         1 polygon - covered whole by objects above it" in said
    assert len(json.loads((tmp_path / "out.json").read_text())["annotations"]) == 1


def test_images_are_resized_with_all_that_is_on_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done(
        *("convert", COCO_TINY, out, "--to", "coco", "--resize", "320x240"),
        *("--with-images", "yes"),
    )
    before = {path.name: path for path in COCO_TINY.rglob("*.jpg")}
    files = list(out.rglob("*.jpg"))
    assert {path.name for path in files} == before.keys()
    for path in files:
        with Image.open(path) as image:
            assert image.size == (320, 240)
    for subset in ("train2017", "val2017"):
        name = f"annotations/instances_{subset}.json"
        old, new = (json.loads((root / name).read_text()) for root in (COCO_TINY, out))
        sizes = {image["id"]: (image["width"], image["height"]) for image in old["images"]}
        scaled = {each["id"]: each for each in new["annotations"]}
        for each in old["annotations"]:
            width, height = sizes[each["image_id"]]
            x, y = 320 / width, 240 / height
            got = scaled[each["id"]]
            if isinstance(each["segmentation"], list):
                for ring, wanted in zip(got["segmentation"], each["segmentation"], strict=True):
                    assert ring[0::2] == pytest.approx([v * x for v in wanted[0::2]], abs=1e-6)
                    assert ring[1::2] == pytest.approx([v * y for v in wanted[1::2]], abs=1e-6)
            else:
                area = coco_mask.area(got["segmentation"]) if "counts" in got else got["area"]
                assert area == pytest.approx(each["area"] * x * y, rel=0.05)


CAR = Shape(
    type="rectangle",
    label="car",
    points=[10, 20, 40, 60],
    attributes={"speed": "70", "plate": "x"},
    occluded=True,
)
PHOTO = Item(path="a/b.jpg", subset="val", width=100, height=80, frame=3)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("label == 'car'", True),
        ("label in ('bus', 'van')", False),
        ("area >= 30*40 and not (width > height)", True),
        ("left < 10 or bottom - top == 40", True),
        ("10 <= left < 11", True),
        ("occluded", True),
        ("occluded == false", False),
        ("attributes['speed'] > 50", True),
        ("attributes['plate'] == 'x' and attributes['none'] == None", True),
        ("attributes['plate'] > 3", False),
        ("score > 0.5", False),
        ("subset == 'val' and image == 'a/b.jpg' and frame == 3", True),
        ("width / image_width > 0.25", True),
        ("1 / 0 == 1", False),
    ],
)
def test_conditions(text: str, met: bool) -> None:
    assert condition(text)(PHOTO, CAR) is met


def test_a_tag_has_no_place() -> None:
    assert condition("type == 'tag' and width == None")(PHOTO, Tag(label="day"))


@pytest.mark.parametrize(
    "text", ["label =", "open('x')", "label.upper", "[x for x in label]", "x", "2**9", "a" * 9]
)
def test_what_is_no_condition_is_refused_and_never_run(text: str, tmp_path: Path) -> None:
    order = ("convert", COCO_TINY, tmp_path / "o", "--to", "coco", "--where", text)
    assert run(*order).returncode == 2


def test_only_what_meets_a_condition_is_converted(tmp_path: Path) -> None:
    name = "annotations/instances_val2017.json"
    old = json.loads((COCO_TINY / name).read_text())
    names = {each["id"]: each["name"] for each in old["categories"]}
    wanted = {
        each["id"]
        for each in old["annotations"]
        if names[each["category_id"]] in ("person", "chair") and each["bbox"][2] > 30
    }
    done(
        *("convert", COCO_TINY, tmp_path / "out", "--to", "coco"),
        *("--where", "label in ('person', 'chair') and width > 30"),
    )
    new = json.loads((tmp_path / "out" / name).read_text())
    assert {each["id"] for each in new["annotations"]} == wanted
    assert wanted
