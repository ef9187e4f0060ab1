"""Pascal VOC as it is found: read with a stated assumption, or refused with the place."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from localcvat.archive import open_source
from localcvat.errors import DatasetError
from localcvat.model import Header, Item, Shape
from localcvat.plugin import ReadOptions, detect_format, find_format
from localcvat.report import Report

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
SIZE = "<size><width>50</width><height>60</height><depth>3</depth></size>"


def _xml(*objects: str, size: str = SIZE, filename: str = "a.jpg", more: str = "") -> str:
    return (
        f"<annotation><filename>{filename}</filename>{more}{size}"
        + "".join(f"<object>{text}</object>" for text in objects)
        + "</annotation>"
    )


def _files(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def _read(folder: Path, **options: Any) -> tuple[Header, list[Item], Report]:
    report = Report()
    with open_source(folder) as source:
        assert detect_format(source).name == "voc"
        dataset = find_format("voc").format.read(source, ReadOptions(**options), report)
        return dataset.header, list(dataset.items), report


def _only(folder: Path, text: str | bytes, **options: Any) -> tuple[list[Shape], Item, Report]:
    _, (item,), report = _read(_files(folder, {"Annotations/a.xml": text}), **options)
    return item.shapes, item, report


def _jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    data = io.BytesIO()
    image = Image.new("RGB", (width, height))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(data, "JPEG", exif=exif)
    return data.getvalue()


def _assumed(report: Report) -> dict[str, int]:
    return {entry.reason: entry.count for entry in report.entries if entry.outcome == "assumed"}


def test_fractions_and_negative_numbers_are_kept(tmp_path: Path) -> None:
    box = "<bndbox><xmin>-1.5</xmin><ymin>2.25</ymin><xmax>3e1</xmax><ymax>40.0625</ymax></bndbox>"
    (shape,), _, _ = _only(tmp_path, _xml(f"<name>car</name>{box}"))
    assert list(shape.points) == [-1.5, 2.25, 30.0, 40.0625]


def test_a_fraction_that_is_truncated_is_no_flag(tmp_path: Path) -> None:
    text = "<name>car</name><truncated>0.0597</truncated><difficult>1</difficult>"
    (shape,), _, _ = _only(tmp_path, _xml(text + BOX))
    assert shape.attributes == {"truncated": "0.0597", "difficult": "true"}


def test_flags_that_say_nothing_are_no_attributes(tmp_path: Path) -> None:
    text = "<name>car</name><pose>Unspecified</pose><truncated>0</truncated><occluded>1</occluded>"
    (shape,), _, _ = _only(tmp_path, _xml(text + BOX))
    assert shape.attributes == {}
    assert shape.occluded


def test_sides_come_in_any_order(tmp_path: Path) -> None:
    box = "<bndbox><ymax>40</ymax><xmax>30</xmax><ymin>2</ymin><xmin>1</xmin></bndbox>"
    (shape,), _, _ = _only(tmp_path, _xml(f"{box}<name>car</name>"))
    assert list(shape.points) == [1, 2, 30, 40]


def test_rotated_boxes_of_rolabelimg_are_read(tmp_path: Path) -> None:
    box = "<type>robndbox</type><robndbox><cx>50</cx><cy>40</cy><w>20</w><h>10</h>"
    box += "<angle>0.5235987755982988</angle></robndbox>"
    (shape,), _, report = _only(tmp_path, _xml(f"<name>car</name>{box}"))
    assert list(shape.points) == [40, 35, 60, 45]
    assert shape.rotation == pytest.approx(30)
    assert report.count("assumed", "box") == 1


def test_the_box_of_a_part_is_not_that_of_the_object(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>5</xmin><ymin>6</ymin>"
    part += "<xmax>7</xmax><ymax>8</ymax></bndbox></part>"
    shapes, _, report = _only(tmp_path, _xml(f"<name>person</name>{part}{BOX}"))
    assert [list(shape.points) for shape in shapes] == [[1, 2, 30, 40]]
    parts = (shapes[0].extras or {})["voc"]["parts"]
    assert parts == [{"name": "head", "bndbox": [5, 6, 7, 8]}]
    assert report.count("changed", "part") == 1
    assert [entry.kind for entry in report.losses] == ["part"]  # unless VOC is written


def test_several_objects_of_one_name_are_all_there(tmp_path: Path) -> None:
    shapes, _, _ = _only(tmp_path, _xml(*[f"<name>car</name>{BOX}"] * 3))
    assert len(shapes) == 3


@pytest.mark.parametrize(
    "size",
    ["", "<size><width>0</width><height>0</height></size>", "<size><width/><height/></size>"],
)
def test_a_missing_size_is_read_from_the_image(tmp_path: Path, size: str) -> None:
    text = _xml(f"<name>car</name>{BOX}", size=size)
    files = {"Annotations/a.xml": text, "JPEGImages/a.jpg": _jpeg(70, 80)}
    _, (item,), report = _read(_files(tmp_path, files))
    assert (item.width, item.height) == (70, 80)
    assert "read from the image's header" in _assumed(report)


def test_the_size_of_a_turned_photo_is_the_displayed_one(tmp_path: Path) -> None:
    text = _xml(f"<name>car</name>{BOX}", size="")
    files = {"Annotations/a.xml": text, "JPEGImages/a.jpg": _jpeg(70, 80, orientation=6)}
    _, (item,), _ = _read(_files(tmp_path, files))
    assert (item.width, item.height) == (80, 70)


def test_a_size_of_the_stored_picture_is_reported_where_exif_turns_it(tmp_path: Path) -> None:
    files = {"Annotations/a.xml": _xml(f"<name>car</name>{BOX}")}
    files |= {"JPEGImages/a.jpg": _jpeg(50, 60, orientation=6)}  # type: ignore[dict-item]
    _, (item,), report = _read(_files(tmp_path, files))
    assert (item.width, item.height) == (50, 60)
    assert any("EXIF turns it" in reason for reason in _assumed(report))


def test_a_missing_image_and_one_without_annotations_are_reported(tmp_path: Path) -> None:
    text = _xml(f"<name>car</name>{BOX}")
    files: dict[str, str | bytes] = {
        "Annotations/a.xml": text,
        "Annotations/b.xml": text.replace("a.jpg", "b.jpg"),
        "JPEGImages/b.jpg": _jpeg(50, 60),
        "JPEGImages/c.jpg": _jpeg(30, 20),
    }
    _, items, report = _read(_files(tmp_path, files))
    assert [(item.path, len(item.shapes)) for item in items] == [
        ("a.jpg", 1),
        ("b.jpg", 1),
        ("c.jpg", 0),
    ]
    told = _assumed(report)
    assert told["its file is missing"] == 1
    assert told["has no file of annotations: taken as one without any"] == 1


def test_a_file_name_that_lies_is_reported(tmp_path: Path) -> None:
    text = _xml(f"<name>car</name>{BOX}", filename="other.png")
    files = {"Annotations/a.xml": text, "JPEGImages/a.jpg": _jpeg(50, 60)}
    _, (item,), report = _read(_files(tmp_path, files))
    assert item.path == "a.jpg"
    assert "<filename> differs from the XML file's name" in _assumed(report)


@pytest.mark.parametrize("path", [r"C:\data\other\a.jpg", "/home/me/a.jpg", "../../etc/passwd"])
def test_an_absolute_path_is_kept_and_never_followed(tmp_path: Path, path: str) -> None:
    text = _xml(f"<name>car</name>{BOX}", more=f"<path>{path}</path>")
    _, item, _ = _only(tmp_path, text)
    assert item.path == "a.jpg"
    assert (item.extras or {})["voc"]["path"] == path


def test_namespaces_are_passed_over(tmp_path: Path) -> None:
    text = _xml(f"<name>car</name>{BOX}").replace("<annotation>", '<annotation xmlns="urn:x">')
    (shape,), _, _ = _only(tmp_path, text)
    assert list(shape.points) == [1, 2, 30, 40]


def test_a_box_without_area_is_kept_and_reported(tmp_path: Path) -> None:
    box = BOX.replace("<xmax>30", "<xmax>1")
    (shape,), _, report = _only(tmp_path, _xml(f"<name>car</name>{box}"))
    assert list(shape.points) == [1, 2, 1, 40]
    assert "without area kept as it is" in _assumed(report)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b"\xef\xbb\xbf"), ("utf-16", b""), ("gbk", b""), ("iso-8859-1", b"")],
)
def test_declared_encodings_are_read(tmp_path: Path, encoding: str, mark: bytes) -> None:
    name = "Straße" if encoding == "iso-8859-1" else "猫"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + _xml(f"<name>{name}</name>{BOX}")
    (shape,), _, _ = _only(tmp_path, mark + text.encode(encoding))
    assert shape.label == name


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("<annotation>\n<object>\n</annotation>", "a.xml:3", "not XML"),
        ("<annotation>\n<object><name>car</name></object></annotation>", "a.xml:2", "bndbox"),
        (f"<annotation>\n\n<object>{BOX}</object></annotation>", "a.xml:3", "without a name"),
        (_xml(f"<name>car</name>{BOX}").replace("<xmin>1", "<xmin>one"), "a.xml:1", "xmin 'one'"),
        (_xml(f"<name>car</name>{BOX}").replace("<xmin>1", "<xmin>nan"), "a.xml:1", "xmin 'nan'"),
        (_xml(f"<name>car</name>{BOX}").replace("<ymax>40</ymax>", ""), "a.xml:1", "ymax ''"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>', "a.xml:1", "document type"),
    ],
)
def test_what_is_broken_is_refused_with_its_place(
    tmp_path: Path, text: str, place: str, what: str
) -> None:
    files = _files(tmp_path, {"Annotations/a.xml": text, "Annotations/0.xml": _xml()})
    with pytest.raises(DatasetError, match=what) as caught:
        _read(files)
    assert caught.value.where.endswith(place)


def test_a_bad_object_is_left_out_on_demand_and_counted(tmp_path: Path) -> None:
    text = _xml("<name>car</name>", f"<name>car</name>{BOX}")
    shapes, _, report = _only(tmp_path, text, on_error="skip")
    assert len(shapes) == 1
    assert report.count("dropped", "object") == 1


def test_a_broken_file_is_an_image_without_annotations_on_demand(tmp_path: Path) -> None:
    shapes, item, report = _only(tmp_path, "<annotation><size>", on_error="skip")
    assert (shapes, item.stem) == ([], "a")
    (entry,) = [entry for entry in report.entries if entry.kind == "annotation file"]
    assert entry.outcome == "dropped"
    assert entry.example.endswith("Annotations/a.xml:1")


def test_an_outline_beside_the_box_is_counted(tmp_path: Path) -> None:
    outline = "<polygon><x1>1</x1><y1>2</y1><x2>3</x2><y2>4</y2></polygon>"
    (shape,), _, report = _only(tmp_path, _xml(f"<name>car</name>{BOX}{outline}"))
    assert list(shape.points) == [1, 2, 30, 40]
    assert report.count("dropped", "outline") == 1


def test_a_label_that_the_map_lacks_is_refused(tmp_path: Path) -> None:
    files = {"Annotations/a.xml": _xml(f"<name>car</name>{BOX}"), "labelmap.txt": "dog:1,2,3::\n"}
    with pytest.raises(DatasetError, match="'car' is not in labelmap"):
        _read(_files(tmp_path, files))


def test_flat_folders_are_read(tmp_path: Path) -> None:
    text = _xml(f"<name>car</name>{BOX}", size="")
    files = {"a.xml": text, "a.jpg": _jpeg(9, 8), "sub/b.xml": text, "sub/b.png": _jpeg(7, 6)}
    _, items, _ = _read(_files(tmp_path, files))
    assert {(item.path, item.width) for item in items} == {("a.jpg", 9), ("sub/b.png", 7)}


def test_a_single_file_finds_the_image_beside_it(tmp_path: Path) -> None:
    files = {"a.xml": _xml(f"<name>car</name>{BOX}", size=""), "a.jpg": _jpeg(9, 8)}
    _, (item,), _ = _read(_files(tmp_path, files) / "a.xml")
    assert (item.path, item.width, item.height) == ("a.jpg", 9, 8)


def test_voc_devkit_keeps_years_apart_and_its_subsets(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for year in ("VOC2007", "VOC2012"):
        root = f"VOCdevkit/{year}"
        for name in (f"{year}_1", f"{year}_2"):
            objects = [f"<name>dog</name>{BOX}"] if name.endswith("1") else []
            files[f"{root}/Annotations/{name}.xml"] = _xml(*objects)
        files[f"{root}/ImageSets/Main/train.txt"] = f"{year}_1\n"
        files[f"{root}/ImageSets/Main/val.txt"] = f"{year}_2\r\n"
        files[f"{root}/ImageSets/Main/trainval.txt"] = f"{year}_1\n{year}_2\n"
        files[f"{root}/ImageSets/Main/dog_train.txt"] = f"{year}_1  1\n"
        files[f"{root}/ImageSets/Main/dog_val.txt"] = f"{year}_2 -1\n"
    header, items, _ = _read(_files(tmp_path, files))
    assert header.subsets == ["train", "val"]
    assert [(item.stem, item.subset) for item in items] == [
        ("VOC2007_1", "train"),
        ("VOC2007_2", "val"),
        ("VOC2012_1", "train"),
        ("VOC2012_2", "val"),
    ]
    assert all(item.tags == [] for item in items)  # the class lists say what the objects say


def test_subsets_and_images_may_have_underscores_and_spaces(tmp_path: Path) -> None:
    files = {
        "Annotations/my file 1.xml": _xml(filename="my file 1.jpg"),
        "Annotations/b.xml": _xml(filename="b.jpg"),
        "ImageSets/Main/my_subset.txt": "my file 1\n",
        "ImageSets/Main/car_my_subset.txt": "my file 1  1\n",
        "ImageSets/Main/other.txt": "b\n",
        "labelmap.txt": "car:1,2,3::\n",
    }
    _, items, _ = _read(_files(tmp_path, files))
    found = {item.stem: (item.subset, [tag.label for tag in item.tags]) for item in items}
    assert found == {"my file 1": ("my_subset", ["car"]), "b": ("other", [])}


def _palette_png(pixels: Any) -> bytes:
    from localcvat_formats.labelmap import voc_color

    image = Image.fromarray(np.array(pixels, dtype=np.uint8), mode="P")
    image.putpalette([value for index in range(256) for value in voc_color(index)])
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def test_an_object_and_its_pixels_are_one_as_voc_numbers_them(tmp_path: Path) -> None:
    classes, objects = np.zeros((60, 50)), np.zeros((60, 50))
    classes[2:40, 1:30], objects[2:40, 1:30] = 15, 1  # person
    classes[2:40, 30], objects[2:40, 30] = 255, 255  # the border is void
    files = {
        "Annotations/a.xml": _xml(f"<name>person</name>{BOX}"),
        "SegmentationClass/a.png": _palette_png(classes),
        "SegmentationObject/a.png": _palette_png(objects),
    }
    _, (item,), report = _read(_files(tmp_path / "in", files))
    (shape,) = item.shapes
    assert (shape.type, shape.label) == ("mask", "person")
    assert list(shape.points[-4:]) == [1, 2, 29, 39]
    assert "border pixels belong to no object" in _assumed(report)
    target = tmp_path / "out"
    from localcvat.convert import convert

    convert(tmp_path / "in", target, "yolo", "voc")
    (label,) = target.rglob("a.txt")
    assert label.read_text().split()[1:] == ["0.310000", "0.350000", "0.580000", "0.633333"]


def test_a_colour_of_no_label_is_refused(tmp_path: Path) -> None:
    pixels = np.zeros((6, 5, 3), dtype=np.uint8)
    pixels[2:4, 1:3] = (9, 9, 9)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    files = {
        "Annotations/a.xml": _xml(),
        "SegmentationClass/a.png": data.getvalue(),
        "labelmap.txt": "background:0,0,0::\ncar:1,2,3::\n",
    }
    with pytest.raises(DatasetError, match="9,9,9 is of no label") as caught:
        _read(_files(tmp_path, files))
    assert "SegmentationClass/a.png" in caught.value.where


def test_a_file_is_written_again_as_it_was(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>5</xmin><ymin>6</ymin>"
    part += "<xmax>7.5</xmax><ymax>8</ymax></bndbox></part>"
    text = (
        "<name>person</name><pose>Left</pose><truncated>0.5</truncated><occluded>1</occluded>"
        f"<difficult>1</difficult>{BOX}{part}<actions><jumping>1</jumping><reading>0</reading>"
        "</actions><attributes><attribute><name>age</name><value>old &amp; grey</value>"
        "</attribute></attributes>"
    )
    more = "<folder>VOC2012</folder><source><database>The VOC</database><flickrid>3</flickrid>"
    (before,), item, _ = _only(tmp_path / "in", _xml(text, more=more + "</source>"))
    from localcvat.convert import convert

    report = convert(tmp_path / "in", tmp_path / "out", "voc", "voc")
    assert not [entry for entry in report.losses if entry.kind != "label attributes"]
    _, (again,), _ = _read(tmp_path / "out")
    assert again.shapes == [before]
    stated = {key: value for key, value in (item.extras or {})["voc"].items() if key != "segmented"}
    kept = {key: value for key, value in (again.extras or {})["voc"].items() if key != "segmented"}
    assert kept == stated
    lists = {path.name: path.read_text() for path in (tmp_path / "out/ImageSets").rglob("*.txt")}
    assert lists["jumping_default.txt"] == "a 1  1\n"
    assert lists["reading_default.txt"] == "a 1 -1\n"
    assert (tmp_path / "out/ImageSets/Layout/default.txt").read_text() == "a  1\n"
    assert "person:128,0,0:head:jumping,reading" in (tmp_path / "out/labelmap.txt").read_text()
