"""What is wrong with annotations is named, and mended in a copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from commands import COCO_TINY
from commands import done_here as done
from commands import run_here as run

GOOD = [10.0, 10.0, 20.0, 20.0]


def source(folder: Path) -> Path:
    """A COCO dataset with a fault of each kind on the first of three pictures."""
    root = folder / "src"
    (root / "images").mkdir(parents=True)
    for name, size in (("a", (100, 80)), ("b", (100, 80)), ("c", (60, 40))):
        Image.new("RGB", size).save(root / "images" / f"{name}.png")
    boxes: list[tuple[list[float], list[Any]]] = [
        (GOOD, []),
        (GOOD, []),
        ([50.0, 50.0, 0.0, 10.0], []),
        ([200.0, 10.0, 10.0, 10.0], []),
        ([90.0, 70.0, 20.0, 20.0], []),
        ([5.0, 5.0, 10.0, 10.0], [[5.0, 5.0, 15.0, 15.0, 15.0, 5.0, 5.0, 15.0]]),
    ]
    data = {
        "images": [
            {"id": n, "file_name": f"{name}.png", "width": 100, "height": 80}
            for n, name in enumerate("abc", 1)
        ],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
        "annotations": [
            *(
                {"id": n, "image_id": 1, "category_id": 1, "bbox": box, "segmentation": parts}
                for n, (box, parts) in enumerate(boxes, 1)
            ),
            {"id": 9, "image_id": 3, "category_id": 1, "bbox": GOOD},
        ],
    }
    (root / "annotations.json").write_text(json.dumps(data))
    return root


def test_each_fault_is_named(tmp_path: Path) -> None:
    finished = run("validate", source(tmp_path), "--json")
    assert finished.returncode == 1
    told = json.loads(finished.stdout)
    found = {(row["image"], row["what"], row["error"]) for row in told["findings"]}
    assert found == {
        ("a.png", "no area", True),
        ("a.png", "outside", True),
        ("a.png", "annotated twice", False),
        ("a.png", "beyond the image", False),
        ("a.png", "crosses itself", False),
        ("b.png", "no annotations", False),
        ("c.png", "image size", False),
        ("", "label never used", False),
    }
    assert (told["errors"], told["warnings"]) == (2, 6)


def test_a_copy_is_mended_and_each_change_told(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    said = done("validate", source(tmp_path), "--fix", out)
    for row in (
        "changed         1 rectangle - cut to the image",
        "dropped         1 rectangle - annotated twice",
        "dropped         1 rectangle - no area",
        "dropped         1 rectangle - outside",
    ):
        assert row in said
    boxes = [each["bbox"] for each in json.loads(out.read_text())["annotations"]]
    assert boxes == [GOOD, [90, 70, 10, 10], [5, 5, 10, 10], GOOD]
    assert run("validate", out).returncode == 0


def test_values_and_types_that_a_label_does_not_have_are_errors(tmp_path: Path) -> None:
    spec = (
        "<attribute><name>color</name><mutable>False</mutable><input_type>select</input_type>"
        "<default_value>red</default_value><values>red\nblue</values></attribute>"
    )
    label = f"<label><name>car</name><type>polygon</type><attributes>{spec}</attributes></label>"
    box = (
        '<box label="car" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9">'
        '<attribute name="color">green</attribute></box>'
    )
    path = tmp_path / "a.xml"
    path.write_text(
        "<annotations><meta><task><id>1</id><name>t</name><size>1</size><mode>annotation</mode>"
        f"<labels>{label}</labels></task></meta>"
        f'<image id="0" name="a.jpg" width="20" height="20">{box}</image></annotations>'
    )
    finished = run("validate", path)
    assert finished.returncode == 1
    assert "error   label type: a.jpg: rectangle car: is of polygon" in finished.stdout
    assert "error   attribute value: a.jpg: rectangle car: color is 'green'" in finished.stdout


def test_good_photos_have_no_errors_and_a_broken_one_is_one(tmp_path: Path) -> None:
    assert run("validate", COCO_TINY).returncode == 0
    broken = tmp_path / "src"
    shutil.copytree(COCO_TINY, broken)
    photo = next((broken / "images").rglob("*.jpg"))
    photo.write_bytes(b"no picture")
    finished = run("validate", broken)
    assert finished.returncode == 1
    assert "image file" in finished.stdout
    assert photo.name in finished.stdout
