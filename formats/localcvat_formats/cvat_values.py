"""Values as CVAT hands them to its formats: typed attributes, boxes in Datumaro's arithmetic.

Source: formats specification, section 0.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcvat.model import AttributeSpec, Label, Shape, Tag, attributes_with_defaults, flat_labels

Value = bool | float | int | str
TRUE = "true"


def labels_by_name(labels: Sequence[Label]) -> dict[str, Label]:
    """Every label, sublabels too, by name; the first of a name wins."""
    found: dict[str, Label] = {}
    for label, _ in flat_labels(labels):
        found.setdefault(label.name, label)
    return found


def typed_attributes(
    value: Shape | Tag, labels: Mapping[str, Label], *, fill: bool = True
) -> dict[str, Value]:
    """The label's own attributes: numbers as floats, checkboxes as booleans, others as they are.

    `fill` adds the defaults of those that are not given.
    """
    label = labels.get(value.label)
    if label is None:
        return dict(value.attributes)
    given = attributes_with_defaults(label, value.attributes) if fill else value.attributes
    specs = {spec.name: spec for spec in label.attributes}
    return {name: _typed(text, specs.get(name)) for name, text in given.items()}


def _typed(text: str, spec: AttributeSpec | None) -> Value:
    if spec is not None and spec.input_type == "checkbox":
        return text.lower() == TRUE
    if spec is not None and spec.input_type == "number":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def cvat_attributes(shape: Shape, labels: Mapping[str, Label]) -> dict[str, Value]:
    """What CVAT's exports know of a shape: its attributes, occluded, rotation, its track."""
    values = typed_attributes(shape, labels)
    values["occluded"] = shape.occluded
    if shape.type == "rectangle":
        values["rotation"] = float(shape.rotation)
    if shape.track_id is not None:
        values["track_id"] = shape.track_id
        values["keyframe"] = shape.keyframe
    return values


def box_of(shape: Shape) -> tuple[float, float, float, float]:
    """(x, y, width, height) of a rectangle, with Datumaro's rounding errors."""
    x1, y1, x2, y2 = shape.points
    return x1, y1, x2 - x1, y2 - y1


def as_int(value: Value | None, default: int = 0) -> int:
    """`value` as Python's int() takes it, or the default."""
    try:
        return default if value is None else int(value)
    except (ValueError, OverflowError):
        return default


def as_float(value: Value | None, default: float) -> float:
    """`value` as Python's float() takes it, or the default."""
    try:
        return default if value is None else float(value)
    except ValueError:
        return default
