"""VGG Image Annotator (VIA) 1 and 2, read only: projects and annotations as JSON, and CSV.

VIA has no labels: a region carries free attributes. The one that names the class becomes the label,
the others stay attributes; so it is with the attributes of files and tags.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.model import DEFAULT_SUBSET, AttributeSpec, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions
from localcvat.report import Report
from localcvat_formats.image_paths import ImageFinder, fill_media, is_embedded, relative_paths
from localcvat_formats.json_files import finite, join
from localcvat_formats.unknown_fields import report_unknown
from localcvat_formats.via_records import (
    ImageRecord,
    Region,
    Via,
    is_via_3,
    looks_like_via,
    read_via,
)

LABEL_NAMES = ("label", "class", "name", "category", "type", "object", "class_name", "object_name")
UNLABELLED = "object"
AS_VIA_2 = "export its annotations as COCO or CSV of VIA 2"
KNOWN = frozenset(
    (
        *("name", "x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "theta"),
        *("all_points_x", "all_points_y"),
    )
)
CHOICES = {"dropdown": "select", "radio": "radio", "text": "text", "checkbox": "text"}


class ViaFormat(Format):
    """VIA projects (`_via_img_metadata`) and exported annotations."""

    name: ClassVar[str] = "via"
    aliases: ClassVar[tuple[str, ...]] = ("vgg-image-annotator", "via2", "vgg")
    summary: ClassVar[str] = "VGG Image Annotator 1 and 2: JSON and CSV"
    can_write: ClassVar[bool] = False
    extensions: ClassVar[tuple[str, ...]] = (".json", ".csv")

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset())

    def detect(self, source: Source) -> Detection:
        for name in _candidates(source):
            found = looks_like_via(source, name)
            if found:
                return Detection(score=90, reason=f"{name} is {found}")
        if any(is_via_3(source, name) for name in _candidates(source)):
            return Detection(score=0, reason=f"a project of VIA 3, which is not read: {AS_VIA_2}")
        return Detection(score=0, reason="no JSON with filename and regions, no VIA table")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        names = [name for name in _candidates(source) if looks_like_via(source, name)]
        if not names:
            newer = next((name for name in _candidates(source) if is_via_3(source, name)), None)
            if newer is not None:
                what = "a project of VIA 3, which is not read"
                raise DatasetError(what, where=source.where(newer), hint=AS_VIA_2)
            raise DatasetError(
                "no file of VIA",
                where=source.display,
                hint="looked for JSON with filename and regions, and for VIA's table",
            )
        return _Reader(source, options, report).dataset(names)


def _candidates(source: Source) -> list[str]:
    return [
        name
        for name in source.names
        if name.lower().endswith((".json", ".csv")) and not name.rpartition("/")[2].startswith(".")
    ]


class _Reader:
    """Reads VIA's files; several are subsets, named after their folders."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._labelling: dict[str, str] = {}

    def dataset(self, names: list[str]) -> Dataset:
        files = [(name, read_via(self._source, name)) for name in names]
        for _, via in files:
            for key, of, where in via.unknown:
                report_unknown([key], (), self._report, where, of=of)
        self._labelling = {
            what: _label_attribute([via for _, via in files], what) for what in ("region", "file")
        }
        labels = self._labels([via for _, via in files])
        subsets = {name: _subset(name, names) for name in names}
        header = Header(labels=labels, subsets=list(dict.fromkeys(subsets.values())))
        return Dataset(header, self._items(files, subsets))

    def _labels(self, files: list[Via]) -> list[Label]:
        regions, about = self._labelling["region"], self._labelling["file"]
        if regions:
            place = self._source.display
            self._report.assumed("label", f"taken from the attribute {regions!r}", place)
        names: dict[str, None] = dict.fromkeys(self._options.labels or ())
        specs: dict[str, AttributeSpec] = {}
        for via in files:
            declared = via.declared.get("region")
            for name, spec in (declared if isinstance(declared, dict) else {}).items():
                options = spec.get("options") if isinstance(spec, dict) else None
                if name == regions and isinstance(options, dict):
                    names.update(dict.fromkeys(map(str, options)))
                elif name != regions:
                    specs.setdefault(name, _spec(name, spec))
            for _, image in via.images:
                for _, region in image.each_region():
                    names.setdefault(_label_of(region.region_attributes, regions))
                tag = _label_of(image.file_attributes, about)
                if about and tag != UNLABELLED:
                    names.setdefault(tag)
        return [Label(name=name, attributes=list(specs.values())) for name in names]

    def _items(self, files: list[tuple[str, Via]], subsets: dict[str, str]) -> Iterator[Item]:
        given = [_path(image) for _, via in files for _, image in via.images]
        paths = relative_paths(given)
        for name, via in files:
            finder = ImageFinder(self._source, name.rpartition("/")[0])
            for where, image in via.images:
                yield self._item(image, where, paths[_path(image)], subsets[name], finder)

    def _item(
        self, image: ImageRecord, where: str, path: str, subset: str, finder: ImageFinder
    ) -> Item:
        if not path or is_embedded(_path(image)):
            raise DatasetError(f"{image.filename[:40]!r} is no file name", where=where)
        item = Item(path=path, subset=subset)
        fill_media(item, finder, self._source, self._options, self._report, where)
        for place, region in image.each_region():
            report_unknown(region.shape_attributes, KNOWN, self._report, join(where, place))
            try:
                item.shapes.append(self._shape(region, join(where, place)))
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                what = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
                problem = DatasetError(what, where=join(where, place))
                if self._options.on_error != "skip":
                    raise problem from error
                self._report.dropped("region", problem.what, problem.where)
        self._tag(image, item)
        return item

    def _tag(self, image: ImageRecord, item: Item) -> None:
        """The file's attributes as a tag if one of them names a class, else counted as lost."""
        labelling = self._labelling["file"]
        said = {name: _text(value) for name, value in image.file_attributes.items()}
        said = {name: text for name, text in said.items() if text}
        label = said.pop(labelling, "") if labelling else ""
        if label:
            item.tags.append(Tag(label=label, attributes=said))
        elif said:
            why = "an image without a class has no attributes"
            self._report.dropped("file attribute", why, item.path, count=len(said))

    def _shape(self, region: Region, where: str) -> Shape:
        labelling = self._labelling["region"]
        shape = _outline(region.shape_attributes)
        shape.label = _label_of(region.region_attributes, labelling)
        if shape.label == UNLABELLED:
            self._report.assumed("label", f"a region without one is called {UNLABELLED}", where)
        said = {name: _text(value) for name, value in region.region_attributes.items()}
        shape.attributes = {n: text for n, text in said.items() if n != labelling and text}
        return shape


def _path(image: ImageRecord) -> str:
    return image.fileref or image.filename


def _subset(name: str, names: list[str]) -> str:
    folder = name.rpartition("/")[0].rpartition("/")[2]
    if len(names) > 1:
        return folder or name.rpartition("/")[2].rpartition(".")[0]
    return folder if folder in ("train", "val", "valid", "test") else DEFAULT_SUBSET


def _label_attribute(files: list[Via], what: str) -> str:
    """The attribute that names the class: by its name, else the first choice, else an only one."""
    declared: dict[str, Any] = {}
    used: dict[str, None] = {}
    for via in files:
        found = via.declared.get(what)
        declared.update(found if isinstance(found, dict) else {})
        for _, image in via.images:
            if what == "file":
                used.update(dict.fromkeys(image.file_attributes))
            else:
                for _, region in image.each_region():
                    used.update(dict.fromkeys(region.region_attributes))
    names = [*used, *(name for name in declared if name not in used)]
    by_name = {name.lower(): name for name in reversed(names)}
    for wanted in LABEL_NAMES:
        if wanted in by_name:
            return by_name[wanted]
    if what == "file":
        return ""
    for name, spec in declared.items():
        if isinstance(spec, dict) and spec.get("type") in ("dropdown", "radio"):
            return str(name)
    return names[0] if len(names) == 1 else ""


def _label_of(attributes: dict[str, Any], labelling: str) -> str:
    return _text(attributes.get(labelling)) or UNLABELLED


def _text(value: Any) -> str:
    """An attribute's value; of check boxes those that are set."""
    if isinstance(value, dict):
        return ",".join(str(name) for name, is_set in value.items() if is_set)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()


def _spec(name: str, declared: Any) -> AttributeSpec:
    declared = declared if isinstance(declared, dict) else {}
    options = declared.get("options")
    values = [str(option) for option in options] if isinstance(options, dict) else []
    kind = CHOICES.get(str(declared.get("type")), "text")
    defaults = declared.get("default_options")
    default = next(iter(defaults), "") if isinstance(defaults, dict) else ""
    return AttributeSpec(
        name=name,
        mutable=True,
        input_type=kind if values or kind == "text" else "text",
        values=values if kind != "text" else [],
        default_value=str(default),
    )


def _outline(given: dict[str, Any]) -> Shape:
    makers: dict[str, Callable[[dict[str, Any]], Shape]] = {
        "rect": _rectangle,
        "rectangle": _rectangle,
        "circle": _circle,
        "ellipse": _ellipse,
        "polygon": _polygon,
        "polyline": _polyline,
        "line": _polyline,
        "point": _point,
    }
    maker = makers.get(str(given.get("name")))
    if maker is None:
        raise ValueError(f"a shape {given.get('name')!r} is not one of VIA's")
    return maker(given)


def _made(kind: str, points: list[float]) -> Shape:
    return Shape(type=kind, label="", points=points)


def _rectangle(given: dict[str, Any]) -> Shape:
    x, y, w, h = finite([given["x"], given["y"], given["width"], given["height"]], "rect")
    return _made("rectangle", [x, y, x + w, y + h])


def _circle(given: dict[str, Any]) -> Shape:
    cx, cy, r = finite([given["cx"], given["cy"], given["r"]], "circle")
    return _made("ellipse", [cx, cy, cx + r, cy - r])


def _ellipse(given: dict[str, Any]) -> Shape:
    """VIA turns an ellipse by `theta`, in radians, around its centre."""
    cx, cy, rx, ry = finite([given["cx"], given["cy"], given["rx"], given["ry"]], "ellipse")
    shape = _made("ellipse", [cx, cy, cx + rx, cy - ry])
    shape.rotation = math.degrees(finite([given.get("theta") or 0], "theta")[0]) % 360
    return shape


def _pairs(given: dict[str, Any]) -> list[float]:
    xs = finite(given["all_points_x"], "all_points_x")
    ys = finite(given["all_points_y"], "all_points_y")
    if len(xs) != len(ys):
        raise ValueError(f"{len(xs)} x and {len(ys)} y")
    return [value for pair in zip(xs, ys, strict=True) for value in pair]


def _polygon(given: dict[str, Any]) -> Shape:
    points = _pairs(given)
    if len(points) > 6 and points[:2] == points[-2:]:  # VIA 1 closes polygons
        points = points[:-2]
    if len(points) < 6:
        raise ValueError(f"a polygon of {len(points) // 2} points")
    return _made("polygon", points)


def _polyline(given: dict[str, Any]) -> Shape:
    points = _pairs(given)
    if len(points) < 4:
        raise ValueError(f"a polyline of {len(points) // 2} points")
    return _made("polyline", points)


def _point(given: dict[str, Any]) -> Shape:
    return _made("points", finite([given["cx"], given["cy"]], "point"))
