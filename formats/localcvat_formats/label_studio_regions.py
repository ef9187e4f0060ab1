"""Label Studio's regions as shapes: percent of the image to pixels, rotation, brushes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from localcvat.errors import DatasetError
from localcvat.geometry.boxes import rotate_points
from localcvat.model import Item, Shape, Tag
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.json_files import finite, join
from localcvat_formats.label_studio_unknown import report_unknown_result

ABOUT = ("choices", "textarea", "rating", "number", "datetime", "taxonomy")
VALUE_KEYS = {"textarea": "text"}


def labels_in(results: Sequence[dict[str, Any]]) -> list[str]:
    """The label names and the choices about whole images, in order of appearance."""
    names: list[str] = []
    shaped = {_key(each.get("id")) for each in results if _has_outline(each)}
    for each in results:
        value = each.get("value")
        if not isinstance(value, dict):
            continue
        names += _label_names(value)
        whole = each.get("id") is None or _key(each["id"]) not in shaped
        if each.get("type") == "choices" and whole:
            names += _texts(value.get("choices"))
    return names


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _label_names(value: dict[str, Any]) -> list[str]:
    return [
        name for key, names in value.items() if key.endswith("labels") for name in _texts(names)
    ]


def _has_outline(result: dict[str, Any]) -> bool:
    value = result.get("value")
    return isinstance(value, dict) and not {"x", "points", "rle", "sequence"}.isdisjoint(value)


class Region:
    """All results of one id: an outline, its labels, and what else was said about it."""

    def __init__(self, result: dict[str, Any], position: int) -> None:
        self.result = result
        self.position = position
        self.value: dict[str, Any] = result["value"]
        self.labels: list[str] = []
        self.attributes: dict[str, str] = {}


class RegionReader:
    """The results of one task as shapes and tags; `image_size` is what the regions state."""

    def __init__(
        self, results: list[dict[str, Any]], options: ReadOptions, report: Report, where: str
    ) -> None:
        self._results = results
        self._options = options
        self._report = report
        self._where = where
        self.image_size = (0, 0)
        self.regions: list[Region] = []
        self._about: list[dict[str, Any]] = []
        self._collect()

    def _place(self, position: int) -> str:
        return join(self._where, f"result[{position}]")

    def _collect(self) -> None:
        by_id: dict[Any, Region] = {}
        later: list[dict[str, Any]] = []
        for position, result in enumerate(self._results):
            value, number = result.get("value"), result.get("id")
            if not isinstance(value, dict):
                kind = str(result.get("type"))
                self._report.dropped(kind, "not part of an image", self._place(position))
                continue
            self._size(result)
            if _has_outline(result) and not (_key(number) in by_id and number is not None):
                region = Region(result, position)
                region.labels = _label_names(value)
                self.regions.append(region)
                if number is not None:
                    by_id[_key(number)] = region
            else:
                later.append(result)
        for result in later:
            known = by_id.get(_key(result.get("id"))) if result.get("id") is not None else None
            if known is None:
                self._about.append(result)
            else:
                self._describe(known, result)

    def _size(self, result: dict[str, Any]) -> None:
        width, height = result.get("original_width"), result.get("original_height")
        if not isinstance(width, (int, float)) or not isinstance(height, (int, float)):
            return
        if 0 < width < 1e6 and 0 < height < 1e6 and self.image_size == (0, 0):
            self.image_size = (int(width), int(height))

    def _describe(self, region: Region, result: dict[str, Any]) -> None:
        """Add the labels or the words of a further result of the same region."""
        kind, value = str(result.get("type")), result["value"]
        names = _label_names(value)
        if names:
            region.labels += [name for name in names if name not in region.labels]
        elif kind in ABOUT:
            region.attributes[str(result.get("from_name", kind))] = _said(kind, value)
        else:
            self._report.dropped(kind, "not known about a region", self._where)

    def fill(self, item: Item) -> None:
        """Give `item`, whose size is known if there are regions, its shapes and tags."""
        for position, result in enumerate(self._results):
            if isinstance(result.get("value"), dict):
                report_unknown_result(result, self._report, self._place(position))
        for region in self.regions:
            try:
                item.shapes += self._shapes(region, item)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                what = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
                problem = DatasetError(what, where=self._place(region.position))
                if self._options.on_error != "skip":
                    raise problem from error
                self._report.dropped("region", problem.what, problem.where)
        for result in self._about:
            self._tag(result, item)

    def _tag(self, result: dict[str, Any], item: Item) -> None:
        kind = str(result.get("type"))
        if kind != "choices":
            self._report.dropped(kind, "a text about a whole image has no place", self._where)
            return
        control = str(result.get("from_name", ""))
        for choice in _texts(result["value"].get("choices")):
            attributes = {"choice": control} if control else {}
            item.tags.append(Tag(label=choice, attributes=attributes, source=_source(result)))

    def _shapes(self, region: Region, item: Item) -> list[Shape]:
        where = self._place(region.position)
        result, value = region.result, region.value
        if not region.labels:
            self._report.dropped("region", "it has no label", where)
            return []
        if result.get("image_rotation"):
            self._report.assumed("image", "turned in Label Studio: taken as it is stored", where)
        made = self._outline(value, item, where)
        if made is None:
            return []
        made.attributes = region.attributes
        made.source = _source(result)
        score = result.get("score", value.get("score"))
        made.score = finite([score], "score")[0] if isinstance(score, (int, float)) else None
        if len(region.labels) > 1:
            why = "one of several labels: written as a shape of its own"
            self._report.changed("label", why, where, count=len(region.labels) - 1)
        shapes = []
        for label in region.labels:
            shape = _copy(made)
            shape.label = label
            shapes.append(shape)
        return shapes

    def _outline(self, value: dict[str, Any], item: Item, where: str) -> Shape | None:
        if "sequence" in value:
            self._report.dropped("video region", "only images are read", where)
            return None
        makers: dict[str, Callable[[dict[str, Any], int, int], Shape]] = {
            "rle": _brush,
            "points": _polygon,
            "radiusX": _ellipse,
            "height": _rectangle,
            "x": _point,
        }
        for key, maker in makers.items():
            if key in value:
                return maker(value, item.width, item.height)
        raise ValueError("an outline of no known kind")


def _key(number: Any) -> Any:
    return number if isinstance(number, (str, int)) else repr(number)


def _copy(shape: Shape) -> Shape:
    import copy

    made = copy.copy(shape)
    made.attributes = dict(shape.attributes)
    return made


def _source(result: dict[str, Any]) -> str:
    return "auto" if result.get("_predicted") else "manual"


def _said(kind: str, value: dict[str, Any]) -> str:
    said = value.get(VALUE_KEYS.get(kind, kind))
    if isinstance(said, list):
        return ", ".join(
            " / ".join(map(str, each)) if isinstance(each, list) else str(each) for each in said
        )
    return "" if said is None else str(said)


def _percent(values: Sequence[Any], sides: Sequence[int]) -> list[float]:
    numbers = finite(values, "region")
    return [n * side / 100 for n, side in zip(numbers, sides, strict=True)]


def _rotation(value: dict[str, Any]) -> float:
    return finite([value.get("rotation") or 0], "rotation")[0] % 360


def _rectangle(value: dict[str, Any], width: int, height: int) -> Shape:
    """Label Studio turns a rectangle around its top left corner, CVAT around its centre."""
    numbers = [value["x"], value["y"], value["width"], value["height"]]
    x, y, w, h = _percent(numbers, (width, height, width, height))
    rotation = _rotation(value)
    cx, cy = rotate_points([x + w / 2, y + h / 2], rotation, x, y)
    points = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2] if rotation else [x, y, x + w, y + h]
    return Shape(type="rectangle", label="", points=points, rotation=rotation)


def _ellipse(value: dict[str, Any], width: int, height: int) -> Shape:
    numbers = [value["x"], value["y"], value["radiusX"], value["radiusY"]]
    cx, cy, rx, ry = _percent(numbers, (width, height, width, height))
    points = [cx, cy, cx + rx, cy - ry]
    return Shape(type="ellipse", label="", points=points, rotation=_rotation(value))


def _polygon(value: dict[str, Any], width: int, height: int) -> Shape:
    pairs = value["points"]
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("points are not pairs of numbers")
    closed = value.get("closed", True) is not False
    if len(pairs) < (3 if closed else 2):
        raise ValueError(f"an outline of {len(pairs)} points")
    flat = [number for pair in pairs for number in pair]
    points = _percent(flat, (width, height) * len(pairs))
    return Shape(type="polygon" if closed else "polyline", label="", points=points)


def _point(value: dict[str, Any], width: int, height: int) -> Shape:
    return Shape(
        type="points", label="", points=_percent([value["x"], value["y"]], (width, height))
    )


def _brush(value: dict[str, Any], width: int, height: int) -> Shape:
    from localcvat_formats.label_studio_brush import brush_to_mask

    rle = value["rle"]
    if not isinstance(rle, list):
        raise ValueError("a brush is a list of bytes")
    return Shape(type="mask", label="", points=brush_to_mask(rle, width, height))
