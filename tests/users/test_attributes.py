"""Attributes are texts from end to end, whatever they say and whatever they are called."""

from __future__ import annotations

import json
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from commands import done_here as done
from localcvat.convert import convert

TEXTS = ["00001", "1.0", "true", "False", "a, b; c=d", ' "quoted" ', "1e5", "ÄÖ <&>"]
FORMATS = (
    *("coco", "datumaro", "csv", "labelme-xml", "labelme-json", "voc", "cvat-video"),
    *("open-images", "kitti", "mot", "yolo"),
)
NAMES = (
    *("plate", "score", "source", "occluded", "rotation", "track_id", "keyframe", "difficult"),
    *("truncated", "id", "name", "group", "box_id"),
)


def source(folder: Path, name: str, texts: list[str]) -> Path:
    """A CVAT XML of boxes, one with each text as the attribute of this name."""
    spec = (
        f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
    )
    label = (
        "<label><name>car</name><color>#112233</color><type>rectangle</type>"
        f"<attributes>{spec}</attributes></label>"
        "<label><name>never used</name><color>#445566</color><type>polygon</type>"
        "<attributes></attributes></label>"
    )
    boxes = "".join(
        f'<box label="car" source="manual" occluded="0" xtl="{10 * n}" ytl="2" xbr="{10 * n + 8}"'
        f' ybr="40" z_order="0"><attribute name="{name}">{escape(text)}</attribute></box>'
        for n, text in enumerate(texts)
    )
    path = folder / "in.xml"
    path.write_text(
        "<annotations><version>1.1</version><meta><task><id>1</id><name>t</name><size>1</size>"
        f"<mode>annotation</mode><labels>{label}</labels></task></meta>"
        f'<image id="0" name="a.jpg" width="100" height="80">{boxes}</image></annotations>'
    )
    return path


def told(path: Path, name: str) -> list[str | None]:
    """The attribute of each box in a folder with CVAT XML, from left to right."""
    root = etree.parse(str(path / "annotations.xml")).getroot()
    boxes = sorted(root.iter("box"), key=lambda box: float(box.get("xtl")))
    found = [{each.get("name"): each.text for each in box.iter("attribute")} for box in boxes]
    return [each.get(name) for each in found]


@pytest.mark.parametrize(
    "format_name", ["coco", "datumaro", "csv", "labelme-xml", "labelme-json", "voc", "cvat-images"]
)
def test_texts_come_back_as_they_were(tmp_path: Path, format_name: str) -> None:
    convert(source(tmp_path, "plate", TEXTS), tmp_path / "out", to=format_name)
    convert(tmp_path / "out", tmp_path / "back", to="cvat-images", image_size=(100, 80))
    assert told(tmp_path / "back", "plate") == TEXTS


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_called_like_a_field_is_kept_or_told(
    tmp_path: Path, format_name: str, name: str
) -> None:
    for number, text in enumerate(("00012", "true", "0", "a, b")):
        folder = tmp_path / str(number)
        folder.mkdir()
        report = convert(source(folder, name, [text]), folder / "out", to=format_name)
        report.merge(
            convert(folder / "out", folder / "back", to="cvat-images", image_size=(100, 80))
        )
        rows = [row for row in report.entries if row.kind == "attribute" and row.outcome != "kept"]
        if told(folder / "back", name) != [text]:
            assert rows, (text, told(folder / "back", name))


def test_the_labels_of_cvat_xml_come_back_whole(tmp_path: Path) -> None:
    convert(source(tmp_path, "plate", ["1"]), tmp_path / "out", to="cvat-images")
    labels = [
        etree.tostring(etree.parse(str(path)).find(".//labels"), method="c14n2", strip_text=True)
        for path in (tmp_path / "in.xml", tmp_path / "out" / "annotations.xml")
    ]
    assert labels[0] == labels[1]


def test_texts_come_through_the_store(tmp_path: Path) -> None:
    path = source(tmp_path, "plate", TEXTS)
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--dataset_path", path, cwd=tmp_path)
    out = tmp_path / "out"
    done("project", "export-dataset", 1, out, "--format", "cvat-images", cwd=tmp_path)
    assert told(out, "plate") == TEXTS
    labels = json.loads(done("label", "ls", "--json", cwd=tmp_path))["results"]
    assert [label["name"] for label in labels] == ["car", "never used"]
