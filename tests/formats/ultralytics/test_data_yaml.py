"""data.yaml as it is found: names and subsets in every spelling, paths that lie elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversions import reasons
from localcvat.archive import open_source
from localcvat.errors import DatasetError
from localcvat.plugin import ReadOptions, detect_format, find_format
from localcvat.report import Report
from small_yolo import files, read

BOX = "1 0.5 0.5 0.25 0.5"
LAYOUT = {"labels/train/a.txt": BOX, "labels/val/sub/b.txt": BOX}
IMAGES = ("images/train/a.jpg", "images/val/sub/b.png")
NAMES = "names: [car, dog]\n"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("names: [car, dog]", ["car", "dog"]),
        ("names:\n- car\n- dog", ["car", "dog"]),
        ("names:\n  0: car\n  1: dog", ["car", "dog"]),
        ("names: {1: dog, 0: car}", ["car", "dog"]),
        ("names:\n  '0': car\n  '1': dog", ["car", "dog"]),
        ("names: [007, 1.0]", ["007", "1.0"]),
        ("names: [yes, null]", ["yes", "null"]),
        ("names: [2024-01-01, 0x1F]", ["2024-01-01", "0x1F"]),
        ("names: ['кот 🐈', \"a: b\"]", ["кот 🐈", "a: b"]),
        ("nc: 2", ["class_0", "class_1"]),
        ("names: {0: car, 2: dog}", ["car", "class_1", "dog"]),
        ("names: classes.txt", ["car", "dog"]),
        ("nc: 5\nnames: [car, dog]", ["car", "dog"]),
    ],
)
def test_names_are_read_as_the_text_they_are(
    tmp_path: Path, names: str, expected: list[str]
) -> None:
    texts = {"data.yaml": f"train: images/train\n{names}\n", "classes.txt": "car\r\ndog\r\n"}
    files(tmp_path, {**texts, **LAYOUT}, IMAGES)
    header, items, _ = read(tmp_path, "ultralytics")
    assert [label.name for label in header.labels] == expected
    assert items["train/a.jpg"].shapes[0].label == expected[1]


@pytest.mark.parametrize(
    "entries",
    [
        "train: images/train\nval: images/val",
        "path: .\ntrain: images/train\nval: ./images/val/",
        "path: ../datasets/gone\ntrain: images/train\nval: images/val",
        "path: /abs/gone\ntrain: images/train\nval: images/val",
        "train: ../images/train\nval: ../images/val",
        "train: train.txt\nval: val.txt",
        "train: [images/train]\nval:\n- images/val",
        "train: [images/train/a.jpg]\nval: [images/val/sub/b.png]",
        "train: images/train\nval: images/val\ntest:",
    ],
)
def test_subsets_are_folders_list_files_or_lists(tmp_path: Path, entries: str) -> None:
    texts = {
        "data.yaml": f"{entries}\n{NAMES}",
        "train.txt": "./images/train/a.jpg\r\n",
        "val.txt": "/home/me/data/images/val/sub/b.png\n\n",
    }
    files(tmp_path, {**texts, **LAYOUT}, IMAGES)
    header, items, _ = read(tmp_path, "ultralytics")
    assert header.subsets == ["train", "val"]
    assert list(items) in (["train/a.jpg", "val/sub/b.png"], ["train/a.jpg", "val/b.png"])
    assert all(item.shapes[0].label == "dog" for item in items.values())


def test_the_root_may_be_a_folder_beside_the_yaml(tmp_path: Path) -> None:
    texts = {f"set/{name}": text for name, text in LAYOUT.items()}
    yaml = {"my.yaml": f"path: set\ntrain: images/train\n{NAMES}"}
    files(tmp_path, {**texts, **yaml}, tuple(f"set/{name}" for name in IMAGES))
    _, items, _ = read(tmp_path, "ultralytics")
    assert len(items["train/a.jpg"].shapes) == 1


def test_roboflows_layout_and_its_own_keys_are_read(tmp_path: Path) -> None:
    yaml = (
        "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['car', 'dog']\n"
        "roboflow:\n  workspace: me\n  version: 3\nlicense: CC\n"
    )
    texts = {"data.yaml": yaml, "train/labels/a.txt": BOX, "valid/labels/b.txt": BOX}
    files(tmp_path, texts, ("train/images/a.jpg", "valid/images/b.jpg"))
    header, items, report = read(tmp_path, "ultralytics")
    assert header.subsets == ["train", "val"]
    assert set(items) == {"train/a.jpg", "val/b.jpg"}
    told = [entry for entry in report.entries if entry.outcome == "dropped"]
    assert [(entry.kind, entry.lossy) for entry in told] == [("file field", False)] * 2
    assert {entry.reason.split()[0] for entry in told} == {"'roboflow'", "'license'"}


def test_one_image_list_over_several_folders(tmp_path: Path) -> None:
    yaml = {"data.yaml": f"train:\n- images/train\n- images/val\n{NAMES}"}
    files(tmp_path, {**LAYOUT, **yaml}, IMAGES)
    _, items, _ = read(tmp_path, "ultralytics")
    assert set(items) == {"train/a.jpg", "train/sub/b.png"}


def test_a_stray_label_file_is_counted_and_a_missing_image_refused(tmp_path: Path) -> None:
    texts = {"data.yaml": f"train: images/train\n{NAMES}", "labels/train/stray.txt": BOX}
    files(tmp_path / "stray", {**texts, **LAYOUT}, IMAGES)
    _, items, report = read(tmp_path / "stray", "ultralytics")
    assert list(items) == ["train/a.jpg"]
    assert reasons(report, "dropped") == {"label file: its image is missing": 1}
    files(tmp_path / "none", {**texts, **LAYOUT})
    with pytest.raises(DatasetError, match="--image-size"):
        read(tmp_path / "none", "ultralytics")
    _, items, report = read(tmp_path / "none", "ultralytics", ReadOptions(image_size=(200, 100)))
    assert set(items) == {"train/a.jpg", "train/stray.jpg"}
    assert report.count("assumed", "image file") == 2


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("names: [car", r"data.yaml:\d+: not YAML"),
        ("train: images/train", "no names"),
        ("names: {a: car}", "a key of names is not a number"),
        ("names: &x [car]\ntrain: *x", "aliases are not allowed"),
        ("names: !!python/object/apply:os.system [ls]", "tags of Python are not allowed"),
        ("names: [car]\ntrain: gone.txt", "the list file 'gone.txt' is missing"),
        ("- car", "not a mapping"),
    ],
)
def test_a_broken_yaml_is_named(tmp_path: Path, yaml: str, message: str) -> None:
    files(tmp_path, {"data.yaml": yaml, **LAYOUT}, IMAGES)
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, "ultralytics")


TASKS = {
    "ultralytics": "0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1 0.75",
    "ultralytics-track": "0 0.5 0.5 0.1 0.1 1\n0 0.5 0.5 0.1 0.1 23",
    "ultralytics-obb": "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2",
    "ultralytics-segmentation": "0 0.1 0.1 0.2 0.1 0.2 0.2\n0 0.5 0.5 0.1 0.1",
    "ultralytics-pose": "0 0.5 0.5 0.1 0.1 0.5 0.5 2",
}


@pytest.mark.parametrize("task", TASKS)
def test_the_task_is_detected_from_the_columns_and_the_yaml(tmp_path: Path, task: str) -> None:
    extra = "kpt_shape: [1, 3]\n" if task == "ultralytics-pose" else ""
    yaml = {"data.yaml": f"train: images/train\n{extra}names: [car]\n"}
    files(tmp_path, {**yaml, "labels/train/a.txt": TASKS[task]}, IMAGES)
    with open_source(tmp_path) as source:
        assert detect_format(source).name == task


def test_a_yaml_that_is_no_dataset_leaves_the_labels_to_yolo(tmp_path: Path) -> None:
    texts = {"hyp.yaml": "lr: 0.1\n", "classes.txt": "car\ndog\n", **LAYOUT}
    files(tmp_path, texts, IMAGES)
    with open_source(tmp_path) as source:
        assert detect_format(source).name == "yolo"


def test_a_val_that_is_the_folder_of_train_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    text = "names: [car]\ntrain: images/train\nval: images/train\n"
    (tmp_path / "data.yaml").write_text(text)
    report = Report()
    with open_source(tmp_path) as source:
        options = ReadOptions(image_size=(20, 10))
        items = list(find_format("ultralytics").format.read(source, options, report).items)
    assert [(item.path, item.subset) for item in items] == [("a.jpg", "train")]
    assert report.count("assumed", "subset") == 1
