"""Changes to a backup without restoring it: split into parts, it or a label under another name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from localcvat.archive import DEFAULT_LIMITS, FolderSink, Limits, open_sink, open_source
from localcvat.backup.layout import Layout
from localcvat.backup.overlay import Overlay
from localcvat.errors import BackupError, OutputError, UsageError
from localcvat.report import Report

# Local and central header with room for zip64 fields; names are counted beside.
ENTRY_OVERHEAD = 30 + 46 + 2 * 32
END_OVERHEAD = 22 + 76
LONGEST_NAME = 256
LISTS = ("tags", "shapes", "tracks")
Json = dict[str, Any]


def split_backup(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    max_bytes: int,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Path]:
    """Write a project backup as zips of at most `max_bytes` in a new `folder`; returns their paths.

    Each is a whole backup: the project, its guide and some of its tasks, which keep their numbers.
    Raises BackupError for a task that is larger by itself.
    """
    with open_source(source, limits) as base:
        layout = Layout(base)
        layout.require("project")
        folders = layout.task_folders()
        tasks = {task: layout.under(task) for task in folders}
        inside = {name for names in tasks.values() for name in names}
        common = [name for name in layout.entries if name not in inside]
        parts = _grouped(layout, common, tasks, max_bytes)
        stem = Path(source).name.removesuffix(".zip")
        width = len(str(len(parts)))
        names = [f"{stem}-{number:0{width}}.zip" for number in range(1, len(parts) + 1)]
        with open_sink(folder, zipped=False) as sink:
            for name, part in zip(names, parts, strict=True):
                with cast(FolderSink, sink).nested_zip(name) as archive:
                    for entry in [*common, *part]:
                        archive.add_media(entry, layout.media(entry))
    return [Path(folder) / name for name in names]


def _grouped(
    layout: Layout, common: list[str], tasks: dict[str, list[str]], max_bytes: int
) -> list[list[str]]:
    """Entries of the tasks of each part, tasks in order."""

    def size_of(names: list[str]) -> int:
        return sum(
            layout.source.byte_size(layout.entries[name]) + ENTRY_OVERHEAD + 2 * len(name.encode())
            for name in names
        )

    room = max_bytes - size_of(common) - END_OVERHEAD
    parts: list[list[str]] = [[]]
    used = 0
    for folder, names in tasks.items():
        size = size_of(names)
        if size > room:
            raise BackupError(
                f"the task does not fit into {max_bytes} bytes: it takes {max_bytes - room + size}",
                where=layout.where(folder.rstrip("/")),
                hint="allow more with --max-bytes",
            )
        if parts[-1] and used + size > room:
            parts.append([])
            used = 0
        parts[-1] += names
        used += size
    return parts


def rename_label(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    old: str,
    new: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Write a copy of a backup in which the label `old` is called `new`; returns the report.

    When there is a label `new` of the same type, attributes and sublabels, they are merged; else
    BackupError says in what they differ. Media are copied without decoding.
    """
    report = Report()
    with _copied(source, target, limits) as (layout, overlay):
        documents = [f"{folder}task.json" for folder in layout.task_folders()]
        documents += ["project.json"] * (layout.kind == "project")
        for entry in documents:
            record = layout.record(entry)
            if _rename_in_labels(record, old, new, layout.where(entry)):
                overlay.put(entry, _encoded(record))
                report.changed("label", f"{old!r} is now {new!r}", entry, lossy=False)
        for folder in layout.task_folders():
            entry = f"{folder}annotations.json"
            jobs = json.loads(layout.bytes(entry))
            count = _rename_in_annotations(jobs, old, new)
            if count:
                overlay.put(entry, _encoded(jobs))
                reason = f"of {old!r} are now of {new!r}"
                report.changed("annotation", reason, entry, count=count, lossy=False)
    return report


def rename_backup(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    name: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Write a copy of a backup whose project or task is called `name`; returns the report."""
    report = Report()
    if not 0 < len(name) <= LONGEST_NAME or not name.strip():
        raise UsageError(f"a name has 1 to {LONGEST_NAME} characters")
    with _copied(source, target, limits) as (layout, overlay):
        entry = f"{layout.kind}.json"
        record = layout.record(entry)
        report.changed("name", f"{record.get('name')!r} is now {name!r}", entry, lossy=False)
        overlay.put(entry, _encoded(record | {"name": name}))
    return report


@contextmanager
def _copied(
    source: str | os.PathLike[str], target: str | os.PathLike[str], limits: Limits
) -> Iterator[tuple[Layout, Overlay]]:
    """The layout of a backup and an overlay over it, which is written when the block ends."""
    inside, outside = Path(target).absolute().resolve(), Path(source).absolute().resolve()
    if inside == outside or outside in inside.parents:
        raise OutputError("the output lies in the backup itself", where=str(target))
    with open_source(source, limits) as base:
        layout = Layout(base)
        overlay = Overlay(base)
        for name in set(base.names) - set(layout.entries.values()):
            overlay.drop(name)
        overlay.rename_all({at: name for name, at in layout.entries.items()})
        yield layout, overlay
        with open_sink(target) as sink:
            overlay.write(sink)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _rename_in_labels(record: Json, old: str, new: str, where: str) -> bool:
    """Rename or merge in the `labels` of one document; False when it has none."""
    labels = record.get("labels")
    if not labels:
        return False
    found = {label.get("name"): label for label in labels}
    if old not in found:
        raise BackupError(
            f"no label {old!r}",
            where=where,
            hint=f"its labels are {', '.join(map(str, found))}",
        )
    if new in found and new != old:
        for key in ("type", "attributes", "sublabels"):
            if _comparable(found[old], key) != _comparable(found[new], key):
                raise BackupError(
                    f"{old!r} and {new!r} can't be merged: their {key} differ", where=where
                )
        record["labels"] = [label for label in labels if label is not found[old]]
    else:
        found[old]["name"] = new
    return True


def _comparable(label: Json, key: str) -> Any:
    value = label.get(key) or ("any" if key == "type" else [])
    if isinstance(value, str):
        return value
    kept = [{name: each[name] for name in each if name not in ("id", "color")} for each in value]
    return sorted(kept, key=lambda each: str(each.get("name")))


def _rename_in_annotations(jobs: list[Json], old: str, new: str) -> int:
    count = 0
    for job in jobs:
        for kind in LISTS:
            for record in job.get(kind) or []:
                if record.get("label") == old:
                    record["label"] = new
                    count += 1
    return count
