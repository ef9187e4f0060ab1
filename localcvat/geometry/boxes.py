"""Boxes of shapes, rotation, corners; pixels, degrees clockwise with y down."""

from __future__ import annotations

import math
from collections.abc import Sequence

from localcvat.model import Shape, TrackedShape

Box = tuple[float, float, float, float]


def points_box(points: Sequence[float]) -> Box:
    """(left, top, right, bottom) of a flat list of points; raises ValueError for none."""
    if len(points) < 2:
        raise ValueError("no points")
    xs, ys = points[0::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def shape_box(shape: Shape | TrackedShape, rotated: bool = False) -> Box:
    """Extents of a shape of any type; raises ValueError when it has no points.

    A mask's right and bottom are one past its last pixel. Rectangles and ellipses are taken
    un-rotated unless `rotated`. A skeleton's box is that of the elements that are not outside.
    """
    points = shape.points
    if shape.type == "mask":
        left, top, right, bottom = points[-4:]
        return left, top, right + 1, bottom + 1
    if shape.type == "ellipse":
        return _ellipse_box(points, shape.rotation if rotated else 0.0)
    if shape.type == "skeleton" and isinstance(shape, Shape):
        seen = [element for element in shape.elements if not element.outside] or shape.elements
        return points_box([value for element in seen for value in element.points])
    if rotated and shape.rotation and shape.type == "rectangle":
        return points_box(rectangle_corners(points, shape.rotation))
    return points_box(points)


def is_in_space(shape: Shape) -> bool:
    """Whether a cuboid lies in a point cloud: nine numbers and seven zeros, not eight points."""
    return shape.type == "cuboid" and not any(shape.points[9:])


def stated_box(shape: Shape) -> Box | None:
    """The box that the file a shape came from gave it beside its outline, if it did."""
    extras = shape.extras or {}
    stated = extras.get("coco", {}).get("bbox")
    if stated and len(stated) == 4:  # an outline is read whatever is stated beside it
        x, y, width, height = stated
        return x, y, x + width, y + height
    if extras.get("voc", {}).get("bndbox"):
        left, top, right, bottom = extras["voc"]["bndbox"]
        return left, top, right, bottom
    return None


def _ellipse_box(points: Sequence[float], rotation: float) -> Box:
    cx, cy, right, top = points[:4]
    rx, ry = abs(right - cx), abs(cy - top)
    angle = math.radians(rotation)
    width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return cx - width, cy - height, cx + width, cy + height


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two (left, top, right, bottom); 0 when either has no area."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def rotate_points(points: Sequence[float], degrees: float, cx: float, cy: float) -> list[float]:
    """Points turned clockwise (y down) around a centre."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: list[float] = []
    for x, y in zip(points[0::2], points[1::2], strict=True):
        dx, dy = x - cx, y - cy
        turned += (cx + dx * cosine - dy * sine, cy + dx * sine + dy * cosine)
    return turned


def rectangle_corners(points: Sequence[float], rotation: float) -> list[float]:
    """The corners TL, TR, BR, BL of a rectangle after its rotation, as 8 floats."""
    x1, y1, x2, y2 = points
    corners = [x1, y1, x2, y1, x2, y2, x1, y2]
    if not rotation % 360:
        return corners
    return rotate_points(corners, rotation, (x1 + x2) / 2, (y1 + y2) / 2)


def min_area_rectangle(points: Sequence[float]) -> tuple[float, float, float, float, float]:
    """(x1, y1, x2, y2, rotation) of the smallest rectangle around points, 0 <= rotation < 180.

    Four points in the order of `rectangle_corners` give back that rectangle's own sides.
    """
    hull = _hull(list(zip(points[0::2], points[1::2], strict=True)))
    if len(hull) < 3:
        return (*points_box(points), 0.0)
    start = (points[0], points[1])
    if start in hull:
        first = hull.index(start)
        hull = hull[first:] + hull[:first]
    best: tuple[float, float, float, float, float] | None = None
    smallest = math.inf
    for (ax, ay), (bx, by) in zip(hull, hull[1:] + hull[:1], strict=True):
        degrees = math.degrees(math.atan2(by - ay, bx - ax)) % 180
        box = points_box(rotate_points(points, -degrees, 0.0, 0.0))
        area = (box[2] - box[0]) * (box[3] - box[1])
        if area < smallest * (1 - 1e-9):
            smallest = area
            best = _placed(box, degrees)
    assert best is not None
    return best


def _placed(box: Box, degrees: float) -> tuple[float, float, float, float, float]:
    cx, cy = rotate_points([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], degrees, 0.0, 0.0)
    half_width, half_height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    return cx - half_width, cy - half_height, cx + half_width, cy + half_height, degrees


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The convex hull, clockwise with y down (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    half = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for point in sequence:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        half += chain[:-1]
    return half


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
