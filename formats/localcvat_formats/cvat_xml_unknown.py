"""What in CVAT XML is none of CVAT's, counted (formats specification, section 1)."""

from __future__ import annotations

from typing import Any

from localcvat.report import Report
from localcvat_formats.cvat_xml_geometry import BOX, CUBOID
from localcvat_formats.cvat_xml_parse import TOP, kind_of, local_name
from localcvat_formats.unknown_fields import report_unknown
from localcvat_formats.xml_unknown import LEAF, Known, report_unknown_elements

SHAPE_FIELDS = frozenset(
    (
        *("label", "source", "occluded", "outside", "keyframe", "frame", "z_order", "group_id"),
        *("rotation", "track_id", "points", "rle", "left", "top", "width", "height"),
        *("cx", "cy", "rx", "ry", *BOX, *CUBOID),
    )
)
IMAGE_FIELDS = frozenset(("id", "name", "width", "height", "subset", "task_id"))
TRACK_FIELDS = frozenset(("id", "label", "source", "subset", "task_id", "group_id"))


def _leaves(text: str) -> Known:
    return dict.fromkeys(text.split(), LEAF)


SIZE = _leaves("width height")
USER = _leaves("username email")
LABEL: Known = {
    **_leaves("name color type parent svg"),
    "attributes": {"attribute": _leaves("name mutable input_type default_value values")},
}
PROJECT: Known = {
    **_leaves("id name bugtracker created updated subsets"),
    "owner": USER,
    "assignee": USER,
    "labels": {"label": LABEL},
}
TASK: Known = {
    **PROJECT,
    **_leaves("size mode overlap subset start_frame stop_frame frame_filter source"),
    **_leaves("z_order flipped"),
    "segments": {"segment": _leaves("id start stop url")},
    "original_size": SIZE,
}
META: Known = {
    "dumped": LEAF,
    "source": LEAF,
    "original_size": SIZE,
    "task": TASK,
    "job": TASK,
    "project": {**PROJECT, "tasks": {"task": TASK}},
}
"""`z_order` and `flipped` are of CVAT before 2.0 and say nothing that shapes don't."""


def report_unknown_meta(meta: Any, report: Report, where: str) -> None:
    """Count elements and attributes in `<meta>`."""
    report_unknown_elements(meta, META, report, where, of="file")


def report_unknown_top(element: Any, report: Report, where: str) -> None:
    """Count an element that stands beside images and tracks."""
    name = local_name(element)
    if name and name not in (*TOP, "version"):
        report_unknown([f"<{name}>"], (), report, _place(element, where), of="file")


def report_unknown_image(element: Any, report: Report, where: str) -> None:
    """Count attributes of an `<image>`, not of what is in it."""
    report_unknown(element.attrib, IMAGE_FIELDS, report, _place(element, where), of="image")


def report_unknown_track(element: Any, report: Report, where: str) -> None:
    """Count attributes of a `<track>`, and what is strange in its shapes."""
    report_unknown(element.attrib, TRACK_FIELDS, report, _place(element, where), of="track")
    for child in element:
        report_unknown_parts(child, report, where)


def report_unknown_parts(element: Any, report: Report, where: str) -> None:
    """Count an element that CVAT does not write there, or what is strange in a shape or tag."""
    name, place = local_name(element), _place(element, where)
    if not kind_of(element) and name != "tag":
        report_unknown([f"<{name}>"] if name else [], (), report, place)
        return
    report_unknown(element.attrib, SHAPE_FIELDS, report, place)
    for part in element:
        if local_name(part) == "attribute":
            report_unknown(part.attrib, ("name",), report, _place(part, where))
        else:
            report_unknown_parts(part, report, where)


def _place(element: Any, where: str) -> str:
    return f"{where}:{element.sourceline or 1}"
