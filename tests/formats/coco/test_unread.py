"""What of COCO annotations is told as lost where only their boxes are read."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path

import pytest

from conversions import BOX
from localcvat.convert import ConvertOptions, convert
from localcvat_formats import coco_unread

Make = Callable[..., Path]


def lost_fields(source: Path, target: Path, on_error: str = "raise") -> dict[str, int]:
    """How many annotations lost each field on the way to YOLO boxes."""
    report = convert(source, target, "yolo", options=ConvertOptions(on_error=on_error))
    return {row.reason.split("'")[1]: row.count for row in report.losses if row.kind == "field"}


def annotations(count: int, **last: object) -> list[dict[str, object]]:
    """Boxes that are alike, but for what only the last has."""
    return [{**BOX, "id": n, **(last if n == count else {})} for n in range(1, count + 1)]


def test_crowds_and_keys_that_only_a_later_annotation_has_are_told(
    coco_file: Make, tmp_path: Path
) -> None:
    source = coco_file(annotations=annotations(5, iscrowd=1, weather="rain"))
    assert lost_fields(source, tmp_path / "out") == {"iscrowd": 1, "weather": 1}


def test_a_key_of_some_annotations_is_counted_and_not_taken_to_be_of_all(
    coco_file: Make, tmp_path: Path
) -> None:
    boxes = annotations(5, weather="rain")
    boxes[0]["weather"] = "sun"
    assert lost_fields(coco_file(annotations=boxes), tmp_path / "out") == {"weather": 2}


def test_crowds_are_told_where_bad_annotations_are_skipped(coco_file: Make, tmp_path: Path) -> None:
    boxes = [*annotations(3, iscrowd=1), {**BOX, "id": 9, "image_id": 1.5}]
    source = coco_file(annotations=boxes)
    assert lost_fields(source, tmp_path / "out", "skip") == {"iscrowd": 1}


def test_of_a_file_too_large_for_a_second_look_a_sample_is_told_as_one(
    coco_file: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco_unread, "LARGEST", 1)
    boxes = annotations(2000, iscrowd=1)
    for box in boxes[1000:]:
        box["weather"] = "rain"
    source = coco_file(annotations=boxes)
    assert lost_fields(source, tmp_path / "out") == {"iscrowd": 1, "weather": 2000}
    report = convert(source, tmp_path / "again", "yolo")
    (row,) = [row for row in report.entries if row.kind == "fields of annotations"]
    assert row.outcome == "assumed"
    assert "told by" in row.reason


@pytest.mark.parametrize("target", ["yolo", "coco", "voc"])
def test_boxes_of_no_or_negative_size_are_kept_and_told(
    coco_file: Make, tmp_path: Path, target: str
) -> None:
    sides = ([1, 2, 5, 0], [1, 2, 0, 5], [9, 9, -4, 5], [1, 2, 3, 4])
    boxes = [{**BOX, "id": number, "bbox": box} for number, box in enumerate(sides, 1)]
    report = convert(coco_file(annotations=boxes), tmp_path / "out", target)
    told = {row.reason: row.count for row in report.entries if row.kind == "box"}
    assert told == {"of no or negative size kept as it is": 3}


def test_an_image_whose_size_nothing_says_is_told(coco_file: Make, tmp_path: Path) -> None:
    source = coco_file(images=[{"id": BOX["image_id"], "file_name": "a.jpg"}])
    report = convert(source, tmp_path / "out", "coco")
    assert [row.reason for row in report.entries if row.kind == "image size"] == [
        "neither stated nor to be read: left unknown"
    ]


@pytest.mark.parametrize("written", ["\u00e9 \ud55c.png", "%C3%A9%20%ED%95%9C.png"])
def test_images_are_found_under_another_spelling_of_their_name(
    coco_file: Make, tmp_path: Path, written: str
) -> None:
    from PIL import Image

    image = {"id": BOX["image_id"], "file_name": written}
    source = coco_file(images=[image]).parent.parent
    (source / "images").mkdir()
    spelled = unicodedata.normalize("NFD", "\u00e9 \ud55c.png")
    Image.new("RGB", (31, 17)).save(source / "images" / spelled)
    report = convert(source, tmp_path / "out", "voc", with_images=True)
    assert not [row for row in report.losses if row.kind == "image file"]
    (xml,) = (tmp_path / "out").rglob("*.xml")
    assert "<width>31</width>" in xml.read_text(encoding="utf-8")
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("*.png")] == [
        (source / "images" / spelled).read_bytes()
    ]


FIVE = [50.0, 40.0, 30.0, 20.0, 30.0]


def test_a_box_of_five_numbers_is_turned_and_told(coco_file: Make, tmp_path: Path) -> None:
    """Detectron2's XYWHA: centre, size, degrees against the clock."""
    source = coco_file(annotations=annotations(2, bbox=FIVE, segmentation=[]))
    texts = {}
    for to, pattern in {"coco": "*.json", "cvat-images": "*.xml", "yolo": "a.txt"}.items():
        report = convert(source, tmp_path / to, to)
        told = [(row.kind, row.count) for row in report.entries if "5 numbers" in row.reason]
        assert told == [("bbox", 1)]
        (written,) = (tmp_path / to).rglob(pattern)
        texts[to] = written.read_text()
    assert json.loads(texts["coco"])["annotations"][1]["bbox"] == FIVE
    turned = 'xtl="35.00" ytl="30.00" xbr="65.00" ybr="50.00"'
    (line,) = (row for row in texts["cvat-images"].splitlines() if turned in row)
    assert 'rotation="330.00"' in line
    width, height = 30 * cos(pi / 6) + 20 * sin(pi / 6), 30 * sin(pi / 6) + 20 * cos(pi / 6)
    box = [float(word) for word in texts["yolo"].splitlines()[1].split()[1:]]
    assert box == pytest.approx([0.5, 0.5, width / 100, height / 80], abs=1e-6)


@pytest.mark.parametrize("to", ["coco", "yolo", "voc", "cvat-images"])
def test_boxes_that_leave_their_image_are_told(coco_file: Make, tmp_path: Path, to: str) -> None:
    inside = annotations(2, bbox=[-0.5, 0, 101.0, 80.9])
    outside = [{**BOX, "id": 3, "bbox": [-5, 2, 20, 10]}, {**BOX, "id": 4, "bbox": [90, 2, 20, 10]}]
    source = coco_file(annotations=[*inside, *outside])
    report = convert(source, tmp_path / "out", to)
    told = [row.count for row in report.entries if row.reason == "reaches beyond the image"]
    assert told == [2]


def test_a_box_of_another_count_of_numbers_is_told_and_the_others_are_read(
    coco_file: Make, tmp_path: Path
) -> None:
    source = coco_file(annotations=annotations(3, bbox=[1, 2, 3, 4, 5, 6]))
    report = convert(source, tmp_path / "out", "yolo", options=ConvertOptions(on_error="skip"))
    assert report.count("kept", "rectangle") == 2
    assert report.count("dropped", "annotation") == 1
