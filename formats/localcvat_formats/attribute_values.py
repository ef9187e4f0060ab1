"""Attributes between JSON and CVAT: values with types there, strings here."""

from __future__ import annotations

from typing import Any

import msgspec

from localcvat.model import AttributeSpec, Label

LARGEST_WHOLE = 1e15
"""Beyond this a float has no exact whole number any more."""


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
            values[name] = typed_value(specs[name], text) if name in specs else text
    return values
