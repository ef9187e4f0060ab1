"""Well-formed archives whose files nobody should trust: traps in JSON, XML, YAML and images."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

from hostile_archives import backup, dataset, image

DEEP = "[" * 100_000
HUGE = 10**30
COCO = "annotations/instances_default.json"
MANIFEST, INDEX = "task_0/data/manifest.jsonl", "task_0/data/index.json"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;]>'
EXTERNAL_DTD = '<!DOCTYPE x SYSTEM "file:///etc/passwd">'
VOC = (
    "<annotation><filename>a.png</filename><size><width>8</width><height>6</height></size>"
    "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax>"
    "</bndbox></object></annotation>"
)
CVAT_XML = (
    '<annotations><version>1.1</version><image id="0" name="a.png" width="8" height="6">'
    '<box label="{}" xtl="1" ytl="1" xbr="3" ybr="3" occluded="0"></box></image></annotations>'
)


def bomb_image(side: int = 60_000) -> bytes:
    """A few bytes that say they are a photo of 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def _coco(change: Any) -> dict[str, bytes]:
    files = dataset()
    body = json.loads(files[COCO])
    change(body)
    files[COCO] = json.dumps(body).encode()
    return files


def _coco_text(old: str, new: str) -> dict[str, bytes]:
    files = dataset()
    files[COCO] = files[COCO].replace(old.encode(), new.encode())
    return files


def _annotation(**changes: Any) -> dict[str, bytes]:
    return _coco(lambda body: body["annotations"][0].update(changes))


def _file_name(name: str) -> dict[str, bytes]:
    return _coco(lambda body: body["images"][0].update(file_name=name))


def _voc(prolog: str, name: str = "cat") -> dict[str, bytes]:
    return {
        "Annotations/a.xml": (prolog + VOC.format(name)).encode(),
        "ImageSets/Main/default.txt": b"a\n",
        "JPEGImages/a.png": image(),
    }


def _cvat_xml(prolog: str, name: str = "cat") -> dict[str, bytes]:
    return {"annotations.xml": (prolog + CVAT_XML.format(name)).encode(), "images/a.png": image()}


def _yolo(yaml: str, picture: bytes | None = None) -> dict[str, bytes]:
    return {
        "data.yaml": yaml.encode(),
        "images/train/a.png": image() if picture is None else picture,
        "labels/train/a.txt": b"0 0.5 0.5 0.2 0.2\n",
    }


YAML = "train: images/train\nnames:\n  0: cat\n"
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)

# Files and a word of the reason; every door that reads a dataset must give it.
DATASETS: dict[str, tuple[dict[str, bytes], str]] = {
    "JSON 100,000 deep": (dataset() | {COCO: DEEP.encode()}, "no known format"),
    "JSON deep in an annotation": (_coco_text('"iscrowd": 0', f'"x": {DEEP}'), "nest"),
    "NaN": (_coco_text("[1, 1, 2, 2]", "[NaN, 1, 2, 2]"), "bbox"),
    "Infinity": (_coco_text("[1, 1, 2, 2]", "[1, Infinity, 2, 2]"), "bbox"),
    "number out of range": (_coco_text("[1, 1, 2, 2]", "[1, 1e999, 2, 2]"), "bbox"),
    "huge width": (_coco(lambda body: body["images"][0].update(width=HUGE)), "width"),
    "negative width": (_coco(lambda body: body["images"][0].update(width=-5)), "width"),
    "RLE longer than its size": (
        _annotation(segmentation={"size": [6, 8], "counts": [0, 10**9]}),
        "segmentation",
    ),
    "RLE of a huge size": (
        _annotation(segmentation={"size": [10**6, 10**6], "counts": [0, 10**12]}),
        "segmentation",
    ),
    "RLE with negative counts": (
        _annotation(segmentation={"size": [6, 8], "counts": [0, -5, 53]}),
        "segmentation",
    ),
    "RLE text longer than its size": (
        _annotation(segmentation={"size": [2, 2], "counts": "oooooooooooooooooo0"}),
        "segmentation",
    ),
    "VOC entity bomb": (_voc(LAUGHS, "&l;"), "a.xml:1"),
    "VOC external entity": (_voc(OUTSIDE, "&a;"), "a.xml:1"),
    "VOC parameter entity": (_voc(PARAMETER), "a.xml:1"),
    "VOC external DTD": (_voc(EXTERNAL_DTD), "a.xml:1"),
    "VOC 100,000 deep": (_voc("<a>" * 100_000), "no known format"),
    "CVAT XML entity bomb": (_cvat_xml(LAUGHS, "&l;"), "annotations.xml:1"),
    "CVAT XML external entity": (_cvat_xml(OUTSIDE, "x"), "annotations.xml:1"),
    "CVAT XML parameter entity": (_cvat_xml(PARAMETER), "annotations.xml:1"),
    "CVAT XML external DTD": (_cvat_xml(EXTERNAL_DTD), "annotations.xml:1"),
    "YAML tag": (
        _yolo(YAML + 'x: !!python/object/apply:os.system ["touch evil"]\n'),
        "data.yaml",
    ),
    "YAML aliases": (_yolo(YAML.replace("cat", "*m") + ALIASES), "data.yaml"),
    "YAML alias bomb as names": (_yolo("train: images/train\n" + ALIASES + "names: *m\n"), "yaml"),
    "YAML 10,000 deep": (_yolo(YAML + "x: " + "[" * 10_000), "data.yaml"),
    "YAML names huge index": (
        _yolo("train: images/train\nnames:\n  100000000000: cat\n"),
        "data.yaml",
    ),
    "decompression bomb": (_yolo(YAML, bomb_image()), "a.png"),
}


def _backup(**files: Any) -> dict[str, bytes]:
    return backup() | files


def _document(entry: str, change: Any) -> dict[str, bytes]:
    files = backup()
    value = json.loads(files[entry])
    change(value)
    return files | {entry: json.dumps(value).encode()}


def _text(entry: str, old: str, new: str) -> dict[str, bytes]:
    files = backup()
    assert old.encode() in files[entry]
    return files | {entry: files[entry].replace(old.encode(), new.encode(), 1)}


def _data(**changes: Any) -> dict[str, bytes]:
    return _document("task_0/task.json", lambda task: task["data"].update(changes))


def _job(**changes: Any) -> dict[str, bytes]:
    return _document("task_0/task.json", lambda task: task["jobs"][0].update(changes))


def _shape(**changes: Any) -> dict[str, bytes]:
    return _document("task_0/annotations.json", lambda jobs: jobs[0]["shapes"][0].update(changes))


def _manifest(old: str, new: str) -> dict[str, bytes]:
    files = _text(MANIFEST, old, new)
    del files[INDEX]
    return files


def _video(length: int) -> dict[str, bytes]:
    files = {name: data for name, data in backup().items() if "/data/" not in name}
    lines = [
        {"version": "1.1"},
        {"type": "video"},
        {"properties": {"name": "v.mp4", "resolution": [10, 10], "length": length}},
        {"number": 0, "pts": 0, "checksum": "x"},
    ]
    files[MANIFEST] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    files["task_0/data/v.mp4"] = b"not a video"
    task = json.loads(files["task_0/task.json"])
    task["data"]["stop_frame"] = 2**31 - 1
    task["data"]["chunk_type"] = "video"
    task["jobs"][0]["stop_frame"] = 0
    files["task_0/task.json"] = json.dumps(task).encode()
    return files


def _bomb_without_manifest() -> dict[str, bytes]:
    files = backup() | {"task_0/data/img0.jpg": bomb_image()}
    del files[MANIFEST], files[INDEX]
    return files


BACKUPS: dict[str, tuple[dict[str, bytes], str]] = {
    "project.json 100,000 deep": (_backup(**{"project.json": DEEP.encode()}), "project.json"),
    "task.json 100,000 deep": (_backup(**{"task_0/task.json": DEEP.encode()}), "task.json"),
    "annotations.json 100,000 deep": (
        _backup(**{"task_0/annotations.json": DEEP.encode()}),
        "annotations.json",
    ),
    "a shape 100,000 deep": (
        _text("task_0/annotations.json", '"attributes":[]', f'"attributes":{DEEP}'),
        "annotations.json",
    ),
    "NaN in points": (_text("task_0/annotations.json", "70.0", "NaN"), "annotations.json"),
    "Infinity in points": (
        _text("task_0/annotations.json", "70.0", "Infinity"),
        "annotations.json",
    ),
    "points out of range": (_text("task_0/annotations.json", "70.0", "1e999"), "annotations.json"),
    "huge frame": (_shape(frame=HUGE), "frame"),
    "huge group": (_shape(group=HUGE), "group"),
    "huge z_order": (_shape(z_order=-HUGE), "z_order"),
    "huge chunk_size": (_data(chunk_size=HUGE), "chunk_size"),
    "huge start_frame": (_data(start_frame=HUGE), "start_frame"),
    "huge stop_frame": (_data(stop_frame=HUGE), "stop_frame"),
    "huge job start": (_job(start_frame=HUGE), "jobs[0]"),
    "huge job stop": (_job(stop_frame=HUGE), "stop_frame"),
    "huge ground truth frame": (
        _document(
            "task_0/task.json",
            lambda task: task["jobs"].append(
                task["jobs"][0] | {"type": "ground_truth", "frames": [HUGE]}
            ),
        ),
        "frames",
    ),
    "a video of 10^12 frames": (_video(10**12), "frames"),
    "a video of 2^31 frames": (_video(2**31 - 1), "frames"),
    "manifest points outside": (_manifest('"img0"', '"../../../../etc/passwd"'), "manifest"),
    "manifest points at an absolute path": (_manifest('"img0"', '"/etc/img0"'), "manifest"),
    "job files point outside": (
        _document(
            "task_0/task.json",
            lambda task: (
                task["data"].update(custom_segments=True),
                task["jobs"][0].update(files=["../../../../etc/passwd"] * 4),
            ),
        ),
        "etc/passwd",
    ),
    "decompression bomb without manifest": (_bomb_without_manifest(), "img0.jpg"),
    "a guide that is no text": (_backup(**{"annotation_guide.md": b"\xff\xfe\xff"}), "guide"),
}
# Not refused, for they can be read without harm: what they point at outside is left out.
HARMLESS: dict[str, dict[str, bytes]] = {
    "file name climbs out": _file_name("../../../etc/passwd"),
    "file name is absolute": _file_name("/etc/passwd"),
    "file name with a drive": _file_name("C:\\..\\evil.png"),
    "file name of 255 bytes": _file_name("кот" * 41 + "12345.png"),
    "list of images climbs out": _yolo(YAML.replace("images/train", "../../../../etc/passwd"))
    | {"images/train/a.png": image()},
}


def archive(files: dict[str, bytes]) -> bytes:
    """A plain zip of the files."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, data in files.items():
            target.writestr(name, data)
    return buffer.getvalue()
