"""Imports and exports: dataset files on one side, the store on the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec
from sqlmodel import Session

from localcvat.annotation_import import (
    ImportRules,
    JobSlice,
    Mode,
    frame_sizes,
    import_annotations,
    target_jobs,
    task_labels,
)
from localcvat.archive import DEFAULT_LIMITS, Limits, open_sink, open_source
from localcvat.convert import ConvertOptions, counted, write_dataset
from localcvat.dataset_import import import_dataset
from localcvat.datasets import export_job, export_project, export_task
from localcvat.dry_run import DryRun, dry_run_ends_here
from localcvat.errors import UsageError
from localcvat.jobs import job_row
from localcvat.labels import skeleton_nodes
from localcvat.mask_outlines import outlined_as_cvat
from localcvat.model import Dataset, Item, flat_labels
from localcvat.plugin import (
    Dialect,
    ReadOptions,
    find_format,
    named_or_detected,
    read_dataset,
    refuse_backup,
)
from localcvat.reading_process import DatasetReading, Reader, reading
from localcvat.report import Report
from localcvat.space import Kind, refuse_without_space
from localcvat.store.engine import Store
from localcvat.store.media import MediaMode
from localcvat.store.tables import TaskRow
from localcvat.tasks import task_row
from localcvat.transforms import NO_TRANSFORMS, Transforms, transform
from localcvat.undo import annotations_kept

# CVAT's own XML keeps group numbers as they are.
KEEP_GROUPS = frozenset(("cvat-images", "cvat-video"))
# CVAT turns the masks of these formats into polygons on import into a task.
MASKS_BECOME_POLYGONS = frozenset(
    ("voc", "segmentation-mask", "labelme-xml", "kitti", "open-images", "camvid", "cityscapes")
)
# These hold the numbers of tracks, but CVAT reads still shapes out of them.
STILL_SHAPES = frozenset(("labelme-xml",))


def import_into_project(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    format_name: str | None = None,
    *,
    media: MediaMode = "copy",
    strict: bool = False,
    dry_run: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    image_size: tuple[int, int] | None = None,
    transforms: Transforms = NO_TRANSFORMS,
    progress: Callable[[int], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    ahead: Reader | None = None,
) -> tuple[list[int], Report]:
    """Read a dataset into a project: (ids of the new tasks, report).

    The format is detected unless named; `transforms` change the dataset on its way. It
    may have been begun `ahead` (see `reading_process.begun`). Raises LossError in strict mode if
    anything would be lost. A dry run makes no tasks.
    """
    report = Report()
    order = DatasetReading(
        path=os.fsdecode(path),
        format_name=format_name,
        media=media != "none",
        image_size=image_size,
        on_error=on_error,
        transforms=transforms,
        limits=limits,
    )
    task_ids: list[int] = []
    with dry_run_ends_here(), reading(order, report, store.jobs, ahead) as dataset:
        if progress is not None:
            dataset.items = counted(dataset.items, progress)
        task_ids = import_dataset(
            store, project_id, dataset, report, media, strict=strict, dry_run=dry_run
        )
    return task_ids, report


def import_into_task(
    store: Store,
    task_id: int,
    path: str | os.PathLike[str],
    format_name: str | None = None,
    *,
    mode: Mode = "replace",
    iou: float = 0.5,
    strict: bool = False,
    dry_run: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    image_size: tuple[int, int] | None = None,
    transforms: Transforms = NO_TRANSFORMS,
    progress: Callable[[int], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Read annotations into the jobs of a task; returns the report.

    What was there is replaced; `mode` `append` adds to it, `merge` adds what is not there already:
    objects whose label and kind are those of one that covers them by `iou` or more are left out.
    Images are matched to frames by name. One transaction; a dry run keeps none of it, and
    `undo.undo_import` puts back what was there. Raises DatasetError for an image that is no
    frame, an unknown label.
    """
    wanted = _Reading(
        path, format_name, image_size, transforms, mode, iou, on_error, progress, limits
    )
    report = Report()
    with dry_run_ends_here(), store.write() as session:
        task = task_row(session, task_id)
        jobs = target_jobs(session, task)
        with annotations_kept(store, task_id):
            _import_into_jobs(session, task, jobs, wanted, report)
            _end(report, strict, dry_run)
    return report


def import_into_job(
    store: Store,
    job_id: int,
    path: str | os.PathLike[str],
    format_name: str | None = None,
    *,
    mode: Mode = "replace",
    iou: float = 0.5,
    strict: bool = False,
    dry_run: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    image_size: tuple[int, int] | None = None,
    transforms: Transforms = NO_TRANSFORMS,
    progress: Callable[[int], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Read annotations into one job, cut to its frames; see `import_into_task`."""
    wanted = _Reading(
        path, format_name, image_size, transforms, mode, iou, on_error, progress, limits
    )
    report = Report()
    with dry_run_ends_here(), store.write() as session:
        job = job_row(session, job_id)
        task = task_row(session, job.task_id)
        jobs = target_jobs(session, task, job_id)
        with annotations_kept(store, job.task_id):
            _import_into_jobs(session, task, jobs, wanted, report)
            _end(report, strict, dry_run)
    return report


class _Reading(msgspec.Struct, frozen=True):
    """What is read and how."""

    path: str | os.PathLike[str]
    format_name: str | None
    image_size: tuple[int, int] | None
    transforms: Transforms
    mode: Mode
    iou: float
    on_error: Literal["raise", "skip"]
    progress: Callable[[int], None] | None
    limits: Limits


def _import_into_jobs(
    session: Session, task: TaskRow, jobs: list[JobSlice], wanted: _Reading, report: Report
) -> None:
    labels = task_labels(session, task)
    with open_source(wanted.path, wanted.limits) as source:
        refuse_backup(source)
        choice = named_or_detected(source, wanted.format_name)
        if not choice.format.can_read:
            raise UsageError(f"the format {choice.format.name!r} can't be read")
        options = ReadOptions(
            dialect=choice.dialect,
            media=False,
            image_size=wanted.image_size,
            labels=[label.name for label, _ in flat_labels(labels)],
            points={label.name: list(skeleton_nodes(label).values()) for label in labels},
            on_error=wanted.on_error,
            size_of=frame_sizes(session, task),
        )
        dataset = read_dataset(choice.format, source, options, report)
        dataset = transform(dataset, wanted.transforms, report)
        if choice.dialect == "cvat" and choice.format.name in MASKS_BECOME_POLYGONS:
            dataset.items = outlined_as_cvat(dataset.items, report)
        if choice.dialect == "cvat" and choice.format.name in STILL_SHAPES:
            dataset.items = _stilled(dataset.items, report)
        if wanted.progress is not None:
            dataset.items = counted(dataset.items, wanted.progress)
        rules = ImportRules(
            mode=wanted.mode,
            iou=wanted.iou,
            skip=wanted.on_error == "skip",
            keep_groups=choice.format.name in KEEP_GROUPS,
            source=source.display,
        )
        import_annotations(session, task, jobs, dataset, report, rules)


def _end(report: Report, strict: bool, dry_run: bool) -> None:
    """Undo all of it if that was asked for, or if anything would be lost in strict mode."""
    report.refuse_no_match()
    if strict:
        report.refuse_losses()
    if dry_run:
        raise DryRun


def _stilled(items: Iterable[Item], report: Report) -> Iterator[Item]:
    for item in items:
        for shape in item.shapes:
            if shape.track_id is not None:
                report.changed("track number", "CVAT reads a still shape", item.path, lossy=False)
                shape.track_id = None
        yield item


def export_from_project(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a project as a dataset at `path`; returns the report."""

    def deliver(session: Session, dialect: Dialect, report: Report) -> Dataset:
        return export_project(store, session, project_id, dialect, report)

    return _export(store, deliver, ("project", project_id), path, format_name, options)


def export_from_task(
    store: Store,
    task_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a task as a dataset at `path`; returns the report."""

    def deliver(session: Session, dialect: Dialect, report: Report) -> Dataset:
        return export_task(store, session, task_row(session, task_id), dialect, report)

    return _export(store, deliver, ("task", task_id), path, format_name, options)


def export_from_job(
    store: Store,
    job_id: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None = None,
) -> Report:
    """Write a job as a dataset at `path`; returns the report."""

    def deliver(session: Session, dialect: Dialect, report: Report) -> Dataset:
        return export_job(store, session, job_row(session, job_id), dialect, report)

    return _export(store, deliver, ("job", job_id), path, format_name, options)


def _export(
    store: Store,
    deliver: Callable[[Session, Dialect, Report], Dataset],
    of: tuple[Kind, int],
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions | None,
) -> Report:
    report = Report()
    target = find_format(format_name)
    if not target.format.can_write:
        raise UsageError(f"the format {format_name!r} can't be written")
    options = options or ConvertOptions()
    with dry_run_ends_here(), store.read() as session:
        dataset = deliver(session, target.dialect, report)
        if options.with_images:
            refuse_without_space(session, *of, path)
        with open_sink(path, overwrite=options.overwrite, jobs=options.jobs or store.jobs) as sink:
            write_dataset(dataset, target, sink, options, report)
    return report
