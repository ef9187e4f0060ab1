"""Which objects are one and the same: of one label and kind, covering each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localcvat.geometry.boxes import box_iou, rectangle_corners, shape_box
from localcvat.geometry.overlap import paired
from localcvat.model import Shape, TrackedShape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

SLACK = 1e-9
SAME = 0.01
"""Pixels by which the points of equal shapes may differ: what formats round away."""


def without_known(known: Sequence[Shape], new: Sequence[Shape], least: float) -> list[Shape]:
    """Those of `new` that `known` does not have; an object has one counterpart at most.

    Counterparts have the same label and kind and an intersection over union of `least` or more.
    """
    if not known or not new:
        return list(new)
    pairs = paired(_likeness(new, known), 1 - least + SLACK)
    return [shape for index, shape in enumerate(new) if index not in pairs]


def _likeness(new: Sequence[Shape], known: Sequence[Shape]) -> Matrix:
    import numpy as np

    matrix = np.zeros((len(new), len(known)))
    for row, one in enumerate(new):
        for column, other in enumerate(known):
            if one.label == other.label:
                matrix[row, column] = shape_iou(one, other)
    return matrix


def shape_iou(one: Shape | TrackedShape, other: Shape | TrackedShape) -> float:
    """Intersection over union of two shapes of one kind, rotation included; 0 for two kinds.

    Kinds without an area (polylines, points, skeletons, cuboids) are like equal ones alone.
    """
    if one.type != other.type:
        return 0.0
    if one.type == "rectangle" and not one.rotation and not other.rotation:
        return box_iou(shape_box(one), shape_box(other))
    if one.type == "mask":
        return _mask_iou(one.points, other.points)
    if one.type in ("rectangle", "polygon"):
        if not box_iou(shape_box(one, rotated=True), shape_box(other, rotated=True)):
            return 0.0
        return _outline_iou(_outline(one), _outline(other))
    return float(_same_place(_numbers(one), _numbers(other)))


def _numbers(shape: Any) -> list[tuple[str, list[float]]]:
    """The rotation, the points, and those of each element by its label."""
    elements = sorted(getattr(shape, "elements", ()), key=lambda element: element.label)
    parts = [(element.label, list(element.points)) for element in elements]
    return [("", [shape.rotation]), ("", list(shape.points)), *parts]


def _same_place(
    one: Sequence[tuple[str, Sequence[float]]], other: Sequence[tuple[str, Sequence[float]]]
) -> bool:
    return len(one) == len(other) and all(
        label == name
        and len(mine) == len(theirs)
        and all(abs(a - b) <= SAME for a, b in zip(mine, theirs, strict=True))
        for (label, mine), (name, theirs) in zip(one, other, strict=True)
    )


def _outline(shape: Shape | TrackedShape) -> Any:
    import shapely

    points = shape.points
    if shape.type == "rectangle":
        points = rectangle_corners(points, shape.rotation)
    if len(points) < 6:
        return shapely.Polygon()
    return shapely.make_valid(shapely.Polygon(list(zip(points[0::2], points[1::2], strict=True))))


def _outline_iou(one: Any, other: Any) -> float:
    union = one.union(other).area
    return float(one.intersection(other).area / union) if union else 0.0


def _mask_iou(one: Sequence[float], other: Sequence[float]) -> float:
    from localcvat.geometry.masks import mask_to_bitmap

    sides = [max(one[-4], other[-4]), max(one[-3], other[-3])]
    sides += [min(one[-2], other[-2]) + 1, min(one[-1], other[-1]) + 1]
    left, top, right, bottom = map(int, sides)
    if left >= right or top >= bottom:
        return 0.0
    cut, areas = [], 0
    for points in (one, other):
        bitmap, x, y = mask_to_bitmap(points)
        areas += int((bitmap > 0).sum())
        cut.append(bitmap[top - y : bottom - y, left - x : right - x] > 0)
    shared = int((cut[0] & cut[1]).sum())
    return shared / (areas - shared)
