"""What is inside a backup, told without a store."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import msgspec

from localcvat.archive import DEFAULT_LIMITS, Limits, open_source
from localcvat.backup.frame_plan import plan_frames
from localcvat.backup.layout import Layout
from localcvat.backup.manifest import Manifest, parse_manifest
from localcvat.backup.stream import read_annotation_stream
from localcvat.backup.task_records import (
    ANNOTATION,
    TaskRecord,
    read_project_record,
    read_task_record,
)
from localcvat.errors import BackupError, SourceError
from localcvat.model import Label
from localcvat.related import INDEX_NAME, MediaFiles, sort_media
from localcvat.video import VideoInfo


class TaskSummary(msgspec.Struct, kw_only=True):
    """A task of a backup; `annotations` counts by kind (``tag``, ``rectangle``, …, ``track``).

    `media_bytes` and `media_files` are of frames, videos and context images as uploaded.
    """

    folder: str
    name: str
    subset: str
    status: str
    mode: str
    dimension: str
    frames: int
    deleted_frames: int
    jobs: dict[str, int]
    annotations: dict[str, int]
    media_files: int
    media_bytes: int
    guide: bool = False


class BackupSummary(msgspec.Struct, kw_only=True):
    """A backup: `kind` is project or task, `labels` the names with their sublabels."""

    kind: str
    name: str
    labels: list[str]
    tasks: list[TaskSummary]
    frames: int
    jobs: int
    annotations: dict[str, int]
    media_files: int
    media_bytes: int
    guide: bool = False


def inspect_backup(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> BackupSummary:
    """Count what a backup (zip or unpacked folder) holds; raises BackupError when it is none."""
    with open_source(path, limits) as source:
        layout = Layout(source)
        tasks = [_task(layout, folder) for folder in layout.task_folders()]
        if layout.kind == "project":
            record = read_project_record(layout)
            name, labels = record.name, record.labels
        else:
            task = read_task_record(layout, "")
            name, labels = task.name, task.labels
        annotations: Counter[str] = Counter()
        for summary in tasks:
            annotations.update(summary.annotations)
        return BackupSummary(
            kind=layout.kind,
            name=name,
            labels=[text for label in labels for text in _names(label)],
            tasks=tasks,
            frames=sum(summary.frames for summary in tasks),
            jobs=sum(sum(summary.jobs.values()) for summary in tasks),
            annotations=dict(sorted(annotations.items())),
            media_files=sum(summary.media_files for summary in tasks),
            media_bytes=sum(summary.media_bytes for summary in tasks),
            guide="annotation_guide.md" in layout.entries,
        )


def _names(label: Label) -> list[str]:
    return [label.name, *(f"{label.name}.{sublabel.name}" for sublabel in label.sublabels)]


def _task(layout: Layout, folder: str) -> TaskSummary:
    record = read_task_record(layout, folder)
    data = f"{folder}data/"
    names = [name[len(data) :] for name in layout.under(data)]
    media = sort_media(name for name in names if name != INDEX_NAME)
    files = [*media.images, *media.videos, *media.clouds, *media.related]
    manifest = None
    if media.manifests:
        entry = data + media.manifests[0]
        with layout.open(entry) as stream:
            manifest = parse_manifest(stream, layout.where(entry))
    video = bool(media.videos) or (manifest is not None and manifest.type == "video")
    return TaskSummary(
        folder=folder,
        name=record.name,
        subset=record.subset,
        status=record.status,
        mode="interpolation" if video else "annotation",
        dimension="3d" if media.clouds else "2d",
        frames=_frames(record, media, manifest),
        deleted_frames=len(record.data.deleted_frames),
        jobs=dict(sorted(Counter(job.type for job in record.jobs).items())),
        annotations=_annotations(layout, f"{folder}annotations.json"),
        media_files=len(files),
        media_bytes=sum(layout.byte_size(data + name) for name in files),
        guide=f"{folder}annotation_guide.md" in layout.entries,
    )


def _frames(record: TaskRecord, media: MediaFiles, manifest: Manifest | None) -> int:
    """The number of frames; what the jobs say when the data do not tell."""
    try:
        return len(plan_frames(record, media, manifest, "", _unknown_length).frames)
    except (BackupError, SourceError):
        stops = [job.stop_frame for job in record.jobs if job.type == ANNOTATION]
        return max((stop + 1 for stop in stops if stop is not None), default=0)


def _unknown_length(name: str) -> VideoInfo:
    raise SourceError("no manifest tells the number of frames", where=name)


def _annotations(layout: Layout, name: str) -> dict[str, int]:
    counts: Counter[str] = Counter()

    def each(job: int, kind: str, value: Any, place: str) -> None:
        drawn = value.get("type") if isinstance(value, dict) else None
        counts[str(drawn) if kind == "shapes" and drawn else kind[:-1]] += 1

    with layout.open(name) as stream:
        read_annotation_stream(stream, layout.where(name), each, lambda job, key, value: None)
    return dict(sorted(counts.items()))
