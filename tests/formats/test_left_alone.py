"""Files that a reader has no use for are counted; its own files, all of them, are none of those."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from conversions import converted
from localcvat.convert import ConvertOptions, convert
from localcvat.plugin import all_formats
from localcvat.report import Report

NATIVE = [
    plugin.name
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
]
OUTLINE = [1, 2, 11, 2, 11, 14, 1, 14]
POSE = {"keypoints": [1, 2, 2, 11, 14, 1], "num_keypoints": 2}


def _dataset(folder: Path) -> Path:
    """A COCO dataset of two images with an outline and a skeleton, and one without anything."""
    (folder / "images").mkdir(parents=True)
    for name in "abc":
        Image.new("RGB", (40, 30)).save(folder / "images" / f"{name}.jpg")
    about = {"image_id": 1, "area": 120, "iscrowd": 0, "bbox": [1, 2, 10, 12]}
    document = {
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "width": 40, "height": 30}
            for number, name in enumerate("abc", 1)
        ],
        "categories": [
            {"id": 1, "name": "car"},
            {"id": 2, "name": "arm", "keypoints": ["elbow", "hand"], "skeleton": [[1, 2]]},
        ],
        "annotations": [
            about | {"id": 1, "category_id": 1, "segmentation": [OUTLINE]},
            about | {"id": 2, "category_id": 2, "image_id": 2, "segmentation": []} | POSE,
        ],
    }
    (folder / "coco.json").write_text(json.dumps(document))
    return folder


def _left(report: Report) -> list[tuple[int, str, bool]]:
    return [
        (entry.count, Path(entry.example).name, entry.lossy)
        for entry in report.entries
        if entry.kind == "file"
    ]


@pytest.mark.parametrize("name", NATIVE)
def test_files_without_use_are_counted(name: str, tmp_path: Path) -> None:
    source = tmp_path / "made"
    convert(_dataset(tmp_path / "in"), source, name, "coco", ConvertOptions(with_images=True))
    to = "datumaro" if name != "datumaro" else "coco"
    named_by_number = name == "cvat-video"  # whose images have no names to be found by
    for images in (False, True):
        _, report = converted(source, to, name, with_images=images)
        assert _left(report) == ([(3, "a.jpg", False)] if named_by_number and images else [])
    (source / "notes.md").write_text("look here")
    (source / ".DS_Store").write_text("x")
    _, report = converted(source, to, name, with_images=False)
    assert _left(report) == [(1, "notes.md", False)]
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", source)
    _, report = converted(Path(packed), to, name)
    assert _left(report) == [(1, "notes.md", False)]


def test_images_that_no_annotation_names_are_counted_if_images_are_wanted(tmp_path: Path) -> None:
    source = _dataset(tmp_path / "in")
    Image.new("RGB", (40, 30)).save(source / "images" / "lonely.png")
    _, report = converted(source, "csv", "coco", with_images=True)
    assert _left(report) == [(1, "lonely.png", False)]
    _, report = converted(source, "csv", "coco")
    assert _left(report) == []
