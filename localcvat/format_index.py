"""Which formats there are, known without importing them.

A package of plugins may ship ``formats.json``: for each entry point's value the rows that its
formats would give. Entry points that no such file describes are loaded. ``python -m
localcvat.format_index PACKAGE`` writes the file; a test holds the built-in one against the plugins.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from localcvat.plugin import Format

GROUP = "localcvat.formats"
FILE = "formats.json"


class ListedFormat(NamedTuple):
    """What is known of a format without its code; `entry` is the name of its entry point."""

    name: str
    cvat_names: list[str]
    aliases: list[str] = []
    read: bool = True
    write: bool = True
    origin: str = "native"
    summary: str = ""
    entry: str = ""


@cache
def entry_points_by_name() -> dict[str, EntryPoint]:
    """The registered entry points, in order of their names."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def listed_formats() -> list[ListedFormat]:
    """Every installed format, by name."""
    found = []
    for name, point in entry_points_by_name().items():
        rows = _index(point.value.partition(".")[0]).get(point.value)
        if rows is None:
            rows = _loaded_rows(name)
        found += [row._replace(entry=name) for row in rows]
    return sorted(found, key=lambda row: row.name)


def _loaded_rows(entry: str) -> list[ListedFormat]:
    from localcvat.plugin import load_formats

    return [described(plugin) for plugin in load_formats(entry)]


def described(plugin: Format) -> ListedFormat:
    """The row of a loaded plugin."""
    return ListedFormat(
        name=plugin.name,
        cvat_names=list(plugin.cvat_names),
        aliases=list(plugin.aliases),
        read=plugin.can_read,
        write=plugin.can_write,
        origin=plugin.origin,
        summary=plugin.summary,
    )


@cache
def _index(package: str) -> dict[str, list[ListedFormat]]:
    """The index a package ships, by entry-point value; empty if there is none."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return {}
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = os.path.join(folder, FILE)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                found: dict[str, list[dict[str, str]]] = json.load(stream)
            return {
                value: [ListedFormat(**row) for row in rows]  # type: ignore[arg-type]
                for value, rows in found.items()
            }
    return {}


def index_text(package: str) -> str:
    """The index of a package as its plugins make it, one format a line."""
    pieces = []
    for name, point in entry_points_by_name().items():
        if point.value.partition(".")[0] == package:
            rows = [json.dumps(row._asdict(), ensure_ascii=False) for row in _loaded_rows(name)]
            listed = ",\n    ".join(rows)
            pieces.append(f"  {json.dumps(point.value)}: [\n    {listed}\n  ]")
    return "{\n" + ",\n".join(pieces) + "\n}\n"


if __name__ == "__main__":
    location = find_spec(sys.argv[1])
    if location is None or not location.submodule_search_locations:
        sys.exit(f"no package {sys.argv[1]!r}")
    target = os.path.join(location.submodule_search_locations[0], FILE)
    text = index_text(sys.argv[1])
    with open(target, "w", encoding="utf-8") as out:
        out.write(text)
