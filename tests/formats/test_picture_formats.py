"""VOC, Segmentation mask, KITTI, Open Images, LabelMe, MOT, ImageNet: what they hold comes back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from every_kind import HEIGHT, KINDS, WIDTH, dataset, lost, shape, trip
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag

LABELS_LOST = {"label types", "label attributes"}
FIELDS = ("attributes", "occluded", "z_order", "group", "rotation", "source")

# What becomes of each kind in the plain dialect; kinds that are not there are dropped.
AS = {
    "voc": {"tag": "tag", "mask": "mask", "rectangle": "rectangle"}
    | dict.fromkeys(
        ("polygon", "polyline", "points", "ellipse", "cuboid", "skeleton"), "rectangle"
    ),
    "segmentation-mask": dict.fromkeys(("rectangle", "polygon", "ellipse", "mask"), "mask"),
    "cityscapes": dict.fromkeys(("rectangle", "polygon", "ellipse", "mask"), "mask"),
    "kitti": {"rectangle": "rectangle"} | dict.fromkeys(("polygon", "ellipse", "mask"), "mask"),
    "open-images": {"tag": "tag", "rectangle": "rectangle"}
    | dict.fromkeys(("polygon", "ellipse", "mask"), "mask"),
    "labelme-xml": {"rectangle": "rectangle", "polygon": "polygon", "mask": "mask"}
    | {"ellipse": "polygon"},
    "mot": dict.fromkeys((kind for kind in KINDS if kind != "tag"), "rectangle"),
    "imagenet": {"tag": "tag"},
}
# The fields that a shape of its own kind keeps, by format and kind.
KEPT = {
    ("voc", "rectangle"): ("attributes", "occluded", "rotation"),
    ("voc", "mask"): ("attributes", "occluded"),
    ("segmentation-mask", "mask"): (),
    ("cityscapes", "mask"): (),
    ("kitti", "rectangle"): ("occluded",),
    ("kitti", "mask"): (),
    ("open-images", "rectangle"): ("occluded",),
    ("open-images", "mask"): (),
    ("labelme-xml", "rectangle"): ("attributes", "occluded", "rotation"),
    ("labelme-xml", "polygon"): ("attributes", "occluded"),
    ("labelme-xml", "mask"): ("attributes", "occluded"),
    ("mot", "rectangle"): ("occluded",),
}
LOST_AS = {"attributes": "attribute", **{name: name for name in FIELDS[1:]}}
WALK = [(name, kind) for name in AS for kind in KINDS]


@pytest.mark.parametrize(("name", "kind"), WALK)
def test_every_kind_is_kept_or_counted(tmp_path: Path, name: str, kind: str) -> None:
    _, items, report = trip(dataset(kind, plain=True), name, tmp_path / "out")
    into = AS[name].get(kind)
    found = ["tag" for _ in items[0].tags] + [made.type for made in items[0].shapes]
    assert found == ([into] if into else [])
    expected = LABELS_LOST if into == kind else {*LABELS_LOST, kind}
    assert set(lost(report)) == expected
    assert len(items) == 2


@pytest.mark.parametrize(("name", "kind"), KEPT)
def test_a_shape_of_its_own_kind_comes_back_value_by_value(
    tmp_path: Path, name: str, kind: str
) -> None:
    source = dataset(kind)
    original = shape(kind)
    kept = KEPT[name, kind]
    if "rotation" not in kept:
        items = list(source.items)
        items[0].shapes[0].rotation = original.rotation = 0.0
        source.items = iter(items)
    _, items, report = trip(source, name, tmp_path / "out")
    (back,) = items[0].shapes
    assert (back.type, back.label) == (kind, original.label)
    assert list(back.points) == pytest.approx(list(original.points), abs=1e-9)
    for field in kept:
        assert getattr(back, field) == getattr(original, field)
    told = {LOST_AS[field] for field in FIELDS if field not in kept and getattr(original, field)}
    assert set(lost(report)) == LABELS_LOST | told


@pytest.mark.parametrize("name", AS)
def test_labels_sizes_and_subsets_come_back(tmp_path: Path, name: str) -> None:
    kind = "tag" if name == "imagenet" else "rectangle"
    header, items, _ = trip(dataset(kind, plain=True), name, tmp_path / "out")
    names = {label.name for label in header.labels}
    if name != "labelme-xml":  # which knows labels by their objects
        assert {"car", "кот", "pose"} <= names
    assert [(item.stem, item.subset) for item in items] == [("a/one", "train"), ("b/two", "val")]
    if name != "imagenet":  # whose lists have no sizes
        assert (items[0].width, items[0].height) == (WIDTH, HEIGHT)


def _one(*shapes: Shape, tags: tuple[Tag, ...] = ()) -> Dataset:
    labels = [Label(name=name, color=color) for name, color in COLORS.items()]
    item = Item(path="a.png", width=WIDTH, height=HEIGHT, shapes=list(shapes), tags=list(tags))
    return Dataset(Header(labels=labels, subsets=["default"]), [item])


COLORS = {"car": "#ff0000", "dog": "#00ff00", "my cat": "#0000ff"}


def _square(label: str, left: int, top: int, **more: Any) -> Shape:
    points = [0.0, 100.0, float(left), float(top), left + 9.0, top + 9.0]
    return Shape(type="mask", label=label, points=points, **more)


@pytest.mark.parametrize("name", ["voc", "segmentation-mask", "kitti", "open-images", "cityscapes"])
def test_masks_of_one_label_stay_objects_of_their_own(tmp_path: Path, name: str) -> None:
    masks = [_square("car", 0, 0), _square("car", 30, 10), _square("my cat", 60, 20)]
    expected = {(mask.label, tuple(mask.points)) for mask in masks}
    _, items, report = trip(_one(*masks), name, tmp_path / "out")
    assert {(mask.label, tuple(mask.points)) for mask in items[0].shapes} == expected
    assert not report.losses


@pytest.mark.parametrize("name", ["voc", "segmentation-mask", "kitti", "cityscapes"])
def test_a_mask_that_is_partly_hidden_is_reported(tmp_path: Path, name: str) -> None:
    masks = [_square("car", 0, 0, z_order=1), _square("dog", 5, 0), _square("dog", 0, 0)]
    _, items, report = trip(_one(*masks), name, tmp_path / "out")
    shown = {mask.label: mask.points[-4:] for mask in items[0].shapes if mask.type == "mask"}
    assert shown["car"] == [0, 0, 9, 9]
    assert shown["dog"] == [10, 0, 14, 9]
    assert lost(report)["mask"] == 2


@pytest.mark.parametrize("name", ["voc", "segmentation-mask", "kitti", "labelme-xml"])
def test_parts_of_one_mask_are_one_object(tmp_path: Path, name: str) -> None:
    parts = [_square("car", 0, 0, instance=4), _square("car", 30, 0, instance=4)]
    _, items, _ = trip(_one(*parts), name, tmp_path / "out")
    (mask,) = items[0].shapes
    assert list(mask.points[-4:]) == [0, 0, 39, 9]


def test_labels_of_one_colour_get_colours_of_their_own_in_plain_pictures(tmp_path: Path) -> None:
    source = _one(_square("car", 0, 0), _square("dog", 20, 0))
    for label in source.header.labels:
        label.color = "#101010"
    _, items, report = trip(source, "segmentation-mask", tmp_path / "out")
    assert [mask.label for mask in items[0].shapes] == ["car", "dog"]
    assert lost(report)["label color"] == 2


def test_more_than_255_objects_fit_into_a_picture(tmp_path: Path) -> None:
    dots = [
        Shape(type="mask", label="car", points=[0.0, 1.0, x, y, x, y])
        for x in map(float, range(0, 200, 4))
        for y in map(float, range(0, 28, 4))
    ]
    for name in ("voc", "segmentation-mask"):
        source = _one(*(Shape(type="mask", label="car", points=dot.points) for dot in dots))
        _, items, _ = trip(source, name, tmp_path / name)
        assert {tuple(mask.points) for mask in items[0].shapes} == {tuple(d.points) for d in dots}


@pytest.mark.parametrize("name", ["kitti", "cityscapes"])
def test_classes_past_the_room_of_a_picture_are_counted(tmp_path: Path, name: str) -> None:
    source = _one(_square("car", 0, 0), _square("l299", 30, 0))
    source.header.labels += [Label(name=f"l{number}") for number in range(300)]
    _, items, report = trip(source, name, tmp_path / "out")
    assert [mask.label for mask in items[0].shapes] == ["car"]
    assert lost(report)["mask"] == 1


def test_voc_pictures_have_a_palette_of_class_numbers(tmp_path: Path) -> None:
    trip(_one(_square("dog", 0, 0)), "voc", tmp_path / "out")
    with Image.open(tmp_path / "out/SegmentationClass/a.png") as picture:
        assert picture.mode == "P"
        assert picture.getextrema()[1] == 2  # background, car, dog
        assert picture.convert("RGB").getpixel((0, 0)) == (0, 128, 0)


def test_groups_of_labelme_come_back(tmp_path: Path) -> None:
    boxes = [Shape(type="rectangle", label="car", points=[n, 0.0, n + 5.0, 5.0]) for n in range(5)]
    for box, group in zip(boxes, (7, 0, 7, 3, 3), strict=True):
        box.group = group
    _, items, report = trip(_one(*boxes), "labelme-xml", tmp_path / "out")
    assert [box.group for box in items[0].shapes] == [1, 0, 1, 2, 2]
    assert not report.losses


def test_labelme_attributes_keep_every_character(tmp_path: Path) -> None:
    values = {
        "text": 'a, b = "c" \\ d',
        "number": "5.0",
        "int": "7",
        "word": "True",
        "blank": " x ",
        "empty": "",
        "=,\\": "odd name",
        "umlaut": "Grüße <кот> & co",
        "lower": "true",
    }
    box = Shape(type="rectangle", label="car", points=[1.0, 2.0, 3.0, 4.0], attributes=values)
    _, items, _ = trip(_one(box), "labelme-xml", tmp_path / "out")
    assert items[0].shapes[0].attributes == values


def test_a_box_and_its_mask_stay_joined_in_open_images(tmp_path: Path) -> None:
    box = Shape(type="rectangle", label="car", points=[0.0, 0.0, 10.0, 10.0], group=4)
    _, items, report = trip(_one(box, _square("car", 0, 0, group=4)), "open-images", tmp_path / "o")
    assert [made.group for made in items[0].shapes] == [1, 1]
    assert not report.losses


def test_scores_and_flags_of_open_images_come_back(tmp_path: Path) -> None:
    box = Shape(type="rectangle", label="car", points=[1.5, 2.0, 30.0, 40.0], score=0.25)
    box.attributes = {"is_group_of": "true", "truncated": "true"}
    tag = Tag(label="dog", score=0.0)
    _, items, report = trip(_one(box, tags=(tag,)), "open-images", tmp_path / "out")
    assert items[0].shapes[0].score == 0.25
    assert items[0].shapes[0].attributes == {"is_group_of": "true", "truncated": "true"}
    assert (items[0].tags[0].label, items[0].tags[0].score) == ("dog", 0.0)
    assert not report.losses


def test_tracks_of_mot_keep_their_numbers_apart(tmp_path: Path) -> None:
    def box(left: float, track: int | None) -> Shape:
        return Shape(
            type="rectangle", label="car", points=[left, 0.0, left + 5, 5.0], track_id=track
        )

    frames = [
        Item(path=f"f{n}.jpg", width=WIDTH, height=HEIGHT, shapes=[box(n, 9), box(n + 50.0, 4)])
        for n in range(3)
    ]
    frames[2].shapes.append(box(100.0, None))
    source = Dataset(Header(labels=[Label(name="car")], subsets=["default"]), frames)
    _, items, report = trip(source, "mot", tmp_path / "out")
    assert [[s.track_id for s in item.shapes] for item in items] == [[0, 1], [0, 1], [0, 1, None]]
    assert [item.path for item in items] == ["f0.jpg", "f1.jpg", "f2.jpg"]
    assert [item.frame for item in items] == [0, 1, 2]
    assert not report.losses


def test_voc_class_lists_are_tags_unless_they_say_what_the_objects_say(tmp_path: Path) -> None:
    box = Shape(type="rectangle", label="car", points=[1.0, 2.0, 3.0, 4.0])
    _, items, _ = trip(
        _one(box, tags=(Tag(label="dog"), Tag(label="my cat"))), "voc", tmp_path / "o"
    )
    assert [tag.label for tag in items[0].tags] == ["dog", "my cat"]
    _, items, _ = trip(_one(box), "voc", tmp_path / "p")
    assert items[0].tags == []


def test_folders_of_images_are_classes(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 6), (1, 2, 3)).save(picture, "PNG")
    other = io.BytesIO()
    Image.new("RGB", (8, 6), (9, 2, 3)).save(other, "PNG")
    files = {
        "cat/1.png": picture.getvalue(),
        "dog/1.png": other.getvalue(),  # another picture of the same name
        "cat/x/2.png": picture.getvalue(),
        "dog/x/2.png": picture.getvalue(),  # the same picture twice: two tags
        "no_label/3.png": picture.getvalue(),
    }
    for name, data in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    from localcvat.archive import open_source
    from localcvat.plugin import ReadOptions, find_format
    from localcvat.report import Report

    report = Report()
    with open_source(tmp_path / "in") as source:
        read = find_format("imagenet").format.read(source, ReadOptions(), report)
        found = {item.path: [tag.label for tag in item.tags] for item in read.items}
    assert found == {
        "cat/1.png": ["cat"],
        "dog/1.png": ["dog"],
        "x/2.png": ["cat", "dog"],
        "3.png": [],
    }
    assert report.count("assumed", "image") == 2
