"""Lines of YOLO label files: normalised numbers to pixels and back.

A line is read by its number of columns: 5 a box, 6 a box with its confidence, an odd number from 7
on a polygon, an even one from 8 on a polygon with its confidence. A dataset of oriented boxes, of
poses or of tracks says so, and there columns mean what they mean there. Some tools put an instance
number second, or a track's last: where a whole number may be either, the line is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from localcvat.errors import DatasetError
from localcvat.geometry.boxes import min_area_rectangle
from localcvat.model import Item, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.yolo_boxes import rectangle_of_corners

HAIR = 1e-2
"""How far past 0..1 a value may lie and still be taken for rounding."""
FARTHEST = 2.0
"""Beyond this a value is no fraction of the image any more."""
BOX, BOX_AND_SCORE, CORNERS = 5, 6, 9
BOX_LINE = "%d %.6f %.6f %.6f %.6f\n"


class PoseLayout(msgspec.Struct, frozen=True):
    """How many points a line has, of 2 or 3 numbers each, and their names by label."""

    count: int
    numbers: int
    names: Mapping[str, Sequence[str]]


class LineReader:
    """Turns label files into shapes; `names` are the labels in class order.

    `count` is how many there were so far.
    """

    def __init__(
        self,
        names: Sequence[str],
        options: ReadOptions,
        report: Report,
        task: str = "detect",
        pose: PoseLayout | None = None,
    ) -> None:
        self._names = names
        self._skip = options.on_error == "skip"
        self._report = report
        self._task = task
        self._pose = pose
        self.count = 0

    def shapes(self, text: str, item: Item, where: str) -> list[Shape]:
        """The shapes of one label file; `where` names it in messages."""
        shapes = []
        lines = [line.split() for line in text.split("\n")]
        scored = self._scored(lines)
        for number, words in enumerate(lines, 1):
            if not words:
                continue
            try:
                if scored and len(words) % 2 == 0:
                    self._refuse_ambiguous(words, scored, f"{where}:{number}")
                shapes.append(self._shape(words, item, f"{where}:{number}"))
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("line", error.what, error.where)
        self.count += len(shapes)
        if shapes:
            self._report.matched(where, "line", len(shapes))
        return shapes

    def _scored(self, lines: list[list[str]]) -> list[list[str]]:
        """The lines of a file that seem to end with a confidence."""
        if self._task in ("pose", "obb", "track"):
            return []
        return [words for words in lines if len(words) >= BOX_AND_SCORE and len(words) % 2 == 0]

    def _refuse_ambiguous(self, words: list[str], scored: list[list[str]], where: str) -> None:
        """Refuse a number that may be no confidence, as the other lines of the file do not tell."""
        if words[1] in ("0", "1", "2") and all(other[1].isdigit() for other in scored):
            raise DatasetError(
                f"{len(words)} columns are ambiguous: is the second, {words[1]}, the number of an "
                "instance, or is the last the confidence?",
                where=where,
                hint="leave that column out",
            )
        boxes = [other for other in scored if len(other) == BOX_AND_SCORE]
        if len(words) == BOX_AND_SCORE and all(other[-1] in ("0", "1") for other in boxes):
            raise DatasetError(
                f"6 columns are ambiguous: is the last, {words[-1]}, a confidence or a track?",
                where=where,
                hint=f"write {words[-1]}.0 for a confidence; --from ultralytics-track reads tracks",
            )

    def _refuse_pose(self, values: list[float], where: str) -> None:
        """Refuse the points of a pose, whose visibility of 2 would pass for a coordinate."""
        seen = values[6::3]
        if (len(values) - 4) % 3 == 0 and 2 in seen and all(value in (0, 1, 2) for value in seen):
            raise DatasetError(
                f"{len(values) + 1} columns look like a box and {len(seen)} points with visibility",
                where=where,
                hint=f"add kpt_shape: [{len(seen)}, 3] to data.yaml",
            )

    def _shape(self, words: list[str], item: Item, where: str) -> Shape:
        label = self._label(words[0], where)
        values = self._values(words[1:], where)
        count = len(words)
        if self._task == "pose":
            return self._skeleton(label, values, item, where)
        if self._task == "track" and count in (6, 7):
            return self._tracked(label, values, item, where)
        if self._task == "obb" and count in (CORNERS, CORNERS + 1):
            return self._oriented(label, values, item, where)
        if count in (BOX, BOX_AND_SCORE):
            score = self._score(values[4], where) if count == BOX_AND_SCORE else None
            points = self._box(values[:4], item, where)
            return Shape(type="rectangle", label=label, points=points, score=score)
        if count >= 7:
            self._refuse_pose(values, where)
            score = self._score(values.pop(), where) if count % 2 == 0 else None
            ring = self._pixels(values, item, where)
            return Shape(type="polygon", label=label, points=ring, score=score)
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

    def _score(self, value: float, where: str) -> float:
        if not 0 <= value <= 1:
            raise DatasetError(
                f"the last column, {value:g}, is no confidence",
                where=where,
                hint="for track numbers pass --from ultralytics-track",
            )
        return value

    def _clipped(self, values: list[float], where: str) -> list[float]:
        low, high = min(values), max(values)
        if low >= 0 and high <= 1:
            return values
        if low < 1 - FARTHEST or high > FARTHEST:
            raise DatasetError(
                f"{low if low < 0 else high:g} is outside of 0..1",
                where=where,
                hint="YOLO coordinates are fractions of the image",
            )
        if low < -HAIR or high > 1 + HAIR:
            self._report.assumed("coordinate", "beyond the image: kept as it is", where)
            return values
        self._report.changed("coordinate", "clipped into 0..1", where)
        return [min(max(value, 0.0), 1.0) for value in values]

    def _box(self, values: list[float], item: Item, where: str) -> list[float]:
        cx, cy, width, height = self._clipped(values, where)
        if width < 0 or height < 0:
            raise DatasetError("a box of negative size", where=where)
        return [
            (cx - width / 2) * item.width,
            (cy - height / 2) * item.height,
            (cx + width / 2) * item.width,
            (cy + height / 2) * item.height,
        ]

    def _pixels(self, values: list[float], item: Item, where: str) -> list[float]:
        size = (item.width, item.height)
        return [value * size[index % 2] for index, value in enumerate(self._clipped(values, where))]

    def _tracked(self, label: str, values: list[float], item: Item, where: str) -> Shape:
        number = values[-1]
        if number != int(number) or number < 0:
            raise DatasetError(f"{number:g} is no track number", where=where)
        score = self._score(values[4], where) if len(values) == 6 else None
        points = self._box(values[:4], item, where)
        return Shape(
            type="rectangle", label=label, points=points, score=score, track_id=int(number)
        )

    def _oriented(self, label: str, values: list[float], item: Item, where: str) -> Shape:
        score = self._score(values.pop(), where) if len(values) == CORNERS else None
        corners = self._pixels(values, item, where)
        found = rectangle_of_corners(corners)
        if found is None:
            how = "four corners that are no rectangle: the smallest one around them"
            self._report.changed("rectangle", how, where)
            found = min_area_rectangle(corners)
        x1, y1, x2, y2, rotation = found
        points = [x1, y1, x2, y2]
        return Shape(type="rectangle", label=label, points=points, rotation=rotation, score=score)

    def _skeleton(self, label: str, values: list[float], item: Item, where: str) -> Shape:
        pose = self._pose or PoseLayout(0, 3, {})
        wanted = 4 + pose.count * pose.numbers
        if len(values) not in (wanted, wanted + 1):
            raise DatasetError(
                f"{len(values) + 1} columns instead of {wanted + 1}: class, box and "
                f"{pose.count} points of {pose.numbers} numbers",
                where=where,
            )
        score = self._score(values.pop(), where) if len(values) > wanted else None
        x1, y1, x2, y2 = self._box(values[:4], item, where)
        elements = []
        for rank, name in enumerate(pose.names[label]):
            start = 4 + rank * pose.numbers
            elements.append(self._point(name, values[start : start + pose.numbers], item, where))
        # The box is kept where COCO keeps that of its keypoints, so that both write it again.
        extras = {"coco": {"bbox": [x1, y1, x2 - x1, y2 - y1]}}
        return Shape(type="skeleton", label=label, elements=elements, score=score, extras=extras)

    def _point(self, name: str, numbers: list[float], item: Item, where: str) -> Shape:
        visible = numbers[2] if len(numbers) > 2 else 2.0 * (numbers[0] != 0 or numbers[1] != 0)
        if visible not in (0, 1, 2):
            raise DatasetError(f"a visibility of {visible:g}", where=where)
        point = Shape(type="points", label=name, points=self._pixels(numbers[:2], item, where))
        point.outside, point.occluded = visible == 0, visible == 1
        return point


def box_line(index: int, points: Sequence[float], width: int, height: int) -> str:
    """``class cx cy w h`` of a box cut to the image, six decimals, with its newline."""
    x1, y1, x2, y2 = points
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    return BOX_LINE % (
        index,
        (x1 + x2) / 2 / width,
        (y1 + y2) / 2 / height,
        (x2 - x1) / width,
        (y2 - y1) / height,
    )


def whole_box_line(index: int, points: Sequence[float], width: int, height: int) -> str:
    """``class cx cy w h`` of a box as it is, be it beyond the image, as CVAT writes it."""
    x1, y1, x2, y2 = points
    return (
        f"{index} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
        f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n"
    )


def beyond(points: Sequence[float], width: int, height: int) -> bool:
    """Whether a point lies outside the image by more than rounding."""
    xs, ys = points[0::2], points[1::2]
    return min(xs) < -0.01 or min(ys) < -0.01 or max(xs) > width + 0.01 or max(ys) > height + 0.01


def apart(points: Sequence[float], width: int, height: int) -> bool:
    """Whether nothing between the points' extents lies on the image."""
    xs, ys = points[0::2], points[1::2]
    return max(xs) <= 0 or max(ys) <= 0 or min(xs) >= width or min(ys) >= height


def ring_line(
    index: int, points: Sequence[float], width: int, height: int, *, cut: bool = True
) -> str:
    """``class x1 y1 x2 y2 …``, six decimals, with its newline; `cut` to the image."""
    size = (width, height)
    values = [value / size[axis % 2] for axis, value in enumerate(points)]
    if cut:
        values = [min(max(value, 0.0), 1.0) for value in values]
    return f"{index} {' '.join(f'{value:.6f}' for value in values)}\n"
