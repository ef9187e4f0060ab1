"""Lines of YOLO label files: normalised numbers to pixels and back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from localcvat.errors import DatasetError
from localcvat.geometry.boxes import min_area_rectangle
from localcvat.model import Item, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report

CLIP = 1e-2
"""How far past 0..1 a value may lie and still be taken for rounding."""
OBB_COLUMNS = 9


class LineReader:
    """Turns label files into shapes; `names` are the labels in class order."""

    def __init__(
        self, names: Sequence[str], options: ReadOptions, report: Report, task: str = "detect"
    ) -> None:
        self._names = names
        self._skip = options.on_error == "skip"
        self._report = report
        self._task = task

    def shapes(self, text: str, item: Item, where: str) -> list[Shape]:
        """The shapes of one label file; `where` names it in messages."""
        shapes = []
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split()
            if not words:
                continue
            try:
                shapes.append(self._shape(words, item, f"{where}:{number}"))
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("line", error.what, error.where)
        return shapes

    def _shape(self, words: list[str], item: Item, where: str) -> Shape:
        label = self._label(words[0], where)
        values = self._values(words[1:], where)
        count = len(words)
        if count in (5, 6) and self._task != "segment":
            score = values[4] if count == 6 else None
            box = self._clipped(values[:4], where)
            return Shape(type="rectangle", label=label, points=_box(box, item), score=score)
        if count == OBB_COLUMNS and self._task == "obb":
            corners = _pixels(self._clipped(values, where), item)
            x1, y1, x2, y2, rotation = min_area_rectangle(corners)
            return Shape(type="rectangle", label=label, points=[x1, y1, x2, y2], rotation=rotation)
        if count >= 7 and count % 2 == 1:
            ring = _pixels(self._clipped(values, where), item)
            return Shape(type="polygon", label=label, points=ring)
        raise DatasetError(
            f"{count} columns: neither a box (class and 4 numbers) nor a polygon", where=where
        )

    def _label(self, word: str, where: str) -> str:
        try:
            number = float(word)
            index = int(number)
        except (ValueError, OverflowError) as error:
            raise DatasetError(f"{word[:40]!r} is not a class number", where=where) from error
        if index != number or not 0 <= index < len(self._names):
            raise DatasetError(
                f"class {word} is not one of the {len(self._names)} names", where=where
            )
        return self._names[index]

    def _values(self, words: list[str], where: str) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise DatasetError(f"not a number: {' '.join(words)[:60]!r}", where=where) from error
        if not all(math.isfinite(value) for value in values):
            raise DatasetError("NaN or infinity is not a coordinate", where=where)
        return values

    def _clipped(self, values: list[float], where: str) -> list[float]:
        low, high = min(values), max(values)
        if low >= 0 and high <= 1:
            return values
        if low < -CLIP or high > 1 + CLIP:
            raise DatasetError(
                f"{low if low < 0 else high:g} is outside of 0..1",
                where=where,
                hint="YOLO coordinates are fractions of the image",
            )
        self._report.changed("coordinate", "clipped into 0..1", where)
        return [min(max(value, 0.0), 1.0) for value in values]


def _box(values: Sequence[float], item: Item) -> list[float]:
    cx, cy, width, height = values
    return [
        (cx - width / 2) * item.width,
        (cy - height / 2) * item.height,
        (cx + width / 2) * item.width,
        (cy + height / 2) * item.height,
    ]


def _pixels(values: Sequence[float], item: Item) -> list[float]:
    size = (item.width, item.height)
    return [value * size[index % 2] for index, value in enumerate(values)]


def box_line(index: int, points: Sequence[float], width: int, height: int) -> str:
    """``class cx cy w h`` of a box cut to the image, six decimals, with its newline."""
    x1, y1, x2, y2 = points
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    return (
        f"{index} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
        f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n"
    )


def beyond(points: Sequence[float], width: int, height: int) -> bool:
    """Whether a point lies outside the image by more than rounding."""
    xs, ys = points[0::2], points[1::2]
    return min(xs) < -0.01 or min(ys) < -0.01 or max(xs) > width + 0.01 or max(ys) > height + 0.01


def ring_line(index: int, points: Sequence[float], width: int, height: int) -> str:
    """``class x1 y1 x2 y2 …`` of a ring cut to the image, six decimals, with its newline."""
    size = (width, height)
    values = (
        f"{min(max(value / size[axis % 2], 0.0), 1.0):.6f}" for axis, value in enumerate(points)
    )
    return f"{index} {' '.join(values)}\n"
