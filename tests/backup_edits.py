"""Backups of a real CVAT changed in one place."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import CVAT_MADE, zip_entries

PLAIN_PROJECT = CVAT_MADE / "plain" / "project_1_backup.zip"
PLAIN_TASK = CVAT_MADE / "plain" / "task_1_backup.zip"
RICH_TASK = CVAT_MADE / "rich" / "task_2_backup.zip"
VIDEO_TASK = CVAT_MADE / "rich" / "task_4_backup.zip"
GONE = object()
Entries = dict[str, bytes]


def write_zip(path: Path, entries: Entries) -> Path:
    """A STORED zip of these entries."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def edited(source: Path, target: Path, change: Callable[[Entries], object]) -> Path:
    """`source` with its entries changed in place, or replaced by what `change` returns."""
    entries = zip_entries(source)
    made = change(entries)
    return write_zip(target, made if isinstance(made, dict) else entries)


def in_json(entry: str, *keys: Any, value: Any) -> Callable[[Entries], None]:
    """A change of one value inside a JSON entry, GONE to remove it."""

    def change(entries: Entries) -> None:
        document = json.loads(entries[entry])
        place = document
        for key in keys[:-1]:
            place = place[key]
        if value is GONE:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value
        entries[entry] = json.dumps(document).encode()

    return change
