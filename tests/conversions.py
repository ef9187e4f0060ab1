"""Converting small datasets in tests, and reading what the report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcvat.convert import ConvertOptions, convert
from localcvat.report import Report

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10.5, 20.25, 30.0, 40.0]}
CATEGORY = {"id": 1, "name": "car", "supercategory": "vehicle"}


def converted(
    source: Path, to: str, from_: str | None = None, **options: Any
) -> tuple[Path, Report]:
    """(the folder written beside the source, the report)."""
    target = source.parent / f"out-{len(list(source.parent.glob('out-*')))}"
    report = convert(source, target, to, from_, ConvertOptions(**options))
    return target, report


def written(folder: Path) -> dict[str, Any]:
    """The one JSON file that was written into a folder."""
    (path,) = folder.rglob("*.json")
    value: dict[str, Any] = json.loads(path.read_bytes())
    return value


def reasons(report: Report, outcome: str) -> dict[str, int]:
    """``kind: reason`` and count of the rows with one outcome."""
    return {
        f"{entry.kind}: {entry.reason}": entry.count
        for entry in report.entries
        if entry.outcome == outcome
    }
