"""Datumaro as an independent reader and writer of the formats with label pictures and tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from localcvat.archive import FileMedia, open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.geometry.boxes import shape_box
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report

dm = pytest.importorskip("datumaro")

WIDTH, HEIGHT = 200, 100
CAR = (1.5, 2.0, 30.0, 40.25)
DOG = (50.0, 20.0, 90.0, 40.0)
MASKS = {("car", (0.0, 60.0, 10.0, 70.0)), ("dog", (30.0, 70.0, 40.0, 80.0))}
BOXES = {("car", CAR), ("dog", DOG)}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    Image.new("RGB", (WIDTH, HEIGHT), (9, 9, 9)).save(path)
    return path


def _mask(label: str, left: int, top: int) -> Shape:
    points = [0.0, 100.0, float(left), float(top), left + 9.0, top + 9.0]
    return Shape(type="mask", label=label, points=points)


def _dataset(picture: Path) -> Dataset:
    item = Item(path="one.png", subset="train", width=WIDTH, height=HEIGHT)
    item.media = FileMedia(str(picture))
    item.shapes = [
        Shape(type="rectangle", label="car", points=list(CAR)),
        Shape(type="rectangle", label="dog", points=list(DOG), occluded=True),
        _mask("car", 0, 60),
        _mask("dog", 30, 70),
    ]
    item.tags = [Tag(label="dog")]
    labels = [Label(name="car", color="#ff0000"), Label(name="dog", color="#00ff00")]
    return Dataset(Header(labels=labels, subsets=["train"]), [item])


def _seen(folder: Path, theirs: str) -> dict[str, set[Any]]:
    """What Datumaro reads: labels of images, boxes and masks with their corners."""
    dataset = dm.Dataset.import_from(str(folder), theirs)
    names = dataset.categories()[dm.AnnotationType.label]
    found: dict[str, set[Any]] = {"label": set(), "bbox": set(), "mask": set()}
    for item in dataset:
        for annotation in item.annotations:
            name = names[annotation.label].name
            if annotation.type.name == "label":
                found["label"].add(name)
            elif annotation.type.name == "bbox":
                x, y, width, height = annotation.get_bbox()
                corners = (x, y, x + width, y + height)
                found["bbox"].add((name, tuple(round(float(value), 2) for value in corners)))
            elif name != "background":
                rows, columns = np.nonzero(annotation.image)
                corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
                found["mask"].add((name, tuple(float(value) for value in corners)))
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "boxes", "masks", "labels"),
    [
        ("voc", "voc", BOXES | MASKS, MASKS, {"dog"}),
        ("PASCAL VOC 1.1", "voc", BOXES, MASKS, {"dog"}),
        ("kitti", "kitti_detection", BOXES, set(), set()),
        ("open-images", "open_images", BOXES, MASKS, {"dog"}),
        ("Open Images V6 1.0", "open_images", BOXES, MASKS, {"dog"}),
        ("mot", "mot_seq", BOXES | MASKS, set(), set()),
        ("MOT 1.1", "mot_seq", BOXES, set(), set()),
        ("imagenet", "imagenet", set(), set(), {"dog"}),
    ],
)
def test_datumaro_reads_what_we_write(
    tmp_path: Path,
    picture: Path,
    ours: str,
    theirs: str,
    boxes: set[Any],
    masks: set[Any],
    labels: set[str],
) -> None:
    options = ConvertOptions(with_images=ours != "MOT 1.1")
    with open_sink(tmp_path / "out") as sink:
        write_dataset(_dataset(picture), find_format(ours), sink, options, Report())
    assert _seen(tmp_path / "out", theirs) == {"bbox": boxes, "mask": masks, "label": labels}


@pytest.mark.parametrize("ours", ["segmentation-mask", "Segmentation mask 1.1"])
def test_datumaro_reads_our_label_pictures(tmp_path: Path, picture: Path, ours: str) -> None:
    with open_sink(tmp_path / "out") as sink:
        options = ConvertOptions(with_images=True)
        write_dataset(_dataset(picture), find_format(ours), sink, options, Report())
    whole = {("car", (2.0, 2.0, 30.0, 40.0)), ("dog", (50.0, 20.0, 90.0, 40.0))}
    assert _seen(tmp_path / "out", "voc_segmentation")["mask"] == MASKS | whole


def test_datumaro_reads_our_instance_pictures(tmp_path: Path, picture: Path) -> None:
    with open_sink(tmp_path / "out") as sink:
        write_dataset(_dataset(picture), find_format("kitti"), sink, ConvertOptions(), Report())
    # Datumaro looks for the colours in the folder of the subset, CVAT keeps them above it.
    shutil.copy(tmp_path / "out/label_colors.txt", tmp_path / "out/train/label_colors.txt")
    assert _seen(tmp_path / "out/train", "kitti_segmentation")["mask"] == MASKS


def _theirs(picture: Path) -> Any:
    def mask(label: int, left: int, top: int) -> Any:
        image = np.zeros((HEIGHT, WIDTH), dtype=bool)
        image[top : top + 10, left : left + 10] = True
        return dm.Mask(image=image, label=label, id=label + 1, group=label + 5)

    item = dm.DatasetItem(
        id="one",
        subset="train",
        media=dm.Image.from_file(str(picture)),
        annotations=[
            dm.Bbox(1.5, 2.0, 28.5, 38.25, label=0, attributes={"occluded": False}),
            dm.Bbox(50, 20, 40, 20, label=1, attributes={"occluded": True}),
            mask(0, 0, 60),
            mask(1, 30, 70),
            dm.Label(label=1),
        ],
    )
    return dm.Dataset.from_iterable([item], categories=["car", "dog"])


@pytest.mark.parametrize(
    ("theirs", "ours", "boxes", "masks", "labels"),
    [
        ("voc", "voc", BOXES, MASKS, {"dog"}),
        ("voc_segmentation", "segmentation-mask", set(), MASKS, set()),
        ("label_me", "labelme-xml", BOXES, MASKS, set()),
        ("open_images", "open-images", BOXES, MASKS, {"dog"}),
        ("kitti", "kitti", BOXES, MASKS, set()),
        ("mot_seq_gt", "mot", BOXES, set(), set()),
        ("imagenet", "imagenet", set(), set(), {"dog"}),
        ("imagenet_txt", "imagenet", set(), set(), {"dog"}),
    ],
)
def test_we_read_what_datumaro_writes(
    tmp_path: Path,
    picture: Path,
    theirs: str,
    ours: str,
    boxes: set[Any],
    masks: set[Any],
    labels: set[str],
) -> None:
    _theirs(picture).export(str(tmp_path / "theirs"), theirs, save_media=True)
    with open_source(tmp_path / "theirs") as source:
        read = find_format(ours).format.read(source, ReadOptions(), Report())
        (item,) = read.items
    found: dict[str, set[Any]] = {"rectangle": set(), "mask": set()}
    for shape in item.shapes:
        corners = tuple(round(float(value), 2) for value in shape_box(shape))
        found[shape.type].add((shape.label, corners))
    assert found == {"rectangle": boxes, "mask": masks}
    assert {tag.label for tag in item.tags} == labels
    assert item.media is not None
    if ours != "imagenet":
        assert (item.width, item.height) == (WIDTH, HEIGHT)
    hidden = {shape.label for shape in item.shapes if shape.occluded}
    assert hidden == ({"dog"} if boxes else set())
