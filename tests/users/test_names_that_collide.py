"""Images of one name in several tasks, or listed twice: all come out, and are told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import COCO_TINY, done_here
from corpus import zip_entries

PHOTOS = sorted((COCO_TINY / "images" / "val2017").iterdir())
FORMATS = ("coco", "yolo", "ultralytics", "voc", "cvat-images", "datumaro", "COCO 1.0", "YOLO 1.1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """A project of two tasks that both have x.jpg, and one of them x.png."""
    folder = tmp_path_factory.mktemp("collide")
    chosen = ("--store", folder / "s")
    done_here(*chosen, "init")
    done_here(*chosen, "project", "create", "P", "--labels", '["cat"]')
    for task, names in (("A", ["x.jpg"]), ("B", ["x.jpg", "x.png"])):
        (folder / task).mkdir()
        for number, name in enumerate(names):
            photo = PHOTOS[number + (task == "B")]
            (folder / task / name).write_bytes(photo.read_bytes())
        done_here(*chosen, "task", "create", task, "local", folder / task, "--project_id", 1)
    return chosen


@pytest.mark.parametrize("name", FORMATS)
def test_as_many_images_go_out_as_are_there_with_a_table_of_their_names(
    tmp_path: Path, store: tuple[object, ...], name: str
) -> None:
    out = tmp_path / "out.zip"
    command = ("project", "export-dataset", 1, out, "--format", name, "--with-images", "yes")
    told = done_here(*store, *command)
    assert "changed         2 image - renamed" in told
    entries = zip_entries(out)
    pictures = {
        n.rpartition("/")[2]: data for n, data in entries.items() if n[-4:] in (".jpg", ".png")
    }
    expected = dict(zip(("x.jpg", "x_1.jpg", "x_2.png"), PHOTOS, strict=True))
    assert pictures == {name: photo.read_bytes() for name, photo in expected.items()}
    rows = [line.split("\t") for line in entries["renamed_images.map"].decode().splitlines()]
    assert rows[1:] == [["x_1.jpg", "x.jpg", "task 2: B"], ["x_2.png", "x.png", "task 2: B"]]
    assert json.loads(done_here("info", out, "--json"))["images"] == 3


def test_what_a_coco_file_lists_twice_is_told_and_kept(tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "segmentation": []}
    document = {
        "images": [image, {**image, "id": 2}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, **box},
            {"id": 2, **box},
            {"id": 3, **box, "image_id": 2},
            {"id": 3, **box, "bbox": [2, 2, 2, 2]},
        ],
    }
    source = tmp_path / "in.json"
    source.write_text(json.dumps(document))
    out = tmp_path / "out.json"
    report = json.loads(done_here("convert", source, out, "--to", "coco", "--json"))["report"]
    told = {row["reason"]: row["count"] for row in report["assumed"]}
    assert told["of the same file as another: both kept"] == 1
    assert told["the same as another of its image: both kept"] == 1
    assert [(row["kind"], row["count"]) for row in report["changed"]] == [("annotation id", 1)]
    written = json.loads(out.read_bytes())
    assert [(row["id"], row["file_name"]) for row in written["images"]] == [
        (1, "a.jpg"),
        (2, "a.jpg"),
    ]
    assert sorted((row["image_id"], row["bbox"]) for row in written["annotations"]) == [
        (1, [1, 1, 3, 3]),
        (1, [1, 1, 3, 3]),
        (1, [2, 2, 2, 2]),
        (2, [1, 1, 3, 3]),
    ]
