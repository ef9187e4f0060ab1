"""The shared options on the command line, over the real fixtures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY, done, run

SOURCE = COCO_TINY / "annotations" / "instances_val2017.json"


def _converted(target: Path, *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the COCO file written with these options, the report)."""
    out = done("convert", SOURCE, target, "--to", "coco", "--json", *options)
    written = json.loads(next(target.rglob("*.json")).read_bytes())
    return written, json.loads(out)["report"]


def _labels(coco: dict[str, Any]) -> Counter[str]:
    names = {row["id"]: row["name"] for row in coco["categories"]}
    return Counter(names[row["category_id"]] for row in coco["annotations"])


def test_labels_are_mapped_by_text_and_by_file(tmp_path: Path) -> None:
    before = _labels(json.loads(SOURCE.read_bytes()))
    first, second = list(before)[:2]
    text = f"{first}=thing,{second}=thing"
    (tmp_path / "map.txt").write_text(f"# names\n{first} = thing\n{second}=thing\n")
    (tmp_path / "map.json").write_text(json.dumps({first: "thing", second: "thing"}))
    for number, given in enumerate((text, tmp_path / "map.txt", tmp_path / "map.json")):
        written, report = _converted(tmp_path / str(number), "--labels-map", str(given))
        assert _labels(written)["thing"] == before[first] + before[second]
        assert sum(_labels(written).values()) == sum(before.values())
        assert [r["count"] for r in report["changed"] if r["kind"] == "label"] == [2]


def test_only_one_label_and_only_annotated_images(tmp_path: Path) -> None:
    original = json.loads(SOURCE.read_bytes())
    name = next(iter(_labels(original)))
    written, report = _converted(tmp_path / "o", "--only-labels", name, "--only-annotated")
    assert set(_labels(written)) == {name}
    assert [row["name"] for row in written["categories"]] == [name]
    assert len(written["images"]) == len({a["image_id"] for a in written["annotations"]})
    left_out = len(original["images"]) - len(written["images"])
    assert sum(row["count"] for row in report["dropped"] if row["kind"] == "image") == left_out


def test_polygons_to_masks_are_the_pixels_pycocotools_draws(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    _converted(tmp_path / "o", "--polygons-to-masks")
    theirs, ours = COCO(str(SOURCE)), COCO(str(next((tmp_path / "o").rglob("*.json"))))
    originals = [ann for ann in theirs.anns.values() if isinstance(ann["segmentation"], list)]
    assert originals
    for annotation in originals:
        made = ours.anns[annotation["id"]]
        assert isinstance(made["segmentation"], dict)
        assert (ours.annToMask(made) == theirs.annToMask(annotation)).all()


def test_a_name_that_collides_is_an_error_without_rename_duplicates(tmp_path: Path) -> None:
    coco = json.loads(SOURCE.read_bytes())
    coco["images"][1]["file_name"] = coco["images"][0]["file_name"]
    (tmp_path / "twice.json").write_text(json.dumps(coco))
    for target in ("yolo", "voc", "ultralytics"):
        refused = run("convert", tmp_path / "twice.json", tmp_path / target, "--to", target)
        assert refused.returncode == 1
        assert "--rename-duplicates" in refused.stderr
        assert not (tmp_path / target).exists()
        out = tmp_path / f"{target}-2"
        given = ("--to", target, "--rename-duplicates", "--json")
        report = json.loads(done("convert", tmp_path / "twice.json", out, *given))["report"]
        assert [r["count"] for r in report["changed"] if r["kind"] == "image name"] == [1]
        assert [r["count"] for r in report["kept"] if r["kind"] == "image"] == [3]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--labels-map", "a:b,c"], "No such file"),
        (["--labels-map", "=b"], "not old=new"),
        (["--only-labels", "nothing-like-it"], "none of nothing-like-it"),
        (["--subset", "=x"], "neither NAME nor OLD=NEW"),
        (["--masks-to-polygons", "--polygons-to-masks"], "undo each other"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, options: list[str], said: str) -> None:
    refused = run("convert", SOURCE, tmp_path / "out", "--to", "coco", *options)
    assert refused.returncode in (1, 2)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()


def test_imports_and_exports_of_the_store_take_the_same_options(tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    done(*store, "init")
    project = done(*store, "project", "create", "p").strip()
    given = ("--format", "coco", "--only-labels", "person", "--labels-map", "person=human")
    done(*store, "project", "import-dataset", project, COCO_TINY, *given[:2], *given[4:])
    out = tmp_path / "out"
    options = ("--format", "coco", "--only-labels", "human", "--only-annotated", "--json")
    report = json.loads(done(*store, "project", "export-dataset", project, out, *options))
    kinds = {row["kind"] for row in report["report"]["dropped"]}
    assert {"label", "shape", "image"} <= kinds
    labels: Counter[str] = Counter()
    for path in out.rglob("*.json"):
        labels += _labels(json.loads(path.read_bytes()))
    assert set(labels) == {"human"}
    people = sum(
        _labels(json.loads(path.read_bytes()))["person"]
        for path in (COCO_TINY / "annotations").glob("*.json")
    )
    assert labels["human"] == people


def test_a_tasks_imports_take_the_options_too(tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    done(*store, "init")
    project = done(*store, "project", "create", "p").strip()
    val = COCO_TINY / "annotations" / "instances_val2017.json"
    done(*store, "project", "import-dataset", project, val, "--format", "coco")
    task = json.loads(done(*store, "task", "ls", "--json"))["results"][0]["id"]
    before = _labels(json.loads(val.read_bytes()))
    first, second = list(before)[:2]
    options = ("--format", "coco", "--only-labels", first, "--labels-map", f"{second}={first}")
    done(*store, "task", "import-dataset", task, val, *options)
    done(*store, "task", "export-dataset", task, tmp_path / "out", "--format", "coco")
    written = json.loads(next((tmp_path / "out").rglob("*.json")).read_bytes())
    assert _labels(written) == {first: before[first] + before[second]}
