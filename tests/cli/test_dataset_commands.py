"""stats, diff, split, merge and render, over real images and annotations."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from commands import COCO_TINY, done, run

VAL = COCO_TINY / "annotations" / "instances_val2017.json"
TRAIN = COCO_TINY / "annotations" / "instances_train2017.json"


def _coco(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_bytes())
    return value


def test_stats_count_what_is_there() -> None:
    found = json.loads(done("stats", COCO_TINY, "--json"))
    files = [_coco(VAL), _coco(TRAIN)]
    annotations = [row for coco in files for row in coco["annotations"]]
    names = {row["id"]: row["name"] for row in files[0]["categories"]}
    labels = Counter(names[row["category_id"]] for row in annotations)
    assert found["format"] == "coco"
    assert found["images"] == sum(len(coco["images"]) for coco in files)
    assert found["subsets"] == {"train2017": 6, "val2017": 3}
    assert found["objects"] == len(annotations)
    assert {name: row["objects"] for name, row in found["labels"].items() if row["objects"]} == (
        labels
    )
    masks = sum(isinstance(row["segmentation"], dict) for row in annotations)
    assert found["kinds"] == {"polygon": len(annotations) - masks, "mask": masks}
    text = done("stats", COCO_TINY)
    assert f"coco: 9 images, {len(annotations)} objects" in text


def test_a_dataset_does_not_differ_from_itself_in_another_format(tmp_path: Path) -> None:
    same = run("diff", VAL, VAL)
    assert (same.returncode, same.stdout) == (0, "")
    done("convert", COCO_TINY, tmp_path / "yolo", "--to", "yolo", "--with-images", "yes")
    # a crowd's stated box and that of its pixels are one pixel apart
    boxes = run("diff", COCO_TINY, tmp_path / "yolo", "--boxes", "--tolerance", "1.1")
    assert boxes.returncode == 0, boxes.stdout
    finer = run("diff", COCO_TINY, tmp_path / "yolo")
    assert finer.returncode == 1
    assert "polygon" in finer.stdout


def test_diff_names_each_difference(tmp_path: Path) -> None:
    coco = _coco(VAL)
    moved, gone, renamed = coco["annotations"][0], coco["annotations"][1], coco["images"][2]
    moved["segmentation"][0][0] += 3
    coco["annotations"].remove(gone)
    renamed["file_name"] = "other.jpg"
    (tmp_path / "b.json").write_text(json.dumps(coco))
    found = run("diff", VAL, tmp_path / "b.json", "--json")
    assert found.returncode == 1
    rows = json.loads(found.stdout)
    images = {(row["image"], row["side"]) for row in rows if row["what"] == "image"}
    assert ("other", "b") in images
    shapes = Counter(row["side"] for row in rows if row["what"] != "image")
    assert shapes == {"a": 2, "b": 1}
    assert run("diff", VAL, tmp_path / "b.json", "--tolerance", "5").returncode == 1


def test_diff_tells_of_attributes(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        text = f"path,label,x1,y1,x2,y2,colour\na.jpg,cat,1,2,3,4,{colour}\n"
        (tmp_path / f"{name}.csv").write_text(text)
    found = run("diff", tmp_path / "a.csv", tmp_path / "b.csv")
    assert found.returncode == 1
    assert found.stdout.strip() == "~ a: rectangle cat colour: red -> blue"


def _split(target: Path, *options: str) -> dict[str, set[str]]:
    done("split", COCO_TINY, target, *options)
    return {
        path.stem.removeprefix("instances_"): {row["file_name"] for row in _coco(path)["images"]}
        for path in target.rglob("instances_*.json")
    }


def test_split_is_seeded_and_loses_nothing(tmp_path: Path) -> None:
    options = ("--into", "train=0.6,val=0.4", "--seed", "7")
    first = _split(tmp_path / "1", *options)
    assert {name: len(images) for name, images in first.items()} == {"train": 5, "val": 4}
    assert first == _split(tmp_path / "2", *options)
    assert first != _split(tmp_path / "3", *options[:2], "--seed", "8")
    assert run("diff", COCO_TINY, tmp_path / "1").returncode == 0


def test_split_leaves_other_subsets_byte_for_byte(tmp_path: Path) -> None:
    done("convert", COCO_TINY, tmp_path / "plain", "--to", "coco")
    found = _split(tmp_path / "out", "--into", "a=0.5,b=0.5", "--subset", "train2017")
    assert {name: len(images) for name, images in found.items()} == {"a": 3, "b": 3, "val2017": 3}
    kept = "annotations/instances_val2017.json"
    assert (tmp_path / "out" / kept).read_bytes() == (tmp_path / "plain" / kept).read_bytes()


def test_split_by_label_puts_rare_labels_into_each_part(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,{'rare' if n < 10 else 'common'},1,2,3,4\n" for n in range(100))
    (tmp_path / "t.csv").write_text("path,label,x1,y1,x2,y2\n" + rows)
    target = tmp_path / "out"
    options = ("--into", "train=0.8,val=0.2", "--stratify", "--to", "coco")
    done("split", tmp_path / "t.csv", target, *options)
    for name, expected in (
        ("train", {"rare": 8, "common": 72}),
        ("val", {"rare": 2, "common": 18}),
    ):
        coco = _coco(target / "annotations" / f"instances_{name}.json")
        names = {row["id"]: row["name"] for row in coco["categories"]}
        assert Counter(names[row["category_id"]] for row in coco["annotations"]) == expected


def test_split_keeps_the_images_of_a_folder_together(tmp_path: Path) -> None:
    rows = "".join(f"{n % 10}/{n}.jpg,cat,1,2,3,4\n" for n in range(100))
    (tmp_path / "t.csv").write_text("path,label,x1,y1,x2,y2\n" + rows)
    options = ("--into", "train=0.7,val=0.3", "--group-by", "folder", "--to", "coco")
    done("split", tmp_path / "t.csv", tmp_path / "out", *options)
    folders = [
        {row["file_name"].split("/")[0] for row in _coco(path)["images"]}
        for path in (tmp_path / "out").rglob("*.json")
    ]
    assert sorted(map(len, folders)) == [3, 7]
    assert not folders[0] & folders[1]


@pytest.mark.parametrize("parts", ["train=0.5", "train=x", "train", "train=1.2,val=-0.2", "=1"])
def test_split_refuses_parts_that_are_none(tmp_path: Path, parts: str) -> None:
    refused = run("split", VAL, tmp_path / "out", "--into", parts)
    assert refused.returncode == 2
    assert not (tmp_path / "out").exists()


def test_merge_makes_one_dataset_of_two_formats(tmp_path: Path) -> None:
    done("convert", TRAIN, tmp_path / "voc", "--to", "voc")
    out = done("merge", VAL, tmp_path / "voc", tmp_path / "out", "--to", "coco", "--json")
    merged = [_coco(path) for path in (tmp_path / "out").rglob("*.json")]
    assert sum(len(coco["images"]) for coco in merged) == 9
    found = sum(len(coco["annotations"]) for coco in merged)
    assert found == len(_coco(VAL)["annotations"]) + len(_coco(TRAIN)["annotations"])
    names = [row["name"] for row in merged[0]["categories"]]
    assert len(names) == len(set(names)) == 80
    assert json.loads(out)["report"]["kept"]


def test_merge_refuses_images_of_one_name_or_renames_them(tmp_path: Path) -> None:
    refused = run("merge", VAL, VAL, tmp_path / "out", "--to", "yolo")
    assert refused.returncode == 1
    assert "--rename-duplicates" in refused.stderr
    assert not (tmp_path / "out").exists()
    done("merge", VAL, VAL, tmp_path / "out", "--to", "yolo", "--rename-duplicates")
    assert len(list((tmp_path / "out").rglob("0*.txt"))) == 6


def test_render_draws_the_annotations_on_the_images(tmp_path: Path) -> None:
    out = done("render", COCO_TINY, tmp_path / "out", "--limit", "2", "--json")
    written = sorted((tmp_path / "out").rglob("*.jpg"))
    assert len(written) == 2
    assert json.loads(out)["report"]["kept"][-1]["count"] == 2
    original = next((COCO_TINY / "images").rglob(written[0].name))
    with Image.open(written[0]) as drawn, Image.open(original) as plain:
        assert drawn.size == plain.size
        assert drawn.convert("RGB").tobytes() != plain.convert("RGB").tobytes()


def test_what_is_no_dataset_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.md").write_text("no dataset")
    for command in (
        ("stats", tmp_path / "empty"),
        ("diff", tmp_path / "empty", VAL),
        ("split", tmp_path / "empty", tmp_path / "o", "--into", "a=1"),
        ("merge", tmp_path / "empty", tmp_path / "o", "--to", "coco"),
        ("render", tmp_path / "empty", tmp_path / "o"),
    ):
        refused = run(*command)
        assert refused.returncode == 1
        assert "no known format found" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not (tmp_path / "o").exists()
