"""Undamaged datasets of each native format: what CVAT exported, and small ones of other tools."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from corpus import COCO_TINY, CVAT_MADE, zip_entries
from every_kind import KINDS, dataset
from fuzz.mutations import Entries
from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, convert, write_dataset
from localcvat.model import TaskInfo
from localcvat.plugin import find_format
from localcvat.report import Report

CVAT_EXPORTS = {
    "cityscapes": "Cityscapes_1.0",
    "coco": "COCO_1.0",
    "coco-keypoints": "COCO_Keypoints_1.0",
    "cvat-images": "CVAT_for_images_1.1",
    "cvat-video": "CVAT_for_video_1.1",
    "datumaro": "Datumaro_1.0",
    "imagenet": "ImageNet_1.0",
    "kitti": "KITTI_1.0",
    "labelme-xml": "LabelMe_3.0",
    "mot": "MOT_1.1",
    "open-images": "Open_Images_V6_1.0",
    "segmentation-mask": "Segmentation_mask_1.1",
    "voc": "PASCAL_VOC_1.1",
    "yolo": "YOLO_1.1",
}
WRITTEN = (
    *("csv", "labelme-json", "ultralytics", "ultralytics-segmentation", "ultralytics-obb"),
    *("coco", "yolo", "voc"),
)
FOREIGN = ("label-studio", "via")
OTHERS = ("ultralytics-pose", "ultralytics-track", "ultralytics-classification")
SEEDS = sorted({*CVAT_EXPORTS, *WRITTEN, *FOREIGN, *OTHERS})
BRIDGED = """
    camvid coco-captions coco-image-info coco-labels coco-panoptic coco-stuff datumaro-binary
    icdar-text-localization icdar-text-segmentation icdar-word-recognition kitti-raw lfw market1501
    mnist mots segment-anything sly-pointcloud wider-face
""".split()
"""Read and written through Datumaro, which is what stands in the way of most damage.

Not among them is ``arrow``: the library below Datumaro ends the process over some damaged files.
"""
LARGEST = 400_000


@cache
def seeds_of(name: str) -> list[Entries]:
    """Some datasets of a format, the small ones first."""
    found: list[Entries] = []
    if name in CVAT_EXPORTS:
        stem = CVAT_EXPORTS[name]
        for pattern in (f"*/exports/*/{stem}.zip", f"plain/exports/*/{stem}.images.zip"):
            paths = sorted(CVAT_MADE.glob(pattern), key=lambda path: (path.stat().st_size, path))
            found += [zip_entries(path) for path in paths[:6] if path.stat().st_size < LARGEST]
    if name in WRITTEN:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "seed.zip"
            source = COCO_TINY / "annotations" / "instances_val2017.json"
            convert(source, target, name, None, ConvertOptions())
            found.append(zip_entries(target))
    if name not in FOREIGN:
        found.append(_of_every_kind(name))
    if name in FOREIGN:
        found.append({"export.json": json.dumps(_foreign(name)).encode()})
    return found


def _of_every_kind(name: str) -> Entries:
    """A dataset of ours with every kind of annotation the format holds."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "seed.zip"
        made = dataset(*KINDS)
        items = list(made.items)
        made.header.tasks = [TaskInfo(size=len(items))]
        for number, item in enumerate(items):
            item.frame = item.source_frame = number
        made.items = iter(items)
        with open_sink(target) as sink:
            write_dataset(made, find_format(name), sink, ConvertOptions(), Report())
        return zip_entries(target)


def _foreign(name: str) -> Any:
    return _label_studio() if name == "label-studio" else _via()


def _label_studio() -> list[dict[str, Any]]:
    size = {"original_width": 160, "original_height": 120, "image_rotation": 0}
    values: list[tuple[str, dict[str, Any]]] = [
        ("rectanglelabels", {"x": 1, "y": 2.5, "width": 30, "height": 40, "rotation": 12}),
        ("polygonlabels", {"points": [[1, 2], [30, 4], [20, 50]], "closed": True}),
        ("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "rotation": 30}),
        ("keypointlabels", {"x": 5, "y": 6, "width": 0.3}),
        ("brushlabels", {"format": "rle", "rle": [0, 1, 44, 0, 57, 27, 255, 0, 12, 9] * 5}),
    ]
    results: list[dict[str, Any]] = [
        {
            **size,
            "id": f"r{number}",
            "type": kind,
            "from_name": "label",
            "to_name": "image",
            "value": {**value, kind: ["car"]},
        }
        for number, (kind, value) in enumerate(values[:-1])
    ]
    choice = {"from_name": "c", "to_name": "image", "type": "choices"}
    results.append({**choice, "id": "r0", "value": {"choices": ["red"]}})
    task = {
        "id": 1,
        "data": {"image": "/data/local-files/?d=a%20b/one.jpg"},
        "annotations": [{"id": 1, "was_cancelled": False, "result": results}],
        "predictions": [],
    }
    flat = {
        "image": "/data/upload/1/0a1b2c3d-two.jpg",
        "id": 2,
        "label": [{**size, **values[0][1], "rectanglelabels": ["car"]}],
        "annotator": 1,
        "lead_time": 2.5,
    }
    return [task, flat]


def _via() -> dict[str, Any]:
    shapes: list[dict[str, Any]] = [
        {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
        {"name": "circle", "cx": 10, "cy": 20, "r": 5},
        {"name": "ellipse", "cx": 10, "cy": 20, "rx": 5, "ry": 3, "theta": 0.5},
        {"name": "polygon", "all_points_x": [1, 5, 5], "all_points_y": [1, 1, 6]},
        {"name": "polyline", "all_points_x": [1, 5], "all_points_y": [1, 6]},
        {"name": "point", "cx": 7, "cy": 8},
    ]
    regions = [{"shape_attributes": each, "region_attributes": {"class": "a"}} for each in shapes]
    image = {"filename": "one.jpg", "size": 9, "regions": regions, "file_attributes": {}}
    options = {"class": {"type": "dropdown", "options": {"a": ""}, "default_options": {}}}
    return {
        "_via_settings": {"ui": {}, "core": {}, "project": {"name": "p"}},
        "_via_img_metadata": {"one.jpg9": image},
        "_via_attributes": {"region": options, "file": {}},
    }
