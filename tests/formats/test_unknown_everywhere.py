"""Whatever a file says that its format does not know is named, wherever it stands.

Each case holds one strange thing called `mood`: a conversion tells of it, a strict one refuses.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conversions import converted
from localcvat.errors import LossError

Files = dict[str, str]


def _json(**parts: Any) -> str:
    return json.dumps(parts)


def _coco(**more: Any) -> Files:
    image = {"id": 1, "file_name": "a.png", "width": 20, "height": 10} | more.pop("image", {})
    category = {"id": 1, "name": "car"} | more.pop("category", {})
    shape = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | more.pop("shape", {})
    parts = {"images": [image], "categories": [category], "annotations": [shape]}
    return {"annotations/instances_train.json": json.dumps(parts | more)}


def _datumaro(**more: Any) -> Files:
    box = {"id": 1, "type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4]} | more.pop("shape", {})
    picture = {"path": "a.png", "size": [10, 20]} | more.pop("image", {})
    item = {"id": "a", "annotations": [box], "image": picture} | more.pop("item", {})
    label = {"name": "car", "parent": "", "attributes": []} | more.pop("label", {})
    listed = {"labels": [label], "attributes": []} | more.pop("labels", {})
    categories = {"label": listed} | more.pop("categories", {})
    parts = {"info": {}, "categories": categories, "items": [item]}
    return {"annotations/train.json": json.dumps(parts | more)}


def _voc(size: str = "", box: str = "", thing: str = "", top: str = "") -> Files:
    text = (
        f"<annotation><filename>a.png</filename><size><width>20</width><height>10</height>{size}"
        f"</size>{top}<object><name>car</name>{thing}<bndbox><xmin>1</xmin><ymin>2</ymin>"
        f"<xmax>5</xmax><ymax>6</ymax>{box}</bndbox></object></annotation>"
    )
    return {"a.xml": text}


def _cvat(
    meta: str = "", image: str = "", shape: str = "", inside: str = "", top: str = ""
) -> Files:
    text = (
        f"<annotations><version>1.1</version>{top}<meta><task><size>1</size><labels><label>"
        f"<name>car</name><attributes></attributes></label></labels></task>{meta}</meta>"
        f'<image id="0" name="a.png" width="20" height="10"{image}><box label="car" occluded="0"'
        f' xtl="1" ytl="2" xbr="5" ybr="6"{shape}>{inside}</box></image></annotations>'
    )
    return {"annotations.xml": text}


def _track(
    track: str = "", shape: str = "", inside: str = "", task: str = "", label: str = ""
) -> Files:
    box = 'outside="0" occluded="0" xtl="1" ytl="2" xbr="5" ybr="6"'
    text = (
        f"<annotations><version>1.1</version><meta><task><size>1</size>{task}<labels><label>"
        f"<name>car</name>{label}<attributes><attribute><name>c</name><mutable>False</mutable>"
        f"<input_type>text</input_type></attribute></attributes></label></labels></task></meta>"
        f'<track id="0" label="car"{track}><box frame="0" keyframe="1" {box}{shape}>{inside}</box>'
        f"</track></annotations>"
    )
    return {"annotations.xml": text}


def _labelme(image: dict[str, Any] | None = None, **shape: Any) -> Files:
    made = {"label": "car", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"} | shape
    parts = {"shapes": [made], "imagePath": "a.png", "imageHeight": 10, "imageWidth": 20}
    return {"a.json": json.dumps(parts | (image or {}))}


def _labelme_xml(top: str = "", thing: str = "", polygon: str = "", point: str = "") -> Files:
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (9, 2), (9, 8)))
    text = (
        "<annotation><filename>a.png</filename><folder></folder><source><sourceImage></sourceImage>"
        f"</source><imagesize><nrows>10</nrows><ncols>20</ncols></imagesize>{top}<object>"
        f"<name>car</name><deleted>0</deleted><id>0</id>{thing}<polygon>{points}"
        f"<pt><x>1</x><y>8</y>{point}</pt>{polygon}</polygon></object></annotation>"
    )
    return {"a.xml": text}


def _via(project: dict[str, Any] | None = None, **more: Any) -> Files:
    shape = {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4} | more.pop("shape", {})
    region = {"shape_attributes": shape, "region_attributes": {"label": "car"}}
    region |= more.pop("region", {})
    image = {"filename": "a.png", "size": 1, "regions": [region], "file_attributes": {}} | more
    if project is None:
        return {"via.json": json.dumps({"a.png1": image})}
    settings = {"_via_settings": {}, "_via_attributes": {}, "_via_img_metadata": {"a.png1": image}}
    return {"via.json": json.dumps(settings | project)}


def _label_studio(**more: Any) -> Files:
    value = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "rectanglelabels": ["car"]}
    result = {
        **{"id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image"},
        **{"original_width": 20, "original_height": 10, "image_rotation": 0},
        **{"value": value | more.pop("value", {})},
    }
    annotation = {"id": 1, "was_cancelled": False, "result": [result | more.pop("result", {})]}
    annotation |= more.pop("annotation", {})
    data = {"image": "/data/upload/1/a.png"} | more.pop("data", {})
    return {"ls.json": json.dumps([{"id": 1, "data": data, "annotations": [annotation], **more}])}


def _label_studio_min(region: dict[str, Any] | None = None, **more: Any) -> Files:
    box = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "rectanglelabels": ["car"]}
    box |= {"original_width": 20, "original_height": 10} | (region or {})
    task = {"image": "/data/upload/1/a.png", "id": 1, "label": [box], "annotator": 1} | more
    return {"ls.json": json.dumps([task])}


def _open_images(**more: tuple[str, str]) -> Files:
    tables = {
        "images-with-rotation": ("ImageID,Subset", "a,train"),
        "annotations-bbox": (
            "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded",
            "a,x,/m/1,1,0.1,0.5,0.1,0.5,0",
        ),
        "annotations-human-imagelabels": (
            "ImageID,Source,LabelName,Confidence",
            "a,verification,/m/1,1",
        ),
    }
    files = {"annotations/class-descriptions.csv": "/m/1,car\n"}
    for name, (head, row) in tables.items():
        extra = more.get(name.rpartition("-")[2], ("", ""))
        text = f"{head}{extra[0]}\n{row}{extra[1]}\n"
        files[f"annotations/train-{name}.csv"] = text
    return files


def _ultralytics(more: str = "") -> Files:
    head = "path: .\ntrain: images/train\nnames: {0: car}\n"
    return {"data.yaml": head + more, "labels/train/a.txt": "0 0.5 0.5 0.2 0.2\n"}


def _mot(ini: str = "", row: str = "") -> Files:
    head = "[Sequence]\nname=s\nimDir=img1\nframeRate=30\nseqLength=1\nimWidth=20\nimHeight=10\n"
    return {
        "seqinfo.ini": f"{head}imExt=.png\n{ini}",
        "gt/gt.txt": f"1,1,2,3,4,5,1,1,1{row}\n",
        "gt/labels.txt": "car\n",
    }


MOOD = {"mood": "x"}
CASES: dict[str, tuple[str, Files]] = {
    "coco file": ("coco", _coco(**MOOD)),
    "coco image": ("coco", _coco(image=MOOD)),
    "coco category": ("coco", _coco(category=MOOD)),
    "coco annotation": ("coco", _coco(shape=MOOD)),
    "datumaro file": ("datumaro", _datumaro(**MOOD)),
    "datumaro info": ("datumaro", _datumaro(info=MOOD)),
    "datumaro item": ("datumaro", _datumaro(item=MOOD)),
    "datumaro image": ("datumaro", _datumaro(image=MOOD)),
    "datumaro annotation": ("datumaro", _datumaro(shape=MOOD)),
    "datumaro label": ("datumaro", _datumaro(label=MOOD)),
    "datumaro labels": ("datumaro", _datumaro(labels=MOOD)),
    "datumaro categories": ("datumaro", _datumaro(categories=MOOD)),
    "voc image": ("voc", _voc(top="<mood>x</mood>")),
    "voc size": ("voc", _voc(size="<mood>x</mood>")),
    "voc object": ("voc", _voc(thing="<mood>x</mood>")),
    "voc box": ("voc", _voc(box="<mood>x</mood>")),
    "voc part": (
        "voc",
        _voc(
            thing="<part><name>hand</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax>"
            "<ymax>4</ymax></bndbox><mood>x</mood></part>"
        ),
    ),
    "voc element's attribute": ("voc", _voc(thing='<pose mood="x">left</pose>')),
    "cvat file": ("cvat-images", _cvat(top="<mood>x</mood>")),
    "cvat meta": ("cvat-images", _cvat(meta="<mood>x</mood>")),
    "cvat image": ("cvat-images", _cvat(image=' mood="x"')),
    "cvat shape": ("cvat-images", _cvat(shape=' mood="x"')),
    "cvat inside": ("cvat-images", _cvat(inside="<mood>x</mood>")),
    "cvat attribute": (
        "cvat-images",
        _cvat(inside='<attribute name="c" mood="x">v</attribute>'),
    ),
    "cvat task": ("cvat-video", _track(task="<mood>x</mood>")),
    "cvat label": ("cvat-video", _track(label="<mood>x</mood>")),
    "cvat track": ("cvat-video", _track(track=' mood="x"')),
    "cvat tracked shape": ("cvat-video", _track(shape=' mood="x"')),
    "cvat inside a tracked shape": ("cvat-video", _track(inside="<mood>x</mood>")),
    "labelme image": ("labelme-json", _labelme(MOOD)),
    "labelme shape": ("labelme-json", _labelme(**MOOD)),
    "labelme xml image": ("labelme-xml", _labelme_xml(top="<mood>x</mood>")),
    "labelme xml object": ("labelme-xml", _labelme_xml(thing="<mood>x</mood>")),
    "labelme xml polygon": ("labelme-xml", _labelme_xml(polygon="<mood>x</mood>")),
    "labelme xml point": ("labelme-xml", _labelme_xml(point="<mood>x</mood>")),
    "via image": ("via", _via(**MOOD)),
    "via region": ("via", _via(region=MOOD)),
    "via shape": ("via", _via(shape=MOOD)),
    "via project": ("via", _via(MOOD)),
    "label studio task": ("label-studio", _label_studio(**MOOD)),
    "label studio data": ("label-studio", _label_studio(data=MOOD)),
    "label studio annotation": ("label-studio", _label_studio(annotation=MOOD)),
    "label studio result": ("label-studio", _label_studio(result=MOOD)),
    "label studio value": ("label-studio", _label_studio(value=MOOD)),
    "label studio min region": ("label-studio", _label_studio_min(MOOD)),
    "label studio min task": ("label-studio", _label_studio_min(mood=7)),
    "open images image": ("open-images", _open_images(rotation=(",mood", ",x"))),
    "open images box": ("open-images", _open_images(bbox=(",mood", ",x"))),
    "open images tag": ("open-images", _open_images(imagelabels=(",mood", ",x"))),
    "ultralytics data": ("ultralytics", _ultralytics("mood: x\n")),
    "mot sequence": ("mot", _mot(ini="mood=x\n")),
}


PICTURES = {
    "ultralytics": "images/train/a.png",
    "mot": "img1/000001.png",
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_format_does_not_know_is_named_and_refused(case: str, tmp_path: Path) -> None:
    name, files = CASES[case]
    source = tmp_path / "in"
    for file, text in files.items():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_text(text)
    picture = PICTURES.get(name, "a.png")
    (source / picture).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(source / picture)
    to = "csv" if name != "csv" else "coco"
    _, report = converted(source, to, name)
    (told,) = [entry for entry in report.entries if re.search(r"\bmood\b", entry.reason)]
    assert (told.outcome, told.count, told.lossy) == ("dropped", 1, True)
    assert told.example.startswith(str(source)) or told.example in ("a.png", "car", "")
    with pytest.raises(LossError, match="mood"):
        converted(source, to, name, strict=True)
