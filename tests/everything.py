"""A dataset that holds one of everything the model can say, and what of it came back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from localcvat.labels import skeleton_svg
from localcvat.model import (
    AttributeSpec,
    Dataset,
    Header,
    Item,
    Label,
    Shape,
    Tag,
    TaskInfo,
    Track,
    TrackedShape,
)
from localcvat.report import Report

WIDTH, HEIGHT = 200, 100
POINTS: dict[str, list[float]] = {
    "rectangle": [10.0, 20.0, 50.5, 60.25],
    "polygon": [5.0, 5.0, 60.0, 8.5, 40.25, 70.0],
    "polyline": [0.0, 0.0, 30.5, 30.0, 60.0, 20.0],
    "points": [12.0, 12.5, 14.5, 18.25],
    "ellipse": [80.0, 50.0, 110.0, 30.0],
    "cuboid": [20.0, 20, 20, 60, 60, 20, 60, 60, 30, 30, 30, 70, 70, 30, 70, 70],
    "mask": [0.0, 4.0, 2.0, 4.0, 30.0, 40.0, 34.0, 41.0],
}
NODES = ("head", "hand", "foot")
NAMES = ("car", "кот", 'say "hi", O\'Neil', "two words", "<b>&amp;</b>", "unused")


def labels() -> list[Label]:
    """Labels of odd names with colours, types, attributes of all kinds, and a skeleton."""
    specs = [
        AttributeSpec(name="colour", input_type="select", values=["red", "blue"]),
        AttributeSpec(name="speed", input_type="number", default_value="0", mutable=True),
        AttributeSpec(name="ok", input_type="checkbox", default_value="false"),
        AttributeSpec(name='odd "name", é', default_value="d"),
    ]
    pose = Label(name="pose", type="skeleton", svg=skeleton_svg(NODES, [(1, 2), (1, 3)]))
    pose.sublabels = [Label(name=name, type="points") for name in NODES]
    pose.sublabels[0].attributes = [AttributeSpec(name="hair")]
    made = [Label(name=name, color=f"#{n:02x}80{n:02x}") for n, name in enumerate(NAMES, 1)]
    made[0].attributes = specs
    made[3].type = "rectangle"
    return [*made, pose]


def _shape(kind: str, **more: Any) -> Shape:
    return Shape(type=kind, label=more.pop("label", "car"), points=POINTS.get(kind, []), **more)


def _skeleton(**more: Any) -> Shape:
    elements = [
        Shape(type="points", label="head", points=[10.0, 20.0], attributes={"hair": "grey"}),
        Shape(type="points", label="hand", points=[30.5, 40.25], occluded=True),
        Shape(type="points", label="foot", points=[50.0, 60.0], outside=True),
    ]
    return Shape(type="skeleton", label="pose", elements=elements, **more)


def annotations() -> dict[str, list[Shape | Tag]]:
    """Annotations of one image each, by what is special about them."""
    made: dict[str, list[Shape | Tag]] = {kind: [_shape(kind)] for kind in POINTS}
    made["skeleton"] = [_skeleton()]
    absent = _skeleton()
    del absent.elements[1]
    made["skeleton-absent"] = [absent]
    made["tag"] = [Tag(label="car")]
    fields: dict[str, Any] = {
        "occluded": True,
        "z_order": 2,
        "source": "auto",
        "score": 0.5,
        "rotation": 30.0,
        "attributes": {"colour": "blue", "speed": "10", "ok": "true", 'odd "name", é': 'a,"b"\n'},
        "extras": {"other": {"licence": "mine"}},
    }
    for field, value in fields.items():
        for kind in POINTS:
            if field != "rotation" or kind in ("rectangle", "ellipse"):
                made[f"{kind}-{field}"] = [_shape(kind, **{field: value})]
    made["skeleton-z_order"] = [_skeleton(z_order=2, source="auto", score=0.5)]
    made["tag-attributes"] = [Tag(label="car", attributes={"colour": "red", "ok": "true"})]
    made["tag-fields"] = [Tag(label="car", source="auto", score=0.5, group=2), Tag(label="кот")]
    for kind in POINTS:
        made[f"{kind}-group"] = [_shape(kind, group=5), _shape(kind, group=5, label="кот")]
    parts = [_shape("polygon", instance=1), _shape("polygon", instance=1)]
    parts[1].points = [100.0, 50, 150, 50, 150, 90]
    made["polygon-instance"] = list(parts)
    made["rectangle-outside-image"] = [_shape("rectangle")]
    made["rectangle-outside-image"][0].points = [-10.0, -5, 220, 130]  # type: ignore[union-attr]
    for number, name in enumerate(NAMES[:5]):
        made[f"label-{number}"] = [_shape("rectangle", label=name)]
        made[f"tag-label-{number}"] = [Tag(label=name)]
    return made


def items() -> list[Item]:
    """The images: one for each of `annotations`, and those odd themselves."""
    made = []
    for name, found in annotations().items():
        item = Item(path=f"{name}.jpg", subset="train", width=WIDTH, height=HEIGHT)
        item.shapes = [each for each in found if isinstance(each, Shape)]
        item.tags = [each for each in found if isinstance(each, Tag)]
        made.append(item)
    for path, subset in (
        ("deep/er/same.jpg", "train"),
        ("other/same.jpg", "train"),
        ("space é 'q'.PNG", "val"),
        ("empty.jpg", "val"),
    ):
        item = Item(path=path, subset=subset, width=WIDTH, height=HEIGHT)
        if path != "empty.jpg":
            item.shapes = [_shape("rectangle")]
            item.tags = [Tag(label="кот")]
        made.append(item)
    made[0].attributes = {"weather": "rain"}
    made[1].extras = {"other": {"camera": 7}}
    for frame, item in enumerate(made):
        item.frame = item.source_frame = frame
    return made


def dataset(*names: str) -> Dataset:
    """The dataset, or only the images of these names."""
    chosen = [item for item in items() if not names or item.path.rpartition(".")[0] in names]
    for frame, item in enumerate(chosen):
        item.frame = item.source_frame = frame
    header = Header(labels=labels(), subsets=list(dict.fromkeys(i.subset for i in chosen)))
    header.info = {"other": {"licence": "free"}}
    return Dataset(header, chosen)


def tracks() -> Dataset:
    """Six frames with a track of a box that goes and comes back, and one of a skeleton."""
    boxes = [
        TrackedShape(type="rectangle", frame=0, points=[1.0, 2, 11, 12], attributes={"speed": "1"}),
        TrackedShape(type="rectangle", frame=2, points=[5.0, 2, 15, 12], outside=True),
        TrackedShape(type="rectangle", frame=4, points=[7.0, 2, 17, 12], occluded=True, z_order=1),
    ]
    car = Track(label="car", shapes=boxes, attributes={"colour": "red"}, group=3, source="auto")
    made = [
        Item(path=f"{n}.jpg", width=WIDTH, height=HEIGHT, frame=n, source_frame=n) for n in range(6)
    ]
    task = TaskInfo(size=6, stop_frame=5, name="t")
    header = Header(labels=labels(), subsets=["default"], tasks=[task], kind="task")
    return Dataset(header, made, [car])


Fact = tuple[str, str]
"""Where and which: the name of an image or label, and the aspect of it."""


def facts(header: Header, found: list[Item]) -> dict[Fact, Any]:
    """Everything a dataset says, one value a fact."""
    told: dict[Fact, Any] = {}
    for position, label in enumerate(header.labels):
        told |= {(f"label {label.name}", key): value for key, value in _label(label, position)}
    for item in found:
        name = item.path
        told[name, "image"] = True
        told[name, "subset"] = item.subset
        told[name, "size"] = (item.width, item.height)
        for key, value in item.attributes.items():
            told[name, f"image attribute {key}"] = str(value)
        told[name, "image fields"] = (item.extras or {}).get("other")
        for number, tag in enumerate(sorted(item.tags, key=lambda tag: tag.label)):
            told |= {(f"{name} tag {number}", key): value for key, value in _tag(tag)}
        for number, shape in enumerate(item.shapes):
            told |= {(f"{name} shape {number}", key): value for key, value in _values(shape)}
    told["dataset", "fields"] = header.info.get("other")
    return {key: value for key, value in told.items() if value not in (None, "", {}, ())}


def _label(label: Label, position: int) -> Iterator[tuple[str, Any]]:
    yield "label", True
    yield "label colour", label.color.lower()
    yield "label type", label.type if label.type != "any" else ""
    for spec in label.attributes:
        values = [value for value in spec.values if value]  # CVAT's XML has an empty one for none
        yield f"label attribute {spec.name}", (spec.mutable, spec.input_type, values)
        yield f"label attribute {spec.name} default", spec.default_value
    for sublabel in label.sublabels:
        yield f"sublabel {sublabel.name}", True
        for spec in sublabel.attributes:
            yield f"label attribute {sublabel.name} {spec.name}", True


def _tag(tag: Tag) -> Iterator[tuple[str, Any]]:
    yield "tag", tag.label
    yield "group", tag.group or None
    yield "source", tag.source if tag.source != "manual" else None
    yield "score", tag.score
    yield "fields", (tag.extras or {}).get("other")
    for name, value in tag.attributes.items():
        yield f"attribute {name}", value


def _values(shape: Shape) -> Iterator[tuple[str, Any]]:
    yield "kind", shape.type
    yield "label of a shape", shape.label
    if shape.type != "skeleton":
        yield "points", [float(value) for value in shape.points]
    yield "occluded", shape.occluded or None
    yield "z_order", shape.z_order or None
    yield "rotation", shape.rotation or None
    yield "group", True if shape.group else None
    yield "source", shape.source if shape.source != "manual" else None
    yield "score", shape.score
    yield "instance", True if shape.instance or (shape.group and shape.type == "polygon") else None
    yield "fields", (shape.extras or {}).get("other")
    for name, value in shape.attributes.items():
        yield f"attribute {name}", value
    for element in shape.elements:
        for key, value in _values(element):
            yield f"point {element.label}: {key}", value
        yield f"point {element.label}: outside", element.outside or None


def differences(before: dict[Fact, Any], after: dict[Fact, Any]) -> Iterator[tuple[Fact, Any, Any]]:
    """Facts that are not there any more or are others: (fact, before, after or None)."""
    for fact, value in before.items():
        found = after.get(fact)
        if not _same(value, found):
            yield fact, value, found


def _same(value: Any, found: Any) -> bool:
    if isinstance(value, list) and isinstance(found, list) and len(value) == len(found):
        return all(_same(a, b) for a, b in zip(value, found, strict=True))
    if isinstance(value, float) and isinstance(found, float):
        return math.isclose(value, found, abs_tol=0.011)
    return bool(value == found)


def rows(report: Report) -> list[str]:
    """``kind: reason`` of what was changed, dropped or assumed."""
    return [f"{entry.kind}: {entry.reason}" for entry in report.entries if entry.outcome != "kept"]
