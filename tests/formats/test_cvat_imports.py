"""CVAT's own exports of pictures and tables go back into the task they came from."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from goldens import Golden, goldens, store_of
from localcvat.archive import open_source
from localcvat.datasets import export_task
from localcvat.exchange import import_into_task
from localcvat.geometry.masks import mask_to_bitmap
from localcvat.model import Item, Shape
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report
from localcvat.store.engine import Store
from localcvat.tasks import task_row

NAMES = (
    "PASCAL VOC 1.1",
    "Segmentation mask 1.1",
    "LabelMe 3.0",
    "ImageNet 1.0",
    "Open Images V6 1.0",
    "KITTI 1.0",
    "Cityscapes 1.0",
)
TASKS = [
    golden
    for name in NAMES
    for golden in goldens(name, kinds=("task",))
    if golden.corpus != "plain" and not golden.with_images
]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    golden: Golden = request.getfixturevalue("golden")
    path = Path(store_of(golden.corpus).path)
    shutil.copytree(path, tmp_path / "store")
    return Store.open(tmp_path / "store")


def _held(store: Store, task_id: int) -> tuple[dict[str, Item], list[Any]]:
    with store.read() as session:
        dataset = export_task(store, session, task_row(session, task_id), "cvat")
        items = {item.stem: item for item in dataset.items}
        return items, list(dataset.tracks)


def _box(shape: Shape) -> Any:
    points = tuple(round(float(value), 6) for value in shape.points)
    return shape.label, points, shape.rotation, shape.occluded


def _outlines(shapes: list[Shape]) -> Counter[Any]:
    """The polygons that Datumaro, which CVAT imports with, makes of masks."""
    tools = pytest.importorskip("datumaro.util.mask_tools")
    found: Counter[Any] = Counter()
    for shape in shapes:
        bitmap, left, top = mask_to_bitmap(shape.points)
        for ring in tools.mask_to_polygons(bitmap):
            moved = [float(v) + (top if i % 2 else left) for i, v in enumerate(ring)]
            found[shape.label, tuple(moved)] += 1
    return found


@cache
def _size_of(corpus: str, task_id: int) -> dict[str, tuple[int, int]]:
    items, _ = _held(store_of(corpus), task_id)
    return {stem: (item.width, item.height) for stem, item in items.items()}


def _read(golden: Golden) -> list[Item]:
    sizes = _size_of(golden.corpus, golden.our_id)
    options = ReadOptions(size_of=lambda path: sizes.get(path.rpartition(".")[0]))
    with open_source(golden.path) as source:
        plugin = find_format(golden.format_name).format
        return list(plugin.read(source, options, Report()).items)


@pytest.mark.parametrize("golden", TASKS, ids=lambda golden: f"{golden.format_name}-{golden}")
def test_an_export_comes_back_with_what_cvat_would_keep(golden: Golden, store: Store) -> None:
    import_into_task(store, golden.our_id, golden.path, golden.format_name)
    held, tracks = _held(store, golden.our_id)
    still = 0
    for item in _read(golden):
        here = held[item.stem]
        kept = "rectangle" if golden.format_name != "LabelMe 3.0" else None
        boxes = [s for s in item.shapes if s.type == "rectangle"]
        if kept:
            boxes = [box for box in boxes if box.track_id is None]
        still += len(boxes)
        assert Counter(map(_box, boxes)) == Counter(
            _box(shape) for shape in here.shapes if shape.type == "rectangle"
        )
        expected = _outlines([s for s in item.shapes if s.type == "mask"])
        for shape in item.shapes:
            if shape.type == "polygon":
                expected[shape.label, tuple(map(float, shape.points))] += 1
        assert expected == Counter(
            (shape.label, tuple(shape.points)) for shape in here.shapes if shape.type == "polygon"
        )
        assert Counter(tag.label for tag in item.tags) == Counter(tag.label for tag in here.tags)
    if golden.format_name == "PASCAL VOC 1.1" and golden.corpus == "rich":
        assert {track.shapes[0].type for track in tracks} == {"rectangle"}
    else:
        assert still or golden.format_name != "LabelMe 3.0"


@pytest.mark.parametrize("golden", goldens("MOT 1.1", kinds=("task",)), ids=str)
def test_rows_of_mot_become_tracks_and_boxes(golden: Golden, store: Store) -> None:
    if golden.corpus == "rich" and golden.our_id != 2:
        pytest.skip("CVAT's own rows count the frames without those that are deleted")
    numbers = {item.frame: item for item in _read(golden)}
    import_into_task(store, golden.our_id, golden.path, golden.format_name)
    held, tracks = _held(store, golden.our_id)
    here = {item.frame: item for item in held.values()}
    for frame, item in numbers.items():
        boxes = [shape for shape in item.shapes if shape.track_id is None]
        assert Counter(map(_box, boxes)) == Counter(map(_box, here[frame].shapes))
    tracked = {s.track_id for item in numbers.values() for s in item.shapes} - {None}
    assert len(tracks) >= len(tracked)
    keyframes = {
        (track.label, shape.frame, tuple(shape.points))
        for track in tracks
        for shape in track.shapes
        if not shape.outside
    }
    assert keyframes >= {
        (shape.label, frame, tuple(shape.points))
        for frame, item in numbers.items()
        for shape in item.shapes
        if shape.track_id is not None
    }
