"""Annotations that find no image: none at all is a failure, some are counted file by file."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from commands import COCO_TINY, done_here, run_here
from localcvat.report import FileMatch, Report
from small_yolo import files

YAML = "train: images/train\nnames: [cat, dog]\n"
BOX = "0 0.5 0.5 0.2 0.2\n"


def coco(path: Path, *, lost: int | None = None) -> Path:
    """Val2017 of the fixture with the first `lost` annotations, or all, on images it lacks."""
    document = json.loads((COCO_TINY / "annotations" / "instances_val2017.json").read_bytes())
    for annotation in document["annotations"][:lost]:
        annotation["image_id"] += 10**9
    path.write_text(json.dumps(document))
    return path


def yolo(folder: Path, labels: dict[str, str]) -> Path:
    texts = {f"labels/train/{name}": text for name, text in labels.items()}
    return files(folder, {"data.yaml": YAML, **texts}, ("images/train/a.png", "images/train/b.png"))


@pytest.mark.parametrize("layout", ["folder", "list"])
def test_label_files_of_which_none_belongs_to_an_image_are_refused(
    tmp_path: Path, layout: str
) -> None:
    source = yolo(tmp_path / "yolo", {"x.txt": BOX * 3, "y.txt": BOX})
    if layout == "list":
        files(source, {"data.yaml": YAML.replace("images/train", "train.txt")})
        files(source, {"train.txt": "images/train/a.png\nimages/train/b.png\n"})
    finished = run_here("convert", source, tmp_path / "out.zip", "--to", "coco")
    assert finished.returncode == 1
    assert "none of 4 lines matched" in finished.stderr
    assert "labels/train/x.txt: 0 of 3 matched" in finished.stderr
    assert not (tmp_path / "out.zip").exists()


def test_label_files_that_belong_to_no_image_are_counted_beside_those_that_do(
    tmp_path: Path,
) -> None:
    source = yolo(tmp_path / "yolo", {"a.txt": BOX * 2, "x.txt": BOX * 3})
    told = done_here("convert", source, tmp_path / "out.zip", "--to", "coco", "--json")
    rows = {Path(row["file"]).name: row for row in json.loads(told)["report"]["files"]}
    assert (rows["a.txt"]["matched"], rows["a.txt"]["unmatched"]) == (2, 0)
    assert (rows["x.txt"]["matched"], rows["x.txt"]["unmatched"]) == (0, 3)


def test_images_without_any_annotation_are_a_dataset(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", {"a.txt": "", "notes.txt": "what we found on the way home\n"})
    done_here("convert", source, tmp_path / "out.json", "--to", "coco")
    written = json.loads((tmp_path / "out.json").read_bytes())
    assert ([*written["annotations"]], len(written["images"])) == ([], 2)


def test_coco_annotations_of_which_none_has_an_image_are_refused_in_every_mode(
    tmp_path: Path,
) -> None:
    source = coco(tmp_path / "bad.json")
    out = tmp_path / "out.json"
    assert run_here("convert", source, out, "--to", "coco").returncode == 1
    skipping = run_here("convert", source, out, "--to", "coco", "--on-error", "skip")
    assert skipping.returncode == 1
    assert "bad.json: 0 of 67 matched" in skipping.stderr
    assert not out.exists()


def test_coco_annotations_with_and_without_image_are_counted_by_file(tmp_path: Path) -> None:
    source = coco(tmp_path / "bad.json", lost=7)
    command = ("convert", source, tmp_path / "out.json", "--to", "coco", "--on-error", "skip")
    told = done_here(*command)
    assert f"60 of 67 annotations matched - {source}" in told


def test_a_project_takes_no_dataset_of_which_nothing_matched(tmp_path: Path) -> None:
    store = ("--store", tmp_path / "s")
    done_here(*store, "init")
    done_here(*store, "project", "create", "P")
    source = coco(tmp_path / "bad.json")
    command = ("project", "import-dataset", 1, source, "--media", "none", "--on-error", "skip")
    assert run_here(*store, *command).returncode == 1
    assert done_here(*store, "task", "ls") == ""
    assert done_here(*store, "label", "ls") == ""


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_task_says_when_no_image_of_the_annotations_is_one_of_its_frames(
    tmp_path: Path, mode: str
) -> None:
    store = ("--store", tmp_path / "s")
    done_here(*store, "init")
    done_here(*store, "project", "create", "P", "--labels", '["cat", "dog"]')
    images = yolo(tmp_path / "task", {}) / "images" / "train"
    done_here(*store, "task", "create", "T", "local", images, "--project_id", 1)
    other = yolo(tmp_path / "other", {"x.txt": BOX})
    (other / "images" / "train" / "a.png").rename(other / "images" / "train" / "x.png")
    (other / "images" / "train" / "b.png").unlink()
    command = ("task", "import-dataset", 1, other, "--mode", mode)
    assert run_here(*store, *command).returncode == 1
    skipping = run_here(*store, *command, "--on-error", "skip")
    assert skipping.returncode == 1
    assert f"{other}: 0 of 1 matched" in skipping.stderr


def test_a_report_carries_its_files_through_json_and_merging() -> None:
    report = Report()
    report.matched("a.json", "annotation", 3, 1)
    report.matched("b.json", "annotation", 0, 2)
    again = Report.from_dict(report.to_dict())
    merged = Report()
    merged.merge(report)
    expected = [
        FileMatch(file="a.json", kind="annotation", matched=3, unmatched=1),
        FileMatch(file="b.json", kind="annotation", matched=0, unmatched=2),
    ]
    assert report.files == again.files == merged.files == expected
    assert msgspec.to_builtins(merged.matches) == msgspec.to_builtins(report.matches)


def test_of_many_files_the_sums_are_kept_and_the_rows_bounded() -> None:
    report = Report()
    for number in range(5000):
        report.matched(f"{number}.txt", "line", 2, 0)
    for number in range(5000):
        report.matched(f"x{number}.txt", "line", 0, 1)
    merged = Report()
    merged.merge(report)
    for each in (report, merged):
        assert len(each.files) == 1000
        assert sum(row.matched for row in each.matches) == 10_000
        assert sum(row.unmatched for row in each.matches) == 5000
    assert len(report.lines()) == 11
