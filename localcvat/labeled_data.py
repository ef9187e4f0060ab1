"""Annotations with the ids of their rows, and annotations as cvat-sdk and the REST API give them.

`LabeledData` holds model values, so that everything that takes a `Shape` takes a `LabeledShape`.
`annotations_from` reads model values, mappings with ``label`` or ``label_id``, attributes as a
mapping by name or a list of ``{"spec_id" | "name", "value"}``, and objects with a ``to_dict``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from localcvat.errors import ValidationError
from localcvat.model import Annotations, Shape, Tag, Track, TrackedShape
from localcvat.store.label_map import LabelEntry, LabelMap

T = TypeVar("T")
LARGEST = 2**63 - 1


class LabeledTag(Tag, kw_only=True):
    """A tag in the store."""

    id: int
    label_id: int
    job_id: int


class LabeledShape(Shape, kw_only=True):
    """A shape in the store; its `elements` have ids too."""

    id: int
    label_id: int
    job_id: int


class LabeledTrack(Track, kw_only=True):
    """A track in the store; its `elements` have ids too."""

    id: int
    label_id: int
    job_id: int


class LabeledData(msgspec.Struct, kw_only=True):
    """The annotations of a job, a task or a project, in the order they were written."""

    tags: list[LabeledTag] = []
    shapes: list[LabeledShape] = []
    tracks: list[LabeledTrack] = []

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    def __len__(self) -> int:
        return len(self.tags) + len(self.shapes) + len(self.tracks)


def annotations_from(data: Any, labels: LabelMap) -> Annotations:
    """`data` as model values without ids; raises ValidationError naming the place."""
    if isinstance(data, (Annotations, LabeledData)):
        parts: Mapping[str, Any] = msgspec.structs.asdict(data)
    else:
        parts = _mapping(data, "annotations")
    reader = _Reader(labels)
    return Annotations(
        tags=[reader.tag(value, where) for value, where in _listed(parts, "tags")],
        shapes=[reader.shape(value, where) for value, where in _listed(parts, "shapes")],
        tracks=[reader.track(value, where) for value, where in _listed(parts, "tracks")],
    )


def ids_in(data: Any) -> dict[str, list[int]]:
    """The ids that `data` names, by ``tags``, ``shapes`` and ``tracks``; ValidationError if not."""
    if isinstance(data, (Annotations, LabeledData)):
        parts: Mapping[str, Any] = msgspec.structs.asdict(data)
    else:
        parts = _mapping(data, "annotations")
    ids: dict[str, list[int]] = {}
    for kind in ("tags", "shapes", "tracks"):
        ids[kind] = []
        for value, where in _listed(parts, kind):
            number = _mapping(value, where).get("id")
            if not isinstance(number, int):
                raise ValidationError({"id": ["This field is required."]}, where=where)
            ids[kind].append(number)
    return ids


def _listed(parts: Mapping[str, Any], kind: str) -> list[tuple[Any, str]]:
    values = parts.get(kind) or []
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise ValidationError({kind: ["a list is required"]})
    return [(value, f"{kind}[{position}]") for position, value in enumerate(values)]


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if hasattr(value, "to_dict"):
        found: Mapping[str, Any] = value.to_dict()
        return found
    raise ValidationError({where: ["an object is required"]})


class _Reader:
    """Turns mappings into model values over one set of labels."""

    def __init__(self, labels: LabelMap) -> None:
        self._labels = labels
        self._roots = {entry.id: entry for entry in labels.roots.values()}

    def tag(self, value: Any, where: str) -> Tag:
        body = _mapping(value, where)
        entry = self._root(body, where)
        return _made(Tag, self._body(body, entry, where), where)

    def shape(self, value: Any, where: str) -> Shape:
        body = _mapping(value, where)
        return self._shape(body, self._root(body, where), where)

    def _shape(self, body: Mapping[str, Any], entry: LabelEntry, where: str) -> Shape:
        values = self._body(body, entry, where)
        values["elements"] = [
            self._shape(_mapping(element, place), self._sub(entry, element, place), place)
            for element, place in _inside(body, "elements", where)
        ]
        return _made(Shape, values, where)

    def track(self, value: Any, where: str) -> Track:
        body = _mapping(value, where)
        return self._track(body, self._root(body, where), where)

    def _track(self, body: Mapping[str, Any], entry: LabelEntry, where: str) -> Track:
        values = self._body(body, entry, where)
        values["shapes"] = [
            _made(TrackedShape, self._body(_mapping(shape, place), entry, place), place)
            for shape, place in _inside(body, "shapes", where)
        ]
        values["elements"] = [
            self._track(_mapping(element, place), self._sub(entry, element, place), place)
            for element, place in _inside(body, "elements", where)
        ]
        return _made(Track, values, where)

    def _root(self, body: Mapping[str, Any], where: str) -> LabelEntry:
        return _entry(body, self._labels.roots, self._roots, where)

    def _sub(self, entry: LabelEntry, element: Any, where: str) -> LabelEntry:
        by_id = {sublabel.id: sublabel for sublabel in entry.sublabels.values()}
        return _entry(_mapping(element, where), entry.sublabels, by_id, where)

    def _body(self, body: Mapping[str, Any], entry: LabelEntry, where: str) -> dict[str, Any]:
        values = {name: value for name, value in body.items() if value is not None}
        values["label"] = entry.name
        if "attributes" in values:
            values["attributes"] = _attributes(values["attributes"], entry, where)
        if "type" in values:
            values["type"] = str(values["type"])
        return values


def _inside(body: Mapping[str, Any], kind: str, where: str) -> list[tuple[Any, str]]:
    return [(value, f"{where}.{place}") for value, place in _listed(body, kind)]


def _entry(
    body: Mapping[str, Any],
    by_name: Mapping[str, LabelEntry],
    by_id: Mapping[int, LabelEntry],
    where: str,
) -> LabelEntry:
    number = body.get("label_id")
    entry = by_id.get(number) if isinstance(number, int) else by_name.get(str(body.get("label")))
    if entry is None:
        named = f"#{number}" if number is not None else repr(body.get("label"))
        raise ValidationError({"label": [f"label {named} is unknown"]}, where=where)
    return entry


def _attributes(given: Any, entry: LabelEntry, where: str) -> dict[str, str]:
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    names = {number: name for name, number in entry.specs.items()}
    found = {}
    for item in given:
        body = _mapping(item, where)
        name = body.get("name", names.get(body.get("spec_id", -1)))
        if name is None:
            raise ValidationError(
                {"attributes": [f"attribute #{body.get('spec_id')} is unknown to {entry.name!r}"]},
                where=where,
            )
        found[str(name)] = str(body.get("value", ""))
    return found


def _made(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    known = {name: values[name] for name in kind.__struct_fields__ if name in values}  # type: ignore[attr-defined]
    try:
        made = msgspec.convert(known, kind, strict=True, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ValidationError([str(error)], where=where) from error
    if isinstance(made, (Tag, Shape, TrackedShape)) and made.frame < 0:
        raise ValidationError({"frame": ["a frame number is not negative"]}, where=where)
    for name in ("frame", "group", "z_order", "instance"):
        if abs(getattr(made, name, 0)) > LARGEST:
            raise ValidationError({name: ["the number is too large for a store"]}, where=where)
    return made
