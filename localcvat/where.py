"""Conditions on annotations, as text: ``label in ("car", "bus") and area > 32*32``.

The syntax is that of Python's comparisons, `and`, `or`, `not`, `in` and sums; nothing else of the
language is there, nothing is called.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from localcvat.errors import UsageError
from localcvat.model import Item, Shape, Tag

Values = Mapping[str, Any]
Condition = Callable[[Values], Any]
FIELDS = (
    *("label", "type", "source", "group", "occluded", "outside", "z_order", "rotation", "score"),
    *("left", "top", "right", "bottom", "width", "height", "area", "track", "keyframe"),
    *("image", "subset", "frame", "image_width", "image_height", "attributes"),
)
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
SUMS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def condition(text: str) -> Callable[[Item, Shape | Tag], bool]:
    """Whether an annotation of an image meets `text`; raises UsageError for what is no condition.

    Names are those of `FIELDS`: pixels for places, ``attributes["name"]`` for a text that is
    compared with numbers as one. What can't be compared is not met.
    """
    try:
        meets = _compiled(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"--where: {text!r} is no condition: {error}") from error

    def met(item: Item, value: Shape | Tag) -> bool:
        try:
            return bool(meets(_Fields(item, value)))
        except (TypeError, ZeroDivisionError):
            return False

    return met


def _compiled(node: ast.AST) -> Condition:
    if isinstance(node, ast.BoolOp):
        parts = [_compiled(value) for value in node.values]
        if isinstance(node.op, ast.And):
            return lambda values: all(part(values) for part in parts)
        return lambda values: any(part(values) for part in parts)
    if isinstance(node, ast.Compare):
        return _comparison(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        inner = _compiled(node.operand)
        change: Callable[[Any], Any] = (
            operator.not_ if isinstance(node.op, ast.Not) else operator.neg
        )
        return lambda values: change(inner(values))
    if isinstance(node, ast.BinOp) and type(node.op) in SUMS:
        work, left, right = SUMS[type(node.op)], _compiled(node.left), _compiled(node.right)
        return lambda values: work(_number(left(values)), _number(right(values)))
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        members = [_compiled(value) for value in node.elts]
        return lambda values: [member(values) for member in members]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if isinstance(node.value, ast.Name) and node.value.id == "attributes":
            name = node.slice.value
            return lambda values: values["attributes"].get(name)
        raise ValueError("only attributes have [names]")
    if isinstance(node, ast.Name):
        return _field(node.id)
    if isinstance(node, ast.Constant):
        constant = node.value
        return lambda _: constant
    raise ValueError(f"{type(node).__name__} is not understood")


def _field(name: str) -> Condition:
    if name in ("true", "false"):
        return lambda _: name == "true"
    if name not in FIELDS:
        raise ValueError(f"there is no {name!r}; there are {', '.join(FIELDS)}")
    return lambda values: values[name]


def _comparison(node: ast.Compare) -> Condition:
    terms = [_compiled(term) for term in (node.left, *node.comparators)]
    compare = [_worker(op) for op in node.ops]

    def holds(values: Values) -> bool:
        found = [term(values) for term in terms]
        return all(
            compare[place](*_alike(found[place], found[place + 1])) for place in range(len(compare))
        )

    return holds


def _worker(op: ast.cmpop) -> Callable[[Any, Any], bool]:
    """What compares; `is` is as good as ==."""
    if isinstance(op, (ast.Is, ast.IsNot)):
        return operator.eq if isinstance(op, ast.Is) else operator.ne
    return COMPARISONS[type(op)]


def _alike(one: Any, other: Any) -> tuple[Any, Any]:
    """A text and a number as two numbers, where the text is one."""
    for text, number in ((one, other), (other, one)):
        if isinstance(text, str) and isinstance(number, (int, float)):
            return _number(one), _number(other)
    return one, other


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


class _Fields(Mapping[str, Any]):
    """The fields of an annotation, each found out when it is asked for."""

    def __init__(self, item: Item, value: Shape | Tag) -> None:
        self._item = item
        self._value = value

    def __iter__(self) -> Any:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)

    def __getitem__(self, name: str) -> Any:
        item, value = self._item, self._value
        if name in ("left", "top", "right", "bottom", "width", "height"):
            return self._box(name)
        if name == "area":
            return _area(value) if isinstance(value, Shape) else None
        of_image = {
            "image": item.path,
            "subset": item.subset,
            "frame": item.frame,
            "image_width": item.width,
            "image_height": item.height,
        }
        if name in of_image:
            return of_image[name]
        if name == "type" and isinstance(value, Tag):
            return "tag"
        return getattr(value, "track_id" if name == "track" else name, None)

    def _box(self, name: str) -> float | None:
        from localcvat.geometry.boxes import shape_box

        if isinstance(self._value, Tag):
            return None
        try:
            left, top, right, bottom = shape_box(self._value, rotated=True)
        except ValueError:
            return None
        sides = {"left": left, "top": top, "right": right, "bottom": bottom}
        return {**sides, "width": right - left, "height": bottom - top}[name]


def _area(shape: Shape) -> float:
    """Square pixels; of shapes without an inside that of their box."""
    from localcvat.geometry.boxes import shape_box
    from localcvat.geometry.masks import mask_area
    from localcvat.geometry.polygons import polygon_area

    if shape.type == "mask":
        return float(mask_area(shape.points))
    if shape.type == "polygon":
        return polygon_area(shape.points)
    if shape.type == "ellipse":
        cx, cy, right, top = shape.points[:4]
        return math.pi * abs(right - cx) * abs(cy - top)
    try:
        left, top, right, bottom = shape_box(shape)
    except ValueError:
        return 0.0
    return (right - left) * (bottom - top)
