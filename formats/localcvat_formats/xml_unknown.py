"""What an XML file says that its reader does not know: elements and attributes, counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from localcvat.report import Report
from localcvat_formats.unknown_fields import report_unknown

Known = dict[str, Any]
"""What may be inside of an element: others by name, each with what may be inside of it, and
attributes as ``@name``. ``*`` stands for elements of any name, ``@*`` for any attributes."""
LEAF: Known = {}
TEXTS: Known = {"*": LEAF}
WHATEVER: Known = {"@*": LEAF}
WHATEVER["*"] = WHATEVER
TAGS = re.compile(rb"<([^\s/>!?]+)")


def names_in(known: Known) -> frozenset[bytes]:
    """The names of all elements in a file that has nothing but known ones."""
    inner = (names_in(inside) for inside in known.values() if inside is not WHATEVER)
    return frozenset(name.encode() for name in known).union(*inner)


def may_have_unknown(data: bytes, names: frozenset[bytes]) -> bool:
    """Whether it is worth walking through the parsed file: a strange name, or any attribute."""
    prolog = data.find(b"?>")
    return data.find(b"=", prolog + 1) >= 0 or not names.issuperset(TAGS.findall(data))


def report_unknown_elements(
    element: Any, known: Known, report: Report, where: str, *, of: str = "annotation"
) -> None:
    """Count elements below `element`, and attributes of them and of itself, that are not known."""
    for name, line in _unknown(element, known):
        report_unknown([name], (), report, f"{where}:{line}", of=of)


def _unknown(element: Any, known: Known) -> Iterator[tuple[str, int]]:
    line = element.sourceline or 1
    for name in element.attrib:
        if f"@{name}" not in known and "@*" not in known and not name.startswith("{"):
            yield name, line
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = child.tag.rpartition("}")[2]
        inside = known.get(name, known.get("*"))
        if inside is None:
            yield f"<{name}>", child.sourceline or 1
        else:
            yield from _unknown(child, inside)
