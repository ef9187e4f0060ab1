"""What is wrong or odd with the annotations of a dataset, and a copy in which it is mended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, check_apart, write_dataset
from localcvat.errors import SourceError, UsageError
from localcvat.geometry.alike import without_known
from localcvat.geometry.boxes import is_in_space, shape_box
from localcvat.images import image_size
from localcvat.model import AttributeSpec, Dataset, Item, Label, Shape, Tag, flat_labels
from localcvat.plugin import FormatChoice, ReadOptions, find_format
from localcvat.reading import flattened, opened_dataset
from localcvat.report import Report
from localcvat.reshape import clip_shape

LEAST_POINTS = {"polygon": 3, "polyline": 2, "points": 1}
SAME = 0.999
"""The IoU from which two objects of one label and kind are one annotated twice."""
ERRORS = frozenset(
    ("no area", "outside", "unknown label", "label type", "attribute value", "image file")
)


class Finding(msgspec.Struct, frozen=True):
    """Something about one image: `what` it is, `on` which annotation, in words."""

    image: str
    what: str
    on: str = ""
    detail: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it is wrong, not just odd."""
        return self.what in ERRORS


def findings(dataset: Dataset) -> Iterator[Finding]:
    """What is wrong or odd, image by image, then labels that nothing has; the stream is used up."""
    labels = {(parent, label.name): label for label, parent in flat_labels(dataset.header.labels)}
    used: set[str] = set()
    seen: set[int] = set()
    for item in flattened(dataset).items:
        key = hash((item.subset, item.stem))
        if key in seen:
            yield Finding(item.path, "image twice", detail="another has its name and subset")
        seen.add(key)
        yield from _of_image(item)
        yield from _of_annotations(item, labels)
        used.update(shape.label for shape in item.shapes)
        used.update(tag.label for tag in item.tags)
    for label in dataset.header.labels:
        if label.name not in used:
            yield Finding("", "label never used", label.name)


def _of_image(item: Item) -> Iterator[Finding]:
    if not item.shapes and not item.tags:
        yield Finding(item.path, "no annotations")
    if item.media is None:
        return
    try:
        size = image_size(item.media)
    except SourceError as error:
        yield Finding(item.path, "image file", detail=error.what)
        return
    if item.width and item.height and size != (item.width, item.height):
        stated = f"{item.width}x{item.height}"
        yield Finding(item.path, "image size", detail=f"{stated}, its file is {size[0]}x{size[1]}")


def _of_annotations(item: Item, labels: dict[tuple[str, str], Label]) -> Iterator[Finding]:
    for tag in item.tags:
        yield from _of_label(item, tag, "tag", labels)
    for shape in item.shapes:
        yield from _of_label(item, shape, shape.type, labels)
        what, detail = _of_place(shape, item)
        if what:
            yield Finding(item.path, what, _name(shape), detail)
    for shape in twice(item.shapes):
        yield Finding(item.path, "annotated twice", _name(shape), _place(shape))


def _of_label(
    item: Item, value: Shape | Tag, kind: str, labels: dict[tuple[str, str], Label]
) -> Iterator[Finding]:
    label = labels.get(("", value.label))
    if label is None:
        yield Finding(item.path, "unknown label", f"{kind} {value.label}")
        return
    if label.type not in ("any", kind):
        yield Finding(item.path, "label type", f"{kind} {label.name}", f"is of {label.type}")
    specs = {spec.name: spec for spec in label.attributes}
    for name, text in value.attributes.items():
        spec = specs.get(name)
        if spec is not None and not fits(spec, text):
            what = f"{name} is {text!r}, not one of {spec.input_type} {', '.join(spec.values)}"
            yield Finding(item.path, "attribute value", f"{kind} {label.name}", what.rstrip())


def fits(spec: AttributeSpec, text: str) -> bool:
    """Whether an attribute may have this value; a number's `values` are least, most and step."""
    if spec.input_type in ("select", "radio"):
        return text in spec.values
    if spec.input_type == "checkbox":
        return text.lower() in ("true", "false")
    if spec.input_type == "number":
        try:
            number, bounds = float(text), [float(bound) for bound in spec.values[:2]]
        except ValueError:
            return False
        return len(bounds) < 2 or bounds[0] <= number <= bounds[1]
    return True


def _of_place(shape: Shape, item: Item) -> tuple[str, str]:
    """(what is wrong with where a shape lies, in numbers), two empty texts if nothing is."""
    if is_in_space(shape):
        return "", ""
    least = LEAST_POINTS.get(shape.type)
    if least is not None and len(shape.points) < 2 * least:
        return "no area", f"{len(shape.points) // 2} points"
    try:
        left, top, right, bottom = shape_box(shape, rotated=True)
    except ValueError:
        return "no area", "no points"
    if shape.type not in ("points", "polyline", "skeleton") and (left >= right or top >= bottom):
        return "no area", _place(shape)
    if item.width and item.height:
        if right <= 0 or bottom <= 0 or left >= item.width or top >= item.height:
            return "outside", _place(shape)
        slack = 0.5
        if min(left, top) < -slack or right > item.width + slack or bottom > item.height + slack:
            return "beyond the image", _place(shape)
    if shape.type == "polygon" and not _is_simple(shape):
        return "crosses itself", ""
    return "", ""


def _is_simple(shape: Shape) -> bool:
    import shapely

    pairs = list(zip(shape.points[0::2], shape.points[1::2], strict=False))
    return bool(shapely.is_valid(shapely.Polygon(pairs)))


def twice(shapes: list[Shape]) -> list[Shape]:
    """Shapes that lie where one before of their label and kind lies already."""
    again: list[Shape] = []
    groups: dict[tuple[str, str], list[Shape]] = {}
    for shape in shapes:
        groups.setdefault((shape.label, shape.type), []).append(shape)
    for group in groups.values():
        known: list[Shape] = []
        for shape in group:
            if without_known(known, [shape], SAME):
                known.append(shape)
            else:
                again.append(shape)
    return again


def write_mended(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    from_: str | None = None,
    to: str | None = None,
    options: ConvertOptions | None = None,
) -> Report:
    """Write the dataset at `source` mended (see `mended`) at `target`; `to` None keeps the format.

    Returns what was done and lost.
    """
    options = options or ConvertOptions()
    check_apart(source, target)
    report = Report()
    reading = ReadOptions(media=options.with_images, image_size=options.image_size)
    with opened_dataset(source, from_, reading, report) as (dataset, origin):
        choice = find_format(to) if to else FormatChoice(origin, "plain")
        if not choice.format.can_write:
            raise UsageError(f"the format {choice.format.name!r} can't be written", hint="--to")
        single = Path(target).suffix.lower() in choice.format.extensions
        with open_sink(target, overwrite=options.overwrite, single=single) as sink:
            write_dataset(mended(dataset, report), choice, sink, options, report)
    return report


def mended(dataset: Dataset, report: Report) -> Dataset:
    """The dataset without shapes that have no area, lie outside or are there twice, the rest cut.

    Each is a row of the report. Tracks become shapes.
    """
    flat = flattened(dataset)

    def items() -> Iterator[Item]:
        for item in flat.items:
            again = {id(shape) for shape in twice(item.shapes)}
            item.shapes = [
                part
                for shape in item.shapes
                if id(shape) not in again or _drop(report, shape, "annotated twice", item)
                for part in _mended_shape(shape, item, report)
            ]
            yield item

    return Dataset(flat.header, items())


def _mended_shape(shape: Shape, item: Item, report: Report) -> list[Shape]:
    what, _ = _of_place(shape, item)
    if what in ("no area", "outside"):
        _drop(report, shape, what, item)
        return []
    if what != "beyond the image":
        return [shape]
    parts = clip_shape(shape, item.width, item.height)
    if parts is None:
        report.assumed(shape.type, "reaches beyond the image: can't be cut", item.path)
        return [shape]
    report.changed(shape.type, "cut to the image", item.path)
    return parts


def _drop(report: Report, shape: Shape, what: str, item: Item) -> bool:
    report.dropped(shape.type, what, item.path)
    return False


def _name(shape: Shape) -> str:
    return f"{shape.type} {shape.label}"


def _place(shape: Shape) -> str:
    box: Callable[[float], str] = "{:g}".format
    return " ".join(map(box, shape_box(shape, rotated=True)))
