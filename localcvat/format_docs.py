"""The fidelity tables of docs/formats.md, made from what the plugins declare.

``python -m localcvat.format_docs docs/formats.md`` puts them between the page's two marks; a test
holds the page against the plugins, and another the declarations against round trips.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from localcvat.plugin import Capabilities, Dialect, Format, all_formats

BEGIN = "<!-- made by: python -m localcvat.format_docs docs/formats.md -->"
END = "<!-- end of what is made -->"
KINDS = {
    "tag": "tag",
    "rectangle": "box",
    "polygon": "polygon",
    "polyline": "polyline",
    "points": "points",
    "ellipse": "ellipse",
    "cuboid": "cuboid",
    "mask": "mask",
    "skeleton": "skeleton",
}
FIELDS = {
    "rotation": "rotation",
    "attributes": "attributes",
    "tag_attributes": "of tags",
    "occluded": "occluded",
    "group": "group",
    "z_order": "z-order",
    "source": "source",
    "score": "score",
    "multipart": "parts",
    "subsets": "subsets",
    "label_attributes": "label attributes",
    "label_types": "label types",
    "label_colors": "label colours",
}
TRACKS = {"native": "keyframes", "flattened": "numbered shapes", "none": "–"}
HELD, LOST = "✓", "–"


def tables() -> str:
    """All tables as Markdown: kinds, then fields, then what holds in part, then what is read."""
    rows = list(_written())
    lines = ["### Kinds of annotations", ""]
    lines += _table(["format", *KINDS.values()], (_kind_row(row) for row in rows))
    lines += ["", "### What is kept of them", ""]
    lines += _table(["format", *FIELDS.values(), "tracks"], (_field_row(row) for row in rows))
    lines += ["", "### What holds in part", ""]
    lines += [
        f"- **{name}**: {what} – {limit or 'not kept'}"
        for name, _, can in rows
        for what, limit in can.limits.items()
    ]
    lines += ["", "### Every format", ""]
    lines += _table(["format", "CVAT's names", "read", "write", "by", "what it is"], _listed())
    return "\n".join(lines) + "\n"


def _written() -> Iterable[tuple[str, Format, Capabilities]]:
    """(heading, plugin, capabilities) of what is written, in both dialects where they differ."""
    for plugin in all_formats():
        if not plugin.can_write:
            continue
        plain = plugin.capabilities("plain")
        yield f"`{plugin.name}`", plugin, plain
        dialect: Dialect = "cvat"
        if plugin.cvat_names and plugin.origin == "native":
            cvat = plugin.capabilities(dialect)
            if cvat != plain:
                yield plugin.cvat_names[0], plugin, cvat


def _kind_row(row: tuple[str, Format, Capabilities]) -> list[str]:
    name, _, can = row
    return [name, *(_kind(can, kind) for kind in KINDS)]


def _kind(can: Capabilities, kind: str) -> str:
    if kind in can.kinds:
        return HELD + ("*" if kind in can.limits else "")
    target, seen = can.converts.get(kind), {kind}
    while target is not None and target not in can.kinds and target not in seen:
        seen.add(target)
        target = can.converts.get(target)
    return f"→ {KINDS[target]}" if target in can.kinds and target is not None else LOST


def _field_row(row: tuple[str, Format, Capabilities]) -> list[str]:
    name, _, can = row
    cells = []
    for field in FIELDS:
        partly = any(key == field or key.endswith(f".{field}") for key in can.limits)
        cells.append(HELD + ("*" if partly else "") if getattr(can, field) else LOST)
    return [name, *cells, TRACKS[can.tracks]]


def _listed() -> Iterable[list[str]]:
    for plugin in all_formats():
        yield [
            f"`{plugin.name}`",
            ", ".join(plugin.cvat_names),
            HELD if plugin.can_read else LOST,
            HELD if plugin.can_write else LOST,
            plugin.origin,
            plugin.summary,
        ]


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def with_tables(page: str) -> str:
    """The page with its tables made anew; raises ValueError when it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_tables(target.read_text(encoding="utf-8")), encoding="utf-8")
