"""Label sets as users give them: the JSON of CVAT's constructor, or names alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from localcvat.errors import UsageError
from localcvat.model import AttributeSpec, Label


class _Attribute(msgspec.Struct):
    name: str
    mutable: bool = False
    input_type: str = "text"
    default_value: str | None = None
    values: list[Any] = []


class _Label(msgspec.Struct):
    name: str
    color: str = ""
    type: str = "any"
    attributes: list[_Attribute] = []
    sublabels: list[_Label] = []
    svg: str = ""


def parse_labels(text: str) -> list[Label]:
    """Labels from JSON text, or from the file of that name; raises UsageError.

    A list of objects as CVAT's, or a list of names.
    """
    place = ""
    if not text.lstrip().startswith(("[", "{")) and os.path.isfile(text):
        place = text
        with open(text, "rb") as stream:
            data = stream.read()
    else:
        data = text.encode()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UsageError(
            f"labels are not JSON: {error}", where=place, hint='for instance [{"name": "car"}]'
        ) from error
    value = value if isinstance(value, list) else [value]
    named = [{"name": item} if isinstance(item, str) else item for item in value]
    try:
        return [_label(item) for item in msgspec.convert(named, list[_Label])]
    except msgspec.ValidationError as error:
        raise UsageError(f"labels: {error}", where=place) from error


def _label(given: _Label) -> Label:
    return Label(
        name=given.name.strip(),
        color=given.color,
        type=given.type,
        svg=given.svg,
        attributes=[_attribute(item) for item in given.attributes],
        sublabels=[_label(item) for item in given.sublabels],
    )


def _attribute(given: _Attribute) -> AttributeSpec:
    values = [str(value) for value in given.values]
    default = given.default_value
    if default is None:
        default = values[0] if values else ""
    return AttributeSpec(
        name=given.name.strip(),
        mutable=given.mutable,
        input_type=given.input_type,
        default_value=default,
        values=values,
    )


def labels_of(given: Any) -> list[Label]:
    """Labels from Python values: one or a list of `Label`s, names, mappings as CVAT's, or text.

    Raises UsageError for what is none of these.
    """
    if isinstance(given, str):
        return parse_labels(given)
    values = [given] if isinstance(given, (Label, Mapping)) else list(given)
    return [_given(value) for value in values]


def _given(value: Any) -> Label:
    if isinstance(value, Label):
        return value
    body = {"name": value} if isinstance(value, str) else value
    if hasattr(body, "to_dict"):
        body = body.to_dict()
    try:
        return _label(msgspec.convert(body, _Label))
    except msgspec.ValidationError as error:
        raise UsageError(f"labels: {error}") from error
