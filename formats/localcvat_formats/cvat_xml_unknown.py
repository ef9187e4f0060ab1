"""What of an `<image>` in CVAT XML is none of CVAT's, counted."""

from __future__ import annotations

from typing import Any

from localcvat.report import Report
from localcvat_formats.cvat_xml_geometry import BOX, CUBOID
from localcvat_formats.cvat_xml_parse import kind_of, local_name
from localcvat_formats.unknown_fields import report_unknown

SHAPE_FIELDS = frozenset(
    (
        *("label", "source", "occluded", "outside", "keyframe", "frame", "z_order", "group_id"),
        *("rotation", "track_id", "points", "rle", "left", "top", "width", "height"),
        *("cx", "cy", "rx", "ry", *BOX, *CUBOID),
    )
)


def report_unknown_parts(element: Any, report: Report, where: str) -> None:
    """Count an element that CVAT does not write there, or what is strange in a shape or tag."""
    name, place = local_name(element), f"{where}:{element.sourceline or 1}"
    if not kind_of(element) and name != "tag":
        report_unknown([f"<{name}>"] if name else [], (), report, place)
        return
    report_unknown(element.attrib, SHAPE_FIELDS, report, place)
    parts = (f"<{local_name(part)}>" for part in element if not kind_of(part))
    report_unknown(parts, ("<attribute>", "<>"), report, place)
