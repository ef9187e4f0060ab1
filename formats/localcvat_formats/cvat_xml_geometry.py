"""Where a shape is, as attributes of CVAT XML (formats specification, 1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from localcvat.model import Shape, TrackedShape

CUBOID = [
    f"{axis}{corner}{face}" for face in "12" for corner in ("tl", "bl", "tr", "br") for axis in "xy"
]
BOX = ("xtl", "ytl", "xbr", "ybr")

Pairs = list[tuple[str, str]]
Number = Callable[[float], str]


def exact(value: float) -> str:
    """A coordinate with as many decimals as it has, two at least."""
    text = f"{value:.2f}"
    return text if float(text) == value else repr(float(value))


def geometry_of(shape: Shape | TrackedShape, number: Number) -> Pairs:
    """The attributes that say where a shape is; none for a skeleton."""
    points = shape.points
    if shape.type == "rectangle":
        pairs = [(name, number(value)) for name, value in zip(BOX, points, strict=False)]
    elif shape.type == "ellipse":
        cx, cy, right, top = points
        radii = (round(right - cx, 9), round(cy - top, 9))
        names = ("cx", "cy", "rx", "ry")
        pairs = [(n, number(v)) for n, v in zip(names, (cx, cy, *radii), strict=True)]
    elif shape.type == "cuboid":
        pairs = [(name, number(value)) for name, value in zip(CUBOID, points, strict=False)]
    elif shape.type == "mask":
        return _mask(points)
    elif shape.type == "skeleton":
        return []
    else:
        couples = zip(points[0::2], points[1::2], strict=False)
        return [("points", ";".join(f"{number(x)},{number(y)}" for x, y in couples))]
    if shape.rotation and shape.type != "cuboid":
        pairs.append(("rotation", number(shape.rotation)))
    return pairs


def _mask(points: Sequence[float]) -> Pairs:
    left, top, right, bottom = (int(value) for value in points[-4:])
    return [
        ("rle", ", ".join(str(int(value)) for value in points[:-4])),
        ("left", str(left)),
        ("top", str(top)),
        ("width", str(right - left + 1)),
        ("height", str(bottom - top + 1)),
    ]
