"""Shapes and tags half way to their rows: all is packed but what only the store can tell, its ids.

They are plain values that may be made in another process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from localcvat.model import Shape, Tag
from localcvat.store.packing import pack_shape


class PackedShape(msgspec.Struct, array_like=True, gc=False):
    """A shape; `values` are those of the columns `SHAPE_VALUES`, or of `PLAIN_VALUES`.

    The latter where the other columns have their defaults and there are no attributes: most shapes
    are like that, and a row of fewer columns is quicker to write.
    """

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


SHAPE_VALUES = (
    "type, points, grp, instance, extras, occluded, outside, z_order, rotation, source, score"
)
PLAIN_VALUES = "type, points, grp, instance, extras"
PLAIN_COUNT = 5
DEFAULTS = (False, False, 0, 0.0, "manual", None)


def packed_shape(shape: Shape) -> PackedShape:
    """A shape with its elements; raises ValidationError for points that are no numbers."""
    kind, extras = shape.type, shape.extras
    plain = (
        kind,
        pack_shape(kind, shape.points),
        shape.group,
        shape.instance,
        json_text(extras) if extras else None,
    )
    others = (
        shape.occluded,
        shape.outside,
        shape.z_order,
        shape.rotation,
        shape.source,
        shape.score,
    )
    if others == DEFAULTS and not shape.attributes and not shape.elements:
        return PackedShape(shape.label, None, plain)
    return PackedShape(
        shape.label,
        shape.attributes or None,
        plain + others,
        [_full(packed_shape(element)) for element in shape.elements] if shape.elements else None,
    )


def _full(shape: PackedShape) -> PackedShape:
    """With the values of all columns."""
    if len(shape.values) == PLAIN_COUNT:
        shape.values += DEFAULTS
    return shape


def packed_tag(tag: Tag) -> PackedTag:
    """A tag."""
    values = (tag.group, tag.source, tag.score, json_text(tag.extras) if tag.extras else None)
    return PackedTag(tag.label, tag.attributes or None, values)


def json_text(value: Any) -> str:
    """A value as compact JSON."""
    return msgspec.json.encode(value).decode()
