"""Writing Datumaro JSON, in both dialects, one file a subset; items stream as text."""

from __future__ import annotations

from typing import Any

from localcvat.archive import Sink
from localcvat.labels import parse_color
from localcvat.model import DEFAULT_SUBSET, Dataset, Item, Label, Shape, Tag
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import respelled
from localcvat_formats.cvat_dialect import (
    LabelIndex,
    datumaro_attributes,
    point_joints,
    point_names,
    rounded,
    rounded_box,
    visibility_of,
)
from localcvat_formats.json_files import json_bytes
from localcvat_formats.sizes import unknown_size

POINT_CLOUD = ".pcd"
CUBOID_3D = 9
"""Numbers of a 3D cuboid: position, rotation, scale; seven zeros follow in CVAT."""


def write_datumaro(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    """``annotations/<subset>.json`` and, with images, ``images/<subset>/…``."""
    writer = _Writer(dataset, options, report)
    texts: dict[str, list[bytes]] = {
        subset: [] for subset in dataset.header.subsets or [DEFAULT_SUBSET]
    }
    for item in dataset.items:
        texts.setdefault(item.subset, []).append(json_bytes(writer.item(item)))
        if options.with_images and item.media is not None:
            folder = "point_clouds" if item.path.endswith(POINT_CLOUD) else "images"
            name = f"{folder}/{item.subset}/{item.path}"
            if sink.has(name):
                report.changed("image file", "there already under this name", item.path)
            else:
                sink.add_media(name, item.media)
    info = json_bytes(dataset.header.info.get("datumaro") or {})
    head = b'{"info":' + info + b',"categories":' + json_bytes(writer.categories())
    for subset, pieces in texts.items():
        with sink.stream(f"annotations/{subset}.json") as out:
            out.write(head + b',"items":[')
            for start in range(0, len(pieces), 1024):
                out.write((b"," if start else b"") + b",".join(pieces[start : start + 1024]))
            out.write(b"]}")


class _Writer:
    """Turns items into Datumaro's records."""

    def __init__(self, dataset: Dataset, options: WriteOptions, report: Report) -> None:
        self._index = LabelIndex(dataset.header.labels)
        self._cvat = options.dialect == "cvat"
        self._with_images = options.with_images
        self._three_d = any(task.dimension == "3d" for task in dataset.header.tasks)
        self._report = report

    def categories(self) -> dict[str, Any]:
        """Labels with their parents, skeletons, and in the plain dialect the labels' colours."""
        labels, skeletons, colors = [], [], []
        names = {"occluded"}
        for number, (label, parent) in enumerate(self._index.flat):
            own = sorted(spec.name for spec in label.attributes)
            names.update(own)
            shown = [] if self._cvat else own
            labels.append({"name": label.name, "parent": parent, "attributes": shown})
            if label.sublabels:
                points = {"labels": point_names(label), "joints": point_joints(label)}
                skeletons.append({"label_id": number, **points})
            color = parse_color(label.color)
            if color is not None:
                colors.append({"label_id": number, **dict(zip("rgb", color, strict=True))})
        found: dict[str, Any] = {
            "label": {"labels": labels, "attributes": sorted(names)},
            "points": {"items": skeletons},
        }
        if colors and not self._cvat:
            found["mask"] = {"colormap": colors}
        return found

    def item(self, item: Item) -> dict[str, Any]:
        """One item: tags first, then shapes in their order."""
        annotations = [self._tag(tag) for tag in item.tags]
        for shape in item.shapes:
            made = self._shape(shape, item)
            if made is not None:
                annotations.append(made)
        if item.related:
            why = "images related to a point cloud are not written"
            self._report.dropped("related image", why, item.path, count=len(item.related))
        attributes = {} if self._cvat else dict(item.attributes)
        if item.source_frame is not None:
            attributes["frame"] = item.source_frame
        record: dict[str, Any] = {"id": item.stem, "annotations": annotations}
        if attributes:
            record["attr"] = attributes
        if self._cvat and not self._with_images:
            record["point_cloud"] = {"path": ""}  # CVAT does so for images too
        elif item.path.endswith(POINT_CLOUD):
            record["point_cloud"] = {"path": item.path}
        else:
            record["image"] = {"path": item.path}
            if item.width and item.height:
                record["image"]["size"] = [item.height, item.width]
        return record

    def _label(self, name: str, parent: str = "") -> Label:
        return self._index.find(name, parent)

    def _head(self, made: Shape | Tag, kind: str, parent: str = "") -> dict[str, Any]:
        label = self._label(made.label, parent)
        extras = {} if self._cvat else (made.extras or {}).get("datumaro") or {}
        if self._cvat:
            attributes = datumaro_attributes(made, label)
        else:
            attributes = _plain_attributes(made, label, extras.get("attributes") or {})
        record = {
            "id": extras.get("id", 0),
            "type": kind,
            "attributes": attributes,
            "group": made.group,
            "label_id": self._index.number(made.label, parent),
        }
        if "object_id" in extras:
            record["object_id"] = extras["object_id"]
        return record

    def _tag(self, tag: Tag) -> dict[str, Any]:
        return self._head(tag, "label")

    def _shape(self, shape: Shape, item: Item) -> dict[str, Any] | None:
        kind = shape.type
        if kind == "cuboid":
            return self._cuboid(shape, item)
        if kind == "skeleton":
            return self._skeleton(shape)
        record = self._head(shape, DATUMARO_KINDS[kind])
        if kind == "mask":
            record["rle"] = _rle(shape, item)
            record["z_order"] = shape.z_order
            return record
        if kind == "rectangle":
            record["z_order"] = shape.z_order
            x1, y1, x2, y2 = rounded_box(shape.points) if self._cvat else shape.points
            record["bbox"] = [x1, y1, x2 - x1, y2 - y1]
            return record
        record["points"] = self._points(shape)
        record["z_order"] = shape.z_order
        if kind == "points":
            flag = 2 if self._cvat else visibility_of(shape)
            record["visibility"] = [flag] * (len(shape.points) // 2)
        return record

    def _points(self, shape: Shape) -> list[float]:
        if shape.type == "ellipse":
            cx, cy, right, top = shape.points
            return [2 * cx - right, top, right, 2 * cy - top]
        return rounded(shape.points) if self._cvat else list(shape.points)

    def _cuboid(self, shape: Shape, item: Item) -> dict[str, Any] | None:
        numbers = list(shape.points)
        if self._three_d or not any(numbers[CUBOID_3D:]):
            record = self._head(shape, "cuboid_3d")
            if self._cvat:
                numbers = rounded(numbers)
            position, rotation, scale = numbers[0:3], numbers[3:6], numbers[6:9]
            return {**record, "position": position, "rotation": rotation, "scale": scale}
        if self._cvat:
            self._report.withdrawn("cuboid", "CVAT leaves 2D cuboids out here", item.path)
            return None
        record = self._head(shape, "cuboid_2d")
        pairs = [numbers[start : start + 2] for start in range(0, len(numbers), 2)]
        return {**record, "points": pairs, "z_order": shape.z_order}

    def _skeleton(self, skeleton: Shape) -> dict[str, Any]:
        """Points in the svg's order, as Datumaro of newer CVAT versions has them."""
        names = point_names(self._label(skeleton.label))
        ranks = {name: rank for rank, name in enumerate(names)}
        elements = []
        for element in sorted(skeleton.elements, key=lambda e: ranks.get(e.label, len(ranks))):
            record = self._head(element, "points", skeleton.label)
            record["points"] = self._points(element)
            record["z_order"] = element.z_order
            record["visibility"] = [visibility_of(element)] * (len(element.points) // 2)
            elements.append(record)
        return {
            **self._head(skeleton, "skeleton"),
            "z_order": skeleton.z_order,
            "elements": elements,
        }


DATUMARO_KINDS = {
    "rectangle": "bbox",
    "polygon": "polygon",
    "polyline": "polyline",
    "points": "points",
    "mask": "mask",
    "ellipse": "ellipse",
}


def _plain_attributes(made: Shape | Tag, label: Label, written: dict[str, Any]) -> dict[str, Any]:
    """Everything about a shape or tag that Datumaro has no field for, and its own attributes."""
    values = respelled(made.attributes, label, written)
    written = {name: value for name, value in written.items() if name not in made.attributes}
    if made.source != "manual" or "source" in written:
        values["source"] = made.source
    if made.score is not None:
        values["score"] = made.score
    if isinstance(made, Tag):
        return values
    if made.occluded or "occluded" in written:
        values["occluded"] = made.occluded
    if made.rotation or "rotation" in written:
        values["rotation"] = made.rotation
    if made.track_id is not None:
        values["track_id"] = made.track_id
        values["keyframe"] = made.keyframe
    return values


def _rle(shape: Shape, item: Item) -> dict[str, Any]:
    from localcvat.geometry.masks import compress_counts, mask_to_coco

    if not item.width or not item.height:
        raise unknown_size(item)
    counts = mask_to_coco(shape.points, item.width, item.height)
    size = [item.height, item.width]
    return {"counts": compress_counts(counts, item.width, item.height), "size": size}
