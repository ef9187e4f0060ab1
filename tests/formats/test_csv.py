"""CSV tables in the spellings found in the wild, and a round trip of what ours holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import localcvat
from commands import COCO_TINY
from localcvat.archive import open_sink, open_source
from localcvat.errors import DatasetError
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions, WriteOptions, detect_format, find_format
from localcvat.report import Report

CSV = find_format("csv").format


def _read(
    folder: Path, text: str | bytes, name: str = "t.csv", **options: object
) -> tuple[list[Item], Report]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    report = Report()
    with open_source(folder) as source:
        assert detect_format(source).name == "csv"
        dataset = CSV.read(source, ReadOptions(**options), report)  # type: ignore[arg-type]
        return list(dataset.items), report


def _boxes(items: list[Item]) -> list[tuple[str, str, list[float]]]:
    return [
        (item.path, shape.label, [round(v, 6) for v in shape.points])
        for item in items
        for shape in item.shapes
    ]


WILD = {
    "corners": "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,50,cat,10,20,30,40\n",
    "size": "image,label,x,y,width,height\na.jpg,cat,10,20,20,20\n",
    "left and top": "file_name;left;top;width;height;label\na.jpg;10;20;20;20;cat\n",
    "centre": "path\tx_center\ty_center\tw\th\tclass\na.jpg\t20\t30\t20\t20\tcat\n",
    "list": 'image_id,width,height,bbox,label\na.jpg,100,50,"[10.0, 20.0, 20.0, 20.0]",cat\n',
    "retinanet": "a.jpg,10,20,30,40,cat\n",
    "automl": "TRAIN,a.jpg,cat,0.1,0.4,,,0.3,0.8,,\n",
    "named fractions": "path,label,rel_x1,rel_y1,rel_x2,rel_y2\na.jpg,cat,.1,.4,.3,.8\n",
    "values are fractions": "path,label,xmin,ymin,xmax,ymax\na.jpg,cat,0.1,0.4,0.3,0.8\n",
    "BOM, CRLF, quotes": '\ufeff"Path","Label","XMin","YMin","XMax","YMax"\r\n'
    '"a.jpg","cat","10","20","30","40"\r\n\r\n',
    "decimal comma": "path;label;xmin;ymin;xmax;ymax\na.jpg;cat;10,0;20,0;30,0;40,0\n",
    "corners swapped": "path,label,x1,y1,x2,y2\na.jpg,cat,30,40,10,20\n",
    "camel case": "imagePath,className,xMin,yMin,xMax,yMax\na.jpg,cat,10,20,30,40\n",
}


@pytest.mark.parametrize("name", WILD)
def test_every_spelling_of_a_box_is_read(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (100, 50)).save(_made(tmp_path) / "a.jpg")
    items, _ = _read(tmp_path, WILD[name])
    assert _boxes(items) == [("a.jpg", "cat", [10, 20, 30, 40])]
    assert (items[0].width, items[0].height) == (100, 50)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def test_utf16_is_read(tmp_path: Path) -> None:
    items, _ = _read(tmp_path, WILD["corners"].encode("utf-16"))
    assert _boxes(items) == [("a.jpg", "cat", [10, 20, 30, 40])]


def test_rows_of_one_image_come_in_any_order_and_without_boxes(tmp_path: Path) -> None:
    text = "path,label,x1,y1,x2,y2,colour\na.jpg,cat,1,2,3,4,red\nb.jpg,,,,,,\n"
    text += "a.jpg,dog,5,6,7,8,\na.jpg,indoor,,,,,\n"
    items, _ = _read(tmp_path, text)
    assert [item.path for item in items] == ["a.jpg", "b.jpg"]
    assert [shape.label for shape in items[0].shapes] == ["cat", "dog"]
    assert items[0].shapes[0].attributes == {"colour": "red"}
    assert [tag.label for tag in items[0].tags] == ["indoor"]
    assert not items[1].shapes


def test_absolute_paths_lose_their_common_folder_and_images_are_found(tmp_path: Path) -> None:
    (tmp_path / "images" / "x").mkdir(parents=True)
    Image.new("RGB", (64, 32)).save(tmp_path / "images" / "x" / "a b.png")
    text = "path,label,x1,y1,x2,y2\n"
    text += "C:\\data\\set\\x\\a b.png,cat,1,2,3,4\nC:\\data\\set\\y\\c.png,cat,1,2,3,4\n"
    items, _ = _read(tmp_path, text)
    assert [item.path for item in items] == ["x/a b.png", "y/c.png"]
    assert (items[0].width, items[0].height) == (64, 32)
    assert items[1].media is None


def test_no_path_leads_out_of_the_dataset(tmp_path: Path) -> None:
    items, _ = _read(tmp_path, "path,label,x1,y1,x2,y2\n../../etc/passwd.jpg,cat,1,2,3,4\n")
    assert items[0].path == "etc/passwd.jpg"


def test_several_tables_are_subsets(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "val.csv").write_text(WILD["corners"].replace("a.jpg", "v.jpg"))
    (tmp_path / "classes.csv").write_text("cat,0\ndog,1\n")
    items, _ = _read(tmp_path, WILD["corners"], "train.csv")
    assert [(item.path, item.subset) for item in items] == [("a.jpg", "train"), ("v.jpg", "val")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,cat,1,2,x,4", "could not convert"),
        ("a.jpg,cat,1,2,,4", "3 of 4 numbers"),
        ("a.jpg,cat,1,2,nan,4", "absurdly large"),
        ("a.jpg,cat,1,2,1e30,4", "absurdly large"),
        (",cat,1,2,3,4", "no path"),
    ],
)
def test_a_bad_row_is_named_by_its_line_or_skipped(tmp_path: Path, row: str, said: str) -> None:
    text = f"path,label,x1,y1,x2,y2\nb.jpg,cat,1,2,3,4\n{row}\n"
    with pytest.raises(DatasetError, match=said) as caught:
        _read(tmp_path, text)
    assert caught.value.where.endswith("t.csv:3")
    items, report = _read(tmp_path, text, on_error="skip")
    assert _boxes(items) == [("b.jpg", "cat", [1, 2, 3, 4])]
    assert report.count("dropped", "row") == 1


def test_fractions_of_an_image_of_unknown_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--image-size"):
        _read(tmp_path, WILD["automl"])
    items, _ = _read(tmp_path, WILD["automl"], image_size=(100, 50))
    assert _boxes(items) == [("a.jpg", "cat", [10, 20, 30, 40])]


def test_what_the_table_holds_comes_back_value_by_value(tmp_path: Path) -> None:
    shape = Shape(
        type="rectangle",
        label='a "b", c',
        points=[1.1, 2.0, 1 / 3, 4e-7],
        rotation=12.5,
        occluded=True,
        group=3,
        z_order=-2,
        score=0.25,
        track_id=0,
        attributes={"colour": "röd;\n", "n": "007"},
    )
    items = [
        Item(path="ü/a.jpg", subset="train", width=7, height=9, shapes=[shape]),
        Item(path="b.jpg", subset="val", tags=[Tag(label="t", attributes={"k": "v"})]),
        Item(path="c.jpg", subset="val"),
    ]
    labels = [Label(name=name) for name in ('a "b", c', "t", "unused")]
    report = Report()
    dataset = Dataset(Header(labels=labels, subsets=["train", "val"]), items)
    with open_sink(tmp_path / "out.zip") as sink:
        CSV.write(dataset, sink, WriteOptions(), report)
    assert report.count("dropped", "label") == 1
    with open_source(tmp_path / "out.zip") as source:
        back = CSV.read(source, ReadOptions(), Report())
        found = list(back.items)
    assert [label.name for label in back.header.labels] == ['a "b", c', "t"]
    (read,) = found[0].shapes
    shape.points = [1 / 3, 4e-7, 1.1, 2.0]
    assert read == shape
    assert (found[0].path, found[0].subset, found[0].width, found[0].height) == (
        *("ü/a.jpg", "train", 7, 9),
    )
    assert found[1].tags == items[1].tags
    assert (found[2].path, found[2].subset, found[2].shapes) == ("c.jpg", "val", [])


def test_real_coco_boxes_survive_a_trip_through_csv_with_images(tmp_path: Path) -> None:
    localcvat.convert(COCO_TINY, tmp_path / "t.zip", to="csv", with_images=True)
    localcvat.convert(tmp_path / "t.zip", tmp_path / "coco", to="coco", with_images=True)
    assert len(list((tmp_path / "coco").rglob("*.jpg"))) == 9
    for subset in ("train2017", "val2017"):
        name = f"annotations/instances_{subset}.json"
        before = json.loads((COCO_TINY / name).read_bytes())
        after = json.loads((tmp_path / "coco" / name).read_bytes())
        theirs = sorted(row["bbox"] for row in before["annotations"])
        ours = sorted(row["bbox"] for row in after["annotations"])
        assert len(ours) == len(theirs)
        for mine, original in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(original, abs=0.011)


def test_a_stated_size_that_the_image_does_not_have_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 50)).save(_made(tmp_path) / "a.jpg", exif=exif)
    items, report = _read(tmp_path, WILD["corners"])
    assert (items[0].width, items[0].height) == (100, 50)
    (row,) = [entry for entry in report.entries if entry.kind == "image size"]
    assert "turned by EXIF?" in row.reason
