"""CVAT XML as values that can be compared: what CVAT numbers or dates anew is left out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

UNSTABLE = frozenset(
    ("id", "created", "updated", "dumped", "url", "owner", "assignee", "tasks", "subsets")
)
Value = Any


def meta_value(element: ET.Element) -> Value:
    """Nested (tag, text or children), without ids, dates, urls, people.

    Attributes of a label are sorted: CVAT's backups have them by name, its XML by id.
    """
    children = [meta_value(child) for child in element if child.tag not in UNSTABLE]
    if element.tag == "attributes":
        children.sort()
    return element.tag, children if len(element) else (element.text or "").strip()


def task_metas(root: ET.Element) -> list[Value]:
    return [meta_value(task) for task in root.iterfind("meta/project/tasks/task")]


def subsets(root: ET.Element) -> list[str]:
    return sorted((root.findtext("meta/project/subsets") or "").split("\n"))


def shape_value(element: ET.Element) -> Value:
    """(tag, attributes in order, children as a sorted list), attributes of the label sorted."""
    labels = sorted(
        (child.attrib["name"], child.text or "") for child in element.iterfind("attribute")
    )
    children = sorted(shape_value(child) for child in element if child.tag != "attribute")
    return element.tag, tuple(element.attrib.items()), tuple(labels), tuple(children)


def image_values(root: ET.Element) -> list[Value]:
    """Images in order; their shapes sorted, for CVAT has no order among equal z_order."""
    found = []
    for image in root.iterfind("image"):
        attributes = [pair for pair in image.attrib.items() if pair[0] != "task_id"]
        found.append((attributes, sorted(shape_value(child) for child in image)))
    return found


def z_orders(root: ET.Element) -> list[list[int]]:
    return [
        [int(shape.attrib["z_order"]) for shape in image if "z_order" in shape.attrib]
        for image in root.iterfind("image")
    ]


def track_values(root: ET.Element) -> list[Value]:
    """Tracks sorted: their order among equals is CVAT's accident."""
    found = []
    for track in root.iterfind("track"):
        attributes = [pair for pair in track.attrib.items() if pair[0] not in ("id", "task_id")]
        found.append((attributes, [shape_value(shape) for shape in track]))
    return sorted(found)
