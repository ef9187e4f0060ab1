"""YOLO label files as they are found: odd encodings, odd columns, values past 1, strays."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from conversions import reasons
from localcvat.errors import DatasetError
from localcvat.plugin import ReadOptions
from small_yolo import files, read

BOX = "0 0.5 0.5 0.25 0.5"
POINTS = [75.0, 25.0, 125.0, 75.0]


def _one(folder: Path, text: str | bytes, **options: object) -> tuple[list, object]:
    files(folder, {"a.txt": text, "classes.txt": "car\ndog\n"}, ("a.jpg",))
    _, items, report = read(folder, "yolo", ReadOptions(**options))
    return items["default/a.jpg"].shapes, report


@pytest.mark.parametrize(
    "text",
    [
        BOX,
        f"{BOX}\n",
        f"{BOX}\r\n",
        f"\ufeff{BOX}\n",
        f"{BOX}   \n\n \n",
        f"  {BOX.replace(' ', chr(9))}",
        f"{BOX}\n".encode("utf-16"),
        BOX.replace("0 ", "0.0 ", 1),
    ],
    ids=["plain", "newline", "CRLF", "BOM", "trailing", "tabs", "UTF-16", "float class"],
)
def test_a_box_is_read_however_its_line_is_spelled(tmp_path: Path, text: str | bytes) -> None:
    (shape,), _ = _one(tmp_path, text)
    assert (shape.label, shape.type, shape.points) == ("car", "rectangle", POINTS)


def test_a_sixth_column_is_the_confidence(tmp_path: Path) -> None:
    shapes, _ = _one(tmp_path, f"{BOX} 0.75\n{BOX} 1\n{BOX}")
    assert [shape.score for shape in shapes] == [0.75, 1.0, None]


def test_a_segmentation_line_among_boxes_is_a_polygon(tmp_path: Path) -> None:
    shapes, _ = _one(tmp_path, f"{BOX}\n1 0.1 0.1 0.2 0.1 0.2 0.4\n{BOX}")
    assert [shape.type for shape in shapes] == ["rectangle", "polygon", "rectangle"]
    assert shapes[1].points == pytest.approx([20, 10, 40, 10, 40, 40])


def test_values_a_hair_over_one_are_clipped_and_counted(tmp_path: Path) -> None:
    (shape,), report = _one(tmp_path, "0 0.5 0.5 1.0004 1")
    assert shape.points == [0, 0, 200, 100]
    assert reasons(report, "changed") == {"coordinate: clipped into 0..1": 1}


def test_a_box_that_reaches_beyond_the_image_is_kept_and_counted(tmp_path: Path) -> None:
    (shape,), report = _one(tmp_path, "0 0.515625 0.520833 1.093750 1.125000")
    assert shape.points == pytest.approx([-6.25, -4.1667, 212.5, 108.3333], abs=1e-3)
    assert reasons(report, "assumed")["coordinate: beyond the image: kept as it is"] == 1


BROKEN = {
    "pixels": ("0 100 50 50 50", "outside of 0..1"),
    "a class past the names": (BOX.replace("0", "2", 1), "class 2 is not one of the 2 names"),
    "a negative class": ("-1 0.5 0.5 0.1 0.1", "class -1"),
    "a class name": ("car 0.5 0.5 0.1 0.1", "'car' is not a class number"),
    "a comma": ("0 0,5 0,5 0,1 0,1", "not a number"),
    "NaN": ("0 nan 0.5 0.1 0.1", "NaN"),
    "four columns": ("0 0.5 0.5 0.1", "4 columns"),
    "a track number": (f"{BOX} 17", "no confidence"),
    "an instance number": ("0 17 0.5 0.5 0.1 0.1", "0..1"),
    "an instance number that is a fraction too": ("0 1 0.5 0.5 0.1 0.1", "6 columns are ambiguous"),
    "the instance number of a polygon": ("0 2 0.1 0.1 0.2 0.1 0.2 0.4", "8 columns are ambiguous"),
    "a confidence that may be a track": (f"{BOX} 1", "6 columns are ambiguous"),
    "a pose": (f"{BOX} 0.4 0.4 2 0.6 0.6 2.0 0 0 0", "3 points with visibility"),
    "a pose of two points": (f"{BOX} 0.4 0.4 2 0.6 0.6 1", "2 points with visibility"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_and_can_be_skipped(tmp_path: Path, name: str) -> None:
    line, message = BROKEN[name]
    with pytest.raises(DatasetError) as caught:
        _one(tmp_path, f"{BOX}\n{line}\n")
    assert message in str(caught.value)
    assert str(caught.value.where).endswith("a.txt:2")
    shapes, report = _one(tmp_path, f"{BOX}\n{line}\n{BOX}", on_error="skip")
    assert len(shapes) == 2
    assert report.count("dropped", "line") == 1


def test_what_other_lines_of_the_file_tell_is_no_longer_ambiguous(tmp_path: Path) -> None:
    at_the_edge = "0 0 0.1 0.2 0.1 0.2 0.4 1"
    shapes, _ = _one(tmp_path, f"{at_the_edge}\n0 0.1 0.1 0.2 0.1 0.2 0.4 0.9\n{BOX} 1.0")
    assert [shape.score for shape in shapes] == [1.0, 0.9, 1.0]
    assert shapes[0].points[:2] == [0, 10]


def test_a_text_of_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    files(tmp_path, {"a.txt": BOX, "classes.txt": "car\nкот\n".encode("cp1251")}, ("a.jpg",))
    with pytest.raises(DatasetError, match=r"classes.txt:2: not UTF-8"):
        read(tmp_path, "yolo")


@pytest.mark.parametrize("extension", ["jpg", "JPEG", "png", "bmp", "tif", "webp", "gif"])
def test_an_image_of_any_extension_is_found(tmp_path: Path, extension: str) -> None:
    files(tmp_path, {"a.txt": BOX, "classes.txt": "car\n"}, (f"a.{extension}",))
    _, items, _ = read(tmp_path, "yolo")
    (item,) = items.values()
    assert (item.width, item.height, len(item.shapes)) == (200, 100, 1)


def test_an_image_without_labels_is_kept_and_a_label_without_image_is_counted(
    tmp_path: Path,
) -> None:
    files(tmp_path, {"b.txt": BOX, "classes.txt": "car\n"}, ("a.jpg",))
    _, items, report = read(tmp_path, "yolo")
    assert list(items) == ["default/a.jpg"]
    assert reasons(report, "assumed") == {"image: no label file: taken as empty": 1}
    assert reasons(report, "dropped") == {"label file: its image is missing": 1}
    _, items, _ = read(tmp_path, "yolo", ReadOptions(image_size=(200, 100)))
    assert items["default/b.jpg"].shapes[0].points == POINTS


def test_names_may_be_passed_or_are_made_up(tmp_path: Path) -> None:
    files(tmp_path, {"a.txt": BOX.replace("0", "2", 1)}, ("a.jpg",))
    header, _, report = read(tmp_path, "yolo")
    assert [label.name for label in header.labels] == ["class_0", "class_1", "class_2"]
    assert report.count("assumed", "label") == 1
    header, items, _ = read(tmp_path, "yolo", ReadOptions(labels=["a", "b", "c"]))
    assert items["default/a.jpg"].shapes[0].label == "c"


def test_classes_of_one_name_are_one_label(tmp_path: Path) -> None:
    text = f"{BOX}\n{BOX.replace('0', '1', 1)}"
    files(tmp_path, {"a.txt": text, "classes.txt": "car\ncar\n"}, ("a.jpg",))
    header, items, report = read(tmp_path, "yolo")
    assert [label.name for label in header.labels] == ["car"]
    assert [shape.label for shape in items["default/a.jpg"].shapes] == ["car", "car"]
    assert report.count("assumed", "class") == 1


@pytest.mark.parametrize(
    ("image", "label_file"),
    [
        ("images/train/x/a.jpg", "labels/train/x/a.txt"),
        ("train/images/x/a.jpg", "train/labels/x/a.txt"),
        ("train/x/a.jpg", "train/x/a.txt"),
    ],
)
def test_folders_without_a_yaml_are_subsets(tmp_path: Path, image: str, label_file: str) -> None:
    files(tmp_path, {label_file: BOX, "classes.txt": "car"}, (image,))
    header, items, _ = read(tmp_path, "yolo")
    assert header.subsets == ["train"]
    assert items["train/x/a.jpg"].shapes[0].points == POINTS


DARKNET = {
    "obj.data": "classes=1\r\ntrain = data/train.txt\r\nnames = data/obj.names\r\nbackup = b/\r\n",
    "obj.names": "car\r\n",
    "train.txt": "data/obj_train_data/x/a.jpg\n",
    "obj_train_data/x/a.txt": BOX,
}


def test_darknet_is_read_with_and_without_the_data_folder(tmp_path: Path) -> None:
    for place in ("", "data/", "deep/data/"):
        folder = tmp_path / f"at-{len(place)}"
        named = {f"{place}{name}": text for name, text in DARKNET.items()}
        files(folder, named, (f"{place}obj_train_data/x/a.jpg",))
        header, items, _ = read(folder, "yolo")
        assert header.subsets == ["train"]
        assert items["train/x/a.jpg"].shapes[0].points == POINTS


def test_darknet_counts_strays_and_refuses_a_missing_list(tmp_path: Path) -> None:
    folder = files(
        tmp_path / "a",
        {**DARKNET, "obj_train_data/x/stray.txt": BOX},
        ("obj_train_data/x/a.jpg",),
    )
    _, _, report = read(folder, "yolo")
    assert reasons(report, "dropped") == {"label file: its image is missing": 1}
    (folder / "train.txt").unlink()
    with pytest.raises(DatasetError, match="Can't find 'train' subset list file"):
        read(folder, "yolo")


def test_sizes_come_from_the_caller_where_images_are_missing(tmp_path: Path) -> None:
    folder = files(tmp_path, DARKNET)
    with pytest.raises(DatasetError, match="--image-size"):
        read(folder, "yolo")
    known = {"x/a.jpg": (200, 100)}
    _, items, _ = read(folder, "yolo", ReadOptions(size_of=known.get))
    assert items["train/x/a.jpg"].shapes[0].points == POINTS


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_fractions_are_of_the_image_as_displayed(tmp_path: Path, orientation: int) -> None:
    files(tmp_path, {"a.txt": BOX, "classes.txt": "car"})
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (200, 100)).save(tmp_path / "a.jpg", exif=exif)
    _, items, report = read(tmp_path, "yolo")
    item = items["default/a.jpg"]
    turned = orientation >= 5
    assert (item.width, item.height) == ((100, 200) if turned else (200, 100))
    assert report.count("assumed", "image size") == int(turned)
