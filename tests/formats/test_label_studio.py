"""Label Studio's exports: units, rotation about the corner, brushes, paths, JSON-MIN."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import run
from localcvat.archive import open_source
from localcvat.errors import DatasetError
from localcvat.geometry.boxes import rectangle_corners
from localcvat.geometry.masks import mask_to_bitmap
from localcvat.model import Dataset, Item
from localcvat.plugin import ReadOptions, detect_format, find_format
from localcvat.report import Report

SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}


def _result(kind: str, number: str = "r1", **value: Any) -> dict[str, Any]:
    return {
        **SIZE,
        "id": number,
        "type": kind,
        "from_name": "label",
        "to_name": "image",
        "origin": "manual",
        "value": value,
    }


def _task(*results: dict[str, Any], image: str = "/data/upload/1/a.jpg") -> dict[str, Any]:
    annotation = {"id": 1, "completed_by": 1, "was_cancelled": False, "result": list(results)}
    return {"id": 7, "annotations": [annotation], "predictions": [], "data": {"image": image}}


def _read(folder: Path, document: Any, **options: Any) -> tuple[Dataset, list[Item], Report]:
    folder.mkdir(exist_ok=True)
    (folder / "project-1.json").write_text(json.dumps(document))
    report = Report()
    with open_source(folder) as source:
        assert detect_format(source).name == "label-studio"
        plugin = find_format("label-studio").format
        dataset = plugin.read(source, ReadOptions(**options), report)
        return dataset, list(dataset.items), report


def test_percentages_become_pixels(tmp_path: Path) -> None:
    box = {"x": 10.0, "y": 20, "width": 30, "height": 40, "rotation": 0}
    task = _task(
        _result("rectanglelabels", "a", **box, rectanglelabels=["car"]),
        _result("polygonlabels", "b", points=[[0, 0], [50, 0], [50, 50]], polygonlabels=["road"]),
        _result(
            "ellipselabels",
            "c",
            x=50,
            y=50,
            radiusX=10,
            radiusY=10,
            rotation=30,
            ellipselabels=["car"],
        ),
        _result("keypointlabels", "d", x=25, y=25, width=0.5, keypointlabels=["nose"]),
        _result(
            "polygonlabels", "e", points=[[0, 0], [50, 0]], closed=False, polygonlabels=["road"]
        ),
    )
    dataset, items, _ = _read(tmp_path, [task])
    assert [label.name for label in dataset.header.labels] == ["car", "road", "nose"]
    (item,) = items
    assert (item.path, item.width, item.height) == ("a.jpg", 200, 100)
    rectangle, polygon, ellipse, point, line = item.shapes
    assert list(rectangle.points) == [20, 20, 80, 60]
    assert list(polygon.points) == [0, 0, 100, 0, 100, 50]
    assert (list(ellipse.points), ellipse.rotation) == ([100, 50, 120, 40], 30)
    assert (point.type, list(point.points)) == ("points", [50, 25])
    assert (line.type, list(line.points)) == ("polyline", [0, 0, 100, 0])


@pytest.mark.parametrize("degrees", [30, 90, 328.33240366032836])
def test_a_rectangle_turns_around_its_top_left_corner(tmp_path: Path, degrees: float) -> None:
    box = {"x": 40, "y": 40, "width": 20, "height": 10, "rotation": degrees}
    task = _task(_result("rectanglelabels", **box, rectanglelabels=["car"]))
    _, items, _ = _read(tmp_path, [task])
    (shape,) = items[0].shapes
    corners = rectangle_corners(shape.points, shape.rotation)
    angle = math.radians(degrees)
    right = (40 * math.cos(angle), 40 * math.sin(angle))
    down = (-10 * math.sin(angle), 10 * math.cos(angle))
    expected = [80, 40, 80 + right[0], 40 + right[1]]
    expected += [80 + right[0] + down[0], 40 + right[1] + down[1], 80 + down[0], 40 + down[1]]
    assert corners == pytest.approx(expected)


def _pack(values: list[int]) -> list[int]:
    """rle-pack by its specification, runs and literals alternating; sizes of 3, 4, 8, 16 bits."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    position = 0
    while position < len(values):
        end = position + 1
        while end < len(values) and values[end] == values[position] and end - position < 60000:
            end += 1
        length = end - position - 1
        if length:
            which = next(i for i, size in enumerate((3, 4, 8, 16)) if length < 1 << size)
            bits += f"1{which:02b}" + f"{length:0{(3, 4, 8, 16)[which]}b}"
            bits += f"{values[position]:08b}"
        else:
            bits += f"000{0:03b}{values[position]:08b}"
        position = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_a_brush_is_its_alpha_channel(tmp_path: Path) -> None:
    rgba = np.zeros((100, 200, 4), dtype=np.uint8)
    rgba[10:30, 40:90] = (255, 0, 7, 255)
    rgba[15:20, 50:60, 3] = 0
    rgba[60, 3] = (1, 2, 3, 4)
    brush = _result("brushlabels", format="rle", rle=_pack(rgba.ravel().tolist()))
    brush["value"]["brushlabels"] = ["fur"]
    _, items, _ = _read(tmp_path, [_task(brush)])
    (shape,) = items[0].shapes
    bitmap, left, top = mask_to_bitmap(shape.points)
    whole = np.zeros((100, 200), dtype=bool)
    whole[top : top + bitmap.shape[0], left : left + bitmap.shape[1]] = bitmap
    assert (whole == (rgba[:, :, 3] > 0)).all()


@pytest.mark.parametrize("rle", [[], [0, 0], [1] * 40, ["a"], [300], "x", [0, 1, 56, 128] * 9])
def test_a_broken_brush_is_named_by_its_place(tmp_path: Path, rle: Any) -> None:
    brush = _result("brushlabels", format="rle", rle=rle, brushlabels=["fur"])
    with pytest.raises(DatasetError) as caught:
        _read(tmp_path, [_task(), _task(brush)])
    assert caught.value.where.endswith("project-1.json: [1].result[0]")
    _, items, report = _read(tmp_path, [_task(), _task(brush)], on_error="skip")
    assert [item.shapes for item in items] == [[], []]
    assert report.count("dropped", "region") == 1


def test_choices_and_texts_go_to_the_region_or_the_image_they_are_about(tmp_path: Path) -> None:
    box = {"x": 0, "y": 0, "width": 50, "height": 50}
    task = _task(
        {**_result("rectangle", "a", **box), "from_name": "rect"},
        _result("labels", "a", **box, labels=["car"]),
        {**_result("choices", "a", choices=["red"]), "from_name": "colour"},
        {**_result("textarea", "a", text=["plate", "XY"]), "from_name": "plate"},
        {**_result("choices", "z", choices=["sunny"]), "from_name": "weather"},
        {**_result("textarea", "y", text=["note"]), "from_name": "note"},
        {"from_id": "a", "to_id": "z", "type": "relation", "direction": "right"},
    )
    dataset, items, report = _read(tmp_path, [task])
    (shape,) = items[0].shapes
    assert (shape.label, shape.attributes) == ("car", {"colour": "red", "plate": "plate, XY"})
    (tag,) = items[0].tags
    assert (tag.label, tag.attributes) == ("sunny", {"choice": "weather"})
    assert {label.name for label in dataset.header.labels} == {"car", "sunny"}
    assert report.count("dropped", "textarea") == 1
    assert report.count("dropped", "relation") == 1


def test_a_region_without_a_label_and_one_with_two_are_reported(tmp_path: Path) -> None:
    box = {"x": 0, "y": 0, "width": 50, "height": 50}
    task = _task(
        _result("rectanglelabels", "a", **box, rectanglelabels=[]),
        _result("rectanglelabels", "b", **box, rectanglelabels=["car", "taxi"]),
    )
    _, items, report = _read(tmp_path, [task])
    assert [shape.label for shape in items[0].shapes] == ["car", "taxi"]
    assert report.count("dropped", "region") == 1
    assert report.count("changed", "label") == 1


def test_the_ground_truth_or_the_first_annotation_is_taken(tmp_path: Path) -> None:
    box = {"x": 0, "y": 0, "width": 50, "height": 50}
    task = _task(_result("rectanglelabels", **box, rectanglelabels=["mine"]))
    other = _task(_result("rectanglelabels", **box, rectanglelabels=["truth"]))["annotations"][0]
    task["annotations"] += [{**other, "ground_truth": True}, {**other, "was_cancelled": True}]
    _, items, report = _read(tmp_path, [task])
    assert [shape.label for shape in items[0].shapes] == ["truth"]
    assert report.count("dropped", "annotation") == 2


def test_predictions_stand_in_where_nobody_annotated(tmp_path: Path) -> None:
    box = {"x": 0, "y": 0, "width": 50, "height": 50}
    task = _task()
    task["annotations"] = []
    result = {**_result("rectanglelabels", **box, rectanglelabels=["car"]), "score": 0.5}
    task["predictions"] = [{"model_version": "1", "result": [result]}]
    _, items, report = _read(tmp_path, [task])
    (shape,) = items[0].shapes
    assert (shape.label, shape.score, shape.source) == ("car", 0.5, "auto")
    assert report.count("assumed", "prediction") == 1


@pytest.mark.parametrize(
    ("given", "file", "path"),
    [
        ("/data/local-files/?d=photos/caf%C3%A9/a.jpg", "photos/café/a.jpg", "photos/café/a.jpg"),
        ("/data/local-files/?d=/home/u/photos/b/a.jpg", "photos/b/a.jpg", "a.jpg"),
        ("/data/upload/3/1a2b3c4d-a.jpg", "1a2b3c4d-a.jpg", "1a2b3c4d-a.jpg"),
        ("/data/upload/3/1a2b3c4d-a.jpg", "images/a.jpg", "a.jpg"),
        ("s3://bucket/x/a.jpg?v=1", "x/a.jpg", "a.jpg"),
        ("https://example.com/x/a%20b.jpg", "a b.jpg", "a b.jpg"),
        ("..\\..\\label-studio\\data\\a.jpg", "a.jpg", "label-studio/data/a.jpg"),
    ],
)
def test_paths_of_label_studio_find_the_images_beside_it(
    tmp_path: Path, given: str, file: str, path: str
) -> None:
    target = tmp_path / file
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 100)).save(target)
    _, items, _ = _read(tmp_path, [_task(image=given)])
    assert items[0].path == path
    assert items[0].media is not None
    assert items[0].media.path == str(target)


def test_json_min_is_read(tmp_path: Path) -> None:
    flat = {
        "image": "/data/upload/1/1a2b3c4d-a.jpg",
        "id": 1,
        "label": [
            {
                "x": 10,
                "y": 20,
                "width": 30,
                "height": 40,
                "rotation": 0,
                "rectanglelabels": ["car"],
                "original_width": 200,
                "original_height": 100,
            }
        ],
        "weather": "sunny",
        "seen": {"choices": ["cat", "dog"]},
        "annotator": 1,
        "annotation_id": 1,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "lead_time": 3.5,
    }
    dataset, items, _ = _read(tmp_path, [flat])
    assert [list(shape.points) for shape in items[0].shapes] == [[20, 20, 80, 60]]
    assert [tag.label for tag in items[0].tags] == ["sunny", "cat", "dog"]
    assert [label.name for label in dataset.header.labels] == ["car", "sunny", "cat", "dog"]


def test_an_unknown_image_size_needs_the_image_or_an_option(tmp_path: Path) -> None:
    result = _result("rectanglelabels", x=0, y=0, width=50, height=50, rectanglelabels=["car"])
    del result["original_width"]
    with pytest.raises(DatasetError, match="--image-size"):
        _read(tmp_path, [_task(result)])
    _, items, _ = _read(tmp_path, [_task(result)], image_size=(10, 20))
    assert list(items[0].shapes[0].points) == [0, 0, 5, 10]


@pytest.mark.parametrize(
    "document",
    [
        '[{"data": {"text": 1}, "annotations": [], "predictions": []}]',
        '[{"data": {"image": "a.jpg"}, "annotations": [{"result": 3, "from_name": "to_name"}]}]',
        '[{"data": {"image": "a.jpg"}, "annotations": [{"result": [',
        '[{"data": {"image": "a.jpg"}, "annotations": 5}]',
    ],
)
def test_what_is_broken_is_one_line_with_its_place(tmp_path: Path, document: str) -> None:
    (tmp_path / "tasks.json").write_text(document)
    done = run("convert", tmp_path / "tasks.json", tmp_path / "out", "--to", "coco")
    assert done.returncode == 1
    assert "tasks.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_label_studio_can_only_be_read(tmp_path: Path) -> None:
    _read(tmp_path / "in", [_task()])
    done = run("convert", tmp_path / "in", tmp_path / "out", "--to", "label-studio")
    assert done.returncode == 2
    assert "can't be written" in done.stderr
