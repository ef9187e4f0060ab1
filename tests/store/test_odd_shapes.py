"""Datasets of odd shapes go through the store in time that grows with them, not with their square.

CPU seconds at a size and at eight times it; what is quadratic takes 64 times as long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localcvat import Client

pytestmark = pytest.mark.full
TIMES = 8
BOUND = 16
"""Eight times, and as much again for the noise of a shared machine."""
LEAST_SECONDS = 0.1
Maker = Callable[[Path, int], None]
TRACK = (
    '<track id="{}" label="a" source="manual">{}'
    '<box frame="{}" keyframe="1" outside="1" occluded="0" xtl="1" ytl="2" xbr="20" ybr="40"/>'
    "</track>"
)
BOX = '<box frame="{}" keyframe="1" outside="0" occluded="0" xtl="1" ytl="2" xbr="2{}" ybr="40"/>'


def coco(path: Path, images: int, boxes: int, labels: int) -> None:
    """Boxes dealt out to images and labels in turn."""
    content = {
        "images": [
            {"id": i + 1, "file_name": f"{path.stem}-{i}.jpg", "width": 320, "height": 320}
            for i in range(images)
        ],
        "annotations": [
            {
                "id": i + 1,
                "image_id": 1 + i % images,
                "category_id": 1 + i % labels,
                "bbox": [1 + i % 7, 2, 10, 12],
            }
            for i in range(boxes)
        ],
        "categories": [{"id": i + 1, "name": f"label {i}"} for i in range(labels)],
    }
    path.write_text(json.dumps(content))


def many_labels(path: Path, count: int) -> None:
    coco(path / "instances.json", count, count, count)


def one_full_image(path: Path, count: int) -> None:
    coco(path / "instances.json", 1, count * 4, 5)


def many_subsets(path: Path, count: int) -> None:
    (path / "annotations").mkdir()
    for number in range(count // 8):
        coco(path / "annotations" / f"instances_s{number}.json", 3, 6, 2)


def video(path: Path, frames: int, tracks: str) -> None:
    """CVAT's XML of a video."""
    path.joinpath("annotations.xml").write_text(
        f"<annotations><version>1.1</version><meta><task><size>{frames}</size>"
        f"<mode>interpolation</mode><start_frame>0</start_frame><stop_frame>{frames - 1}"
        "</stop_frame><labels><label><name>a</name><attributes/></label></labels><original_size>"
        "<width>640</width><height>480</height></original_size></task></meta>"
        f"{tracks}</annotations>"
    )


def one_long_track(path: Path, count: int) -> None:
    boxes = "".join(BOX.format(frame, frame % 10) for frame in range(count * 8 - 1))
    video(path, count * 8, TRACK.format(0, boxes, count * 8 - 1))


def many_tracks(path: Path, count: int) -> None:
    tracks = (TRACK.format(frame, BOX.format(frame, 1), frame + 1) for frame in range(count - 1))
    video(path, count, "".join(tracks))


def many_attributes(path: Path, count: int) -> None:
    """Attributes of one label, all of them on the boxes of ten images."""
    specs = "".join(
        f"<attribute><name>a{i}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
        for i in range(count // 8)
    )
    values = "".join(f'<attribute name="a{i}">v{i}</attribute>' for i in range(count // 8))
    images = "".join(
        f'<image id="{i}" name="{i}.jpg" width="64" height="64"><box label="a" occluded="0"'
        f' xtl="1" ytl="2" xbr="20" ybr="40" z_order="0">{values}</box></image>'
        for i in range(10)
    )
    path.joinpath("annotations.xml").write_text(
        "<annotations><version>1.1</version><meta><task><size>10</size><labels><label><name>a"
        f"</name><attributes>{specs}</attributes></label></labels></task></meta>{images}"
        "</annotations>"
    )


def many_skeletons(path: Path, count: int) -> None:
    points = [f"p{number}" for number in range(17)]
    content = {
        "images": [
            {"id": i + 1, "file_name": f"{i}.jpg", "width": 320, "height": 320}
            for i in range(count)
        ],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i + 1,
                "category_id": 1,
                "bbox": [1, 1, 40, 40],
                "num_keypoints": 17,
                "keypoints": [value for k in range(17) for value in (k + 1, k + 2, 2)],
            }
            for i in range(count)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": points, "skeleton": [[1, 2]]}],
    }
    (path / "person_keypoints.json").write_text(json.dumps(content))


SHAPES: dict[str, Maker] = {
    "many labels": many_labels,
    "one full image": one_full_image,
    "many subsets": many_subsets,
    "one long track": one_long_track,
    "many tracks": many_tracks,
    "many attributes": many_attributes,
    "many skeletons": many_skeletons,
}


def seconds_of_each_step(source: Path, out: Path) -> dict[str, float]:
    """CPU seconds of what a project goes through."""
    took: dict[str, float] = {}

    def timed(step: str, work: Callable[[], object]) -> object:
        start = time.process_time()
        result = work()
        took[step] = time.process_time() - start
        return result

    with Client(out / "store", create=True) as client:
        project = client.projects.create({"name": "p"})
        timed(
            "import",
            lambda: project.import_dataset(None, source, media="none", image_size=(320, 320)),
        )
        timed("list", lambda: (client.tasks.list(), project.get_tasks(), project.get_labels()))
        timed("annotations", lambda: project.get_annotations())
        for name in ("coco", "CVAT for images 1.1", "Datumaro 1.0"):
            timed(name, lambda name=name: project.export_dataset(name, out / name))  # type: ignore[misc]
        backup = out / "backup.zip"
        timed("backup", lambda: project.download_backup(backup, lightweight=True))
        timed("restore", lambda: client.projects.create_from_backup(backup))
    return took


def ratios(shape: str, folder: Path) -> dict[str, float]:
    """How many times as long each step takes with `TIMES` as much."""
    took = []
    for count in (500, 500 * TIMES):
        source, out = folder / f"source{count}", folder / f"out{count}"
        source.mkdir(parents=True)
        out.mkdir()
        SHAPES[shape](source, count)
        took.append(seconds_of_each_step(source, out))
    small, large = took
    return {step: large[step] / max(small[step], LEAST_SECONDS) for step in large}


@pytest.mark.parametrize("shape", SHAPES)
def test_eight_times_the_data_is_about_eight_times_the_work(shape: str, tmp_path: Path) -> None:
    """What others do meanwhile slows one step or another, but not the same one twice."""
    found = ratios(shape, tmp_path / "first")
    if max(found.values()) > BOUND:
        again = ratios(shape, tmp_path / "again")
        found = {step: min(ratio, again[step]) for step, ratio in found.items()}
    assert {step: ratio for step, ratio in found.items() if ratio > BOUND} == {}
