"""Masks as the polygons CVAT makes of them when it imports (formats specification, section 0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from localcvat.geometry.contours import mask_to_contours
from localcvat.model import Item, Shape
from localcvat.report import Report


def outlined_as_cvat(items: Iterable[Item], report: Report) -> Iterator[Item]:
    """The items with a polygon for each outer outline of a mask; several are parts of one object.

    Outlines without an area are left out, as CVAT does. Holes are filled.
    """
    for item in items:
        if any(shape.type == "mask" for shape in item.shapes):
            item.shapes = list(_outlined(item, report))
        yield item


def _outlined(item: Item, report: Report) -> Iterator[Shape]:
    instances = max((shape.instance for shape in item.shapes), default=0)
    for shape in item.shapes:
        if shape.type != "mask":
            yield shape
            continue
        rings = mask_to_contours(shape.points)
        if not rings:
            report.dropped("mask", "too small to have an outline", item.path)
            continue
        report.changed("mask", "made a polygon, as CVAT does on import", item.path, lossy=False)
        if len(rings) > 1 and not shape.instance:
            instances += 1
        for ring in rings:
            instance = (shape.instance or instances) if len(rings) > 1 else shape.instance
            yield msgspec.structs.replace(shape, type="polygon", points=ring, instance=instance)
