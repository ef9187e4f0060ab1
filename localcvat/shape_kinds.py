"""A shape made one of another kind, for writers that have no place for its own."""

from __future__ import annotations

import copy
from typing import Any

from localcvat.geometry.boxes import shape_box, stated_box
from localcvat.model import Item, Shape


def convert_shape(shape: Shape, target: str, item: Item) -> Shape | None:
    """`shape` as a rectangle, polygon or mask; None when nothing of it lies on the image."""
    try:
        points = _points_as(shape, target, item)
    except ValueError:
        return None
    made = copy.copy(shape)
    made.type, made.points, made.elements = target, points, []
    if target != "rectangle" or shape.type == "ellipse":
        made.rotation = 0.0
    return made


def _points_as(shape: Shape, target: str, item: Item) -> Any:
    if target == "rectangle":
        stated = stated_box(shape)
        if stated is not None:
            return list(stated)
        return list(shape_box(shape, rotated=shape.type == "ellipse"))
    if target == "mask":
        return _mask_points(shape, item)
    if shape.type == "rectangle":
        from localcvat.geometry.boxes import rectangle_corners

        return rectangle_corners(shape.points, shape.rotation)
    if shape.type == "ellipse":
        from localcvat.geometry.ellipses import ellipse_to_polygon

        return ellipse_to_polygon(shape.points, shape.rotation)
    if shape.type == "mask":
        from localcvat.geometry.polygons import mask_to_polygons

        return mask_to_polygons(shape.points)[0]
    raise ValueError(f"a {shape.type} has no outline")


def _mask_points(shape: Shape, item: Item) -> list[float]:
    from localcvat.geometry.boxes import rectangle_corners
    from localcvat.geometry.ellipses import ellipse_to_mask
    from localcvat.geometry.masks import polygons_to_mask

    if shape.type == "ellipse":
        return ellipse_to_mask(shape.points, shape.rotation, item.width, item.height)
    if shape.type == "rectangle":
        ring = rectangle_corners(shape.points, shape.rotation)
        return polygons_to_mask([ring], item.width, item.height)
    if shape.type == "polygon":
        return polygons_to_mask([shape.points], item.width, item.height)
    raise ValueError(f"a {shape.type} has no area")
