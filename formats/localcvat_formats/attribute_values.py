"""Attributes between JSON and CVAT: values with types there, strings here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from localcvat.model import AttributeSpec, Label

LARGEST_WHOLE = 1e15
"""Beyond this a float has no exact whole number any more."""


SOURCES = ("auto", "semi-auto", "manual", "file")
RESERVED = {
    "occluded": "occluded",
    "rotation": "rotation",
    "track_id": "track_id",
    "keyframe": "track_id",
}
"""Attributes that Datumaro, and with it CVAT's COCO, keeps fields of a shape in, and the fields."""
MORE_RESERVED = {**RESERVED, "source": "source", "score": "score"}
"""Those of our Datumaro JSON."""
RESERVED_BY_CVAT = {
    "occluded": "",
    "rectangle.rotation": "",
    "track_id": "track_id",
    "keyframe": "track_id",
}
"""Those of CVAT's dialect, which writes the first two always."""


def is_field(name: str, value: Any) -> bool:
    """Whether an attribute of a reserved name holds the field: texts are a label's own attribute.

    Flags are true, false, 0 or 1.
    """
    if name in ("occluded", "keyframe"):
        return isinstance(value, bool) or value in (0, 1)
    if name == "track_id":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "source":
        return value in SOURCES
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def parted(
    attributes: dict[str, Any], reserved: Collection[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """(the fields among attributes of a file, the others as texts)."""
    fields = {name: attributes[name] for name in reserved if name in attributes}
    fields = {name: value for name, value in fields.items() if is_field(name, value)}
    texts = {
        name: attribute_text(value) for name, value in attributes.items() if name not in fields
    }
    return fields, texts


def attribute_text(value: Any) -> str:
    """An attribute's JSON value as CVAT's string; a whole number has no decimals."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        return str(int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def typed_value(spec: AttributeSpec, value: str) -> Any:
    """An attribute's string as CVAT exports it: number, boolean, else the string itself."""
    if spec.input_type == "checkbox":
        return value.lower() == "true"
    if spec.input_type == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def typed_attributes(label: Label, given: dict[str, str]) -> dict[str, Any]:
    """Every declared attribute, as given or else its default, then those that are undeclared."""
    values = {
        spec.name: typed_value(spec, given.get(spec.name, spec.default_value))
        for spec in label.attributes
    }
    return {**values, **{name: text for name, text in given.items() if name not in values}}


def respelled(given: dict[str, str], label: Label, written: dict[str, Any]) -> dict[str, Any]:
    """Attributes as JSON values.

    A value is spelled as it was `written` in the source if it still says the same, else by the
    type that the label declares.
    """
    specs = {spec.name: spec for spec in label.attributes}
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name in written and attribute_text(written[name]) == text:
            values[name] = written[name]
        else:
            is_typed = name in specs and name not in MORE_RESERVED
            values[name] = typed_value(specs[name], text) if is_typed else text
    return values
