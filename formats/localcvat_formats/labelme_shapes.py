"""LabelMe's shapes as ours and back."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

from localcvat.model import Shape
from localcvat.report import Report
from localcvat_formats.json_files import finite

LEAST = {"polygon": 3, "linestrip": 2, "line": 2, "point": 1, "points": 1}
KINDS = {
    "polygon": "polygon",
    "linestrip": "polyline",
    "line": "polyline",
    "point": "points",
    "points": "points",
}
MAX_MASK_BYTES = 1 << 26
OCCLUDED = "occluded"
DESCRIPTION = "description"


def read_shape(entry: dict[str, Any]) -> Shape:
    """The shape of an entry's fields; raises ValueError for one that is none."""
    pairs: list[list[float]] = entry["points"]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("points are not pairs of numbers")
    points = finite([value for pair in pairs for value in pair], "points")
    kind = entry["shape_type"] or "polygon"
    shape = Shape(type="", label=entry["label"], score=entry["score"])
    if kind in KINDS:
        if len(pairs) < LEAST[kind]:
            raise ValueError(f"a {kind} of {len(pairs)} points")
        shape.type, shape.points = KINDS[kind], points
    elif kind == "rectangle":
        shape.type, shape.points = "rectangle", _two_corners(points)
    elif kind in ("rotation", "oriented_rectangle"):
        _oriented(shape, points)
    elif kind == "circle":
        shape.type, shape.points = "ellipse", _circle(points)
    elif kind == "mask":
        shape.type, shape.points = "mask", _mask(points, entry["mask"])
    else:
        raise ValueError(f"a shape_type {kind!r} is not one of LabelMe's")
    _set_words(shape, entry)
    return shape


def _two_corners(points: Sequence[float]) -> list[float]:
    if len(points) not in (4, 8):
        raise ValueError(f"a rectangle of {len(points) // 2} points")
    xs, ys = points[0::2], points[1::2]
    return [min(xs), min(ys), max(xs), max(ys)]


def _oriented(shape: Shape, points: Sequence[float]) -> None:
    from localcvat.geometry.boxes import min_area_rectangle

    if len(points) != 8:
        raise ValueError(f"a turned rectangle of {len(points) // 2} points")
    *corners, rotation = min_area_rectangle(points)
    shape.type, shape.points, shape.rotation = "rectangle", corners, rotation % 360


def _circle(points: Sequence[float]) -> list[float]:
    if len(points) != 4:
        raise ValueError(f"a circle of {len(points) // 2} points")
    cx, cy, x, y = points
    radius = math.dist((cx, cy), (x, y))
    return [cx, cy, cx + radius, cy - radius]


def _mask(points: Sequence[float], text: str | None) -> list[float]:
    """The PNG's pixels, put with their top left at the first corner."""
    import numpy as np

    from localcvat.geometry.masks import bitmap_to_mask

    if len(points) != 4 or not text:
        raise ValueError("a mask needs two corners and its image")
    image = _decoded(text)
    left, top = int(min(points[0], points[2])), int(min(points[1], points[3]))
    return bitmap_to_mask(np.asarray(image.convert("L")), left, top)


def _decoded(text: str) -> Any:
    from PIL import Image

    if len(text) > MAX_MASK_BYTES:
        raise ValueError("a mask larger than any image")
    try:
        data = base64.b64decode(text, validate=True)
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"a mask that is no PNG: {error}") from error
    return image


def _set_words(shape: Shape, entry: dict[str, Any]) -> None:
    """Flags, description and attributes; the flag `occluded` is the shape's own."""
    flags = dict(entry["flags"] or {})
    shape.occluded = bool(flags.pop(OCCLUDED, False))
    shape.attributes = {name: "true" if is_set else "false" for name, is_set in flags.items()}
    for name, value in (entry["attributes"] or {}).items():
        shape.attributes[name] = value if isinstance(value, str) else str(value)
    if entry["difficult"]:
        shape.attributes.setdefault("difficult", "true")
    if entry["description"]:
        shape.attributes.setdefault(DESCRIPTION, entry["description"])


def written_shape(shape: Shape, group: int | None, report: Report, where: str) -> dict[str, Any]:
    """An entry of `shapes`; attributes of true and false are flags."""
    kind, points, mask = _outline(shape, report, where)
    attributes = dict(shape.attributes)
    flags = {
        name: value == "true"
        for name, value in attributes.items()
        if _is_flag(value) and name != OCCLUDED
    }
    others = {name: value for name, value in attributes.items() if name not in flags}
    if shape.occluded:
        flags[OCCLUDED] = True
    entry: dict[str, Any] = {
        "label": shape.label,
        "points": [list(pair) for pair in zip(points[0::2], points[1::2], strict=True)],
        "group_id": group or None,
        "description": others.pop(DESCRIPTION, ""),
        "shape_type": kind,
        "flags": flags,
        "mask": mask,
    }
    if others:
        entry["attributes"] = others
    if shape.score is not None:
        entry["score"] = shape.score
    return entry


def _is_flag(value: str) -> bool:
    return value in ("true", "false")


def _outline(shape: Shape, report: Report, where: str) -> tuple[str, Sequence[float], str | None]:
    points = [float(value) for value in shape.points]
    if shape.type == "polyline":
        return "linestrip", points, None
    if shape.type == "points":
        return ("point" if len(points) == 2 else "points"), points, None
    if shape.type == "mask":
        return ("mask", *_written_mask(shape))
    if shape.type == "ellipse":
        return _written_ellipse(shape, report, where)
    return shape.type, points, None


def _written_ellipse(
    shape: Shape, report: Report, where: str
) -> tuple[str, Sequence[float], str | None]:
    from localcvat.geometry.ellipses import ellipse_to_polygon

    cx, cy, right, top = (float(value) for value in shape.points[:4])
    if math.isclose(right - cx, cy - top, rel_tol=1e-9):
        return "circle", [cx, cy, right, cy], None
    report.changed("ellipse", "written as a polygon: only circles have a place", where)
    return "polygon", ellipse_to_polygon(shape.points, shape.rotation), None


def _written_mask(shape: Shape) -> tuple[Sequence[float], str]:
    from PIL import Image

    from localcvat.geometry.masks import mask_to_bitmap

    bitmap, left, top = mask_to_bitmap(shape.points)
    rows, columns = bitmap.shape
    stream = io.BytesIO()
    Image.fromarray(bitmap * 255).convert("1").save(stream, "PNG")
    corners = [float(v) for v in (left, top, left + columns - 1, top + rows - 1)]
    return corners, base64.b64encode(stream.getvalue()).decode()
