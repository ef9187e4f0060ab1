"""Datumaro's annotations as ours and back; Datumaro is imported only inside functions."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from localcvat.model import Item, Label, Shape, Tag
from localcvat.report import Report

FLAGS = ("occluded", "rotation", "keyframe")
KITTI_LEVELS = ("2", "3")
"""How far KITTI says an object is occluded, beyond yes and no: largely, unknown."""
CUBOID_REST = (0.0,) * 7
"""What follows position, rotation and lengths of a 3D cuboid in CVAT."""
MARKET_LABEL = "market-1501"
UNNAMED = "object"
"""The label of what has none in a format that gives no other."""
CAPTION_LABEL = "caption"


def text_of(value: Any) -> str:
    """An attribute's value as CVAT's string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def typed_attributes(
    values: Mapping[str, str], label: Label | None, dialect: str
) -> dict[str, Any]:
    """Attributes as Datumaro's writers take them: truth values as bool, CVAT's numbers as float."""
    kinds = {spec.name: spec.input_type for spec in label.attributes} if label else {}
    typed: dict[str, Any] = {}
    for name, value in values.items():
        typed[name] = value
        if value.lower() in ("true", "false") and kinds.get(name, "checkbox") == "checkbox":
            typed[name] = value.lower() == "true"
        elif dialect == "cvat" and kinds.get(name) == "number":
            typed[name] = _number(value)
    return typed


def _number(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


class FromDatumaro:
    """Turns the annotations of Datumaro's items into ours; `names` are labels by index."""

    def __init__(self, names: Sequence[str], default: str, report: Report) -> None:
        self._names = names
        self._default = default
        self._report = report

    def fill(self, item: Item, annotations: Sequence[Any]) -> None:
        """Give `item` its tags and shapes; what has no place is reported."""
        for annotation in annotations:
            kind = annotation.type.name
            if kind == "label":
                tag = Tag(label=self._label(annotation), attributes=_texts(annotation))
                tag.group = int(annotation.group or 0)
                item.tags.append(tag)
                continue
            if kind == "caption":
                label = self._default or CAPTION_LABEL
                item.tags.append(Tag(label=label, attributes={"text": annotation.caption}))
                continue
            if kind == "mask" and self._label(annotation) == "background":
                continue
            shape = self._shape(annotation, kind)
            if shape is None:
                self._report.dropped(kind, "it has no place in an image's annotations", item.path)
            else:
                item.shapes.append(shape)

    def _label(self, annotation: Any) -> str:
        index = getattr(annotation, "label", None)
        if index is None or not 0 <= index < len(self._names):
            return self._default or UNNAMED
        return str(self._names[index])

    def _shape(self, annotation: Any, kind: str) -> Shape | None:
        given = annotation.attributes
        level = str(given.get("occluded", False)).lower()
        shape = Shape(
            type=kind,
            label=self._label(annotation),
            occluded=level not in ("false", "0", "-1"),
            z_order=int(getattr(annotation, "z_order", 0) or 0),
            group=int(annotation.group or 0),
            attributes=_texts(annotation),
        )
        if level in KITTI_LEVELS:
            shape.attributes["occlusion"] = level
        if kind == "bbox":
            shape.type, shape.points = "rectangle", [float(v) for v in annotation.points]
            shape.rotation = float(given.get("rotation") or 0) % 360
        elif kind == "rotated_bbox":
            cx, cy, w, h, degrees = (float(value) for value in annotation.points)
            shape.type, shape.rotation = "rectangle", degrees % 360
            shape.points = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
        elif kind in ("polygon", "polyline", "points"):
            shape.points = [float(value) for value in annotation.points]
        elif kind == "ellipse":
            x1, y1, x2, y2 = (float(value) for value in annotation.points[:4])
            shape.points = [(x1 + x2) / 2, (y1 + y2) / 2, x2, y1]
        elif kind == "cuboid_3d":
            numbers = (*annotation.position, *annotation.rotation, *annotation.scale)
            shape.type, shape.points = "cuboid", [*map(float, numbers), *CUBOID_REST]
        elif kind != "mask" or not self._set_mask(shape, annotation):
            return None
        _take_score(shape)
        track = given.get("track_id")
        if isinstance(track, int) and not isinstance(track, bool):
            shape.track_id = track
            shape.attributes.pop("track_id", None)
        return shape

    def _set_mask(self, shape: Shape, annotation: Any) -> bool:
        from localcvat.geometry.masks import bitmap_to_mask

        try:
            shape.points = bitmap_to_mask(annotation.image)
        except ValueError:
            return False
        return True


def _take_score(shape: Shape) -> None:
    """Datumaro knows a score as an attribute alone."""
    with contextlib.suppress(KeyError, ValueError):
        score = float(shape.attributes["score"])
        if math.isfinite(score):
            shape.score = score
            del shape.attributes["score"]


def _texts(annotation: Any) -> dict[str, str]:
    return {
        str(name): text_of(value)
        for name, value in annotation.attributes.items()
        if name not in FLAGS and value is not None
    }


class ToDatumaro:
    """Turns our items' annotations into Datumaro's; `labels` by class index."""

    def __init__(self, labels: Sequence[Label], dialect: str) -> None:
        self._index = {label.name: index for index, label in enumerate(labels)}
        self._labels = {label.name: label for label in labels}
        self._dialect = dialect

    def tag(self, tag: Tag) -> Any:
        """A tag as a label."""
        from datumaro.components.annotation import Label as DatumaroLabel

        typed = typed_attributes(tag.attributes, self._labels.get(tag.label), self._dialect)
        return DatumaroLabel(self._index[tag.label], attributes=typed, group=tag.group)

    def shape(self, shape: Shape, item: Item) -> Any:
        """A shape as Datumaro's of the same kind; None when nothing of it lies on the image."""
        from datumaro.components import annotation as dm

        attributes = typed_attributes(
            shape.attributes, self._labels.get(shape.label), self._dialect
        )
        attributes["occluded"] = shape.occluded
        if shape.type == "rectangle":
            attributes["rotation"] = shape.rotation
        if shape.score is not None:
            attributes["score"] = shape.score
        if shape.track_id is not None:
            attributes |= {"track_id": shape.track_id, "keyframe": shape.keyframe}
        common: dict[str, Any] = {
            "label": self._index[shape.label],
            "attributes": attributes,
            "group": shape.group,
            "z_order": shape.z_order,
        }
        points = [float(value) for value in shape.points]
        if shape.type == "rectangle":
            x1, y1, x2, y2 = points
            return dm.Bbox(x1, y1, x2 - x1, y2 - y1, **common)
        if shape.type == "ellipse":
            cx, cy, right, top = points[:4]
            return dm.Ellipse(2 * cx - right, top, right, 2 * cy - top, **common)
        if shape.type == "cuboid":
            del common["z_order"]
            return dm.Cuboid3d(points[:3], points[3:6], points[6:9], **common)
        if shape.type == "mask":
            return _rle(shape, item, common)
        makers = {"polygon": dm.Polygon, "polyline": dm.PolyLine, "points": dm.Points}
        return makers[shape.type](points, **common)


def _rle(shape: Shape, item: Item, common: dict[str, Any]) -> Any:
    from datumaro.components.annotation import RleMask

    from localcvat.geometry.masks import compress_counts, mask_to_coco

    width, height = item.width, item.height
    counts = mask_to_coco(shape.points, width, height)
    if len(counts) == 1:
        return None
    packed = compress_counts(counts, width, height).encode()
    return RleMask(rle={"counts": packed, "size": [height, width]}, **common)


def wide_mask(mask: Any) -> Any:
    """The mask with pixels of 16 bits, in which MOTS numbers class and instance together."""
    import numpy as np
    from datumaro.components.annotation import Mask

    pixels = mask.image.astype(np.uint16)
    return Mask(pixels, label=mask.label, attributes=mask.attributes, z_order=mask.z_order)
