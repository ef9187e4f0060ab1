"""Labels as a restore makes them (backup specification, section 4)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from localcvat.backup.field_rules import FieldRules, kind
from localcvat.labels import parse_color

LABEL_KEYS = frozenset(("name", "color", "type", "attributes", "svg", "sublabels"))
LABEL_TYPES = frozenset(
    "any rectangle polygon polyline points ellipse cuboid mask skeleton tag".split()
)
INPUT_TYPES = ("checkbox", "radio", "number", "text", "select")
MAX_NAME, MAX_COLOR, MAX_TYPE, MAX_ATTRIBUTE, MAX_DEFAULT, MAX_VALUES = 64, 8, 32, 64, 128, 4096
NOT_UNIQUE = "All label names must be unique"
LINK = re.compile(r'data-label-name="([^"]*)"')


class KnownAttribute(msgspec.Struct):
    """What annotations are checked against."""

    mutable: bool
    input_type: str
    values: list[str]
    default: str


class KnownLabel(msgspec.Struct):
    """A label as annotations see it."""

    type: str
    attributes: dict[str, KnownAttribute] = {}
    sublabels: dict[str, KnownLabel] = {}


def check_labels(rules: FieldRules, labels: Any, place: str) -> dict[str, KnownLabel]:
    """Check a list of labels; returns those that annotations can name."""
    known: dict[str, KnownLabel] = {}
    columns: set[str] = set()
    if not isinstance(labels, list):
        rules.error(f"a list is expected, not {kind(labels)}", place)
        return known
    for index, label in enumerate(labels):
        where = f"{place}[{index}]"
        if not rules.is_object(label, where):
            continue
        name = label.get("name")
        if not isinstance(name, str):
            rules.error("'name'" if "name" not in label else "a text is required", f"{where}.name")
            continue
        known[name] = _check_label(rules, label, name, where)
        if name[:MAX_NAME] in columns:
            rules.error(NOT_UNIQUE, f"{where}.name", f"{name!r} is there twice")
        columns.add(name[:MAX_NAME])
    return known


def _check_label(rules: FieldRules, label: dict[str, Any], name: str, place: str) -> KnownLabel:
    if "\0" in name:
        rules.column(label, "name", place)
    if len(name) > MAX_NAME:
        rules.warning(f"a label name is cut to {MAX_NAME} characters", f"{place}.name")
    if not name.strip():
        rules.warning("a label name is blank", f"{place}.name")
    for key in label:
        if key not in LABEL_KEYS and not (key == "parent_id" and label[key] is None):
            rules.error(
                f"Label() got unexpected keyword arguments: {key!r}",
                f"{place}.{key}",
                "remove the key; `localcvat backup repair` does",
            )
    _check_color(rules, label, place)
    type_ = _check_type(rules, label, place)
    attributes = _check_attributes(rules, label, place)
    sublabels = check_labels(rules, label.get("sublabels", []), f"{place}.sublabels")
    if sublabels and type_ != "skeleton":
        rules.warning("sublabels of a label that is no skeleton are of no use", place)
    if type_ == "skeleton":
        _check_svg(rules, label, sublabels, place)
    return KnownLabel(type_, attributes, sublabels)


def _check_color(rules: FieldRules, label: dict[str, Any], place: str) -> None:
    color = label.get("color", "")
    if color is None:
        rules.error('null value in column "color"', f"{place}.color")
    elif len(str(color)) > MAX_COLOR:
        rules.error(
            f"value too long for type character varying({MAX_COLOR})",
            f"{place}.color",
            "a colour is written #rrggbb",
        )
    elif "\0" in str(color):
        rules.column(label, "color", place)
    elif parse_color(str(color)) is None:
        reason = "a label has no colour" if color == "" else "a colour is not written #rrggbb"
        rules.warning(reason, f"{place}.color", "CVAT's restore chooses none")


def _check_type(rules: FieldRules, label: dict[str, Any], place: str) -> str:
    type_ = label.get("type", "any")
    if len(str(type_)) > MAX_TYPE or "\0" in str(type_):
        rules.column(label, "type", place, MAX_TYPE)
    elif not isinstance(type_, str) or type_ not in LABEL_TYPES:
        rules.warning(
            f"CVAT has no label type {type_!r}",
            f"{place}.type",
            f"its types are {', '.join(sorted(LABEL_TYPES))}",
        )
    return type_ if isinstance(type_, str) else "any"


def _check_svg(
    rules: FieldRules, label: dict[str, Any], sublabels: dict[str, KnownLabel], place: str
) -> None:
    svg = label.get("svg", "")
    if not isinstance(svg, str):
        rules.error(f"a text is expected, not {kind(svg)}", f"{place}.svg")
        return
    if not sublabels:
        rules.warning("a skeleton without sublabels has no points", place)
    elif not svg:
        rules.warning("a skeleton without svg can't be drawn in CVAT", f"{place}.svg")
    elif set(LINK.findall(svg)) != set(sublabels):
        rules.warning("the svg does not name the skeleton's sublabels", f"{place}.svg")


def _check_attributes(
    rules: FieldRules, label: dict[str, Any], place: str
) -> dict[str, KnownAttribute]:
    known: dict[str, KnownAttribute] = {}
    for index, attribute in enumerate(rules.list_of(label, "attributes", place)):
        where = f"{place}.attributes[{index}]"
        if not rules.is_object(attribute, where):
            continue
        name = rules.text(attribute, "name", where, MAX_ATTRIBUTE, required=True)
        mutable = rules.boolean(attribute, "mutable", where, required=True)
        input_type = rules.choice(attribute, "input_type", where, INPUT_TYPES, required=True)
        default = rules.text(attribute, "default_value", where, MAX_DEFAULT, blank=True)
        values = _check_values(rules, attribute, where)
        if "id" in attribute:
            rules.error("duplicate key value violates unique constraint: id", f"{where}.id")
        _warn_attribute(rules, attribute, values, where)
        if name is None:
            continue
        if name in known:
            rules.error(
                "duplicate key value violates unique constraint (label_id, name)",
                f"{where}.name",
                f"the attribute {name!r} is there twice",
            )
        known[name] = KnownAttribute(bool(mutable), input_type or "text", values, default or "")
    return known


def _check_values(rules: FieldRules, attribute: dict[str, Any], place: str) -> list[str]:
    values = rules.list_of(attribute, "values", place, required=True)
    texts = []
    for index, value in enumerate(values):
        if value is None or isinstance(value, (bool, list, dict)):
            rules.error("Not a valid string.", f"{place}.values[{index}]")
            continue
        text = str(value)
        if "\n" in text:
            rules.warning("a value with a line break becomes several", f"{place}.values[{index}]")
        if not isinstance(value, str):
            rules.warning("a value that is no text becomes one", f"{place}.values[{index}]")
        texts.append(text)
    if len("\n".join(texts)) > MAX_VALUES:
        reason = f"value too long for type character varying({MAX_VALUES})"
        rules.error(reason, f"{place}.values")
    return [part for text in texts for part in text.split("\n")]


def _warn_attribute(
    rules: FieldRules, attribute: dict[str, Any], values: list[str], place: str
) -> None:
    default = attribute.get("default_value", "")
    input_type = attribute.get("input_type")
    if "default_value" not in attribute:
        rules.warning("an attribute without default value gets an empty one", place)
    if not values:
        rules.warning("an attribute without values gets one empty value", f"{place}.values")
    elif input_type in ("select", "radio") and default not in ("", *values):
        rules.warning("the default value is not one of the values", f"{place}.default_value")
    known = ("name", "mutable", "input_type", "default_value", "values", "id")
    rules.ignored(attribute, known, place)
