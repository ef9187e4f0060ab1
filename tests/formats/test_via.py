"""VIA 1 and 2: projects, annotations, tables; every shape; which attribute is the label."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from localcvat.archive import open_source
from localcvat.errors import DatasetError
from localcvat.model import Dataset, Item, Shape
from localcvat.plugin import ReadOptions, detect_format, find_format
from localcvat.report import Report

SHAPES: list[tuple[dict[str, Any], tuple[str, list[float]]]] = [
    ({"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, ("rectangle", [1, 2, 4, 6])),
    ({"name": "circle", "cx": 10, "cy": 20, "r": 5}, ("ellipse", [10, 20, 15, 15])),
    ({"name": "ellipse", "cx": 10, "cy": 20, "rx": 5, "ry": 3}, ("ellipse", [10, 20, 15, 17])),
    (
        {"name": "polygon", "all_points_x": [1, 5, 5], "all_points_y": [1, 1, 6]},
        ("polygon", [1, 1, 5, 1, 5, 6]),
    ),
    (
        {"name": "polygon", "all_points_x": [1, 5, 5, 1], "all_points_y": [1, 1, 6, 1]},
        ("polygon", [1, 1, 5, 1, 5, 6]),
    ),
    (
        {"name": "polyline", "all_points_x": [1, 5], "all_points_y": [1, 6]},
        ("polyline", [1, 1, 5, 6]),
    ),
    ({"name": "point", "cx": 7, "cy": 8}, ("points", [7, 8])),
]


def _read(
    folder: Path, text: str, name: str = "via.json", **options: Any
) -> tuple[Dataset, list[Item], Report]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    report = Report()
    with open_source(folder) as source:
        assert detect_format(source).name == "via"
        plugin = find_format("via").format
        dataset = plugin.read(source, ReadOptions(**options), report)
        return dataset, list(dataset.items), report


def _regions(shapes: list[Shape]) -> list[tuple[str, list[float]]]:
    return [(shape.type, list(shape.points)) for shape in shapes]


def _image(*regions: dict[str, Any], as_dict: bool = False, **about: Any) -> dict[str, Any]:
    listed: Any = list(regions)
    if as_dict:
        listed = {str(index): region for index, region in enumerate(regions)}
    return {"filename": "a.jpg", "size": 99, "regions": listed, "file_attributes": about}


def _region(shape: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


EXPECTED = [expected for _, expected in SHAPES]
EVERY = [_region(shape, label="cat") for shape, _ in SHAPES]


@pytest.mark.parametrize("as_dict", [False, True])
def test_every_shape_of_via_1_and_2_is_read(tmp_path: Path, as_dict: bool) -> None:
    document = {"a.jpg99": _image(*EVERY, as_dict=as_dict)}
    dataset, items, _ = _read(tmp_path, json.dumps(document))
    assert _regions(items[0].shapes) == EXPECTED
    assert [label.name for label in dataset.header.labels] == ["cat"]


def test_a_table_is_read_like_the_json(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with open(tmp_path / "x" / "via.csv", "w", newline="") as stream:
        stream.write(
            "#filename,file_size,file_attributes,region_count,region_id,"
            "region_shape_attributes,region_attributes\n"
        )
        writer = csv.writer(stream)
        for index, region in enumerate(EVERY):
            cells = [
                json.dumps(region["shape_attributes"]),
                json.dumps(region["region_attributes"]),
            ]
            writer.writerow(["a.jpg", 99, "{}", len(EVERY), index, *cells])
        writer.writerow(["b.jpg", 99, "{}", 0, 0, "{}", "{}"])
    text = (tmp_path / "x" / "via.csv").read_text()
    _, items, _ = _read(tmp_path / "x", text, "via.csv")
    assert _regions(items[0].shapes) == EXPECTED
    assert (items[1].path, items[1].shapes) == ("b.jpg", [])


def test_an_ellipse_turns_by_radians(tmp_path: Path) -> None:
    shape = {"name": "ellipse", "cx": 9, "cy": 9, "rx": 5, "ry": 3, "theta": math.pi / 6}
    _, items, _ = _read(tmp_path, json.dumps({"a": _image(_region(shape, label="cat"))}))
    assert items[0].shapes[0].rotation == pytest.approx(30)


def test_a_project_declares_labels_and_attributes(tmp_path: Path) -> None:
    region = {
        "kind": {
            "type": "dropdown",
            "description": "",
            "options": {"car": "", "bus": ""},
            "default_options": {"car": True},
        },
        "state": {"type": "checkbox", "options": {"wet": "", "dirty": ""}, "default_options": {}},
    }
    file = {"weather": {"type": "text", "description": "", "default_value": ""}}
    rect = SHAPES[0][0]
    image = _image(_region(rect, kind="bus", state={"wet": True, "dirty": True}), weather="rain")
    document = {
        "_via_settings": {"ui": {}, "core": {}, "project": {"name": "p"}},
        "_via_img_metadata": {"a.jpg99": image},
        "_via_attributes": {"region": region, "file": file},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": ["a.jpg99"],
    }
    dataset, items, report = _read(tmp_path, json.dumps(document))
    assert [label.name for label in dataset.header.labels] == ["car", "bus"]
    assert [spec.name for spec in dataset.header.labels[0].attributes] == ["state"]
    (shape,) = items[0].shapes
    assert (shape.label, shape.attributes) == ("bus", {"state": "wet,dirty"})
    assert report.count("dropped", "file attribute") == 1
    assert any("'kind'" in entry.reason for entry in report.entries)


def test_a_class_of_the_file_is_a_tag(tmp_path: Path) -> None:
    _, items, _ = _read(tmp_path, json.dumps({"a": _image(category="indoor", caption="a room")}))
    (tag,) = items[0].tags
    assert (tag.label, tag.attributes) == ("indoor", {"caption": "a room"})


def test_regions_without_a_class_are_named_and_reported(tmp_path: Path) -> None:
    document = {"a": _image(_region(SHAPES[0][0], colour="red", size="big"))}
    _, items, report = _read(tmp_path, json.dumps(document))
    (shape,) = items[0].shapes
    assert (shape.label, shape.attributes) == ("object", {"colour": "red", "size": "big"})
    assert report.count("assumed", "label") == 1


def test_files_in_train_and_val_are_subsets(tmp_path: Path) -> None:
    for subset in ("train", "val"):
        (tmp_path / subset).mkdir()
        document = json.dumps({"a": _image(*EVERY)})
        (tmp_path / subset / "via_region_data.json").write_text(document)
    report = Report()
    with open_source(tmp_path) as source:
        dataset = detect_format(source).read(source, ReadOptions(), report)
        assert [item.subset for item in dataset.items] == ["train", "val"]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"name": "blob"}, "'blob'"),
        ({"name": "rect", "x": 1, "y": 2, "width": 3}, "no height"),
        ({"name": "rect", "x": 1, "y": 2, "width": 3, "height": "tall"}, "could not convert"),
        ({"name": "circle", "cx": 1, "cy": 2, "r": 1e300}, "absurdly large"),
        ({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1]}, "3 x and 1 y"),
        ({"name": "polygon", "all_points_x": [1], "all_points_y": [1]}, "a polygon of 1 points"),
        ({"name": "polyline", "all_points_x": 5, "all_points_y": [1]}, "not iterable"),
    ],
)
def test_a_broken_region_is_named_by_its_path(
    tmp_path: Path, shape: dict[str, Any], said: str
) -> None:
    document = json.dumps({"k": _image(_region(SHAPES[0][0]), _region(shape))})
    with pytest.raises(DatasetError, match=said) as caught:
        _read(tmp_path, document)
    assert caught.value.where.endswith("via.json: ['k'].regions[1]")
    _, items, report = _read(tmp_path, document, on_error="skip")
    assert len(items[0].shapes) == 1
    assert report.count("dropped", "region") == 1
