"""CVAT XML read: CVAT's own files come back as they were; found ones are read or refused."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import run
from cvat_xml_values import image_values, meta_value, task_metas, track_values
from goldens import Golden, goldens
from localcvat.archive import open_source
from localcvat.convert import ConvertOptions, convert
from localcvat.errors import DatasetError
from localcvat.model import Header, Item
from localcvat.plugin import ReadOptions, detect_format, find_format
from localcvat.report import Report

IMAGES = [each for each in goldens("CVAT for images 1.1") if not each.with_images]
VIDEO = [each for each in goldens("CVAT for video 1.1") if not each.with_images]


@pytest.mark.parametrize("golden", IMAGES, ids=str)
def test_cvats_images_come_back_from_a_conversion_as_they_were(
    golden: Golden, tmp_path: Path
) -> None:
    report = convert(golden.path, tmp_path / "out", "cvat-images", options=ConvertOptions())
    expected = ET.fromstring(golden.entries()["annotations.xml"])
    written = ET.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert image_values(written) == image_values(expected)
    assert meta_value(written.find("meta")) == meta_value(expected.find("meta"))
    assert task_metas(written) == task_metas(expected)
    assert not report.losses


def ends_left_out(tracks: list[Any]) -> list[Any]:
    """Tracks without a last shape that is outside: CVAT forgets it on the last two frames."""
    return [(head, shapes[:-1] if is_outside(shapes[-1]) else shapes) for head, shapes in tracks]


def is_outside(shape: Any) -> bool:
    _, attributes, _, children = shape
    return ("outside", "1") in attributes or bool(children and all(map(is_outside, children)))


@pytest.mark.parametrize("golden", VIDEO, ids=str)
def test_cvats_tracks_come_back_from_a_conversion_as_they_were(
    golden: Golden, tmp_path: Path
) -> None:
    report = convert(golden.path, tmp_path / "out", "CVAT for video 1.1", options=ConvertOptions())
    expected = ET.fromstring(golden.entries()["annotations.xml"])
    written = ET.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert ends_left_out(track_values(written)) == ends_left_out(track_values(expected))
    assert meta_value(written.find("meta")) == meta_value(expected.find("meta"))
    assert not report.losses


XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>{meta}{body}</annotations>"""
LABELS = (
    "<meta><task><labels><label><name>car</name><color>#ff0000</color><type>rectangle</type>"
    "<attributes><attribute><name>model</name><mutable>False</mutable><input_type>text</input_type>"
    "<default_value>a</default_value><values>a</values></attribute></attributes></label>"
    "</labels></task></meta>"
)
BOX = '<box label="car" occluded="0" xtl="1" ytl="2.5" xbr="30" ybr="40"/>'


def written(tmp_path: Path, body: str, meta: str = LABELS, name: str = "a.xml") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(XML.format(meta=meta, body=body), encoding="utf-8")
    return path


def items_of(path: Path, on_error: str = "raise") -> tuple[list[Item], Header, Report]:
    report = Report()
    with open_source(path) as source:
        plugin = detect_format(source)
        options = ReadOptions(on_error="skip" if on_error == "skip" else "raise")
        dataset = plugin.read(source, options, report)
        return list(dataset.items), dataset.header, report


def test_a_bare_xml_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, f'<image id="3" name="x/a.jpg" width="64" height="48">{BOX}</image>')
    (item,), header, _ = items_of(path)
    assert (item.path, item.width, item.height, item.source_frame) == ("x/a.jpg", 64, 48, 3)
    (shape,) = item.shapes
    assert (shape.type, shape.label, list(shape.points)) == ("rectangle", "car", [1, 2.5, 30, 40])
    assert (shape.source, shape.z_order, shape.group, shape.rotation) == ("manual", 0, 0, 0.0)
    (label,) = header.labels
    assert (label.color, label.type, label.attributes[0].default_value) == (
        "#ff0000",
        "rectangle",
        "a",
    )


def test_every_xml_of_a_zip_is_read_and_others_are_named(tmp_path: Path) -> None:
    image = '<image id="0" name="{}.jpg" width="9" height="9">{}</image>'
    written(tmp_path, image.format("a", BOX), name="in/one/annotations.xml")
    written(tmp_path, image.format("b", BOX * 2), name="in/two/annotations.xml")
    (tmp_path / "in" / "voc.xml").write_text("<annotation/>")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*.xml")):
            archive.write(path, path.relative_to(tmp_path / "in"))
    items, header, report = items_of(tmp_path / "all.zip")
    assert [(item.path, len(item.shapes)) for item in items] == [("a.jpg", 1), ("b.jpg", 2)]
    assert [label.name for label in header.labels] == ["car"]
    assert report.count("assumed", "file") == 1


def test_labels_that_are_used_but_not_declared_are_added_and_told(tmp_path: Path) -> None:
    body = (
        '<image id="0" name="a.jpg" width="9" height="9"><tag label="wet &amp; cold"/>'
        '<skeleton label="man" z_order="0"><points label="head" outside="0" occluded="0" '
        'points="1,2"><attribute name="hat">no</attribute></points></skeleton></image>'
    )
    (item,), header, report = items_of(written(tmp_path, body, meta=""))
    assert [label.name for label in header.labels] == ["wet & cold", "man"]
    (head,) = header.labels[1].sublabels
    assert (head.name, [spec.name for spec in head.attributes]) == ("head", ["hat"])
    assert item.shapes[0].elements[0].attributes == {"hat": "no"}
    assert report.count("assumed", "label") == 2


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<box label="car" ytl="2" xbr="3" ybr="4"/>', "no 'xtl'"),
        ('<box label="car" xtl="nan" ytl="2" xbr="3" ybr="4"/>', "'xtl' is 'nan', not a number"),
        ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>', "no 'label'"),
        ('<polygon label="car" points="1,2;3"/>', "'points' are not pairs"),
        (
            '<mask label="car" rle="0, 3" left="0" top="0" width="2" height="2"/>',
            "the runs of 'rle' do not fill",
        ),
    ],
)
def test_a_bad_shape_is_refused_with_its_line_or_skipped_alone(
    tmp_path: Path, shape: str, words: str
) -> None:
    body = f'\n<image id="0" name="a.jpg" width="9" height="9">\n{shape}\n{BOX}</image>'
    path = written(tmp_path, body)
    with pytest.raises(DatasetError, match=r"<(box|polygon|mask)>") as refused:
        items_of(path)
    assert words in str(refused.value)
    assert refused.value.where.endswith("a.xml:4")
    (item,), _, report = items_of(path, on_error="skip")
    assert [kept.type for kept in item.shapes] == ["rectangle"]
    assert len([entry for entry in report.entries if entry.outcome == "dropped"]) == 1


def test_entities_and_document_types_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE annotations [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<annotations><image id="0" name="&x;" width="1" height="1"/></annotations>'
    )
    result = run("convert", str(path), str(tmp_path / "out"), "--from", "cvat", "--to", "coco")
    assert result.returncode == 1
    assert "a document type is not allowed" in result.stderr
    assert not (tmp_path / "out").exists()


def test_keyframes_alone_are_a_track_and_its_frames_are_told(tmp_path: Path) -> None:
    box = '<box frame="{}" outside="{}" xtl="{}" ytl="0" xbr="20" ybr="10"/>'
    body = (
        '<track id="7" label="car">'
        + box.format(4, 0, 0).replace("/>", '><attribute name="model">b</attribute></box>')
        + box.format(8, 0, 8)
        + box.format(9, 1, 8)
        + "</track>"
    )
    report = Report()
    with open_source(written(tmp_path, body)) as source:
        dataset = detect_format(source).read(source, ReadOptions(), report)
        (track,) = dataset.tracks
        assert [item.path for item in dataset.items] == [
            f"frame_{number:06d}.PNG" for number in range(10)
        ]
    assert track.attributes == {"model": "b"}
    assert [(shape.frame, shape.outside) for shape in track.shapes] == [
        (4, False),
        (8, False),
        (9, True),
    ]
    assert report.count("assumed", "frame") == 1


def test_images_are_found_beside_the_xml_and_by_base_name_if_unambiguous(tmp_path: Path) -> None:
    image = '<image id="{}" name="{}" width="9" height="9"/>'
    names = ("a/one.jpg", "b/two.jpg", "c/three.jpg")
    body = "".join(image.format(number, name) for number, name in enumerate(names))
    written(tmp_path, body, name="in/annotations.xml")
    for name in ("images/a/one.jpg", "elsewhere/two.jpg", "x/three.jpg", "y/three.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    items, _, report = items_of(tmp_path / "in")
    found = [item.media.open().read() if item.media else None for item in items]
    assert found == [b"images/a/one.jpg", b"elsewhere/two.jpg", None]
    assert report.count("assumed", "image file") == 1


def test_the_plain_dialect_keeps_tracks_beside_images_and_every_decimal(tmp_path: Path) -> None:
    track = (
        '<track id="0" label="car"><box frame="1" keyframe="1" outside="0" occluded="0" '
        'xtl="1.123456" ytl="2" xbr="3" ybr="4" z_order="0"/></track>'
    )
    body = f'<image id="0" name="a.jpg" width="9" height="9">{BOX}</image>'
    body += '<image id="1" name="b.jpg" width="9" height="9"/>' + track
    path = written(tmp_path, body)
    report = convert(path, tmp_path / "out", "cvat-images")
    root = ET.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [len(image) for image in root.iterfind("image")] == [1, 0]
    (box,) = root.iterfind("track/box")
    assert (box.attrib["xtl"], box.attrib["frame"]) == ("1.123456", "1")
    assert not report.losses
    flat = convert(path, tmp_path / "flat", "CVAT for images 1.1")
    root = ET.parse(tmp_path / "flat" / "annotations.xml").getroot()
    assert [len(image) for image in root.iterfind("image")] == [1, 1]
    assert flat.count("changed", "track") == 1


def test_tags_are_told_when_video_loses_them(tmp_path: Path) -> None:
    body = '<image id="0" name="a.jpg" width="9" height="9"><tag label="car"/></image>'
    path = written(tmp_path, body)
    assert find_format("CVAT for video").format.name == "cvat-video"
    report = convert(path, tmp_path / "out", "cvat-video")
    assert report.count("dropped", "tag") == 1


@pytest.mark.parametrize("to", ["coco", "coco-keypoints", "ultralytics-pose", "voc", "csv"])
def test_skeletons_that_cvat_left_without_points_are_counted(to: str, tmp_path: Path) -> None:
    golden = next(each for each in IMAGES if str(each) == "rich-project2")
    report = convert(golden.path, tmp_path / "out", to)
    assert report.count("dropped", "skeleton") + report.count("changed", "skeleton") >= 10


def test_tracks_alone_get_their_size_from_the_command_line(tmp_path: Path) -> None:
    golden = next(each for each in VIDEO if str(each) == "rich-task3")
    failed = run("convert", golden.path, tmp_path / "out", "--to", "yolo")
    assert failed.returncode == 1
    assert "pass --image-size" in failed.stderr
    size = ("--image-size", "160x120")
    assert run("convert", golden.path, tmp_path / "out", "--to", "yolo", *size).returncode == 0
