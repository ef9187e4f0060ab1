"""Each task of the Ultralytics family: its layout, its round trip, and what the report counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from conversions import converted, written
from corpus import COCO_TINY
from every_kind import HEIGHT, KINDS, WIDTH, dataset, lost, shape, trip
from localcvat.archive import open_sink, open_source
from localcvat.convert import ConvertOptions, convert, write_dataset
from localcvat.geometry.masks import bitmap_to_mask, mask_to_bitmap, polygons_to_mask
from localcvat.model import Shape
from localcvat.plugin import detect_format, find_format
from localcvat.report import Report
from small_yolo import files, read

HELD = {
    "ultralytics": ("rectangle", "box"),
    "ultralytics-track": ("rectangle", "box"),
    "ultralytics-segmentation": ("polygon", "ring"),
    "ultralytics-obb": ("rectangle", "corners"),
    "ultralytics-pose": ("skeleton", "points"),
    "ultralytics-classification": ("tag", ""),
}


def _texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in (".txt", ".yaml", ".json")
    }


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_kept_turned_into_another_or_counted(
    tmp_path: Path, kind: str, name: str
) -> None:
    _, items, report = trip(dataset(kind), name, tmp_path / "out")
    losses = lost(report)
    item = next(item for item in items if item.stem == "a/one")
    made: list[Any] = [*item.shapes, *item.tags]
    if kind == HELD[name][0]:
        assert len(made) == 1
        assert kind not in losses
    else:
        assert losses[kind] == 1
    kinds = {getattr(one, "type", "tag") for one in made}
    assert kinds <= {HELD[name][0]}


def test_detection_has_the_published_layout(tmp_path: Path) -> None:
    trip(dataset("rectangle", plain=True), "ultralytics", tmp_path / "out")
    texts = _texts(tmp_path / "out")
    assert texts["labels/train/a/one.txt"] == "0 0.151250 0.401250 0.202500 0.402500\n"
    assert texts["labels/val/b/two.txt"] == ""
    config = yaml.safe_load(texts["data.yaml"])
    assert config == {
        "names": {0: "car", 1: "кот", 2: "pose"},
        "train": "images/train",
        "val": "images/val",
    }


def test_oriented_boxes_keep_their_rotation(tmp_path: Path) -> None:
    for rotation in (0.0, 30.0, 90.0, 135.5, 200.0, 359.0):
        source = dataset("rectangle", plain=True)
        items = list(source.items)
        box = items[0].shapes[0]
        box.points, box.rotation = [60.0, 30.0, 120.0, 60.0], rotation
        source.items = iter(items)
        _, back, _ = trip(source, "ultralytics-obb", tmp_path / f"out-{rotation}")
        (made,) = back[0].shapes
        assert made.points == pytest.approx([60, 30, 120, 60], abs=1e-2)
        assert made.rotation == pytest.approx(rotation, abs=0.05)


def test_corners_in_any_order_give_the_same_box(tmp_path: Path) -> None:
    yaml_text = "train: images/train\nnames: [car]\n"
    lines = "0 0.1 0.1 0.4 0.1 0.4 0.3 0.1 0.3\n0 0.1 0.1 0.1 0.3 0.4 0.3 0.4 0.1\n"
    lines += "0 0.1 0.1 0.4 0.12 0.5 0.3 0.1 0.3 0.5"
    files(tmp_path, {"data.yaml": yaml_text, "labels/train/a.txt": lines}, ("images/train/a.jpg",))
    _, items, report = read(tmp_path, "ultralytics-obb")
    first, second, odd = items["train/a.jpg"].shapes
    assert first.points == second.points == pytest.approx([20, 10, 80, 30])
    assert odd.score == 0.5
    assert report.count("changed", "rectangle") == 1


def test_the_yaml_may_state_the_task(tmp_path: Path) -> None:
    yaml_text = "task: segment\ntrain: images/train\nnames: [car]\n"
    texts = {"data.yaml": yaml_text, "labels/train/a.txt": "0 0.1 0.1 0.4 0.1 0.4 0.3 0.1 0.3\n"}
    files(tmp_path, texts, ("images/train/a.jpg",))
    with open_source(tmp_path) as source:
        assert detect_format(source).name == "ultralytics-segmentation"
    _, items, report = read(tmp_path, "ultralytics-segmentation")
    assert [made.type for made in items["train/a.jpg"].shapes] == ["polygon"]
    assert report.entries == []


def test_track_numbers_come_back(tmp_path: Path) -> None:
    source = dataset("rectangle", plain=True)
    items = list(source.items)
    items[0].shapes[0].track_id = 7
    source.items = iter(items)
    _, back, _ = trip(source, "ultralytics-track", tmp_path / "out")
    assert [made.track_id for made in back[0].shapes] == [7]
    text = (tmp_path / "out/labels/train/a/one.txt").read_text()
    assert text == "0 0.151250 0.401250 0.202500 0.402500 7\n"


def test_poses_keep_points_visibility_and_names(tmp_path: Path) -> None:
    header, items, report = trip(
        dataset("skeleton", "rectangle", plain=True), "ultralytics-pose", tmp_path / "out"
    )
    (pose,) = items[0].shapes
    wanted = shape("skeleton")
    for made, element in zip(pose.elements, wanted.elements, strict=True):
        assert made.label == element.label
        assert (made.outside, made.occluded) == (element.outside, element.occluded)
        assert list(made.points) == pytest.approx(list(element.points), abs=1e-3)
    assert [label.name for label in header.labels] == ["pose"]
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert config["kpt_shape"] == [3, 3]
    assert config["kpt_names"] == {0: ["head", "hand", "foot"]}
    assert lost(report)["rectangle"] == 1


def test_a_pose_of_two_numbers_a_point_and_its_box_are_read_and_written(tmp_path: Path) -> None:
    yaml_text = "train: images/train\nnames: {0: man}\nkpt_shape: [2, 2]\n"
    texts = {"data.yaml": yaml_text, "labels/train/a.txt": "0 0.5 0.5 0.4 0.6 0.45 0.5 0.0 0.0"}
    files(tmp_path / "in", texts, ("images/train/a.jpg",))
    header, items, _ = read(tmp_path / "in", "ultralytics-pose")
    assert [sub.name for sub in header.labels[0].sublabels] == ["man_point_0", "man_point_1"]
    first, second = items["train/a.jpg"].shapes[0].elements
    assert (first.outside, second.outside) == (False, True)
    folder, _ = converted(tmp_path / "in", "ultralytics-pose", with_images=True)
    line = (folder / "labels/train/a.txt").read_text()
    assert line == (
        "0 0.500000 0.500000 0.400000 0.600000 0.450000 0.500000 2 0.000000 0.000000 0\n"
    )
    folder, _ = converted(tmp_path / "in", "coco")
    assert written(folder)["annotations"][0]["bbox"] == pytest.approx([60, 20, 80, 60])


def test_a_wrong_number_of_columns_in_a_pose_is_named(tmp_path: Path) -> None:
    yaml_text = "train: images/train\nnames: [man]\nkpt_shape: [2, 3]\n"
    texts = {"data.yaml": yaml_text, "labels/train/a.txt": "0 0.5 0.5 0.4 0.6 0.5 0.5 2"}
    files(tmp_path, texts, ("images/train/a.jpg",))
    with pytest.raises(Exception, match=r"a.txt:1: 8 columns instead of 11"):
        read(tmp_path, "ultralytics-pose")


PARTS = ([10.0, 10.0, 40.0, 10.0, 40.0, 40.0, 10.0, 40.0], [100.0, 20.0, 160.0, 20.0, 130.0, 80.0])


def _two_parts(folder: Path, multipart: str) -> tuple[list[list[float]], Report]:
    source = dataset()
    items = list(source.items)
    items[0].shapes = [
        Shape(type="polygon", label="car", points=part, instance=1, group=1) for part in PARTS
    ]
    source.items = iter(items)
    report = Report()
    with open_sink(folder) as sink:
        options = ConvertOptions(params={"multipart": multipart})
        write_dataset(source, find_format("ultralytics-segmentation"), sink, options, report)
    lines = (folder / "labels/train/a/one.txt").read_text().splitlines()
    size = (WIDTH, HEIGHT)
    rings = [[float(v) * size[i % 2] for i, v in enumerate(line.split()[1:])] for line in lines]
    return rings, report


def _pixels(rings: list[list[float]]) -> Any:
    image = np.zeros((HEIGHT, WIDTH), dtype=bool)
    bitmap, left, top = mask_to_bitmap(polygons_to_mask(rings, WIDTH, HEIGHT))
    image[top : top + bitmap.shape[0], left : left + bitmap.shape[1]] = bitmap
    return image


def test_parts_of_one_object_are_never_joined_wrongly(tmp_path: Path) -> None:
    whole = _pixels([list(part) for part in PARTS])
    rings, report = _two_parts(tmp_path / "split", "split")
    assert [len(ring) for ring in rings] == [8, 6]
    assert lost(report)["polygon"] == 1
    rings, report = _two_parts(tmp_path / "bridge", "bridge")
    (ring,) = rings
    joined = _pixels([ring])
    assert (joined & whole).sum() / (joined | whole).sum() >= 0.99
    assert "polygon" not in lost(report)
    rings, report = _two_parts(tmp_path / "largest", "largest")
    assert rings == [pytest.approx(PARTS[1], abs=1e-3)]
    assert lost(report)["polygon"] == 1


def test_boxes_and_polygons_become_polygons_of_one_file(tmp_path: Path) -> None:
    _, items, report = trip(
        dataset("rectangle", "polygon", plain=True), "ultralytics-segmentation", tmp_path / "out"
    )
    first, second = items[0].shapes
    assert list(first.points) == pytest.approx([10, 20, 50.5, 20, 50.5, 60.25, 10, 60.25], abs=1e-3)
    assert list(second.points) == pytest.approx([5, 5, 60, 8.5, 40.25, 70], abs=1e-3)
    assert lost(report)["rectangle"] == 1


def test_classes_come_back_with_and_without_images(tmp_path: Path) -> None:
    _, items, _ = trip(dataset("tag"), "ultralytics-classification", tmp_path / "out")
    assert [(item.path, [tag.label for tag in item.tags]) for item in items] == [
        ("a/one.jpg", ["car"]),
        ("b/two.png", []),
    ]
    images = ("train/cat/1.jpg", "train/dog/1.jpg", "train/no_label/2.jpg", "val/cat/3.png")
    files(tmp_path / "in", {}, images)
    folder, _ = converted(tmp_path / "in", "ultralytics-classification", with_images=True)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix != ".json"}
    assert {name for name in there if "." in name} == set(images)
    header, back, _ = read(folder, "ultralytics-classification")
    assert {key: [tag.label for tag in item.tags] for key, item in back.items()} == {
        "train/cat/1.jpg": ["cat"],
        "train/dog/1.jpg": ["dog"],
        "train/2.jpg": [],
        "val/cat/3.png": ["cat"],
    }
    assert [label.name for label in header.labels] == ["cat", "dog"]


def test_cvats_names_write_cvats_layout(tmp_path: Path) -> None:
    for display in ("Ultralytics YOLO Detection 1.0", "YOLOv8 Detection 1.0"):
        folder = tmp_path / display
        trip(dataset("rectangle", "polygon", plain=True), display, folder)
        texts = _texts(folder)
        assert set(texts) == {"data.yaml", "train.txt", "val.txt", "labels/train/a/one.txt"}
        assert texts["train.txt"] == "data/images/train/a/one.jpg\n"
        assert texts["data.yaml"].startswith("names:\n  0: car\n  1:")
        assert "path: .\ntrain: train.txt\nval: val.txt\n" in texts["data.yaml"]
        assert texts["labels/train/a/one.txt"] == "0 0.151250 0.401250 0.202500 0.402500\n"


def test_cvat_writes_masks_as_polygons_and_leaves_rotated_boxes_out(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    image[10:50, 10:60] = image[60:80, 100:150] = 1
    source = dataset("mask", plain=True)
    first = list(source.items)
    first[0].shapes[0].points = bitmap_to_mask(image)
    source.items = iter(first)
    _, items, report = trip(source, "Ultralytics YOLO Segmentation 1.0", tmp_path / "a")
    rings = [[round(value) for value in made.points] for made in items[0].shapes]
    assert [100, 60, 100, 79, 149, 79, 149, 60, 100, 60] in rings
    assert [10, 10, 10, 49, 59, 49, 59, 10, 10, 10] in rings
    assert lost(report)["mask"] == 1
    _, items, report = trip(dataset("rectangle"), "Ultralytics YOLO Detection 1.0", tmp_path / "b")
    assert all(not item.shapes for item in items)
    assert lost(report)["rectangle"] == 1
    _, items, _ = trip(
        dataset("rectangle"), "Ultralytics YOLO Oriented Bounding Boxes 1.0", tmp_path / "c"
    )
    assert items[0].shapes[0].rotation == pytest.approx(30.0, abs=0.05)


def test_real_polygons_survive_a_trip_through_segmentation(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    convert(COCO_TINY, folder, "ultralytics-segmentation", with_images=True)
    _, items, _ = read(folder, "ultralytics-segmentation")
    assert sum(len(item.shapes) for item in items.values()) > 80


def test_a_mask_of_two_islands_and_a_hole_is_two_polygons_and_the_hole_is_counted(
    tmp_path: Path,
) -> None:
    image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    image[10:50, 10:60] = 1
    image[20:30, 20:30] = 0
    image[60:80, 100:150] = 1
    source = dataset("mask", plain=True)
    items = list(source.items)
    items[0].shapes[0].points = bitmap_to_mask(image)
    source.items = iter(items)
    _, back, report = trip(source, "ultralytics-segmentation", tmp_path / "out")
    found = _pixels([list(made.points) for made in back[0].shapes])
    image[20:30, 20:30] = 1
    assert (found == (image != 0)).all()
    assert len(back[0].shapes) == 2
    assert lost(report)["hole"] == 1
