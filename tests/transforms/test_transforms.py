"""Each transform on small datasets, value by value, and its rows in the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from localcvat.errors import UsageError
from localcvat.geometry.masks import mask_to_bitmap, polygons_to_mask
from localcvat.model import (
    AttributeSpec,
    Dataset,
    Header,
    Item,
    Label,
    Shape,
    Tag,
    TaskInfo,
    Track,
    TrackedShape,
)
from localcvat.report import Report
from localcvat.transforms import Transforms, transform


def _dataset(
    items: Iterable[Item], labels: Sequence[str] = ("cat", "dog"), subsets: Sequence[str] = ()
) -> Dataset:
    found = list(items)
    header = Header(
        labels=[Label(name=name) for name in labels],
        subsets=list(subsets) or list(dict.fromkeys(item.subset for item in found)),
    )
    return Dataset(header, found)


def _box(label: str, *points: float) -> Shape:
    return Shape(type="rectangle", label=label, points=list(points or (1, 2, 3, 4)))


def _item(path: str, *shapes: Shape, subset: str = "default") -> Item:
    return Item(path=path, subset=subset, width=20, height=10, shapes=list(shapes))


def _run(dataset: Dataset, **wanted: object) -> tuple[Dataset, list[Item], Report]:
    report = Report()
    result = transform(dataset, Transforms(**wanted), report)  # type: ignore[arg-type]
    return result, list(result.items), report


def test_labels_are_renamed_and_merged_at_once() -> None:
    dataset = _dataset([_item("a.jpg", _box("cat"), _box("dog"))])
    dataset.header.labels[0].attributes = [AttributeSpec(name="age")]
    dataset.header.labels[1].attributes = [AttributeSpec(name="breed")]
    result, items, report = _run(dataset, labels_map={"cat": "dog", "dog": "cat"})
    assert [shape.label for shape in items[0].shapes] == ["dog", "cat"]
    assert [label.name for label in result.header.labels] == ["dog", "cat"]
    assert report.count("changed", "label") == 2

    dataset = _dataset([_item("a.jpg", _box("cat"), _box("dog"))])
    dataset.header.labels[0].attributes = [AttributeSpec(name="age")]
    dataset.header.labels[1].attributes = [AttributeSpec(name="breed")]
    result, items, _ = _run(dataset, labels_map={"cat": "pet", "dog": "pet"})
    assert [shape.label for shape in items[0].shapes] == ["pet", "pet"]
    (label,) = result.header.labels
    assert [spec.name for spec in label.attributes] == ["age", "breed"]


def test_labels_are_dropped_or_kept_alone_with_shapes_tags_and_tracks() -> None:
    for wanted in ({"drop_labels": ("dog",)}, {"only_labels": ("cat",)}):
        item = _item("a.jpg", _box("cat"), _box("dog"))
        item.tags = [Tag(label="dog"), Tag(label="cat")]
        dataset = _dataset([item])
        dataset.tracks = [Track(label="dog"), Track(label="cat")]
        result, items, report = _run(dataset, **wanted)
        assert [shape.label for shape in items[0].shapes] == ["cat"]
        assert [tag.label for tag in items[0].tags] == ["cat"]
        assert [track.label for track in result.tracks] == ["cat"]
        assert [label.name for label in result.header.labels] == ["cat"]
        assert report.count("dropped", "shape") == report.count("dropped", "tag") == 1
        assert not report.losses


def test_names_the_dataset_does_not_have_are_told() -> None:
    dataset = _dataset([_item("a.jpg", _box("cat"))])
    with pytest.raises(UsageError, match=r"none of cow.*it has cat, dog"):
        _run(dataset, only_labels=("cow",))
    dataset = _dataset([_item("a.jpg", _box("cat"))])
    _, _, report = _run(dataset, drop_labels=("cow", "dog"))
    assert report.count("assumed", "--drop-labels") == 1


def test_subsets_are_chosen_and_renamed() -> None:
    def three() -> Dataset:
        return _dataset(_item(f"{name}.jpg", subset=name) for name in ("train", "val", "test"))

    result, items, report = _run(three(), subsets={"val": "val"}, only_subsets=True)
    assert [item.path for item in items] == ["val.jpg"]
    assert result.header.subsets == ["val"]
    assert report.count("dropped", "image") == 2
    result, items, _ = _run(three(), subsets={"val": "train"})
    assert [item.subset for item in items] == ["train", "train", "test"]
    assert result.header.subsets == ["train", "test"]
    with pytest.raises(UsageError, match="none of nope"):
        _run(three(), subsets={"nope": "nope"}, only_subsets=True)


def test_a_mask_becomes_its_tight_box() -> None:
    mask = polygons_to_mask([[2, 3, 8, 3, 8, 7, 2, 7]], 20, 10)
    dataset = _dataset([_item("a.jpg", Shape(type="mask", label="cat", points=mask))])
    _, items, report = _run(dataset, boxes_from_masks=True)
    (box,) = items[0].shapes
    assert (box.type, list(box.points)) == ("rectangle", [2, 3, 8, 7])
    assert report.count("changed", "mask") == 1


def test_a_mask_of_two_parts_becomes_one_object_of_two_polygons_and_back() -> None:
    rings = [[2.0, 3, 8, 3, 8, 7, 2, 7], [10.0, 1, 14, 1, 14, 4, 10, 4]]
    mask = polygons_to_mask(rings, 20, 10)
    shape = Shape(type="mask", label="cat", points=mask, attributes={"age": "3"}, occluded=True)
    dataset = _dataset([_item("a.jpg", shape)])
    dataset.header.labels[0].type = "mask"
    result, items, report = _run(dataset, masks_to_polygons=True)
    parts = items[0].shapes
    assert [part.type for part in parts] == ["polygon", "polygon"]
    assert parts[0].instance == parts[1].instance != 0
    assert parts[0].attributes == {"age": "3"}
    assert parts[0].occluded
    assert result.header.labels[0].type == "polygon"
    assert not report.losses

    _, items, _ = _run(_dataset(items), polygons_to_masks=True)
    (back,) = items[0].shapes
    assert back.type == "mask"
    assert list(back.points) == list(mask)


def test_holes_that_polygons_fill_are_reported_as_a_loss() -> None:
    import numpy as np

    from localcvat.geometry.masks import bitmap_to_mask

    ring = np.ones((5, 5), dtype=np.uint8)
    ring[2, 2] = 0
    shape = Shape(type="mask", label="cat", points=bitmap_to_mask(ring))
    _, items, report = _run(_dataset([_item("a.jpg", shape)]), masks_to_polygons=True)
    assert len(items[0].shapes) == 1
    assert [entry.reason for entry in report.losses] == ["made a polygon, its holes filled"]


def test_a_polygon_without_an_image_size_stays_one() -> None:
    polygon = Shape(type="polygon", label="cat", points=[1, 1, 5, 1, 5, 5])
    item = Item(path="a.jpg", shapes=[polygon])
    _, items, report = _run(_dataset([item]), polygons_to_masks=True)
    assert items[0].shapes[0].type == "polygon"
    assert report.count("assumed", "polygon") == 1


def test_tracks_become_shapes_without_a_number() -> None:
    track = Track(
        label="cat",
        shapes=[
            TrackedShape(type="rectangle", frame=0, points=[0, 0, 2, 2]),
            TrackedShape(type="rectangle", frame=2, points=[4, 0, 6, 2]),
        ],
    )
    items = [Item(path=f"{n}.jpg", width=20, height=10, frame=n) for n in range(3)]
    dataset = _dataset(items)
    dataset.header.tasks = [TaskInfo(size=3)]
    dataset.tracks = [track]
    result, found, report = _run(dataset, flatten_tracks=True)
    assert [list(item.shapes[0].points) for item in found] == [
        [0, 0, 2, 2],
        [2, 0, 4, 2],
        [4, 0, 6, 2],
    ]
    assert all(shape.track_id is None for item in found for shape in item.shapes)
    assert list(result.tracks) == []
    assert report.count("changed", "track") == 1


def test_images_without_annotations_are_left_out_but_not_those_a_track_is_on() -> None:
    track = Track(
        label="cat",
        shapes=[
            TrackedShape(type="rectangle", frame=1, points=[0, 0, 2, 2]),
            TrackedShape(type="rectangle", frame=2, points=[0, 0, 2, 2], outside=True),
        ],
    )
    items = [Item(path=f"{n}.jpg", frame=n) for n in range(4)]
    items[3].tags = [Tag(label="dog")]
    dataset = _dataset(items)
    dataset.header.tasks = [TaskInfo(size=4)]
    dataset.tracks = [track]
    _, found, report = _run(dataset, only_annotated=True)
    assert [item.path for item in found] == ["1.jpg", "3.jpg"]
    assert report.count("dropped", "image") == 2


def test_duplicate_names_are_renamed_over_all_subsets_and_extensions() -> None:
    dataset = _dataset(
        [
            _item("a.jpg", subset="train"),
            _item("a.png", subset="train"),
            _item("a.jpg", subset="val"),
            _item("a_1.jpg", subset="val"),
            _item("x/a.jpg", subset="val"),
        ]
    )
    _, items, report = _run(dataset, rename_duplicates=True)
    paths = [item.path for item in items]
    assert paths == ["a.jpg", "a_1.png", "a_2.jpg", "a_1_1.jpg", "x/a.jpg"]
    assert report.count("changed", "image name") == 3


def test_shapes_are_cut_to_their_image() -> None:
    half = polygons_to_mask([[15.0, 2, 25, 2, 25, 8, 15, 8]], 30, 10)
    shapes = [
        _box("cat", -5, 2, 8, 30),
        _box("cat", 30, 2, 40, 8),
        Shape(type="polygon", label="cat", points=[-4, 2, 8, 2, 8, 6, -4, 6]),
        Shape(type="points", label="cat", points=[-1, 0, 5, 5]),
        Shape(type="polyline", label="cat", points=[-10, 5, 30, 5]),
        Shape(type="mask", label="cat", points=half),
        _box("dog", 1, 2, 3, 4),
    ]
    _, items, report = _run(_dataset([_item("a.jpg", *shapes)]), clip=True)
    box, polygon, points, line, mask, inside = items[0].shapes
    assert list(box.points) == [0, 2, 8, 10]
    assert sorted(zip(polygon.points[0::2], polygon.points[1::2], strict=True)) == [
        (0, 2),
        (0, 6),
        (8, 2),
        (8, 6),
    ]
    assert list(points.points) == [5, 5]
    assert list(line.points) == [0, 5, 20, 5]
    bitmap, left, top = mask_to_bitmap(mask.points)
    assert (left, top, bitmap.shape, bool(bitmap.all())) == (15, 2, (6, 5), True)
    assert list(inside.points) == [1, 2, 3, 4]
    assert report.count("dropped", "rectangle") == 1
    assert report.count("changed", "rectangle") == 1


def test_what_can_not_be_cut_is_told_and_left_out_only_when_all_of_it_is_outside() -> None:
    turned = _box("cat", 12, 2, 22, 8)
    turned.rotation = 45.0
    far = _box("cat", 40, 2, 50, 8)
    far.rotation = 45.0
    shapes = [
        turned,
        far,
        Shape(type="ellipse", label="cat", points=[18, 5, 23, 2]),
        Shape(type="ellipse", label="cat", points=[8, 5, 10, 3]),
        Shape(type="cuboid", label="cat", points=[15.0, 2, 15, 8, 25, 2, 25, 8] * 2),
        Shape(
            type="skeleton",
            label="cat",
            elements=[Shape(type="points", label="nose", points=[-3.0, 2])],
        ),
    ]
    kept = [shape for shape in shapes[:-1] if shape is not far]
    before = [list(shape.points) for shape in kept]
    _, items, report = _run(_dataset([_item("a.jpg", *shapes)]), clip=True)
    assert [list(shape.points) for shape in items[0].shapes] == before
    told = {entry.kind: entry.reason for entry in report.entries if entry.outcome == "assumed"}
    assert told == {
        "rectangle": "not clipped: no part of a turned rectangle is one",
        "ellipse": "not clipped: no part of an ellipse is one",
        "cuboid": "not clipped: no part of a cuboid is one",
    }
    assert report.count("assumed", "ellipse") == 1
    assert report.count("dropped", "rectangle") == report.count("dropped", "skeleton") == 1


def test_reshaping_keeps_the_extras_that_are_still_true() -> None:
    extras = {"coco": {"id": 7, "area": 3.0, "bbox": [1, 2, 3, 4], "licence": "mine"}}
    shape = _box("cat", -5, 2, 8, 9)
    shape.extras = extras
    _, items, _ = _run(_dataset([_item("a.jpg", shape)]), clip=True)
    assert items[0].shapes[0].extras == {"coco": {"id": 7, "licence": "mine"}}


def test_merged_labels_keep_the_points_of_both_and_count_what_differs() -> None:
    first = Label(name="man", type="skeleton", color="#111111", sublabels=[Label(name="head")])
    second = Label(name="woman", type="skeleton", color="#222222", sublabels=[Label(name="foot")])
    first.attributes = [AttributeSpec(name="age", input_type="number", values=["0", "9", "1"])]
    second.attributes = [AttributeSpec(name="age", input_type="text")]
    dataset = Dataset(Header(labels=[first, second]), [])
    made, _, report = _run(dataset, labels_map={"man": "person", "woman": "person"})
    (label,) = made.header.labels
    assert [sublabel.name for sublabel in label.sublabels] == ["head", "foot"]
    told = {entry.kind: entry.lossy for entry in report.entries if entry.outcome == "changed"}
    assert told["label attribute"]
    assert not told["label colour"]


def test_a_polygon_that_the_edge_cuts_in_two_stays_one_object() -> None:
    u_shape = [-5, 1, 5, 1, 5, 3, -3, 3, -3, 6, 5, 6, 5, 8, -5, 8]
    shape = Shape(type="polygon", label="cat", points=u_shape)
    _, items, _ = _run(_dataset([_item("a.jpg", shape)]), clip=True)
    first, second = items[0].shapes
    assert first.instance == second.instance != 0


def test_options_that_undo_each_other_are_refused() -> None:
    with pytest.raises(UsageError):
        Transforms(masks_to_polygons=True, boxes_from_masks=True)
    with pytest.raises(UsageError):
        Transforms(masks_to_polygons=True, polygons_to_masks=True)
