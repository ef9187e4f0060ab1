"""Plain Datumaro JSON keeps every kind of annotation, value by value."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conversions import converted, reasons
from corpus import CVAT_MADE
from every_kind import KINDS, dataset, lost, shape, trip
from localcvat.errors import DatasetError
from localcvat.labels import skeleton_edges
from localcvat.model import Shape, Tag


def _bare(made: Shape | Tag) -> Any:
    """Everything but the extras."""
    made.extras = None
    if isinstance(made, Shape):
        made.points = list(made.points)
        made.elements = [_bare(element) for element in made.elements]
    return made


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "tag"])
def test_a_shape_of_each_kind_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    _, items, report = trip(dataset(kind), "datumaro", tmp_path / "out")
    assert [_bare(made) for made in items[0].shapes] == [shape(kind)]
    assert items[1].shapes == []
    assert set(lost(report)) == {"label attributes"}


def test_tags_labels_sizes_and_subsets_come_back(tmp_path: Path) -> None:
    header, items, _ = trip(dataset("tag"), "datumaro", tmp_path / "out")
    assert [_bare(tag) for tag in items[0].tags] == [Tag(label="car", attributes={"colour": "red"})]
    assert [(item.stem, item.subset, item.width, item.height) for item in items] == [
        ("a/one", "train", 200, 100),
        ("b/two", "val", 200, 100),
    ]
    assert [label.name for label in header.labels] == ["car", "кот", "pose"]
    pose = header.labels[2]
    assert [sublabel.name for sublabel in pose.sublabels] == ["head", "hand", "foot"]
    assert skeleton_edges(pose) == [("head", "hand"), ("head", "foot")]


def test_shapes_of_a_track_keep_their_number_and_keyframes(tmp_path: Path) -> None:
    source = dataset("rectangle")
    items = list(source.items)
    items[0].shapes[0].track_id, items[0].shapes[0].keyframe = 3, False
    source.items = iter(items)
    _, back, _ = trip(source, "datumaro", tmp_path / "out")
    assert (back[0].shapes[0].track_id, back[0].shapes[0].keyframe) == (3, False)


@pytest.mark.parametrize("name", ["noskel/exports/project_1", "plain/exports/task_1"])
def test_an_export_of_cvat_is_written_again_with_the_same_values(tmp_path: Path, name: str) -> None:
    source = tmp_path / "cvat.zip"
    source.write_bytes((CVAT_MADE / name / "Datumaro_1.0.images.zip").read_bytes())
    folder, _ = converted(source, "datumaro", with_images=True)
    with zipfile.ZipFile(source) as archive:
        for entry in archive.namelist():
            data = (folder / entry).read_bytes()
            if not entry.endswith(".json"):
                assert data == archive.read(entry)
                continue
            ours, theirs = json.loads(data), json.loads(archive.read(entry))
            assert _rounded(ours["items"]) == _rounded(theirs["items"])
            assert ours["categories"]["points"] == theirs["categories"]["points"]


def _rounded(value: Any) -> Any:
    """Numbers to nine decimals: a width is a difference of two coordinates."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value


def _file(tmp_path: Path, *annotations: Any, **item: Any) -> Path:
    body = {
        "categories": {"label": {"labels": [{"name": "car", "parent": ""}]}},
        "items": [
            {"id": "a", "annotations": annotations, "image": {"path": "a.jpg", "size": [80, 100]}}
            | item
        ],
    }
    path = tmp_path / "in" / "annotations" / "train.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(body))
    return path.parent.parent


BROKEN = {
    "no label": ({"type": "bbox", "bbox": [1, 2, 3, 4]}, ""),
    "a label that is not there": ({"type": "label", "label_id": 7}, ".label_id"),
    "a short box": ({"type": "bbox", "label_id": 0, "bbox": [1, 2]}, ".bbox"),
    "an odd polygon": ({"type": "polygon", "label_id": 0, "points": [1, 2, 3]}, ".points"),
    "a mask that does not fill": (
        {"type": "mask", "label_id": 0, "rle": {"counts": [1], "size": [80, 100]}},
        ".rle",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_annotation_is_named_and_can_be_skipped(tmp_path: Path, name: str) -> None:
    bad, place = BROKEN[name]
    source = _file(tmp_path, bad, {"type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4]})
    with pytest.raises(DatasetError) as caught:
        converted(source, "coco")
    assert f"train.json: items[0].annotations[0]{place}" in caught.value.where
    folder, report = converted(source, "coco", on_error="skip")
    (path,) = folder.rglob("*.json")
    assert len(json.loads(path.read_bytes())["annotations"]) == 1
    assert report.count("dropped", "annotation") == 1


def test_captions_and_unknown_kinds_are_counted(tmp_path: Path) -> None:
    source = _file(tmp_path, {"type": "caption", "caption": "x"}, {"type": "hash_key"})
    _, report = converted(source, "coco")
    assert reasons(report, "dropped") == {
        "caption: the model has no such annotation": 1,
        "hash_key: the model has no such annotation": 1,
    }


def test_an_id_that_climbs_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"items\[0\].id"):
        converted(_file(tmp_path, id="../../evil"), "coco")


def test_datumaro_reads_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    dm = pytest.importorskip("datumaro")
    kinds = [kind for kind in KINDS if kind != "skeleton"]
    trip(dataset(*kinds), "datumaro", tmp_path / "ours")
    there = dm.Dataset.import_from(str(tmp_path / "ours"), "datumaro")
    assert {ann.type.name for ann in there.get("a/one", "train").annotations} == {
        *("label", "bbox", "polygon", "polyline", "points", "ellipse", "cuboid_2d", "mask")
    }
    there.export(str(tmp_path / "theirs"), "datumaro")
    folder, _ = converted(tmp_path / "theirs", "datumaro")
    ours = json.loads((tmp_path / "ours" / "annotations" / "train.json").read_bytes())
    back = json.loads((folder / "annotations" / "train.json").read_bytes())
    mine, theirs = ours["items"][0]["annotations"], back["items"][0]["annotations"]
    assert len(mine) == len(theirs) == len(kinds)
    for one, other in zip(mine, theirs, strict=True):
        assert _rounded(one) == _rounded(other)


@pytest.mark.parametrize("name", ["datumaro", "Datumaro 1.0"])
def test_cuboids_in_space_come_back_and_related_images_are_counted(
    tmp_path: Path, name: str
) -> None:
    source = dataset("cuboid", plain=True)
    items = list(source.items)
    items[0].path, items[0].related = "a/one.pcd", ["a/one/front.jpg", "a/one/left.jpg"]
    cuboid = [1.5, -2.25, 0.5, 0.0, 0.0, 1.57, 4.0, 2.0, 1.5, *[0.0] * 7]
    items[0].shapes[0].points = cuboid
    source.items = iter(items)
    _, back, report = trip(source, name, tmp_path / "out")
    assert [list(made.points) for made in back[0].shapes] == [cuboid]
    assert lost(report)["related image"] == 2
    body = json.loads((tmp_path / "out/annotations/train.json").read_bytes())
    (row,) = body["items"][0]["annotations"]
    assert (row["type"], row["position"]) == ("cuboid_3d", [1.5, -2.25, 0.5])
    assert "point_cloud" in body["items"][0]
