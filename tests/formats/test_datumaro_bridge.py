"""The bridge to Datumaro: its table is true, what writers keep comes back, the rest is reported."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import localcvat
from commands import COCO_TINY, FIXTURES, done, run
from localcvat.archive import open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.errors import DatasetError, OutputError
from localcvat.geometry.masks import polygons_to_mask
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report
from localcvat.transforms import Transforms
from localcvat_formats.datumaro_bridge import DatumaroFormat
from localcvat_formats.datumaro_names import FORMATS, LEFT_OUT, NATIVE, READ_ONLY

EXPORTS = FIXTURES / "cvat-made" / "plain" / "exports"
CVAT_NAMES = {
    "CamVid 1.0": "camvid",
    "WiderFace 1.0": "wider-face",
    "VGGFace2 1.0": "vgg-face2",
    "Market-1501 1.0": "market1501",
    "ICDAR Recognition 1.0": "icdar-word-recognition",
    "ICDAR Localization 1.0": "icdar-text-localization",
    "ICDAR Segmentation 1.0": "icdar-text-segmentation",
    "LFW 1.0": "lfw",
    "MOTS PNG 1.0": "mots",
    "Kitti Raw Format 1.0": "kitti-raw",
    "Sly Point Cloud Format 1.0": "sly-pointcloud",
}


def _fresh(code: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_table_names_every_format_of_the_installed_datumaro() -> None:
    code = """
import json, logging; logging.disable(logging.CRITICAL)
from datumaro.components.environment import Environment
env = Environment()
print(json.dumps([sorted(env.importers._items), sorted(env.exporters._items)]))
"""
    importers, exporters = (set(names) for names in json.loads(_fresh(code).splitlines()[-1]))
    reads = {bridged.reads for bridged in FORMATS.values()} - {""}
    writes = {bridged.writes for bridged in FORMATS.values()} - {""}
    assert reads <= importers
    assert writes <= exporters
    assert importers - reads <= NATIVE | LEFT_OUT.keys()
    assert exporters - writes <= NATIVE | LEFT_OUT.keys() | READ_ONLY.keys()


def test_listing_and_finding_formats_imports_no_datumaro() -> None:
    code = """
import sys
from localcvat.plugin import all_formats, find_format
assert find_format("CamVid 1.0").format.origin == "datumaro"
all_formats()
from localcvat.cli.main import run
run(["formats"])
print([name for name in ("datumaro", "sqlmodel", "pandas", "cv2") if name in sys.modules])
"""
    assert _fresh(code).splitlines()[-1] == "[]"


def test_formats_are_listed_with_where_they_come_from() -> None:
    listed = {row["name"]: row for row in json.loads(done("formats", "--json"))}
    assert listed["coco"]["origin"] == "native"
    assert {row["origin"] for row in listed.values()} == {"native", "datumaro"}
    for display, name in CVAT_NAMES.items():
        assert display in listed[name]["cvat_names"]
        choice = find_format(display)
        assert (choice.format.name, choice.dialect) == (name, "cvat")


def test_without_datumaro_one_line_says_how_to_install_it(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["datumaro"] = None
from localcvat.cli.main import run
code = run(["convert", {str(COCO_TINY)!r}, {str(tmp_path / "out")!r}, "--to", "camvid"])
sys.exit(0 if code == 1 else 9)
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
    assert "pip install 'localcvat[all-formats]'" in finished.stderr
    assert not (tmp_path / "out").exists()


def _sample(kind: str) -> Shape | Tag:
    if kind == "tag":
        return Tag(label="dog")
    ring = [4.0, 4, 20, 4, 20, 30, 5, 28]
    points = {
        "rectangle": [3.0, 4, 23, 14],
        "polygon": ring,
        "polyline": ring[:6],
        "points": [3.0, 4, 20, 4, 20, 30, 5, 6, 9, 9],
        "ellipse": [12.0, 20, 20, 5],
        "mask": polygons_to_mask([ring], 64, 48),
    }
    return Shape(type=kind, label="dog", points=points[kind])


def _written(name: str, items: list[Item], target: Path) -> Report:
    labels = [Label(name=label) for label in ("cat", "dog", "market-1501")]
    report = Report()
    choice = find_format(name)
    subsets = list(dict.fromkeys(item.subset for item in items))
    dataset = Dataset(Header(labels=labels, subsets=subsets), items)
    with open_sink(target) as sink:
        write_dataset(dataset, choice, sink, ConvertOptions(with_images=True), report)
    return report


def _read(name: str, path: Path) -> list[Item]:
    with open_source(path) as source:
        return list(find_format(name).format.read(source, ReadOptions(), Report()).items)


def _image(folder: Path) -> Any:
    from localcvat.archive import FileMedia

    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 48), (9, 99, 9)).save(folder / "one.png")
    return FileMedia(str(folder / "one.png"))


def _kept_kinds(name: str) -> list[tuple[str, str]]:
    return [(name, kind) for kind in sorted(FORMATS[name].kinds)]


CHECKED = [
    name
    for name, bridged in FORMATS.items()
    if bridged.reads and bridged.writes and not bridged.clouds  # those: test_datumaro_clouds.py
]


@pytest.mark.parametrize(("name", "kind"), [pair for name in CHECKED for pair in _kept_kinds(name)])
def test_every_kind_a_writer_declares_comes_back(tmp_path: Path, name: str, kind: str) -> None:
    sample = _sample(kind)
    bridged = FORMATS[name]
    if bridged.text or name == "icdar-text-localization":
        sample.attributes = {"text": "word"}
    if name == "icdar-text-segmentation":
        sample.attributes = {"index": "0", "color": "1 2 3", "text": "w", "center": "1 2"}
    if name.startswith("mnist"):
        sample.label = "cat"
    if name == "market1501":
        sample = Tag(label="market-1501", attributes={"person_id": "7", "camera_id": "2"})
    if bridged.tracks and isinstance(sample, Shape):
        sample.track_id = 3
    item = Item(path="one.png", subset="train", width=64, height=48, media=_image(tmp_path / "i"))
    if isinstance(sample, Tag):
        item.tags = [copy.deepcopy(sample)]
    else:
        item.shapes = [copy.deepcopy(sample)]
    if name == "lfw" and kind == "points":
        item.tags = [Tag(label="dog")]
    _written(name, [item], tmp_path / "out.zip")
    found = [each for each in _read(name, tmp_path / "out.zip") if each.tags or each.shapes]
    assert len(found) == 1
    if isinstance(sample, Tag):
        (tag,) = found[0].tags
        if bridged.labels and name != "mnist-csv":
            assert tag.label == sample.label
        assert sample.attributes.items() <= tag.attributes.items()
        return
    shape = next(each for each in found[0].shapes if each.type == kind)
    if kind == "mask":
        assert list(shape.points) == list(sample.points)
    else:
        assert list(shape.points) == pytest.approx(list(sample.points), abs=0.01)
    if bridged.labels:
        assert shape.label == sample.label
    for attribute in ("text", "index"):
        assert sample.attributes.get(attribute) == shape.attributes.get(
            attribute, sample.attributes.get(attribute)
        )


def test_what_a_writer_can_not_hold_is_reported(tmp_path: Path) -> None:
    kinds = ("rectangle", "polygon", "polyline", "points", "ellipse", "mask")
    shapes = [_sample(kind) for kind in kinds]
    for shape in shapes:
        shape.attributes = {"colour": "red"}
    item = Item(path="one.png", width=64, height=48, media=_image(tmp_path / "i"))
    item.shapes = [shape for shape in shapes if isinstance(shape, Shape)]
    item.tags = [Tag(label="cat", attributes={"k": "v"})]
    report = _written("WiderFace 1.0", [copy.deepcopy(item)], tmp_path / "wf")
    dropped = {entry.kind for entry in report.entries if entry.outcome == "dropped"}
    assert {"polygon", "polyline", "points", "ellipse", "mask", "attribute"} <= dropped
    report = _written("icdar-text-localization", [copy.deepcopy(item)], tmp_path / "icdar")
    assert report.count("dropped", "label") == 3
    report = _written("mots", [copy.deepcopy(item)], tmp_path / "mots")
    assert report.count("dropped", "mask") == 4


@pytest.mark.parametrize("name", sorted(CVAT_NAMES))
def test_what_cvat_exported_is_read(name: str) -> None:
    stem = name.replace(" ", "_").replace("-", "_")
    path = EXPORTS / "task_1" / f"{stem}.images.zip"
    if not path.exists():
        pytest.skip("CVAT refused this export of the corpus")
    items = _read(name, path)
    images = [item for item in items if item.media is not None]
    if name not in ("LFW 1.0", "MOTS PNG 1.0"):  # they list images with people or tracks alone
        assert len(images) == 4
    if "mask" in FORMATS[CVAT_NAMES[name]].kinds and name != "MOTS PNG 1.0":
        assert any(shape.type == "mask" for item in items for shape in item.shapes)


def _labels_with_spaces() -> list[str]:
    path = COCO_TINY / "annotations" / "instances_val2017.json"
    names = [row["name"] for row in json.loads(path.read_bytes())["categories"]]
    return [name for name in names if " " in name]


def test_a_zip_in_becomes_a_zip_out_with_the_images(tmp_path: Path) -> None:
    names = ("baseball bat", "wine glass", "potted plant")
    with pytest.raises(OutputError, match="has a space"):
        localcvat.convert(COCO_TINY, tmp_path / "a.zip", to="camvid", with_images=True)
    spaced = _labels_with_spaces()
    assert set(names) <= set(spaced)
    transforms = Transforms(labels_map={name: name.replace(" ", "_") for name in spaced})
    localcvat.convert(
        COCO_TINY, tmp_path / "a.zip", to="camvid", with_images=True, transforms=transforms
    )
    report = localcvat.convert(
        tmp_path / "a.zip", tmp_path / "b", to="coco", from_="camvid", with_images=True
    )
    assert len(list((tmp_path / "b").rglob("*.jpg"))) == 9
    assert report.count("kept", "image") == 9
    assert report.count("kept", "mask") > 9


@pytest.mark.parametrize("name", ["vott-json", "arrow"])
def test_a_source_of_another_format_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.json").write_text("{")
    refused = run("convert", tmp_path / "src", tmp_path / "out", "--to", "coco", "--from", name)
    assert refused.returncode == 1
    assert "Datumaro can't read this" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_read_only_format_is_not_written(tmp_path: Path) -> None:
    refused = run("convert", COCO_TINY, tmp_path / "out", "--to", "vott-json")
    assert refused.returncode == 2
    assert "can't be written" in refused.stderr


def test_formats_know_their_names() -> None:
    assert isinstance(find_format("WIDER FACE".replace(" ", "_")).format, DatumaroFormat)
    with pytest.raises(DatasetError, match="Datumaro"):
        _read("camvid", FIXTURES / "coco-tiny" / "annotations" / "instances_val2017.json")


def test_images_of_a_zip_reach_another_of_datumaros_formats(tmp_path: Path) -> None:
    source = EXPORTS / "task_1" / "CamVid_1.0.images.zip"
    localcvat.convert(source, tmp_path / "out", to="wider-face", from_="camvid", with_images=True)
    images = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".jpg", ".png")]
    assert len(images) == 4
    assert all(path.stat().st_size > 1000 for path in images)


def test_what_has_no_label_is_of_one_that_the_dataset_has(tmp_path: Path) -> None:
    boxes = tmp_path / "in" / "wider_face_split" / "wider_face_train_bbx_gt.txt"
    boxes.parent.mkdir(parents=True)
    (tmp_path / "in" / "labels.txt").write_text("car\n")
    boxes.write_text("no_label/one.jpg\n1\n1 2 3 4 - - - - - -\n")
    localcvat.convert(tmp_path / "in", tmp_path / "out", to="coco", from_="wider-face")
    (path,) = (tmp_path / "out").rglob("*.json")
    found = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in found["categories"]}
    assert [names[each["category_id"]] for each in found["annotations"]] == ["object"]
