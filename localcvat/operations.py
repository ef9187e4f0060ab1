"""Exports, imports and backups as recorded requests: what the client and the command line run.

A store that can't be written keeps no record; exports from it work all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from localcvat.archive import DEFAULT_LIMITS, Limits
from localcvat.convert import ConvertOptions
from localcvat.errors import UsageError
from localcvat.report import Report
from localcvat.requests import Outcome, RequestSpec, run_request
from localcvat.store.engine import Store
from localcvat.store.media import MediaMode

Noun = Literal["project", "task", "job"]
Ids = dict[str, Any]
ItemProgress = Callable[[int], None] | None


def owner_ids(store: Store, noun: Noun, number: int) -> Ids:
    """The ids a request about this project, task or job names; raises NotFoundError."""
    from localcvat.jobs import get_job
    from localcvat.projects import get_project
    from localcvat.tasks import get_task

    found: dict[str, int | None] = {f"{noun}_id": number}
    if noun == "project":
        get_project(store, number)
    elif noun == "task":
        found["project_id"] = get_task(store, number).project_id
    else:
        job = get_job(store, number)
        found |= {"task_id": job.task_id, "project_id": job.project_id}
    return {name: value for name, value in found.items() if value is not None}


def _run(store: Store, spec: RequestSpec, work: Callable[[], Outcome]) -> Outcome:
    kept: list[Outcome] = []

    def remembered(_: Callable[[float], None]) -> Outcome:
        kept.append(work())
        return kept[0]

    if store.readonly:
        return work()
    run_request(store, spec, remembered)
    return kept[0]


def _report(outcome: Outcome) -> Report:
    return outcome.report if outcome.report is not None else Report()


def export_dataset(
    store: Store,
    noun: Noun,
    number: int,
    path: str | os.PathLike[str],
    format_name: str,
    options: ConvertOptions,
) -> Report:
    """Write a project, task or job as a dataset at `path`; returns the loss report."""
    from localcvat import exchange

    exports: dict[str, Callable[..., Report]] = {
        "project": exchange.export_from_project,
        "task": exchange.export_from_task,
        "job": exchange.export_from_job,
    }

    def work() -> Outcome:
        report = exports[noun](store, number, path, format_name, options)
        return Outcome(result_path=os.path.abspath(path), report=report)

    what = "dataset" if options.with_images else "annotations"
    ids = owner_ids(store, noun, number)
    spec = RequestSpec(action="export", target=noun, subresource=what, format=format_name, **ids)
    return _report(_run(store, spec, work))


def import_project_dataset(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    format_name: str | None,
    *,
    media: MediaMode = "copy",
    strict: bool = False,
    **options: Any,
) -> tuple[list[int], Report]:
    """Read a dataset into a project: the ids of the new tasks, and the loss report."""
    from localcvat.exchange import import_into_project

    made: list[int] = []

    def work() -> Outcome:
        task_ids, report = import_into_project(
            store, project_id, path, format_name, media=media, strict=strict, **options
        )
        made.extend(task_ids)
        return Outcome(report=report)

    ids = owner_ids(store, "project", project_id)
    spec = RequestSpec(
        action="import", target="project", subresource="dataset", format=format_name, **ids
    )
    report = _report(_run(store, spec, work))
    return made, report


def import_annotations(
    store: Store,
    noun: Noun,
    number: int,
    path: str | os.PathLike[str],
    format_name: str | None,
    **options: Any,
) -> Report:
    """Read annotations into a task or job, images matched by name; returns the loss report."""
    from localcvat import exchange

    read = getattr(exchange, f"import_into_{noun}", None)
    if read is None:
        raise UsageError(f"annotations can't be imported into a {noun} yet")

    def work() -> Outcome:
        return Outcome(report=read(store, number, path, format_name, **options))

    ids = owner_ids(store, noun, number)
    spec = RequestSpec(
        action="import", target=noun, subresource="annotations", format=format_name, **ids
    )
    return _report(_run(store, spec, work))


def write_backup(
    store: Store,
    noun: Noun,
    number: int,
    path: str | os.PathLike[str],
    *,
    lightweight: bool = False,
    overwrite: bool = False,
    progress: ItemProgress = None,
) -> Report:
    """Write a project or task as a backup that CVAT restores; returns the report."""
    from localcvat.backup.write import write_project_backup, write_task_backup

    write = write_project_backup if noun == "project" else write_task_backup

    def work() -> Outcome:
        report = write(
            store,
            number,
            Path(path),
            lightweight=lightweight,
            overwrite=overwrite,
            progress=progress,
        )
        return Outcome(result_path=os.path.abspath(path), report=report)

    ids = owner_ids(store, noun, number)
    spec = RequestSpec(
        action="export", target=noun, subresource="backup", lightweight=lightweight, **ids
    )
    return _report(_run(store, spec, work))


def restore_backup(
    store: Store,
    noun: Noun,
    path: str | os.PathLike[str],
    *,
    project_id: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: ItemProgress = None,
) -> tuple[int, Report]:
    """Make a project or task of a backup: its id, and what was assumed on the way."""
    from localcvat.backup.restore import restore_project, restore_task

    report = Report()

    def work() -> Outcome:
        if noun == "project":
            made = restore_project(store, path, limits=limits, progress=progress, report=report)
        else:
            made = restore_task(
                store,
                path,
                project_id=project_id,
                limits=limits,
                progress=progress,
                report=report,
            )
        return Outcome(result_id=made, report=report)

    spec = RequestSpec(action="import", target=noun, subresource="backup", project_id=project_id)
    outcome = _run(store, spec, work)
    return int(outcome.result_id or 0), report
