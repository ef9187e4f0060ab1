"""Merged datasets by what they show, and pages that show a dataset."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from commands import COCO_TINY
from commands import done_here as done
from commands import run_here as run


def coco(path: Path, names: list[str], boxes: list[tuple[str, str, list[float]]]) -> Path:
    """A COCO file of images of these names and (image, label, bbox)."""
    labels = sorted({label for _, label, _ in boxes})
    data = {
        "images": [
            {"id": n, "file_name": name, "width": 100, "height": 80}
            for n, name in enumerate(names, 1)
        ],
        "categories": [{"id": n, "name": label} for n, label in enumerate(labels, 1)],
        "annotations": [
            {
                "id": n,
                "image_id": names.index(name) + 1,
                "category_id": labels.index(label) + 1,
                "bbox": bbox,
            }
            for n, (name, label, bbox) in enumerate(boxes, 1)
        ],
    }
    path.parent.mkdir()
    path.write_text(json.dumps(data))
    return path


def found(path: Path) -> dict[str, list[tuple[str, list[float]]]]:
    data = json.loads(path.read_text())
    labels = {each["id"]: each["name"] for each in data["categories"]}
    images = {each["id"]: each["file_name"] for each in data["images"]}
    boxes: dict[str, list[tuple[str, list[float]]]] = {name: [] for name in images.values()}
    for each in data["annotations"]:
        boxes[images[each["image_id"]]].append((labels[each["category_id"]], each["bbox"]))
    return {name: sorted(each) for name, each in boxes.items()}


def test_merging_with_an_iou_joins_images_and_objects(tmp_path: Path) -> None:
    first = coco(
        tmp_path / "a" / "set.json",
        ["one.jpg", "two.jpg"],
        [("one.jpg", "car", [10, 10, 40, 40]), ("two.jpg", "car", [0, 0, 5, 5])],
    )
    second = coco(
        tmp_path / "b" / "set.json",
        ["three.jpg", "one.jpg"],
        [
            ("one.jpg", "car", [11, 10, 40, 40]),
            ("one.jpg", "bus", [10, 10, 40, 40]),
            ("one.jpg", "car", [60, 40, 20, 20]),
            ("three.jpg", "bus", [1, 1, 9, 9]),
        ],
    )
    out = tmp_path / "out.json"
    order = ("merge", first, second, out, "--to", "coco")
    tried = done(*order, "--iou", 0.5, "--dry-run")
    assert not out.exists()
    assert done(*order, "--iou", 0.5) == tried
    assert "dropped         1 rectangle - the same as one of a dataset before" in tried
    assert found(out) == {
        "one.jpg": [
            ("bus", [10, 10, 40, 40]),
            ("car", [10, 10, 40, 40]),
            ("car", [60, 40, 20, 20]),
        ],
        "two.jpg": [("car", [0, 0, 5, 5])],
        "three.jpg": [("bus", [1, 1, 9, 9])],
    }


class Links(HTMLParser):
    """What a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_pictures_come_with_a_page_that_needs_no_server(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(COCO_TINY, source)
    path = source / "annotations" / "instances_val2017.json"
    data = json.loads(path.read_text())
    odd = "a b#<1>?.jpg"
    old = data["images"][0]["file_name"]
    (source / "images" / "val2017" / old).rename(source / "images" / "val2017" / odd)
    data["images"][0]["file_name"] = odd
    path.write_text(json.dumps(data))
    out = tmp_path / "out"
    done("render", source, out, "--html", "--png")
    links = Links((out / "index.html").read_text())
    assert "img" in links.tags
    assert "script" not in links.tags
    pictures = {unquote(link) for link in links.found}
    assert len(pictures) == 9
    for name in pictures:
        with Image.open(out / name) as picture:
            assert picture.format == "PNG"


def test_statistics_are_text_json_or_a_page_that_say_the_same(tmp_path: Path) -> None:
    page = tmp_path / "stats.html"
    done("stats", COCO_TINY, "--html", page)
    told = json.loads(done("stats", COCO_TINY, "--json"))
    text = re.sub(r"<[^>]+>", " ", page.read_text())
    for name, label in told["labels"].items():
        assert re.search(rf"\b{name}\s+{label['objects']}\s+{label['images']}\b", text), name
    assert re.search(rf"objects\s+{told['objects']}\b", text)
    assert "script" not in Links(page.read_text()).tags
    assert run("stats", COCO_TINY, "--html", page).returncode == 1
