"""What a file says beside its format's own fields is counted: it goes nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversions import converted
from localcvat.errors import DatasetError

VOC = (
    "<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height></size>"
    "<weather>rain</weather><object><name>car</name><mood>x</mood><bndbox><xmin>1</xmin>"
    "<ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object></annotation>"
)
CVAT = (
    '<annotations><image id="0" name="a.jpg" width="20" height="10"><box label="car" mood="x"'
    ' xtl="1" ytl="2" xbr="5" ybr="6"/><mood/></image></annotations>'
)
LABELME = {
    "shapes": [{"label": "car", "points": [[1, 2], [3, 4]], "shape_type": "rectangle", "mood": 1}],
    "imagePath": "a.jpg",
    "imageHeight": 10,
    "imageWidth": 20,
    "weather": "rain",
}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 20, "height": 10, "weather": "rain"}],
    "categories": [{"id": 1, "name": "car"}],
    "annotations": [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "mood": "x"}
        for n in (1, 2)
    ],
    "extra": 1,
}
VIA = {
    "a.jpg1": {
        "filename": "a.jpg",
        "regions": [
            {
                "shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
                | {"mood": 3},
                "region_attributes": {"label": "car"},
            }
        ],
        "file_attributes": {},
    }
}
FILES = {
    "voc": ("a.xml", VOC),
    "cvat-images": ("annotations.xml", CVAT),
    "labelme-json": ("a.json", json.dumps(LABELME)),
    "coco": ("coco.json", json.dumps(COCO)),
    "via": ("via.json", json.dumps(VIA)),
}


@pytest.mark.parametrize("to", ["coco", "cvat-images", "yolo"])
@pytest.mark.parametrize("name", FILES)
def test_fields_that_go_nowhere_are_counted(tmp_path: Path, name: str, to: str) -> None:
    if name == to:
        return
    file, text = FILES[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / file).write_text(text)
    _, report = converted(tmp_path / "in", to, name, image_size=(20, 10))
    told = [entry for entry in report.losses if entry.kind == "field"]
    assert [entry.count for entry in told if "mood" in entry.reason][:1] == [
        2 if name == "coco" else 1
    ]
    if name in ("voc", "labelme-json", "coco"):
        weather = [entry for entry in report.entries if "weather" in entry.reason]
        assert [(entry.kind, entry.lossy) for entry in weather] == [("image field", True)]
    if name == "coco":
        assert report.count("dropped", "dataset field") == 1


def test_what_coco_has_goes_on_to_coco(tmp_path: Path) -> None:
    (tmp_path / "coco.json").write_text(json.dumps(COCO))
    _, report = converted(tmp_path / "coco.json", "coco")
    told = [entry for entry in report.entries if entry.outcome not in ("kept", "assumed")]
    assert [entry.kind for entry in told] == ["dataset field"]


def test_what_is_not_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    via = {"project": {"pid": "x", "data_format_version": "3.1.1"}, "file": {}, "metadata": {}}
    (tmp_path / "via.json").write_text(json.dumps(via))
    with pytest.raises(DatasetError, match=r"VIA 3, which is not read .*VIA 2"):
        converted(tmp_path / "via.json", "coco", "via")
    result = {"type": "videorectangle", "value": {"sequence": [], "labels": ["car"]}}
    task = {"id": 1, "data": {"video": "/data/a.mp4"}, "annotations": [{"result": [result]}]}
    (tmp_path / "ls.json").write_text(json.dumps([task]))
    with pytest.raises(DatasetError, match=r"a task of the video '/data/a.mp4'.*frames as images"):
        converted(tmp_path / "ls.json", "coco", "label-studio")
