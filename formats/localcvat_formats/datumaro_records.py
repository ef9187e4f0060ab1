"""Typed records of Datumaro JSON, and its categories as labels."""

from __future__ import annotations

from typing import Any

import msgspec

from localcvat.errors import DatasetError
from localcvat.labels import skeleton_svg
from localcvat.model import AttributeSpec, Label


class LabelRecord(msgspec.Struct):
    """An entry of the label categories; `parent` names the skeleton a sublabel belongs to."""

    name: str
    parent: str | None = ""
    attributes: list[str] = []


class LabelCategories(msgspec.Struct):
    """`categories.label`."""

    labels: list[LabelRecord] = []
    attributes: list[str] = []


class SkeletonRecord(msgspec.Struct):
    """A skeleton's points in order, and its edges as pairs of 1-based positions."""

    label_id: int
    labels: list[str] = []
    joints: list[list[int]] = []


class PointCategories(msgspec.Struct):
    """`categories.points`."""

    items: list[SkeletonRecord] = []


class ColorRecord(msgspec.Struct):
    """The colour of a label in masks."""

    label_id: int
    r: int
    g: int
    b: int


class MaskCategories(msgspec.Struct):
    """`categories.mask`."""

    colormap: list[ColorRecord] = []


class CategoriesRecord(msgspec.Struct):
    """`categories`."""

    label: LabelCategories | None = None
    points: PointCategories | None = None
    mask: MaskCategories | None = None


class RleRecord(msgspec.Struct):
    """A run-length mask over the image; counts compressed or not."""

    counts: str | list[int]
    size: tuple[int, int]


class AnnotationRecord(msgspec.Struct):
    """An annotation of any type; each has its own of the fields."""

    type: str
    id: int | None = 0
    attributes: dict[str, Any] | None = None
    group: int | None = 0
    object_id: int | None = None
    label_id: int | None = None
    z_order: int | None = 0
    bbox: tuple[float, float, float, float] | None = None
    points: list[float | list[float]] | None = None
    visibility: list[int] | None = None
    rle: RleRecord | None = None
    elements: list[AnnotationRecord] | None = None
    position: list[float] | None = None
    rotation: list[float] | None = None
    scale: list[float] | None = None


class MediaRecord(msgspec.Struct):
    """An image or point cloud; `size` is height, width."""

    path: str | None = ""
    size: tuple[int, int] | None = None


class ItemRecord(msgspec.Struct):
    """An item whose annotations are decoded one at a time."""

    id: str
    annotations: list[msgspec.Raw] = []
    attr: dict[str, Any] | None = None
    image: MediaRecord | None = None
    point_cloud: MediaRecord | None = None


class FileRecord(msgspec.Struct):
    """A file; items are decoded one at a time."""

    categories: msgspec.Raw
    items: list[msgspec.Raw]
    info: dict[str, Any] | None = None
    infos: dict[str, Any] | None = None


class ClosedRecord(FileRecord, forbid_unknown_fields=True):
    """A file without any other keys, as most are."""


def labels_of(categories: CategoriesRecord, where: str) -> list[Label]:
    """The root labels, skeletons with their sublabels; raises DatasetError for a lost parent."""
    records = categories.label.labels if categories.label else []
    colors = {c.label_id: c for c in (categories.mask.colormap if categories.mask else [])}
    roots: dict[str, Label] = {}
    for index, record in enumerate(records):
        if not record.parent:
            label = Label(name=record.name)
            label.attributes = [AttributeSpec(name=name) for name in record.attributes]
            if index in colors:
                color = colors[index]
                label.color = f"#{color.r & 255:02x}{color.g & 255:02x}{color.b & 255:02x}"
            roots.setdefault(record.name, label)
    for record in records:
        parent = roots.get(record.parent or "")
        if record.parent and parent is None:  # a hierarchy that is no skeleton
            roots.setdefault(record.name, Label(name=record.name))
        elif parent is not None:
            parent.type = "skeleton"
            parent.sublabels.append(Label(name=record.name, type="points"))
    for skeleton in categories.points.items if categories.points else ():
        if not 0 <= skeleton.label_id < len(records):
            raise DatasetError(
                f"no label has the number {skeleton.label_id}",
                where=f"{where}: categories.points",
            )
        found = roots.get(records[skeleton.label_id].name)
        if found is None:
            raise DatasetError(
                f"the label {records[skeleton.label_id].name!r} has a parent, so it is no skeleton",
                where=f"{where}: categories.points",
            )
        known = {sublabel.name: sublabel for sublabel in found.sublabels}
        found.type = "skeleton" if skeleton.labels else found.type
        found.sublabels = [
            known.get(name) or Label(name=name, type="points") for name in skeleton.labels
        ] or found.sublabels
        joints = [(joint[0], joint[1]) for joint in skeleton.joints if len(joint) == 2]
        found.svg = skeleton_svg([sublabel.name for sublabel in found.sublabels], joints)
    return list(roots.values())


def located(error: Exception, where: str, path: str) -> DatasetError:
    """A decoding error with the path inside the file."""
    what, _, inner = str(error).partition(" - at `$")
    what = what.replace("`", "'")
    return DatasetError(
        what[:1].lower() + what[1:],
        where=f"{where}: {path}{inner.rstrip('`')}" if path else f"{where}{inner.rstrip('`')}",
        hint="is it Datumaro JSON?" if not path else "",
    )
