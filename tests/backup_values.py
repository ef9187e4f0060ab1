"""Backups as values: every JSON field and media byte, without the order CVAT does not keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpus import zip_entries

UNORDERED = frozenset(("attributes", "elements", "tags", "shapes", "tracks"))


def unordered(value: Any, key: str = "", inside: bool = False) -> Any:
    """`value` with lists that CVAT keeps in no order sorted by their content."""
    if isinstance(value, dict):
        return {name: unordered(item, name, inside) for name, item in value.items()}
    if isinstance(value, list):
        items = [unordered(item, "", inside) for item in value]
        if inside and key in UNORDERED:
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return float(value) if type(value) is int and inside else value


def backup_value(path: Path) -> dict[str, Any]:
    """Entry name to value: JSON decoded, annotations without order, other bytes as they are."""
    values: dict[str, Any] = {}
    for name, data in zip_entries(path).items():
        if name.endswith("annotations.json"):
            values[name] = unordered(json.loads(data), inside=True)
        elif name.endswith(".json"):
            values[name] = json.loads(data)
        else:
            values[name] = data
    return values
