"""Group numbers of the objects of an image, as CVAT's import gives them."""

from __future__ import annotations

from localcvat.model import Item, Shape, Tag
from localcvat.report import Report


def join_parts(item: Item) -> None:
    """Parts of one object become a group, as CVAT's import of COCO polygons does it."""
    parts: dict[int, list[Shape]] = {}
    for shape in item.shapes:
        if shape.instance:
            parts.setdefault(shape.instance, []).append(shape)
    used = {shape.group for shape in item.shapes}
    free = max(used, default=0) + 1
    for found in parts.values():
        if len(found) > 1 and not any(shape.group for shape in found):
            for shape in found:
                shape.group = free
            free += 1


def renumber_groups(item: Item, report: Report) -> None:
    """Groups of one shape are dropped, the others numbered 1 to n by their old numbers."""
    sizes: dict[int, int] = {}
    for shape in item.shapes:
        if shape.group:
            sizes[shape.group] = sizes.get(shape.group, 0) + 1
    kept = sorted(group for group, size in sizes.items() if size > 1)
    numbers = {group: number for number, group in enumerate(kept, 1)}
    grouped: list[Shape | Tag] = [*item.shapes, *item.tags]
    for each in grouped:
        number = numbers.get(each.group, 0)
        if each.group and not number:
            why = "no other shape of its image has it: left out, as CVAT does"
            report.dropped("group", why, item.path)
        elif each.group != number:
            report.changed("group", "numbered anew on its image", item.path, lossy=False)
        each.group = number
