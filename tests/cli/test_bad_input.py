"""Bad input gives one clear line with the place, exit code 1, and nothing is written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY
from commands import run_here as run

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}
ANNOTATION = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "iscrowd": 0}


def _coco(**changes: Any) -> str:
    body = {
        "images": [IMAGE],
        "annotations": [ANNOTATION],
        "categories": [{"id": 1, "name": "car"}],
    }
    return json.dumps({**body, **changes})


BAD = {
    "an unknown image id": (
        _coco(annotations=[{**ANNOTATION, "image_id": 9}]),
        "annotations[0].image_id",
    ),
    "an unlisted category": (
        _coco(annotations=[ANNOTATION, {**ANNOTATION, "category_id": 5}]),
        "annotations[1].category_id",
    ),
    "NaN": (_coco().replace("[1, 1, 2, 2]", "[1, NaN, 2, 2]"), "annotations[0].bbox[1]"),
    "a truncated file": (_coco()[:-20], "truncated"),
    "an empty file": ("", "empty"),
    "a wrong type": (
        _coco(annotations=[{**ANNOTATION, "bbox": "x"}]),
        "annotations[0].bbox",
    ),
    "a short bbox": (_coco(annotations=[{**ANNOTATION, "bbox": [1, 2]}]), "annotations[0].bbox"),
    "no JSON": ("hello", "bad.json"),
    "a list of numbers": ("[1, 2, 3]", "bad.json"),
    "nested too deeply": ("[" * 100_000, "bad.json"),
    "an empty object": ("{}", "bad.json"),
}


@pytest.mark.parametrize("to", ["coco", "yolo"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_coco_file_is_refused_with_the_place(tmp_path: Path, name: str, to: str) -> None:
    text, place = BAD[name]
    (tmp_path / "bad.json").write_text(text)
    finished = run("convert", tmp_path / "bad.json", tmp_path / "out", "--to", to, "--from", "coco")
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert len(finished.stderr.strip().splitlines()) == 1, finished.stderr
    assert place in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "unexpected" not in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_coco_file_leaves_the_store_as_it_was(tmp_path: Path, name: str) -> None:
    text, place = BAD[name]
    (tmp_path / "bad.json").write_text(text)
    assert run("init", cwd=tmp_path).returncode == 0
    assert run("project", "create", "p", cwd=tmp_path).returncode == 0
    finished = run("project", "import-dataset", 1, "bad.json", "--format", "coco", cwd=tmp_path)
    assert finished.returncode == 1
    assert place in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
    shown = json.loads(run("project", "show", 1, "--json", cwd=tmp_path).stdout)
    assert (shown["labels"], shown["tasks"]) == ([], [])
    assert not [path for path in (tmp_path / ".localcvat" / "media").rglob("*") if path.is_file()]


def test_a_folder_of_no_known_format_lists_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.md").write_text("x")
    finished = run("convert", tmp_path / "in", tmp_path / "out", "--to", "coco")
    assert finished.returncode == 1
    for word in ("coco: ", "yolo: ", "voc: ", "--from"):
        assert word in finished.stderr
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_a_usage_error(tmp_path: Path) -> None:
    finished = run("convert", COCO_TINY, tmp_path / "out", "--to", "bogus")
    assert finished.returncode == 2
    assert "known formats" in finished.stderr


def test_a_target_inside_the_source_is_refused(tmp_path: Path) -> None:
    finished = run("convert", COCO_TINY, COCO_TINY / "out", "--to", "yolo")
    assert finished.returncode == 1
    assert not (COCO_TINY / "out").exists()


def test_an_existing_target_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    finished = run("convert", COCO_TINY, tmp_path / "out", "--to", "yolo")
    assert finished.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "entry", ["../evil.txt", "/etc/evil", "C:\\evil", "a\\..\\..\\evil", "a/\x01b"]
)
def test_an_archive_that_climbs_out_is_refused(tmp_path: Path, entry: str) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("annotations/instances_a.json", _coco())
        archive.writestr(entry, "x")
    finished = run("convert", tmp_path / "in.zip", tmp_path / "out", "--to", "yolo")
    assert finished.returncode == 1
    assert "unsafe entry" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations/instances_a.json", b"0" * 50_000_000)
    finished = run("convert", tmp_path / "in.zip", tmp_path / "out", "--to", "yolo")
    assert finished.returncode == 1
    assert "zip bomb" in finished.stderr
