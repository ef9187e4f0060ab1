"""Exports, imports and backups as requests: to the store, to a path, or to an fsspec URL.

Each function records a request (see `requests`) and does the work in the caller. A result without
a path of its own lies in the store until it expires. `location` is ``local``, or ``cloud_storage``
with an fsspec URL (``s3://bucket/a.zip``, ``file:///mnt/a.zip``) as the file name, which needs the
extra `cloud`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from localcvat.archive import DEFAULT_LIMITS, Limits
from localcvat.convert import ConvertOptions
from localcvat.errors import (
    NotFoundError,
    OutputError,
    StoreBusyError,
    UsageError,
    ValidationError,
)
from localcvat.remote_files import fetch, send
from localcvat.report import Report
from localcvat.requests import (
    Outcome,
    Progress,
    Request,
    RequestSpec,
    Work,
    perform,
    queue_request,
    read_request,
    unrecorded,
)
from localcvat.results import new_result, remove_stray_results, scratch
from localcvat.store.engine import Store, raw

Target = Literal["project", "task", "job"]
Exporter = Callable[[str, Progress], Report | None]
LOCAL_ONLY = (
    "localcvat is local only: there is no cloud storage with an id; give an fsspec URL "
    "(s3://bucket/name.zip, gcs://…, file:///…) as the file name"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FORBIDDEN = re.compile(r'[\x00-\x1f/\\:*?"<>|]')


class Place(msgspec.Struct, kw_only=True):
    """Where a result goes or a source comes from, as the API says it.

    `path` is a file of this machine or an fsspec URL; without one a result lies in the store under
    the name `filename`. `swallow` records a failure without raising it.
    """

    path: str | os.PathLike[str] | None = None
    filename: str | None = None
    location: str = "local"
    cloud_storage_id: int | None = None
    overwrite: bool = False
    swallow: bool = False

    def address(self) -> str | None:
        """The path or URL that was given; raises ValidationError for an id of a cloud storage."""
        if self.location not in ("local", "cloud_storage"):
            raise ValidationError({"location": [f'"{self.location}" is not a valid choice.']})
        named = self.path
        if named is None and self.filename is not None and is_url(self.filename):
            named = self.filename
        if self.location == "cloud_storage" and (named is None or not is_url(os.fspath(named))):
            raise ValidationError({"location": [LOCAL_ONLY]})
        return None if named is None else os.fspath(named)


def is_url(text: str) -> bool:
    """Whether `text` is an address for fsspec rather than a path."""
    return _URL.match(text) is not None


def export_dataset(
    store: Store,
    target: Target,
    target_id: int,
    format_name: str,
    place: Place | None = None,
    options: ConvertOptions | None = None,
    *,
    owner_id: int | None = None,
) -> Request:
    """Export a project, task or job as a dataset; returns the request, its report inside.

    Raises UsageError for an unknown format and NotFoundError before anything is recorded.
    """
    from localcvat.exchange import export_from_job, export_from_project, export_from_task
    from localcvat.plugin import find_format

    options = options or ConvertOptions()
    if not find_format(format_name).format.can_write:
        raise UsageError(f"the format {format_name!r} can't be written")
    export = {
        "project": export_from_project,
        "task": export_from_task,
        "job": export_from_job,
    }[target]
    kind = "dataset" if options.with_images else "annotations"
    spec = _spec(store, "export", target, target_id, kind, owner_id)
    spec.format = format_name
    name = _result_name(store, target, target_id, kind)

    def exporter(path: str, tell: Progress) -> Report:
        told = msgspec.structs.replace(
            options, overwrite=True, progress=_counted(tell, options.progress)
        )
        return export(store, target_id, path, format_name, told)

    place = place or Place()
    place.overwrite = place.overwrite or options.overwrite
    if options.dry_run:
        return unrecorded(spec, _tried(store, place, exporter))
    return _export(store, spec, place, f"{name}_{format_name.lower()}.zip", exporter)


def export_backup(
    store: Store,
    target: Literal["project", "task"],
    target_id: int,
    place: Place | None = None,
    *,
    lightweight: bool = False,
    owner_id: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Request:
    """Back a project or task up as a zip that CVAT restores; returns the request."""
    from localcvat.backup.write import write_project_backup, write_task_backup

    write = {"project": write_project_backup, "task": write_task_backup}[target]
    spec = _spec(store, "export", target, target_id, "backup", owner_id)
    spec.lightweight = lightweight
    name = f"{_result_name(store, target, target_id, 'backup')}.zip"

    def exporter(path: str, tell: Progress) -> Report:
        return write(
            store,
            target_id,
            path,
            lightweight=lightweight,
            overwrite=True,
            progress=_counted(tell, progress),
        )

    return _export(store, spec, place or Place(), name, exporter)


def import_dataset(
    store: Store,
    target: Target,
    target_id: int,
    place: Place,
    format_name: str | None = None,
    *,
    owner_id: int | None = None,
    **options: Any,
) -> Request:
    """Import a dataset into a project, or annotations into a task or job; returns the request.

    `options` are those of the function of `exchange` that does it: strict, media, mode, …
    """
    from localcvat import exchange
    from localcvat.plugin import find_format

    importers: dict[str, Callable[..., Any]] = {
        "project": exchange.import_into_project,
        "task": exchange.import_into_task,
        "job": exchange.import_into_job,
    }
    if format_name is not None and not find_format(format_name).format.can_read:
        raise UsageError(f"the format {format_name!r} can't be read")
    kind = "dataset" if target == "project" else "annotations"
    spec = _spec(store, "import", target, target_id, kind, owner_id)
    spec.format = format_name

    def work(path: str) -> Outcome:
        found = importers[target](store, target_id, path, format_name, **options)
        report = found[1] if isinstance(found, tuple) else found
        return Outcome(report=report)

    return _import(store, spec, place, work, recorded=not options.get("dry_run"))


def import_backup(
    store: Store,
    target: Literal["project", "task"],
    place: Place,
    *,
    project_id: int | None = None,
    owner_id: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[int], None] | None = None,
) -> Request:
    """Make a project or task of a backup; the request's `result_id` is its id."""
    from localcvat.backup.restore import restore_project, restore_task

    spec = RequestSpec(action="import", target=target, subresource="backup", owner_id=owner_id)
    spec.project_id = project_id

    def work(path: str) -> Outcome:
        report = Report()
        if target == "project":
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
        if owner_id is not None:
            with store.write() as session:
                raw(session).execute(
                    f"UPDATE {target} SET owner_id = ? WHERE id = ?", (owner_id, made)
                )
        return Outcome(result_id=made, report=report)

    return _import(store, spec, place, work)


def _spec(
    store: Store, action: str, target: Target, target_id: int, kind: str, owner_id: int | None
) -> RequestSpec:
    spec = RequestSpec(action=action, target=target, subresource=kind, owner_id=owner_id)
    setattr(spec, f"{target}_id", target_id)
    _named(store, target, target_id)
    return spec


def _result_name(store: Store, target: Target, target_id: int, kind: str) -> str:
    """What CVAT calls a result: target, name, kind and the date of the last change, lower-case.

    A job has its id for a name; the date is in local time. Raises NotFoundError.
    """
    name, updated = _named(store, target, target_id)
    moment = datetime.fromisoformat(updated.replace("Z", "+00:00")).astimezone()
    return f"{target}_{name}_{kind}_{moment:%Y_%m_%d_%H_%M_%S}".lower()


def _named(store: Store, target: Target, target_id: int) -> tuple[str, str]:
    """(name, date of the last change) of a target; raises NotFoundError."""
    statement = {
        "project": "SELECT name, updated_date FROM project WHERE id = ? AND deleted_date IS NULL",
        "task": "SELECT name, updated_date FROM task WHERE id = ? AND deleted_date IS NULL",
        "job": "SELECT j.id, j.updated_date FROM job j JOIN task t ON t.id = j.task_id"
        " WHERE j.id = ? AND t.deleted_date IS NULL",
    }[target]
    with store.read() as session:
        row = raw(session).execute(statement, (target_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"no {target} #{target_id}", hint=f"see `localcvat {target} ls`")
    return str(row[0]), row[1]


def file_name(name: str) -> str:
    """`name` as a file name of its own: no folders, no letters that file systems refuse."""
    clean = _FORBIDDEN.sub("_", os.path.basename(name.replace("\\", "/"))).strip(". ")
    stem, dot, suffix = clean.rpartition(".")
    if not dot:
        stem, suffix = clean, "zip"
    while len(f"{stem}.{suffix}".encode()) > 200 and stem:
        stem = stem[:-1]
    return f"{stem or 'result'}.{suffix}"


def _counted(tell: Progress, also: Callable[[int], None] | None) -> Callable[[int], None]:
    """A counter of items that tells how far it is: towards 1, without knowing the end."""

    def count(done: int) -> None:
        tell(done / (done + 100))
        if also is not None:
            also(done)

    return count


def _run(
    store: Store, spec: RequestSpec, swallow: bool, work: Work, patient: bool = True
) -> Request:
    """Record and do it; what only reads the store (not `patient`) never waits for its writer."""
    if store.readonly:
        return unrecorded(spec, work(lambda _: None))
    if patient:
        remove_stray_results(store)
    try:
        rq_id = queue_request(store, spec, patient=patient)
    except StoreBusyError:
        if patient:
            raise
        return unrecorded(spec, work(lambda _: None))
    try:
        return perform(store, rq_id, work)
    except Exception:
        if not swallow:
            raise
        return read_request(store, rq_id)


def _export(
    store: Store, spec: RequestSpec, place: Place, name: str, exporter: Exporter
) -> Request:
    address = place.address()
    if address is not None and not is_url(address):
        _check_free(address, place.overwrite)

    def work(tell: Progress) -> Outcome:
        if address is None:
            path, told = new_result(store, file_name(place.filename or name))
            try:
                return Outcome(result_path=told, report=exporter(str(path), tell))
            except BaseException:
                shutil.rmtree(path.parent, ignore_errors=True)
                raise
        if not is_url(address):
            return Outcome(result_path=os.path.abspath(address), report=exporter(address, tell))
        with scratch(store) as folder:
            made = str(folder / file_name(name))
            report = exporter(made, tell)
            send(made, address)
        return Outcome(result_path=address, report=report)

    return _run(store, spec, place.swallow, work, patient=address is None)


def _tried(store: Store, place: Place, exporter: Exporter) -> Outcome:
    """The report of an export that keeps nothing, made in the store's folder for such."""
    address = place.address()
    if address is not None and not is_url(address):
        _check_free(address, place.overwrite)
    with scratch(store) as folder:
        return Outcome(report=exporter(str(folder / "tried.zip"), lambda _: None))


def _check_free(path: str, overwrite: bool) -> None:
    if os.path.lexists(path) and not overwrite:
        raise OutputError("the file exists", where=path, hint="use --overwrite, or another name")


def _import(
    store: Store,
    spec: RequestSpec,
    place: Place,
    work: Callable[[str], Outcome],
    recorded: bool = True,
) -> Request:
    address = place.address()
    if address is None:
        raise ValidationError({"filename": ["This field is required."]})

    def run(_: Progress) -> Outcome:
        if not is_url(address):
            return work(address)
        with scratch(store) as folder:
            there = str(folder / file_name(address))
            fetch(address, there)
            return work(there)

    if not recorded:
        return unrecorded(spec, run(lambda _: None))
    return _run(store, spec, place.swallow, run)
