"""Plain COCO is read and written value by value: ids, boxes, segmentations, scores, attributes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversions import BOX, CATEGORY, IMAGE, converted, reasons, written
from localcvat.errors import DatasetError

Make = Callable[..., Path]
TRIANGLE = [[10.0, 10.0, 60.5, 10.0, 30.25, 70.0]]
TWO_PARTS = [[1.0, 1.0, 20.0, 1.0, 20.0, 20.0], [40.0, 40.0, 60.0, 40.0, 60.0, 60.0, 40.0, 60.0]]
RLE_LIST = {"counts": [160, 5, 75, 5, 7755], "size": [80, 100]}


def _annotation(number: int, **fields: Any) -> dict[str, Any]:
    return {**BOX, "id": number, "segmentation": [], "area": 1200.0, "iscrowd": 0, **fields}


def _compressed() -> dict[str, Any]:
    from pycocotools import mask

    packed = mask.frPyObjects(RLE_LIST, 80, 100)
    return {"counts": packed["counts"].decode(), "size": [80, 100]}


def test_every_value_of_every_kind_of_annotation_is_kept(coco_file: Make) -> None:
    annotations = [
        _annotation(7),
        _annotation(3, segmentation=TRIANGLE, area=99.5),
        _annotation(12, segmentation=TWO_PARTS, bbox=[1, 1, 59, 59]),
        _annotation(5, segmentation=RLE_LIST, iscrowd=1),
        _annotation(6, segmentation=_compressed(), iscrowd=0, score=0.125),
        _annotation(
            8,
            attributes={"occluded": True, "rotation": 12.5, "speed": 10.0, "ok": False, "n": "05"},
        ),
        _annotation(9, group=4, note={"by": ["me"]}),
        _annotation(90, bbox=[-5.0, 3.0, 200.0, 0.0]),
    ]
    source = coco_file(annotations=annotations, info={"year": 2024}, licenses=[{"id": 3}])
    folder, report = converted(source, "coco")
    found = written(folder)
    assert found["annotations"] == annotations
    assert found["info"] == {"year": 2024}
    assert found["licenses"] == [{"id": 3}]
    assert not report.losses


def test_the_same_values_come_back_through_the_store(coco_file: Make, tmp_path: Path) -> None:
    from localcvat.exchange import export_from_project, import_into_project
    from localcvat.projects import create_project
    from localcvat.store.engine import Store

    annotations = [
        _annotation(3, segmentation=TRIANGLE, area=99.5),
        _annotation(12, segmentation=TWO_PARTS, bbox=[1, 1, 59, 59]),
        _annotation(5, segmentation=RLE_LIST, iscrowd=1),
        _annotation(6, segmentation=_compressed(), iscrowd=0, score=0.125),
        _annotation(8, attributes={"occluded": True, "rotation": 12.5, "speed": 10.0, "ok": False}),
    ]
    source = coco_file(annotations=annotations)
    with Store.create(tmp_path / "store") as store:
        project = create_project(store, "p")
        import_into_project(store, project, source, "coco", media="none")
        export_from_project(store, project, tmp_path / "back", "coco")
    assert written(tmp_path / "back")["annotations"] == annotations


@pytest.mark.parametrize("ids", [[0, 7, 90], ["a", "b", "1"], [2**60, 5, 3], ["x", 4, 0]], ids=str)
def test_ids_of_categories_images_and_annotations_are_kept(coco_file: Make, ids: list[Any]) -> None:
    source = coco_file(
        images=[{**IMAGE, "id": number, "file_name": f"{number}.jpg"} for number in ids],
        categories=[{"id": number, "name": f"c{number}"} for number in ids],
        annotations=[
            {**BOX, "id": number, "image_id": number, "category_id": number} for number in ids
        ],
    )
    folder, _ = converted(source, "coco")
    found = written(folder)
    names = {row["id"]: row["name"] for row in found["categories"]}
    assert names == {number: f"c{number}" for number in ids}
    assert {row["id"]: row["file_name"] for row in found["images"]} == {
        number: f"{number}.jpg" for number in ids
    }
    assert {(r["id"], r["image_id"], r["category_id"]) for r in found["annotations"]} == {
        (number, number, number) for number in ids
    }


def test_annotations_of_one_id_stay_apart_and_are_counted(coco_file: Make) -> None:
    twice = [{**BOX, "id": 4}, {**BOX, "id": 4, "bbox": [1, 2, 3, 4]}, {**BOX, "id": 9}]
    folder, report = converted(coco_file(annotations=twice), "coco")
    found = written(folder)["annotations"]
    assert sorted(row["bbox"] for row in found) == sorted(row["bbox"] for row in twice)
    assert len({row["id"] for row in found}) == 3
    assert reasons(report, "changed")["annotation id: taken by another: numbered anew"] == 1


def test_what_is_missing_is_filled_in(coco_file: Make, tmp_path: Path) -> None:
    bare = {"images": [IMAGE], "annotations": [BOX], "categories": [{"id": 1, "name": "car"}]}
    path = tmp_path / "instances_x.json"
    path.write_text(json.dumps(bare))
    folder, _ = converted(path, "coco")
    found = written(folder)
    (row,) = found["annotations"]
    assert row["segmentation"] == []
    assert (row["area"], row["iscrowd"], row["bbox"]) == (1200.0, 0, BOX["bbox"])


def test_each_instances_file_is_a_subset(coco_file: Make) -> None:
    coco_file("in/annotations/instances_val.json", images=[{**IMAGE, "file_name": "v.jpg"}])
    source = coco_file("in/annotations/instances_train.json").parent.parent
    folder, _ = converted(source, "coco")
    names = {path.name: json.loads(path.read_bytes()) for path in folder.rglob("*.json")}
    assert set(names) == {"instances_train.json", "instances_val.json"}
    assert names["instances_val.json"]["images"][0]["file_name"] == "v.jpg"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("a/b/c.jpg", "a/b/c.jpg"),
        ("a\\b\\c.jpg", "a/b/c.jpg"),
        ("C:\\data\\c.jpg", "data/c.jpg"),
        ("/abs/c.jpg", "abs/c.jpg"),
        ("../../c.jpg", "c.jpg"),
        ("http://host/x/c%20d.jpg?size=1", "c d.jpg"),
        ("./c.jpg", "c.jpg"),
    ],
)
def test_file_names_become_relative_paths_and_are_written_as_they_were(
    coco_file: Make, given: str, path: str
) -> None:
    source = coco_file(images=[{**IMAGE, "file_name": given}])
    folder, _ = converted(source, "coco")
    assert written(folder)["images"][0]["file_name"] == given
    folder, report = converted(source, "ultralytics")
    assert (folder / "labels/train" / path).with_suffix(".txt").is_file()
    assert bool(report.count("changed", "file name")) == (given != path)


def test_images_of_one_base_name_in_two_folders_find_their_own_file(
    coco_file: Make, tmp_path: Path
) -> None:
    from PIL import Image

    for folder, size in (("one", (30, 20)), ("two", (50, 40))):
        path = tmp_path / "in" / "images" / folder / "a.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", size).save(path)
    names = ["/home/me/one/a.png", "D:\\x\\two\\a.png"]
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    source = coco_file(images=images, annotations=[]).parent.parent
    folder, report = converted(source, "coco", with_images=True)
    found = written(folder)["images"]
    assert [(row["width"], row["height"]) for row in found] == [(30, 20), (50, 40)]
    assert all((folder / "images" / row["file_name"]).is_file() for row in found)
    assert report.count("assumed", "image size") == 2


def test_an_image_listed_under_two_ids_stays_two_images(coco_file: Make) -> None:
    images = [IMAGE, {**IMAGE, "id": 2}]
    rows = [BOX, {**BOX, "id": 2, "image_id": 2}]
    folder, _ = converted(coco_file(images=images, annotations=rows), "coco")
    found = written(folder)
    assert [row["id"] for row in found["images"]] == [1, 2]
    assert [row["image_id"] for row in found["annotations"]] == [1, 2]


def test_two_categories_of_one_name_become_one_label_and_it_is_said(coco_file: Make) -> None:
    categories = [
        {"id": 0, "name": "Car", "supercategory": "none"},
        {"id": 1, "name": "Car", "supercategory": "Car"},
    ]
    source = coco_file(categories=categories)
    folder, report = converted(source, "ultralytics")
    assert "0: Car" in (folder / "data.yaml").read_text()
    assert "1: " not in (folder / "data.yaml").read_text()
    assert reasons(report, "assumed")["category: of one name are one label"] == 1


def test_a_flat_segmentation_is_one_polygon(coco_file: Make) -> None:
    source = coco_file(annotations=[{**BOX, "segmentation": TRIANGLE[0]}])
    folder, report = converted(source, "coco")
    assert written(folder)["annotations"][0]["segmentation"] == TRIANGLE
    folder, report = converted(source, "voc")
    folder, report = converted(source, "ultralytics-segmentation")
    assert reasons(report, "assumed")["segmentation: a flat list is one polygon"] == 1


BROKEN = {
    "an odd polygon": ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "segmentation[0]"),
    "a polygon of two points": ({"segmentation": [[1, 2, 3, 4]]}, "segmentation[0]"),
    "an odd second part": (
        {"segmentation": [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]]},
        "segmentation[1]",
    ),
    "runs pasted as a polygon": ({"segmentation": [160, 5, 75, 5, 7755]}, "segmentation[0]"),
    "counts that do not fill": (
        {"segmentation": {"counts": [1, 2, 3], "size": [80, 100]}},
        "segmentation.counts",
    ),
    "a mask of another size": (
        {"segmentation": {"counts": [100], "size": [10, 10]}},
        "segmentation",
    ),
    "a broken string": ({"segmentation": {"counts": "zz", "size": [80, 100]}}, "segmentation"),
    "no box at all": ({"bbox": None}, ""),
    "a keypoint too few": ({"keypoints": [1, 2]}, "keypoints"),
}


@pytest.mark.parametrize("to", ["coco", "ultralytics-segmentation"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_annotation_is_named_and_can_be_skipped(
    coco_file: Make, name: str, to: str
) -> None:
    fields, place = BROKEN[name]
    good, bad = {**BOX, "segmentation": TRIANGLE}, {**BOX, "id": 77, **fields}
    source = coco_file(annotations=[good, bad, {**good, "id": 78}])
    with pytest.raises(DatasetError) as caught:
        converted(source, to)
    assert f"annotations[1]{'.' if place else ''}{place}" in caught.value.where
    if place.startswith("segmentation"):
        assert "77" in str(caught.value)
    folder, report = converted(source, to, on_error="skip")
    assert report.count("dropped", "annotation") == 1
    if to == "coco":
        assert [row["id"] for row in written(folder)["annotations"]] == [1, 78]
    else:
        (label,) = folder.rglob("*/a.txt")
        assert len(label.read_text().splitlines()) == 2


def test_a_second_image_of_one_id_is_refused_or_skipped(coco_file: Make) -> None:
    source = coco_file(images=[IMAGE, {**IMAGE, "file_name": "b.jpg"}])
    with pytest.raises(DatasetError, match=r"images\[1\]: image id 1 is there twice"):
        converted(source, "coco")
    folder, report = converted(source, "coco", on_error="skip")
    assert [row["file_name"] for row in written(folder)["images"]] == ["a.jpg"]
    assert report.count("dropped", "image") == 1


def test_a_box_is_taken_from_the_segmentation_where_bbox_is_null(coco_file: Make) -> None:
    source = coco_file(annotations=[{**BOX, "bbox": None, "segmentation": TRIANGLE}])
    folder, report = converted(source, "yolo")
    line = next(folder.rglob("a.txt")).read_text()
    assert line == "0 0.352500 0.500000 0.505000 0.750000\n"
    assert report.count("assumed", "bbox") == 1


def test_files_of_other_tasks_are_counted_not_passed_over(coco_file: Make) -> None:
    source = coco_file()
    captions = [{"id": 1, "image_id": 1, "caption": "a car"}] * 3
    coco_file("in/annotations/captions_train.json", annotations=captions)
    panoptic = [{"image_id": 1, "file_name": "a.png", "segments_info": []}]
    coco_file("in/annotations/panoptic_train.json", annotations=panoptic)
    coco_file("in/annotations/person_keypoints_train.json")
    _, report = converted(source.parent.parent, "coco")
    lost = {key.partition(":")[0]: count for key, count in reasons(report, "dropped").items()}
    assert lost == {
        "captions annotation": 3,
        "panoptic annotation": 1,
        "person_keypoints annotation": 1,
    }


def test_unlisted_keys_of_categories_and_images_are_kept(coco_file: Make) -> None:
    category = {**CATEGORY, "isthing": 1, "color": [1, 2, 3]}
    image = {**IMAGE, "license": 4, "flickr_url": "u", "mine": {"a": [1]}}
    folder, _ = converted(coco_file(categories=[category], images=[image]), "coco")
    assert written(folder)["categories"] == [category]
    assert written(folder)["images"] == [image]


def test_a_sound_annotation_goes_from_file_to_file_as_it_is_written(tmp_path: Path) -> None:
    """Numbers keep their spelling, and keys that no one knows are kept."""
    text = (
        '{"images": [{"id": 5, "file_name": "a.jpg", "width": 100, "height": 80}],'
        ' "categories": [{"id": 3, "name": "car"}], "annotations": ['
        '{"id": 9, "image_id": 5, "category_id": 3, "iscrowd": 0, "area": 1.50,'
        ' "bbox": [1, 2.0, 3, 4], "segmentation": [[1.0, 2, 3.10, 4, 5, 6e0]],'
        ' "colour": {"deep": [1, null]}}]}'
    )
    source = tmp_path / "instances_train.json"
    source.write_text(text)
    folder, report = converted(source, "coco")
    made = (folder / "annotations" / "instances_train.json").read_text()
    start = text.index('{"id": 9')
    assert text[start:-2] in made
    assert not report.losses


def test_an_annotation_whose_id_is_taken_gets_another_and_keeps_the_rest(coco_file: Make) -> None:
    folder, report = converted(coco_file(annotations=[BOX, {**BOX, "colour": "red"}]), "coco")
    first, second = written(folder)["annotations"]
    assert (first["id"], second["id"]) == (BOX["id"], 2)
    assert {**second, "id": BOX["id"]} == {**first, "colour": "red"}
    assert reasons(report, "changed")["annotation id: taken by another: numbered anew"] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_turned_by_exif_is_told(coco_file: Make, tmp_path: Path, orientation: int) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "in" / "images").mkdir(parents=True)
    Image.new("RGB", (100, 80)).save(tmp_path / "in" / "images" / "a.jpg", exif=exif)
    turned = orientation >= 5
    for stored in (True, False):
        width, height = (100, 80) if stored or not turned else (80, 100)
        images = [{**IMAGE, "width": width, "height": height}]
        source = coco_file(images=images).parent.parent
        folder, report = converted(source, "coco", with_images=True)
        assert written(folder)["images"] == images
        how = "as stored, but" if stored else "as EXIF turns it: boxes are taken as displayed"
        told = [row.reason for row in report.entries if row.kind == "image size"]
        assert [how in reason for reason in told] == [True] * turned


@pytest.mark.parametrize("indent", [None, 1])
def test_values_are_kept_however_the_json_is_set(tmp_path: Path, indent: int | None) -> None:
    annotations = [
        _annotation(1),
        _annotation(2, segmentation=[[]]),
        _annotation(3, segmentation=TWO_PARTS),
        _annotation(4, segmentation=RLE_LIST, iscrowd=1),
        _annotation(5, segmentation=_compressed()),
        _annotation(6, bbox=[1e-7, 2.5e1, 3.0000000000000004, 4], area=1e15),
    ]
    body = {"images": [IMAGE], "annotations": annotations, "categories": [CATEGORY]}
    path = tmp_path / "instances_train.json"
    path.write_text(json.dumps(body, indent=indent))
    folder, _ = converted(path, "coco")
    found = written(folder)["annotations"]
    assert [row["segmentation"] or [[]] for row in found] == [
        row["segmentation"] or [[]] for row in annotations
    ]
    assert [(r["bbox"], r["area"]) for r in found] == [(r["bbox"], r["area"]) for r in annotations]


def test_roboflows_folders_are_subsets(coco_file: Make, tmp_path: Path) -> None:
    from PIL import Image

    for subset in ("train", "valid"):
        coco_file(f"in/{subset}/_annotations.coco.json")
        Image.new("RGB", (100, 80)).save(tmp_path / "in" / subset / "a.jpg")
    folder, report = converted(tmp_path / "in", "coco", with_images=True)
    assert {path.name for path in folder.rglob("*.json")} == {
        "instances_train.json",
        "instances_valid.json",
    }
    assert len(list(folder.rglob("*.jpg"))) == 2
    assert not report.count("assumed", "image size")


def test_a_zip_with_a_folder_at_its_top_is_read_with_its_images(
    coco_file: Make, tmp_path: Path
) -> None:
    import shutil

    from PIL import Image

    coco_file("in/top/annotations/instances_train.json")
    (tmp_path / "in/top/images").mkdir()
    Image.new("RGB", (100, 80)).save(tmp_path / "in/top/images/a.jpg")
    shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "in")
    folder, report = converted(tmp_path / "zipped.zip", "coco", with_images=True)
    assert (folder / "images" / "a.jpg").is_file()
    assert not report.losses
