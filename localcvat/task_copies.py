"""Tasks copied, and several made one; the tasks they are made of stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import msgspec

from localcvat.backup.restore import restore_task
from localcvat.backup.write import write_task_backup
from localcvat.convert import ConvertOptions
from localcvat.dataset_import import import_dataset
from localcvat.errors import UsageError
from localcvat.exchange import export_from_task
from localcvat.merging import merged
from localcvat.model import Dataset, Item
from localcvat.plugin import ReadOptions
from localcvat.reading import opened_dataset
from localcvat.report import Report
from localcvat.results import scratch
from localcvat.store.engine import Store
from localcvat.task_views import update_task
from localcvat.tasks import task_row


def copy_task(
    store: Store, task_id: int, *, project_id: int | None = None, name: str = ""
) -> tuple[int, Report]:
    """(id of a copy of the task, what a backup keeps of it), in its project unless one is named.

    The copy is what its backup restores: jobs, annotations, media, guide. In another project labels
    go by name. Raises NotFoundError, and BackupError where labels do not fit.
    """
    with store.read() as session:
        target = task_row(session, task_id).project_id if project_id is None else project_id
    with scratch(store, "copy") as folder:
        path = folder / "task.zip"
        report = write_task_backup(store, task_id, path)
        made = restore_task(store, path, project_id=target, report=report)
    if name:
        update_task(store, made, name=name)
    return made, report


def merge_tasks(store: Store, task_ids: Sequence[int], *, name: str = "") -> tuple[int, Report]:
    """(id of a new task with the frames of tasks of one project, one after the other, the report).

    Frames, annotations and tracks are taken over and numbered on; images of one name are renamed.
    Deleted frames and ground truth are left out and reported. Raises UsageError for tasks that are
    not of one project.
    """
    rows = []
    with store.read() as session:
        rows = [task_row(session, number) for number in task_ids]
        projects = {row.project_id for row in rows}
        named = name or rows[0].name
        subset = rows[0].subset
    project_id = projects.pop()
    if projects or project_id is None or len(set(task_ids)) < 2:
        raise UsageError("only several tasks of one project become one", hint="move them first")
    report = Report()
    with scratch(store, "merge") as folder, ExitStack() as opened:
        datasets = []
        for number in task_ids:
            path = folder / str(number)
            options = ConvertOptions(with_images=True)
            report.merge(export_from_task(store, number, path, "cvat-images", options))
            reading = opened_dataset(path, "cvat-images", ReadOptions(media=True))
            datasets.append(opened.enter_context(reading)[0])
        dataset = _of_one_subset(merged(datasets, report), subset)
        (made,) = import_dataset(store, project_id, dataset, Report())
    update_task(store, made, name=named, subset=subset)
    return made, report


def _of_one_subset(dataset: Dataset, subset: str) -> Dataset:
    known = subset or "default"

    def items() -> Iterator[Item]:
        for item in dataset.items:
            item.subset = known
            yield item

    header = msgspec.structs.replace(
        dataset.header,
        subsets=[known],
        tasks=[msgspec.structs.replace(task, subset=subset) for task in dataset.header.tasks],
    )
    return Dataset(header, items(), dataset.tracks)
