"""COCO keypoints: skeleton labels are categories, visibility is outside and occluded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversions import BOX, IMAGE, converted, reasons, written
from every_kind import dataset, lost, shape, trip
from localcvat.labels import skeleton_edges, skeleton_svg
from localcvat.model import Label

Make = Callable[..., Path]
CATEGORY = {
    "id": 5,
    "name": "person",
    "supercategory": "alive",
    "keypoints": ["head", "hand", "foot"],
    "skeleton": [[1, 2], [3, 1]],
}
TRIANGLE = [[10.0, 10.0, 60.5, 10.0, 30.25, 70.0]]
POINTS = {"keypoints": [10.0, 20.0, 2, 30.5, 40.25, 1, 0.0, 0.0, 0], "num_keypoints": 2}


def _person(number: int, **fields: Any) -> dict[str, Any]:
    base = {**BOX, "id": number, "category_id": 5, "iscrowd": 0, "area": 1200.0, **POINTS}
    return {"segmentation": [], **base, **fields}


PEOPLE = [
    _person(3),
    _person(7, segmentation=TRIANGLE, area=77.5, score=0.5),
    _person(9, keypoints=[0] * 9, num_keypoints=0),
    _person(11, attributes={"occluded": True, "age": 3}),
    _person(12, segmentation={"counts": [160, 5, 75, 5, 7755], "size": [80, 100]}, iscrowd=1),
]


@pytest.mark.parametrize("name", ["coco", "coco-keypoints"])
def test_keypoints_are_kept_value_by_value(coco_file: Make, name: str) -> None:
    source = coco_file(
        "in/annotations/person_keypoints_train.json", categories=[CATEGORY], annotations=PEOPLE
    )
    folder, report = converted(source, name)
    assert written(folder)["categories"] == [CATEGORY]
    assert written(folder)["annotations"] == PEOPLE
    (path,) = folder.rglob("*.json")
    task = "instances" if name == "coco" else "person_keypoints"
    assert path.name == f"{task}_train.json"
    assert not report.losses


def test_keypoints_files_are_detected(coco_file: Make) -> None:
    source = coco_file(
        "in/annotations/person_keypoints_train.json", categories=[CATEGORY], annotations=PEOPLE
    )
    folder, _ = converted(source.parent.parent, "ultralytics-pose")
    lines = (folder / "labels/train/a.txt").read_text().splitlines()
    assert len(lines) == len(PEOPLE)
    assert lines[0] == (
        "0 0.255000 0.503125 0.300000 0.500000 "
        "0.100000 0.250000 2 0.305000 0.503125 1 0.000000 0.000000 0"
    )


def test_the_model_has_outside_and_occluded(tmp_path: Path) -> None:
    _, items, report = trip(dataset("skeleton", plain=True), "coco-keypoints", tmp_path / "out")
    (skeleton,) = items[0].shapes
    wanted = shape("skeleton").elements
    assert [(e.label, list(e.points), e.outside, e.occluded) for e in skeleton.elements] == [
        (e.label, list(e.points), e.outside, e.occluded) for e in wanted
    ]
    assert set(lost(report)) == {"label attributes"}


@pytest.mark.parametrize("name", ["coco-keypoints", "COCO Keypoints 1.0"])
def test_points_are_written_in_the_order_of_the_svg(tmp_path: Path, name: str) -> None:
    source = dataset("skeleton", plain=True)
    pose = source.header.labels[2]
    pose.sublabels = [Label(name=n, type="points") for n in ("foot", "head", "hand")]
    pose.svg = skeleton_svg(("hand", "foot", "head"), [(1, 2)])
    trip(source, name, tmp_path / "out")
    body = json.loads((tmp_path / "out/annotations/person_keypoints_train.json").read_bytes())
    category = next(row for row in body["categories"] if row["name"] == "pose")
    assert (category["keypoints"], category["skeleton"]) == (["hand", "foot", "head"], [[1, 2]])
    assert body["annotations"][0]["keypoints"] == [30.5, 40.25, 1, 50, 60, 0, 10, 20, 2]
    assert body["annotations"][0]["num_keypoints"] == 2


def test_boxes_of_labels_without_keypoints_are_counted(tmp_path: Path) -> None:
    _, items, report = trip(
        dataset("skeleton", "rectangle", plain=True), "coco-keypoints", tmp_path / "out"
    )
    assert [made.type for made in items[0].shapes] == ["skeleton"]
    assert lost(report)["rectangle"] == 1


def test_a_box_of_a_keypoints_dataset_is_its_bbox(coco_file: Make) -> None:
    source = coco_file(categories=[CATEGORY], annotations=PEOPLE[:2])
    folder, report = converted(source, "yolo")
    assert (
        next(folder.rglob("a.txt")).read_text().splitlines()
        == ["0 0.255000 0.503125 0.300000 0.500000"] * 2
    )
    assert reasons(report, "changed")["skeleton: written as its bounding box"] == 2


def test_skeletons_go_through_the_store(coco_file: Make, tmp_path: Path) -> None:
    from localcvat.exchange import export_from_project, import_into_project
    from localcvat.projects import create_project
    from localcvat.store.engine import Store

    source = coco_file(
        "in/person_keypoints_train.json", categories=[CATEGORY], annotations=PEOPLE[:2]
    )
    with Store.create(tmp_path / "store") as store:
        project = create_project(store, "p")
        import_into_project(store, project, source, "coco-keypoints", media="none")
        export_from_project(store, project, tmp_path / "back", "coco-keypoints")
    found = written(tmp_path / "back")
    assert found["annotations"] == PEOPLE[:2]
    assert found["categories"][0]["keypoints"] == CATEGORY["keypoints"]
    assert sorted(map(sorted, found["categories"][0]["skeleton"])) == [[1, 2], [1, 3]]


def test_points_of_one_name_are_told_apart(coco_file: Make) -> None:
    category = {**CATEGORY, "keypoints": ["eye", "eye", "nose"]}
    source = coco_file(categories=[category], annotations=[PEOPLE[0]])
    folder, report = converted(source, "datumaro")
    labels = written(folder)["categories"]["label"]["labels"]
    assert [label["name"] for label in labels] == ["person", "eye", "eye_2", "nose"]
    assert report.count("changed", "keypoint") == 1


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"keypoints": [1, 2, 2, 3]}, "keypoints"),
        ({"keypoints": [1, 2, 2]}, "keypoints"),
        ({"keypoints": [1, 2, 7, 0, 0, 0, 0, 0, 0]}, "keypoints[2]"),
        ({"keypoints": [1e300, 2, 2, 0, 0, 0, 0, 0, 0]}, "keypoints"),
    ],
)
def test_broken_keypoints_are_named(coco_file: Make, fields: Any, place: str) -> None:
    source = coco_file(categories=[CATEGORY], annotations=[_person(1), _person(2, **fields)])
    with pytest.raises(Exception, match=r"annotations\[1\]\.") as caught:
        converted(source, "coco")
    assert str(caught.value.where).endswith(place)


def test_edges_come_from_the_file(coco_file: Make, tmp_path: Path) -> None:
    from localcvat.archive import open_source
    from localcvat.plugin import ReadOptions, find_format
    from localcvat.report import Report

    path = coco_file(categories=[CATEGORY], annotations=[], images=[IMAGE])
    with open_source(path) as source:
        header = find_format("coco").format.read(source, ReadOptions(), Report()).header
    assert skeleton_edges(header.labels[0]) == [("head", "hand"), ("foot", "head")]
