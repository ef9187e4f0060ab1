"""LabelMe's JSON: every shape in, everything it holds out and back."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import localcvat
from commands import COCO_TINY
from localcvat.archive import open_sink, open_source
from localcvat.errors import DatasetError
from localcvat.geometry.masks import bitmap_to_mask, mask_to_bitmap
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions, WriteOptions, detect_format, find_format
from localcvat.report import Report

FORMAT = find_format("labelme-json").format


def _entry(kind: str | None, *points: list[float], **more: Any) -> dict[str, Any]:
    plain = {"label": "cat", "points": list(points), "group_id": None, "flags": {}}
    return {**plain, **({"shape_type": kind} if kind else {}), **more}


def _file(*shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    plain = {"version": "5.2.1", "flags": {}, "imagePath": "a.jpg", "imageData": None}
    return {**plain, "shapes": list(shapes), "imageHeight": 40, "imageWidth": 60, **more}


def _read(
    folder: Path, document: Any, name: str = "a.json", **options: Any
) -> tuple[Dataset, list[Item], Report]:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(document if isinstance(document, str) else json.dumps(document))
    report = Report()
    with open_source(folder) as source:
        assert detect_format(source).name == "labelme-json"
        dataset = FORMAT.read(source, ReadOptions(**options), report)
        return dataset, list(dataset.items), report


def _png(bitmap: Any) -> str:
    stream = io.BytesIO()
    Image.fromarray(bitmap.astype(np.uint8) * 255).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def test_every_shape_is_read(tmp_path: Path) -> None:
    bitmap = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    document = _file(
        _entry("polygon", [1, 1], [5, 1], [5, 6]),
        _entry(None, [1, 1], [5, 1], [5, 6]),
        _entry("rectangle", [9, 8], [2, 3]),
        _entry("circle", [10, 10], [13, 14]),
        _entry("line", [1, 2], [3, 4]),
        _entry("linestrip", [1, 2], [3, 4], [5, 6]),
        _entry("point", [7, 8]),
        _entry("points", [7, 8], [9, 10]),
        _entry("mask", [20, 30], [22, 31], mask=_png(bitmap)),
        imageData="aGVsbG8=",
    )
    _, items, _ = _read(tmp_path, document)
    found = [(shape.type, list(shape.points)) for shape in items[0].shapes[:-1]]
    assert found == [
        ("polygon", [1, 1, 5, 1, 5, 6]),
        ("polygon", [1, 1, 5, 1, 5, 6]),
        ("rectangle", [2, 3, 9, 8]),
        ("ellipse", [10, 10, 15, 5]),
        ("polyline", [1, 2, 3, 4]),
        ("polyline", [1, 2, 3, 4, 5, 6]),
        ("points", [7, 8]),
        ("points", [7, 8, 9, 10]),
    ]
    read, left, top = mask_to_bitmap(items[0].shapes[-1].points)
    assert (left, top) == (20, 30)
    assert (read.astype(bool) == bitmap).all()


def test_groups_flags_and_descriptions_are_kept(tmp_path: Path) -> None:
    document = _file(
        _entry("point", [1, 1], group_id=0, flags={"crowd": True, "occluded": True}),
        _entry("point", [2, 2], group_id=4, description="near the door"),
        flags={"indoor": True, "outdoor": False},
    )
    dataset, items, _ = _read(tmp_path, document)
    first, second = items[0].shapes
    assert (first.group, first.occluded, first.attributes) == (5, True, {"crowd": "true"})
    assert (second.group, second.attributes) == (4, {"description": "near the door"})
    assert [tag.label for tag in items[0].tags] == ["indoor"]
    assert [label.name for label in dataset.header.labels] == ["cat", "indoor", "outdoor"]


@pytest.mark.parametrize("given", ["a.jpg", "..\\images\\a.jpg", "C:\\x\\images\\a.jpg"])
def test_the_image_is_found_by_its_path(tmp_path: Path, given: str) -> None:
    place = tmp_path / ("labels/a.jpg" if given == "a.jpg" else "images/a.jpg")
    place.parent.mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(place)
    document = _file(_entry("point", [1, 1]), imagePath=given)
    del document["imageHeight"], document["imageWidth"]
    _, items, _ = _read(tmp_path, document, "labels/a.json")
    assert items[0].media is not None
    assert items[0].media.path == str(place)
    assert (items[0].width, items[0].height) == (60, 40)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (_entry("star", [1, 1]), "'star'"),
        (_entry("polygon", [1, 1], [2, 2]), "a polygon of 2 points"),
        (_entry("circle", [1, 1]), "a circle of 1 points"),
        (_entry("rectangle", [1, 1], [2, 2], [3, 3]), "a rectangle of 3 points"),
        (_entry("point", [1, 1, 1]), "not pairs"),
        (_entry("point", [1, 1e99]), "absurdly large"),
        (_entry("mask", [1, 1], [2, 2], mask="????"), "no PNG"),
        (_entry("mask", [1, 1], [2, 2], mask="aGVsbG8="), "no PNG"),
        (_entry("mask", [1, 1], [2, 2]), "needs two corners"),
    ],
)
def test_a_broken_shape_is_named_by_its_place(
    tmp_path: Path, entry: dict[str, Any], said: str
) -> None:
    document = _file(_entry("point", [1, 1]), entry)
    with pytest.raises(DatasetError, match=said) as caught:
        _read(tmp_path, document)
    assert caught.value.where.endswith("a.json: shapes[1]")
    _, items, report = _read(tmp_path, document, on_error="skip")
    assert len(items[0].shapes) == 1
    assert report.count("dropped", "shape") == 1


def test_a_wrong_type_is_named_by_its_json_path(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected 'str'") as caught:
        _read(tmp_path, _file({"label": 3, "points": []}))
    assert caught.value.where.endswith("a.json: shapes[0].label")


def test_everything_it_holds_comes_back(tmp_path: Path) -> None:
    bitmap = np.zeros((40, 60), dtype=np.uint8)
    bitmap[5:20, 7:30] = 1
    bitmap[8:10, 9:12] = 0
    shapes = [
        Shape(type="rectangle", label="cat", points=[1.5, 2, 3, 4.25], occluded=True, group=2),
        Shape(type="polygon", label="cat", points=[1, 1, 5, 1, 5, 6], score=0.5),
        Shape(type="polyline", label="dog", points=[1.0, 2, 3, 4]),
        Shape(type="points", label="dog", points=[1.0, 2]),
        Shape(type="points", label="dog", points=[1.0, 2, 3, 4], group=2),
        Shape(type="ellipse", label="dog", points=[10.0, 10, 15, 5]),
        Shape(
            type="mask",
            label="cat",
            points=bitmap_to_mask(bitmap),
            attributes={"crowd": "false", "colour": "red", "description": "x"},
        ),
    ]
    items = [
        Item(path="s/a.jpg", subset="train", width=60, height=40, shapes=shapes),
        Item(path="b.png", subset="default", width=1, height=2, tags=[Tag(label="indoor")]),
    ]
    labels = [Label(name=name) for name in ("cat", "dog", "indoor")]
    report = Report()
    with open_sink(tmp_path / "out.zip") as sink:
        dataset = Dataset(Header(labels=labels, subsets=["train", "default"]), items)
        FORMAT.write(dataset, sink, WriteOptions(), report)
    assert not report.entries
    with open_source(tmp_path / "out.zip") as source:
        back = sorted(FORMAT.read(source, ReadOptions(), Report()).items, key=lambda i: i.path)
    assert back[0] == items[1]
    for mine, theirs in zip(back[1].shapes, shapes, strict=True):
        theirs.points = list(theirs.points)
        assert mine == theirs
    assert (back[1].path, back[1].subset) == ("s/a.jpg", "train")


def test_an_ellipse_that_is_no_circle_is_reported(tmp_path: Path) -> None:
    shape = Shape(type="ellipse", label="cat", points=[10.0, 10, 18, 5])
    dataset = Dataset(Header(labels=[Label(name="cat")]), [Item(path="a.jpg", shapes=[shape])])
    report = Report()
    with open_sink(tmp_path / "out") as sink:
        FORMAT.write(dataset, sink, WriteOptions(), report)
    assert report.count("changed", "ellipse") == 1
    written = json.loads((tmp_path / "out" / "a.json").read_bytes())
    assert written["shapes"][0]["shape_type"] == "polygon"


def test_real_coco_objects_survive_a_trip_through_labelme(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    name = "annotations/instances_val2017.json"
    source = COCO_TINY / name
    localcvat.convert(source, tmp_path / "lm", to="labelme-json")
    localcvat.convert(tmp_path / "lm", tmp_path / "coco", to="coco")
    theirs, ours = COCO(str(source)), COCO(str(next((tmp_path / "coco").rglob("*.json"))))
    assert len(ours.imgs) == len(theirs.imgs)
    parts = sum(
        len(a["segmentation"]) if isinstance(a["segmentation"], list) else 1
        for a in theirs.anns.values()
    )
    assert len(ours.anns) == parts
    masks = [a for a in ours.anns.values() if isinstance(a["segmentation"], dict)]
    crowds = [a for a in theirs.anns.values() if isinstance(a["segmentation"], dict)]
    assert len(masks) == len(crowds)
    for mask, crowd in zip(masks, crowds, strict=True):
        assert (ours.annToMask(mask) == theirs.annToMask(crowd)).all()
