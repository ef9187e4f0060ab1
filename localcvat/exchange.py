"""Imports and exports: dataset files on one side, the store on the other."""

from __future__ import annotations

import os

from localcvat.archive import open_sink, open_source
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.dataset_import import import_dataset
from localcvat.datasets import export_job, export_project, export_task
from localcvat.errors import UsageError
from localcvat.jobs import job_row
from localcvat.plugin import (
    FormatChoice,
    ReadOptions,
    detect_format,
    find_format,
    refuse_backup,
)
from localcvat.report import Report
from localcvat.store.engine import Store
from localcvat.store.media import MediaMode
from localcvat.tasks import task_row
from localcvat.transforms import NO_TRANSFORMS, Transforms, transform


def import_into_project(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    format_name: str | None = None,
    *,
    media: MediaMode = "copy",
    strict: bool = False,
    image_size: tuple[int, int] | None = None,
    transforms: Transforms = NO_TRANSFORMS,
) -> tuple[list[int], Report]:
    """Read a dataset into a project: (ids of the new tasks, report).

    The format is detected unless named; `transforms` change the dataset on its way. Raises
    LossError in strict mode if anything would be lost.
    """
    report = Report()
    with open_source(path) as source:
        refuse_backup(source)
        plugin = find_format(format_name).format if format_name else detect_format(source)
        if not plugin.can_read:
            raise UsageError(f"the format {plugin.name!r} can't be read")
        options = ReadOptions(media=media != "none", image_size=image_size)
        dataset = transform(plugin.read(source, options, report), transforms, report)
        task_ids = import_dataset(store, project_id, dataset, report, media, strict=strict)
    return task_ids, report


def export_from_project(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a project as a dataset at `path`; returns the report."""
    report = Report()
    target = _writable(format_name)
    options = options or ConvertOptions()
    with store.read() as session:
        dataset = export_project(store, session, project_id, target.dialect)
        with open_sink(path, overwrite=options.overwrite, jobs=options.jobs) as sink:
            write_dataset(dataset, target, sink, options, report)
    return report


def export_from_task(
    store: Store,
    task_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a task as a dataset at `path`; returns the report."""
    report = Report()
    target = _writable(format_name)
    options = options or ConvertOptions()
    with store.read() as session:
        dataset = export_task(store, session, task_row(session, task_id), target.dialect)
        with open_sink(path, overwrite=options.overwrite, jobs=options.jobs) as sink:
            write_dataset(dataset, target, sink, options, report)
    return report


def export_from_job(
    store: Store,
    job_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a job as a dataset at `path`; returns the report."""
    report = Report()
    target = _writable(format_name)
    options = options or ConvertOptions()
    with store.read() as session:
        dataset = export_job(store, session, job_row(session, job_id), target.dialect)
        with open_sink(path, overwrite=options.overwrite, jobs=options.jobs) as sink:
            write_dataset(dataset, target, sink, options, report)
    return report


def _writable(format_name: str) -> FormatChoice:
    target = find_format(format_name)
    if not target.format.can_write:
        raise UsageError(f"the format {format_name!r} can't be written")
    return target
