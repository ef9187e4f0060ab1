"""`localcvat detect`: what a dataset is, why, and why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import COCO_TINY, FIXTURES, done, run

EXPORTS = FIXTURES / "cvat-made" / "plain" / "exports" / "task_1"
EXPECTED = {
    "COCO_1.0": "coco",
    "COCO_Keypoints_1.0": "coco-keypoints",
    "CVAT_for_images_1.1": "cvat-images",
    "CVAT_for_video_1.1": "cvat-video",
    "CamVid_1.0": "camvid",
    "Cityscapes_1.0": "cityscapes",
    "Datumaro_1.0": "datumaro",
    "ICDAR_Localization_1.0": "icdar-text-localization",
    "ImageNet_1.0": "imagenet",
    "KITTI_1.0": "kitti",
    "LFW_1.0": "lfw",
    "LabelMe_3.0": "labelme-xml",
    "MOTS_PNG_1.0": "mots",
    "MOT_1.1": "mot",
    "Market_1501_1.0": "market1501",
    "Open_Images_V6_1.0": "open-images",
    "PASCAL_VOC_1.1": "voc",
    "Segmentation_mask_1.1": "segmentation-mask",
    "WiderFace_1.0": "wider-face",
    "YOLO_1.1": "yolo",
}


@pytest.mark.parametrize("images", ["", ".images"])
def test_cvats_own_exports_are_recognised(images: str) -> None:
    from localcvat.archive import open_source
    from localcvat.plugin import detect_format

    found = {}
    for name in EXPECTED:
        with open_source(EXPORTS / f"{name}{images}.zip") as source:
            found[name] = detect_format(source).name
    assert found == EXPECTED


def test_the_name_alone_is_printed() -> None:
    assert done("detect", COCO_TINY).strip() == "coco"


def test_explain_says_of_every_format_why_or_why_not() -> None:
    lines = done("detect", COCO_TINY, "--explain").splitlines()
    assert lines[0].split()[:2] == ["90", "coco"]
    assert "has images and annotations" in lines[0]
    told = {line.split()[1] for line in lines}
    assert {"yolo", "voc", "cvat-images", "datumaro", "csv", "via", "label-studio"} <= told
    rows = json.loads(done("detect", COCO_TINY, "--json"))
    assert {row["name"] for row in rows} == told
    assert all(row["reason"] for row in rows)


def test_an_unknown_source_lists_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    refused = run("detect", tmp_path)
    assert refused.returncode == 1
    for name in ("coco", "yolo", "voc", "cvat-images", "ultralytics"):
        assert f"  {name}: " in refused.stderr


def test_a_source_that_looks_like_two_formats_names_both(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"shapes": [], "imagePath": "a.jpg", "imageHeight": 1, "imageWidth": 1}'
    )
    (tmp_path / "b.json").write_text(
        '{"b.jpg1": {"filename": "b.jpg", "size": 1, "regions": [], "file_attributes": {}}}'
    )
    refused = run("detect", tmp_path)
    assert refused.returncode == 1
    assert "looks like labelme-json and via alike" in refused.stderr
    assert "a.json has shapes" in refused.stderr
    assert "--from" in refused.stderr


@pytest.mark.parametrize("options", [[], ["--explain"], ["--json"]])
def test_a_backup_is_called_one(options: list[str]) -> None:
    backup = next((FIXTURES / "cvat-made" / "plain").glob("project_*_backup.zip"))
    refused = run("detect", backup, *options)
    assert refused.returncode == 1
    assert "CVAT project backup" in refused.stderr
    assert "localcvat project create-from-backup" in refused.stderr


@pytest.mark.parametrize("verb", ["import-dataset"])
def test_a_backup_given_to_an_import_is_called_one(tmp_path: Path, verb: str) -> None:
    store = ("--store", tmp_path / "store")
    done(*store, "init")
    project = done(*store, "project", "create", "p").strip()
    backup = next((FIXTURES / "cvat-made" / "plain").glob("task_*_backup.zip"))
    refused = run(*store, "project", verb, project, backup, "--format", "COCO 1.0")
    assert refused.returncode == 1
    assert "localcvat task create-from-backup" in refused.stderr


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_empty_source_is_called_empty(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source.json"
    source.write_bytes(b"") if kind == "file" else source.mkdir()
    finished = run("convert", source, tmp_path / "out", "--to", "yolo")
    assert finished.returncode == 1
    what = "the file is empty" if kind == "file" else "there is nothing in it"
    assert finished.stderr == f"Error: {source}: {what} (is it the right path?)\n"
