"""Point clouds through Datumaro: 3D cuboids come back with their values, the rest is reported."""

from __future__ import annotations

import copy
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from commands import done
from goldens import Golden, goldens
from localcvat.adapt import adapt
from localcvat.archive import FileMedia, open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.errors import OutputError
from localcvat.model import AttributeSpec, Dataset, Header, Item, Label, Shape
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report
from localcvat_formats.datumaro_clouds import UUID, CloudMedia

NAMES = {"kitti-raw": "kitti_raw", "sly-pointcloud": "sly_pointcloud"}
LABELS = [
    Label(name="car", attributes=[AttributeSpec(name="colour")]),
    Label(name="person"),
]
PCD = b"# .PCD v0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n"


def _cuboid(x: float, track: int | None, label: str = "car", **more: Any) -> Shape:
    numbers = [x, -2.123456, 0.5, 0.0, 0.001, 1.570796, 4.25, 1.8, 1.5]
    return Shape(type="cuboid", label=label, points=numbers + [0.0] * 7, track_id=track, **more)


def _items(folder: Path) -> list[Item]:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (8, 6), (9, 99, 9)).save(folder / "camera.png")
    items = []
    for number in range(4):
        path = folder / f"{number:06d}.pcd"
        path.write_bytes(PCD + b"%d 0 0\n" % number)
        media = CloudMedia(str(path))
        items.append(Item(path=path.name, media=media, source_frame=10 * number))
    items[0].related = ["camera.png"]
    items[0].media = CloudMedia(str(folder / "000000.pcd"))
    items[0].media.related = (FileMedia(str(folder / "camera.png")),)
    items[0].shapes = [
        _cuboid(1.25, 7, attributes={"colour": "red", "parked": "true"}, occluded=True),
        _cuboid(30, None, "person"),
    ]
    items[1].shapes = [_cuboid(1.5, 7, attributes={"colour": "red", "parked": "true"})]
    items[3].shapes = [_cuboid(2.0, 7, attributes={"colour": "blue", "parked": "false"})]
    return items


def _written(name: str, items: list[Item], target: Path, images: bool = True) -> Report:
    report = Report()
    dataset = Dataset(Header(labels=LABELS, subsets=["default"]), copy.deepcopy(items))
    with open_sink(target) as sink:
        options = ConvertOptions(with_images=images)
        write_dataset(dataset, find_format(name), sink, options, report)
    return report


def _read(
    name: str, path: Path, report: Report | None = None
) -> tuple[Header, list[Item], list[bytes]]:
    with open_source(path) as source:
        dataset = find_format(name).format.read(source, ReadOptions(), report or Report())
        items, clouds = [], []
        for item in dataset.items:
            items.append(item)
            if item.media is not None:
                with item.media.open() as stream:
                    clouds.append(stream.read())
        return dataset.header, items, clouds


def _values(items: list[Item]) -> list[Any]:
    return [
        [
            (shape.label, list(shape.points), shape.occluded, sorted(shape.attributes.items()))
            for shape in item.shapes
        ]
        for item in items
    ]


@pytest.mark.parametrize("name", NAMES)
def test_cuboids_clouds_and_images_come_back(tmp_path: Path, name: str) -> None:
    items = _items(tmp_path / "in")
    report = _written(name, items, tmp_path / "out.zip")
    header, found, clouds = _read(name, tmp_path / "out.zip")
    assert {label.name for label in header.labels} == {"car", "person"}
    assert [item.path for item in found] == [item.path for item in items]
    assert _values(found) == _values(items)
    assert clouds == [PCD + b"%d 0 0\n" % number for number in range(4)]
    assert [len(item.related) for item in found] == [1, 0, 0, 0]
    ids = [[shape.track_id for shape in item.shapes] for item in found]
    assert ids[0][0] == ids[1][0] != ids[0][1]
    if name == "kitti-raw":
        assert report.count("changed", "track") >= 1  # the gap at the third frame
    else:
        assert ids[3][0] == ids[0][0] == 7
        assert [item.source_frame for item in found] == [0, 10, 20, 30]
    again = _written(name, found, tmp_path / "again.zip", images=False)
    assert {entry.kind for entry in again.losses} == {"label attributes"}
    assert _values(_read(name, tmp_path / "again.zip")[1]) == _values(items)


@pytest.mark.parametrize("name", NAMES)
def test_datumaro_reads_the_same_values(tmp_path: Path, name: str) -> None:
    import datumaro

    items = _items(tmp_path / "in")
    _written(name, items, tmp_path / "out")
    found = datumaro.Dataset.import_from(str(tmp_path / "out"), NAMES[name])
    names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
    by_id = {each.id: each for each in found}
    for item in items:
        made = by_id[item.stem].annotations
        assert by_id[item.stem].media.data == PCD + b"%d 0 0\n" % int(item.stem)
        assert [names[each.label] for each in made] == [shape.label for shape in item.shapes]
        for each, shape in zip(made, item.shapes, strict=True):
            numbers = [*each.position, *each.rotation, *each.scale]
            assert numbers == pytest.approx(list(shape.points[:9]), abs=0.0051)
            assert each.attributes["occluded"] is shape.occluded
            assert each.attributes.get("colour") == shape.attributes.get("colour")
    assert len(by_id["000000"].media.extra_images) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_is_written_as_the_same_bytes(tmp_path: Path, name: str) -> None:
    items = _items(tmp_path / "in")
    for target in ("a", "b"):
        _written(name, items, tmp_path / target)
    files = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert files
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_pose_behind_a_hidden_one_stays_on_its_frame(tmp_path: Path) -> None:
    items = _items(tmp_path / "in")[:3]
    items[0].shapes = [_cuboid(1, 7)]
    items[1].shapes = [_cuboid(2, 7)]
    items[2].shapes = [_cuboid(3, 7)]
    _written("kitti-raw", items, tmp_path / "out", images=False)
    path = tmp_path / "out" / "tracklet_labels.xml"
    parts = path.read_text().split("<truncation>0<")
    path.write_text(
        f"{parts[0]}<truncation>0<{parts[1]}<truncation>2<{parts[2]}<truncation>0<{parts[3]}"
    )
    _, found, _ = _read("kitti-raw", tmp_path / "out")
    assert [[shape.points[0] for shape in item.shapes] for item in found] == [[1.0], [], [3.0]]


@pytest.mark.parametrize("name", NAMES)
def test_a_cuboid_on_an_image_is_reported_as_dropped(tmp_path: Path, name: str) -> None:
    items = _items(tmp_path / "in")
    flat = Shape(type="cuboid", label="car", points=[float(n) for n in range(16)])
    box = Shape(type="rectangle", label="car", points=[1.0, 2, 3, 4])
    items[2].shapes = [flat, box]
    report = _written(name, items, tmp_path / "out", images=False)
    assert report.count("dropped", "cuboid") == 1
    assert report.count("dropped", "rectangle") == 1
    assert report.count("kept", "cuboid") == 4
    assert _read(name, tmp_path / "out")[1][2].shapes == []


@pytest.mark.parametrize("name", ["yolo", "voc", "labelme-json", "wider-face"])
def test_a_cuboid_in_space_becomes_no_box_on_an_image(name: str) -> None:
    item = Item(path="a.pcd", shapes=[_cuboid(1, None)])
    report = Report()
    choice = find_format(name)
    can = choice.format.capabilities(choice.dialect)
    (made,) = adapt(Dataset(Header(labels=LABELS), [item]), can, report).items
    assert made.shapes == []
    assert report.count("dropped", "cuboid") == 1


def test_one_is_known_and_converted_to_the_other_and_to_datumaro(tmp_path: Path) -> None:
    items = _items(tmp_path / "in")
    _written("sly-pointcloud", items, tmp_path / "sly.zip")
    done(
        "convert",
        tmp_path / "sly.zip",
        tmp_path / "kitti",
        "--to",
        "kitti-raw",
        "--with-images",
        "yes",
    )
    assert (tmp_path / "kitti" / "image_00" / "data" / "000000.png").exists()
    done(
        "convert",
        tmp_path / "kitti",
        tmp_path / "dm.zip",
        "--to",
        "datumaro",
        "--with-images",
        "yes",
    )
    points = [[list(shape.points) for shape in item.shapes] for item in items]
    _, found, clouds = _read("datumaro", tmp_path / "dm.zip")
    assert [[list(shape.points) for shape in item.shapes] for item in found] == points
    assert len(clouds) == 4


def test_two_clouds_of_one_name_are_refused(tmp_path: Path) -> None:
    items = [Item(path="a.pcd", subset="train"), Item(path="a.pcd", subset="val")]
    with pytest.raises(OutputError, match="two point clouds"):
        _written("sly-pointcloud", items, tmp_path / "out", images=False)


def test_cvat_takes_tracks_apart_for_kitti_and_rounds(tmp_path: Path) -> None:
    items = _items(tmp_path / "in")
    report = _written("Kitti Raw Format 1.0", items, tmp_path / "out.zip")
    assert report.count("dropped", "attribute") == 6
    assert report.count("changed", "coordinates") == 4
    with open_source(tmp_path / "out.zip") as source:
        options = ReadOptions(dialect="cvat")
        found = list(find_format("kitti-raw").format.read(source, options, Report()).items)
    assert list(found[0].shapes[-1].points[:9]) == [1.25, -2.12, 0.5, 0, 0, 1.57, 4.25, 1.8, 1.5]
    with zipfile.ZipFile(tmp_path / "out.zip") as zipped:
        text = zipped.read("tracklet_labels.xml").decode()
    assert "<h>1.8</h>" in text  # h, w of its y, x: as CVAT's own export of the corpus
    assert {shape.track_id for item in found for shape in item.shapes} == {None}
    assert text.count("<objectType>") == 4


def test_cvat_rebuilds_tracks_of_supervisely_where_keyframes_are_told(tmp_path: Path) -> None:
    _written("Sly Point Cloud Format 1.0", _items(tmp_path / "in"), tmp_path / "out.zip")
    with open_source(tmp_path / "out.zip") as source:
        options = ReadOptions(dialect="cvat")
        found = list(find_format("sly-pointcloud").format.read(source, options, Report()).items)
    assert [[shape.track_id for shape in item.shapes] for item in found] == [
        [7, None],
        [7],
        [],
        [7],
    ]


SLY_GOLDENS = [g for g in goldens("Sly Point Cloud Format 1.0") if g.corpus == "plain"]
KITTI_GOLDENS = [g for g in goldens("Kitti Raw Format 1.0") if not g.with_images]


def _comparable(name: str, raw: bytes) -> Any:
    """An entry without what no two servers share: random keys, dates, the owner, tags' order."""
    text = UUID.sub(b"key", raw).decode("utf-8", "surrogateescape")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00", "date", text)
    text = text.replace('"root"', '"admin"')
    if name != "meta.json":
        return text
    record = json.loads(text)
    for tag in record["tags"]:
        tag["id"] = 0
    record["tags"].sort(key=lambda tag: tag["name"])
    return record


@pytest.mark.parametrize("golden", SLY_GOLDENS, ids=str)
def test_supervisely_is_written_as_cvat_wrote_it(golden: Golden) -> None:
    theirs, ours = golden.entries(), golden.exported()
    assert sorted(ours) == sorted(theirs)
    for name, raw in theirs.items():
        assert _comparable(name, ours[name]) == _comparable(name, raw), name


@pytest.mark.parametrize("golden", KITTI_GOLDENS, ids=str)
def test_kitti_names_frames_as_cvat_does(golden: Golden) -> None:
    theirs, ours = golden.entries(), golden.exported()
    assert sorted(ours) == sorted(theirs)
    if golden.corpus != "noskel":  # two frames of one base name, which CVAT makes one
        assert ours["frame_list.txt"] == theirs["frame_list.txt"]
    if golden.corpus == "plain":  # the others have 2D cuboids, which CVAT takes for 3D ones
        assert ours["tracklet_labels.xml"] == theirs["tracklet_labels.xml"]


def test_kitti_3d_is_read_with_the_place_in_space(tmp_path: Path) -> None:
    for folder in ("image_2", "label_2", "calib"):
        (tmp_path / "k" / folder).mkdir(parents=True)
    Image.new("RGB", (80, 60)).save(tmp_path / "k" / "image_2" / "000001.png")
    line = "Car 0.25 2 -1.5 10 20 30 50 1.5 1.6 4.2 -3.1 1.7 25.5 -1.57 0.875\n"
    (tmp_path / "k" / "label_2" / "000001.txt").write_text(line + "Car 1 2 3\n")
    (tmp_path / "k" / "calib" / "000001.txt").write_text("P0: 0\n")
    report = Report()
    _, (item,), _ = _read("kitti3d", tmp_path / "k", report)
    assert report.count("dropped", "object") == 1  # the line that is too short
    (shape,) = item.shapes
    assert (shape.type, shape.label, list(shape.points)) == ("rectangle", "Car", [10, 20, 30, 50])
    assert shape.attributes["dimensions"] == "[1.5, 1.6, 4.2]"
    assert shape.attributes["location"] == "[-3.1, 1.7, 25.5]"
    assert shape.attributes["rotation_y"] == "-1.57"
    assert shape.occluded
    assert shape.attributes["occlusion"] == "2"
    assert shape.score == 0.875


@pytest.mark.parametrize("name", ["Kitti Raw Format 1.0", "Sly Point Cloud Format 1.0", *NAMES])
def test_clouds_of_other_kinds_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"1234")
    item = Item(path="a.bin", media=FileMedia(str(path)), shapes=[_cuboid(1, None)])
    report = _written(name, [item], tmp_path / "out")
    assert report.count("changed", "path") == 1
    assert report.count("dropped" if name in NAMES else "changed", "image file") == 1
