"""Darknet's YOLO keeps boxes, labels, sizes and subsets; the report counts everything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from every_kind import KINDS, dataset, lost, shape, trip

CONVERTED = ("polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")


def test_boxes_come_back_to_the_sixth_decimal(tmp_path: Path) -> None:
    header, items, report = trip(dataset("rectangle", plain=True), "yolo", tmp_path / "out")
    (box,) = items[0].shapes
    assert box.points == pytest.approx(shape("rectangle").points, abs=1e-3)
    assert (box.label, box.type) == ("car", "rectangle")
    assert [(item.path, item.subset) for item in items] == [
        ("a/one.jpg", "train"),
        ("b/two.png", "val"),
    ]
    assert [label.name for label in header.labels] == ["car", "кот", "pose"]
    assert set(lost(report)) == {"label types", "label attributes"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_a_box_or_counted(tmp_path: Path, kind: str) -> None:
    _, items, report = trip(dataset(kind), "yolo", tmp_path / "out")
    losses = lost(report)
    if kind == "tag":
        assert items[0].shapes == []
        assert losses["tag"] == 1
        return
    assert [made.type for made in items[0].shapes] == ["rectangle"]
    assert losses.get(kind, 0) == int(kind in CONVERTED)
    assert {"group", "z_order", "source"} <= set(losses)
    assert losses.get("attribute") == (None if kind == "skeleton" else 3)
    if kind == "rectangle":
        assert losses["rotation"] == 1


def test_every_class_is_one_of_the_names_and_every_number_within_the_image(tmp_path: Path) -> None:
    source = dataset(*CONVERTED, "rectangle", plain=True)
    items = list(source.items)
    items[0].shapes[-1].points = [-30.0, -10.0, 500.0, 60.0]
    outside = shape("rectangle")
    outside.points, outside.rotation = [300.0, 10.0, 400.0, 20.0], 0.0
    items[0].shapes.append(outside)
    source.items = iter(items)
    _, _, report = trip(source, "yolo", tmp_path / "out")
    names = (tmp_path / "out" / "obj.names").read_text().split()
    lines = (tmp_path / "out" / "obj_train_data" / "a" / "one.txt").read_text().splitlines()
    assert len(lines) == len(CONVERTED) + 1
    for line in lines:
        index, *numbers = line.split()
        assert int(index) < len(names)
        cx, cy, width, height = map(float, numbers)
        assert all(re.fullmatch(r"[01]\.\d{6}", number) for number in numbers)
        assert cx - width / 2 >= -1e-6
        assert cx + width / 2 <= 1 + 1e-6
        assert cy - height / 2 >= -1e-6
        assert cy + height / 2 <= 1 + 1e-6
    assert (lost(report)["coordinate"], lost(report)["rectangle"]) == (1, 1)
