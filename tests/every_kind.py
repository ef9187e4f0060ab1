"""One dataset with every kind of annotation, and a trip of it through a format."""

from __future__ import annotations

from pathlib import Path

from localcvat.archive import open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.labels import skeleton_svg
from localcvat.model import AttributeSpec, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report

WIDTH, HEIGHT = 200, 100
NODES = ("head", "hand", "foot")
KINDS = (
    *("tag", "rectangle", "polygon", "polyline", "points"),
    *("ellipse", "cuboid", "mask", "skeleton"),
)


def labels() -> list[Label]:
    """Labels with typed attributes, and a skeleton of three points."""
    specs = [
        AttributeSpec(name="colour", input_type="select", values=["red", "blue"]),
        AttributeSpec(name="speed", input_type="number", default_value="0"),
        AttributeSpec(name="ok", input_type="checkbox", default_value="false"),
    ]
    pose = Label(name="pose", type="skeleton", svg=skeleton_svg(NODES, [(1, 2), (1, 3)]))
    pose.sublabels = [Label(name=name, type="points") for name in NODES]
    return [Label(name="car", attributes=specs), Label(name="кот"), pose]


def shape(kind: str, label: str = "car") -> Shape:
    """A shape of this kind, with attributes, flags, group, order and source."""
    points: dict[str, list[float]] = {
        "rectangle": [10.0, 20.0, 50.5, 60.25],
        "polygon": [5.0, 5.0, 60.0, 8.5, 40.25, 70.0],
        "polyline": [0.0, 0.0, 30.5, 30.0, 60.0, 20.0],
        "points": [12.0, 12.5, 14.5, 18.25],
        "ellipse": [80.0, 50.0, 110.0, 30.0],
        "cuboid": [float(20 + 7 * n % 60) for n in range(16)],
        "mask": [0.0, 4.0, 2.0, 4.0, 30.0, 40.0, 34.0, 41.0],
        "skeleton": [],
    }
    made = Shape(type=kind, label=label, points=points[kind])
    made.attributes = {"colour": "blue", "speed": "10", "ok": "true"} if label == "car" else {}
    made.occluded, made.z_order, made.group, made.source = True, 2, 5, "auto"
    if kind in ("rectangle", "ellipse"):
        made.rotation = 30.0
    if kind == "skeleton":
        made.label, made.attributes, made.occluded = "pose", {}, False
        made.elements = [
            Shape(type="points", label="head", points=[10.0, 20.0]),
            Shape(type="points", label="hand", points=[30.5, 40.25], occluded=True),
            Shape(type="points", label="foot", points=[50.0, 60.0], outside=True),
        ]
    return made


def dataset(*kinds: str, plain: bool = False) -> Dataset:
    """Two images, the first of which has one annotation of each of these kinds.

    `plain` leaves the annotations without attributes, flags, groups, rotation and source.
    """
    item = Item(path="a/one.jpg", subset="train", width=WIDTH, height=HEIGHT)
    for kind in kinds:
        if kind == "tag":
            item.tags.append(Tag(label="car", attributes={} if plain else {"colour": "red"}))
            continue
        made = shape(kind)
        if plain:
            made.attributes, made.occluded, made.z_order = {}, False, 0
            made.group, made.source, made.rotation = 0, "manual", 0.0
        item.shapes.append(made)
    empty = Item(path="b/two.png", subset="val", width=WIDTH, height=HEIGHT)
    header = Header(labels=labels(), subsets=["train", "val"])
    return Dataset(header, [item, empty])


def trip(
    source: Dataset, format_name: str, folder: Path, options: ReadOptions | None = None
) -> tuple[Header, list[Item], Report]:
    """Write a dataset in a format into `folder` and read it back: (header, items, report)."""
    report = Report()
    with open_sink(folder) as sink:
        write_dataset(source, find_format(format_name), sink, ConvertOptions(), report)
    options = options or ReadOptions(image_size=(WIDTH, HEIGHT))
    with open_source(folder) as opened:
        read = find_format(format_name).format.read(opened, options, Report())
        return read.header, list(read.items), report


def lost(report: Report) -> dict[str, int]:
    """How many of each kind of value were dropped or changed."""
    counts: dict[str, int] = {}
    for entry in report.losses:
        counts[entry.kind] = counts.get(entry.kind, 0) + entry.count
    return counts
