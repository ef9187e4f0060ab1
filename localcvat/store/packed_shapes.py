"""Shapes and tags half way to their rows: all is packed but what only the store can tell, its ids.

They are plain values that may be made in another process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from localcvat.model import Shape, Tag
from localcvat.store.packing import pack_shape


class PackedShape(msgspec.Struct, array_like=True, gc=False):
    """A shape; `values` are those of the columns `annotation_rows.SHAPE_VALUES`."""

    label: str
    attributes: dict[str, str] | None
    values: tuple[Any, ...]
    elements: list[PackedShape] | None = None

    @property
    def type(self) -> str:
        """The type of the shape."""
        kind: str = self.values[0]
        return kind


class PackedTag(msgspec.Struct, array_like=True, gc=False):
    """A tag; `values` are those of the columns `annotation_rows.TAG_VALUES`."""

    label: str
    attributes: dict[str, str] | None
    values: tuple[Any, ...]


def packed_shape(shape: Shape) -> PackedShape:
    """A shape with its elements; raises ValidationError for points that are no numbers."""
    kind, extras = shape.type, shape.extras
    return PackedShape(
        shape.label,
        shape.attributes or None,
        (
            kind,
            pack_shape(kind, shape.points),
            shape.occluded,
            shape.outside,
            shape.z_order,
            shape.rotation,
            shape.group,
            shape.source,
            shape.score,
            shape.instance,
            json_text(extras) if extras else None,
        ),
        [packed_shape(element) for element in shape.elements] if shape.elements else None,
    )


def packed_tag(tag: Tag) -> PackedTag:
    """A tag."""
    values = (tag.group, tag.source, tag.score, json_text(tag.extras) if tag.extras else None)
    return PackedTag(tag.label, tag.attributes or None, values)


def json_text(value: Any) -> str:
    """A value as compact JSON."""
    return msgspec.json.encode(value).decode()
