"""What a format wrote is detected as it: folder or zip, with images or not, one subset or two."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from corpus import CVAT_MADE
from everything import dataset
from localcvat.archive import open_sink, open_source
from localcvat.archive.sources import FileMedia
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.plugin import all_formats, detections, find_format
from localcvat.report import Report

KINDS = ("rectangle", "polygon", "mask", "skeleton", "tag", "points", "polyline")
CONTENTS: dict[str, tuple[str, ...]] = {
    "two subsets": (),
    "one subset": KINDS,
    "boxes": ("rectangle",),
    "outlines": ("polygon",),
    "masks": ("mask",),
    "points": ("skeleton",),
    "tags": ("tag",),
    "nothing": ("empty",),
}
FORMATS = [
    (plugin.name, name)
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
    for name in (plugin.name, *plugin.cvat_names[:1])
]
EMPTY = {"tags", "nothing"}
SAME_FILES = {
    # Nothing but label_colors.txt, or what an Ultralytics dataset of another task has too.
    "Cityscapes 1.0": {"points", *EMPTY},
    "KITTI 1.0": {"points", *EMPTY},
    "Ultralytics YOLO Oriented Bounding Boxes 1.0": {"points", "outlines", "masks", *EMPTY},
    "Ultralytics YOLO Segmentation 1.0": {"points", "boxes", "masks", *EMPTY},
    "Ultralytics YOLO Detection Track 1.0": set(CONTENTS),
    "Segmentation mask 1.1": {"points", "tags"},
    # A file without any <track> is one of images without any.
    "cvat-video": EMPTY,
    "CVAT for video 1.1": EMPTY,
}
"""What can't be told apart from another format's, or holds nothing: images may still tell."""


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize(("plain", "name"), FORMATS)
def test_what_a_format_wrote_is_detected_as_it(
    plain: str, name: str, content: str, tmp_path: Path
) -> None:
    if content in SAME_FILES.get(name, ()):
        pytest.skip("its files are another format's too")
    Image.new("RGB", (200, 100)).save(tmp_path / "x.jpg")
    for images in (False, True):
        for ending in ("", ".zip"):
            made = dataset(*CONTENTS[content])
            items = list(made.items)
            for item in items:
                item.media = FileMedia(str(tmp_path / "x.jpg"))
                item.subset = item.subset if content == "two subsets" else "default"
            made.header.subsets = list(dict.fromkeys(item.subset for item in items))
            made.items = iter(items)
            target = tmp_path / f"{images}{ending}"
            with open_sink(target) as sink:
                options = ConvertOptions(with_images=images)
                write_dataset(made, find_format(name), sink, options, Report())
            if not images and (plain, content) in NEEDS_IMAGES:
                continue
            with open_source(target) as source:
                found = detections(source)
            assert found[0][0].name == plain, (images, ending, found[0][1], found[1][1])
            assert found[0][1].score > found[1][1].score


NEEDS_IMAGES = {("cityscapes", "points"), ("cityscapes", "tags"), ("cityscapes", "nothing")}
EXPORTS = sorted(CVAT_MADE.glob("*/exports/*/*.zip"))


@pytest.mark.parametrize("path", EXPORTS, ids=lambda p: f"{p.parent.parent.parent.name}-{p.name}")
def test_cvats_own_exports_of_native_formats_are_detected(path: Path) -> None:
    display = path.name.removesuffix(".zip").removesuffix(".images")
    plugin = find_format(display.replace("_", " ")).format
    if plugin.origin != "native" or not plugin.can_read:
        pytest.skip("of the bridge")
    with open_source(path) as source:
        found = detections(source)
    assert found[0][0].name == plugin.name
