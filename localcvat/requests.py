"""Requests: the record of every export, import and backup (formats specification, section 12.5).

They run in the caller, not in a queue: `perform` takes a request from queued over started to
finished or failed. A request keeps its report, the id of what it made, or where its result lies:
in the store under ``exports/``, at a path of the user's, or at an fsspec URL.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson
from sqlalchemy import Row
from sqlmodel import Session

from localcvat import query
from localcvat.errors import LocalCvatError, NotFoundError, StoreError, ValidationError
from localcvat.listing import (
    Collection,
    ListQuery,
    Page,
    columns_of,
    find_row,
    read_page,
)
from localcvat.processes import is_alive, process_name
from localcvat.report import Report
from localcvat.results import remove_result
from localcvat.store.engine import Store, now, raw
from localcvat.store.tables import RequestRow
from localcvat.users import User, current_user, users_of

STATUSES = ("queued", "started", "finished", "failed")
EXPORT_HOURS = 10
IMPORT_HOURS = 1
FAILURE_DAYS = 30
PROGRESS_SECONDS = 1.0
INTERRUPTED = "the process that ran this has ended without recording how"
NOT_CANCELLED = "Only requests that have not yet been started can be cancelled"
_DATE = "%Y-%m-%dT%H:%M:%S.%fZ"
_REQUEST = columns_of(RequestRow)


class RequestSpec(msgspec.Struct, kw_only=True):
    """What is asked for: `action` export or import of the `subresource` (dataset, annotations,
    backup) of a `target` (project, task, job)."""

    action: str
    target: str
    subresource: str
    project_id: int | None = None
    task_id: int | None = None
    job_id: int | None = None
    format: str | None = None
    lightweight: bool | None = None
    owner_id: int | None = None

    @property
    def target_id(self) -> int | None:
        """The id of the target, None for what is only made by the request."""
        found: int | None = getattr(self, f"{self.target}_id")
        return found


class Outcome(msgspec.Struct, kw_only=True):
    """What a request brought: where its file lies, the id of what it made, its report."""

    result_path: str | None = None
    result_id: int | None = None
    report: Report | None = None


class Request(msgspec.Struct, kw_only=True):
    """A recorded request; `progress` is from 0 to 1, `expiry_date` when `gc` may forget it."""

    id: str
    status: str
    action: str
    target: str
    subresource: str
    project_id: int | None
    task_id: int | None
    job_id: int | None
    format: str | None
    lightweight: bool | None
    progress: float
    message: str
    result_path: str | None
    result_id: int | None
    owner: User | None
    created_date: str
    started_date: str | None
    finished_date: str | None
    expiry_date: str | None
    report: dict[str, Any] | None

    @property
    def type(self) -> str:
        """The operation as CVAT names it, for instance ``export:dataset``."""
        return f"{self.action}:{self.subresource}"


Progress = Callable[[float], None]
Work = Callable[[Progress], Outcome]

REQUESTS = Collection(
    source=RequestRow.__table__,  # type: ignore[attr-defined]
    columns=list(_REQUEST.values()),
    id=_REQUEST["id"],
    fields={
        name: query.Field(_REQUEST[name])
        for name in ("id", "status", "action", "target", "subresource", "format")
    }
    | {name: query.Field(_REQUEST[name], "integer") for name in ("project_id", "task_id", "job_id")}
    | {"created_date": query.Field(_REQUEST["created_date"], "date")},
    simple=("status", "project_id", "task_id", "job_id", "action", "target", "subresource")
    + ("format",),
    searched=("action", "target", "subresource", "format"),
    choices={
        "status": STATUSES,
        "action": ("autoannotate", "create", "import", "export"),
        "target": ("project", "task", "job"),
        "subresource": ("annotations", "dataset", "backup", "task"),
    },
    default_sort="-created_date",
)


def queue_request(store: Store, spec: RequestSpec, *, patient: bool = True) -> str:
    """Record a request as queued; returns its rq_id.

    Raises StoreBusyError when another process writes: at once if not `patient`.
    """
    with store.write(patient=patient) as session:
        if spec.owner_id is None:
            spec.owner_id = current_user(session).id
        rq_id = _request_id(spec)
        session.add(
            RequestRow(
                id=rq_id,
                status="queued",
                action=spec.action,
                target=spec.target,
                subresource=spec.subresource,
                project_id=spec.project_id,
                task_id=spec.task_id,
                job_id=spec.job_id,
                format=spec.format,
                lightweight=None if spec.lightweight is None else int(spec.lightweight),
                owner_id=spec.owner_id,
                created_date=now(),
                process=process_name(os.getpid()),
            )
        )
    return rq_id


def _request_id(spec: RequestSpec) -> str:
    """CVAT's form of the id, with a token, so that a repeated request does not hide the first."""
    target = spec.target_id if spec.target_id is not None else "new"
    subresource = spec.subresource
    if spec.format is not None:
        form = spec.format.replace(" ", "_").replace(".", "@").replace("/", "_")
        subresource += f"-in-{form}-format"
    token = secrets.token_hex(4)
    return f"{spec.action}:{spec.target}-{target}-{subresource}-by-{spec.owner_id}-{token}"


def perform(store: Store, rq_id: str, work: Work) -> Request:
    """Do the work of a queued request and record how it ended; raises what the work raises.

    `work` gets a function to tell its progress with. Exports may call it at any time; an import
    must not while it writes to the store, for there is one writer at a time. What the work did is
    not undone, nor said to have failed, because the record of it can't be written.
    """
    _note(store, rq_id, status="started", started_date=now())
    try:
        outcome = work(_teller(store, rq_id))
    except BaseException as error:
        message = str(error) if isinstance(error, LocalCvatError) else f"unexpected: {error!r}"
        _note(store, rq_id, status="failed", message=message, finished_date=now())
        raise
    report = None if outcome.report is None else orjson.dumps(outcome.report.to_dict()).decode()
    ended: dict[str, Any] = {
        "status": "finished",
        "progress": 1.0,
        "message": "",
        "result_path": outcome.result_path,
        "result_id": outcome.result_id,
        "report": report,
        "finished_date": now(),
    }
    if outcome.result_path is not None and outcome.result_path.startswith("exports/"):
        _set(store, rq_id, **ended)  # without a record the result would be nobody's
    elif not _note(store, rq_id, patient=outcome.result_path is None, **ended):
        ended["report"] = None if outcome.report is None else outcome.report.to_dict()
        return msgspec.structs.replace(read_request(store, rq_id), **ended)
    return read_request(store, rq_id)


def unrecorded(spec: RequestSpec, outcome: Outcome) -> Request:
    """How work ended that was not to be recorded: a request that is in no list."""
    moment = now()
    return Request(
        id="",
        status="finished",
        action=spec.action,
        target=spec.target,
        subresource=spec.subresource,
        project_id=spec.project_id,
        task_id=spec.task_id,
        job_id=spec.job_id,
        format=spec.format,
        lightweight=spec.lightweight,
        progress=1.0,
        message="",
        result_path=outcome.result_path,
        result_id=outcome.result_id,
        owner=None,
        created_date=moment,
        started_date=moment,
        finished_date=moment,
        expiry_date=None,
        report=None if outcome.report is None else outcome.report.to_dict(),
    )


def run_request(store: Store, spec: RequestSpec, work: Work) -> Request:
    """Queue and perform a request; raises what the work raises, after recording it."""
    return perform(store, queue_request(store, spec), work)


def _teller(store: Store, rq_id: str) -> Progress:
    told = time.monotonic()

    def tell(fraction: float) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            _note(store, rq_id, patient=False, progress=min(max(fraction, 0.0), 1.0))

    return tell


def _set(store: Store, rq_id: str, *, patient: bool = True, **values: Any) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    with store.write(patient=patient) as session:
        raw(session).execute(f"UPDATE request SET {names} WHERE id = ?", (*values.values(), rq_id))


def _note(store: Store, rq_id: str, *, patient: bool = True, **values: Any) -> bool:
    """As `_set`, where the store lets it be written; False where it does not."""
    try:
        _set(store, rq_id, patient=patient, **values)
    except StoreError:
        return False
    return True


def _settle(store: Store) -> None:
    """Let requests fail whose process has ended without an end to them."""
    if store.readonly:
        return
    with store.read() as session:
        rows = raw(session).execute(
            "SELECT id, process FROM request WHERE status IN ('queued', 'started')"
        )
        lost = [rq_id for rq_id, process in rows.fetchall() if not is_alive(process)]
    for rq_id in lost:
        _note(
            store,
            rq_id,
            patient=False,
            status="failed",
            message=INTERRUPTED,
            finished_date=now(),
        )


def list_requests(store: Store, wanted: ListQuery | None = None) -> Page[Request]:
    """A page of requests, newest first; raises as `find_page`."""
    _settle(store)
    return read_page(store, REQUESTS, wanted or ListQuery(page_size=None), _requests)


def read_request(store: Store, rq_id: str) -> Request:
    """One request; raises NotFoundError."""
    _settle(store)
    with store.read() as session:
        row = find_row(session, REQUESTS, rq_id)
        if row is None:
            raise NotFoundError(f"no request {rq_id!r}", hint="see `localcvat request ls`")
        return _requests(session, [row])[0]


def _requests(session: Session, rows: Sequence[Row[Any]]) -> list[Request]:
    users = users_of(session, [row.owner_id for row in rows])
    return [_request(row, users) for row in rows]


def _request(row: Row[Any], users: Mapping[int | None, User]) -> Request:
    return Request(
        id=row.id,
        status=row.status,
        action=row.action,
        target=row.target,
        subresource=row.subresource,
        project_id=row.project_id,
        task_id=row.task_id,
        job_id=row.job_id,
        format=row.format,
        lightweight=None if row.lightweight is None else bool(row.lightweight),
        progress=row.progress,
        message=row.message,
        result_path=row.result_path,
        result_id=row.result_id,
        owner=users.get(row.owner_id),
        created_date=row.created_date,
        started_date=row.started_date,
        finished_date=row.finished_date,
        expiry_date=_expiry(row.status, row.action, row.finished_date),
        report=None if row.report is None else orjson.loads(row.report),
    )


def _expiry(status: str, action: str, finished: str | None) -> str | None:
    if finished is None:
        return None
    if status == "failed":
        kept = timedelta(days=FAILURE_DAYS)
    else:
        kept = timedelta(hours=EXPORT_HOURS if action == "export" else IMPORT_HOURS)
    return (datetime.strptime(finished, _DATE) + kept).strftime(_DATE)


def cancel_request(store: Store, rq_id: str) -> None:
    """Forget a request that has not started; raises ValidationError for one that has."""
    if read_request(store, rq_id).status != "queued":
        raise ValidationError([NOT_CANCELLED])
    remove_request(store, rq_id)


def remove_request(store: Store, rq_id: str) -> None:
    """Forget a request, and its result if that lies in the store; raises NotFoundError."""
    found = read_request(store, rq_id)
    with store.write() as session:
        raw(session).execute("DELETE FROM request WHERE id = ?", (rq_id,))
    remove_result(store, found.result_path)


def remove_expired(store: Store) -> int:
    """Forget the requests whose time is over, with their results; returns how many."""
    moment = now()
    expired = [
        request
        for request in list_requests(store).results
        if request.expiry_date is not None and request.expiry_date <= moment
    ]
    for request in expired:
        remove_request(store, request.id)
    return len(expired)
