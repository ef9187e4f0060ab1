"""What the writers of CVAT's dialect share: class indices, typed attributes, rounded points.

CVAT hands its data to Datumaro, which rounds points to two decimals and knows an attribute as a
number, a boolean or a string (formats specification, section 0.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcvat.labels import skeleton_edges, skeleton_nodes
from localcvat.model import Label, Shape, Tag, flat_labels
from localcvat_formats.attribute_values import typed_attributes


class LabelIndex:
    """Class indices as CVAT counts them: all labels, a skeleton followed by its sublabels."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self.flat = flat_labels(labels)
        self._numbers: dict[tuple[str, str], int] = {}
        for number, (label, parent) in enumerate(self.flat):
            self._numbers.setdefault((parent, label.name), number)

    def number(self, name: str, parent: str = "") -> int:
        """The class index of a label; of a sublabel when `parent` names its skeleton."""
        return self._numbers[parent, name]

    def label(self, number: int) -> Label:
        """The label with this class index."""
        return self.flat[number][0]

    def find(self, name: str, parent: str = "") -> Label:
        """The label of this name."""
        return self.flat[self._numbers[parent, name]][0]


def datumaro_attributes(shape: Shape | Tag, label: Label) -> dict[str, Any]:
    """The attributes Datumaro gets for a shape or tag: declared ones, flags, the track's."""
    values = typed_attributes(label, shape.attributes)
    if isinstance(shape, Tag):
        return values
    values["occluded"] = shape.occluded
    if shape.type == "rectangle":
        values["rotation"] = float(shape.rotation)
    if shape.track_id is not None:
        values["track_id"] = shape.track_id
        values["keyframe"] = shape.keyframe
    if shape.type == "skeleton":
        values["keyframe"] = shape.track_id is not None and any(
            element.keyframe for element in shape.elements
        )
    return values


def rounded(points: Sequence[float]) -> list[float]:
    """Points to two decimals, half to even on the scaled value, as numpy.around does."""
    return [round(value * 100) / 100 for value in points]


def rounded_box(points: Sequence[float]) -> tuple[float, float, float, float]:
    """(x1, y1, x2, y2) of a rectangle as it comes out of Datumaro's x, y, width and height."""
    x1, y1, x2, y2 = points
    left, top, right, bottom = rounded((x1, y1, x1 + (x2 - x1), y1 + (y2 - y1)))
    return left, top, right, bottom


def point_names(label: Label) -> list[str]:
    """Sublabel names of a skeleton in the order of its svg's circles."""
    return list(skeleton_nodes(label).values()) or [sub.name for sub in label.sublabels]


def point_joints(label: Label) -> list[list[int]]:
    """The skeleton's edges as pairs of 1-based positions in `point_names`."""
    positions = {name: position for position, name in enumerate(point_names(label), 1)}
    return [[positions[a], positions[b]] for a, b in skeleton_edges(label)]


def visibility_of(element: Shape) -> int:
    """COCO's flag of a skeleton's point: 0 outside, 1 occluded, 2 visible."""
    if element.outside:
        return 0
    return 1 if element.occluded else 2
