"""Exports, imports and backups: the calls of CVAT 2.15 and those of newer servers.

Everything is done when the call returns; a script that polls finds it finished at once. The old
calls (GET with ``format`` or ``backup``) answer 202 the first time, then 201, and the file when
``action=download``. Source: formats specification, section 12.5, and the API's documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from localcvat.convert import ConvertOptions
from localcvat.errors import UsageError, ValidationError
from localcvat.job_views import read_job_view
from localcvat.listing import ListQuery
from localcvat.plugin import find_format
from localcvat.projects import get_project
from localcvat.requests import Request, list_requests, read_request
from localcvat.rest import labeled_data
from localcvat.rest.calls import Answer, ApiError, Call, row_id
from localcvat.rest.requests import download
from localcvat.results import result_file
from localcvat.task_views import read_task_view
from localcvat.transfers import (
    Place,
    Target,
    export_backup,
    export_dataset,
    import_backup,
    import_dataset,
)

Handler = Callable[[Call, str], Answer]
UNKNOWN_FORMAT = "Unknown format specified for the request"
FILES = ("dataset_file", "annotation_file", "backup_file", "project_file", "task_file", "file")


def _place(call: Call) -> Place:
    return Place(
        filename=call.params.get("filename"),
        location=call.params.get("location", "local"),
        cloud_storage_id=call.number("cloud_storage_id"),
        swallow=True,
    )


def _format(call: Call) -> str:
    name = call.params.get("format", "")
    if not name:
        raise ValidationError({"format": ["This field is required."]})
    try:
        find_format(name)
    except UsageError as error:
        raise ValidationError([UNKNOWN_FORMAT]) from error
    return name


def _queued(request: Request) -> Answer:
    return Answer(status=202, body={"rq_id": request.id})


def _updated(call: Call, target: Target, number: int) -> str:
    """When the target last changed; raises NotFoundError."""
    if target == "project":
        return get_project(call.store, number).updated_date
    if target == "task":
        return read_task_view(call.store, number).updated_date
    return read_job_view(call.store, number).updated_date


def _last(call: Call, target: Target, number: int, kind: str, form: str | None) -> Request | None:
    """The newest export of this kind since the target changed last, whose result is there."""
    where: dict[str, object] = {"action": "export", "target": target, "subresource": kind}
    where[f"{target}_id"] = number
    if form is not None:
        where["format"] = form
    found = list_requests(call.store, ListQuery(where=where, page_size=1)).results
    if not found or found[0].created_date < _updated(call, target, number):
        return None
    request: Request = found[0]
    lost = request.status == "finished" and result_file(call.store, request) is None
    return None if lost else request


def _refuse_second(call: Call, target: Target, number: int, kind: str, form: str | None) -> None:
    """Answer 409, with its id, while another process is at the same export."""
    where: dict[str, object] = {"action": "export", "target": target, "subresource": kind}
    where |= {f"{target}_id": number} | ({"format": form} if form is not None else {})
    for request in list_requests(call.store, ListQuery(where=where, page_size=1)).results:
        if request.status in ("queued", "started"):
            raise ApiError(409, {"rq_id": request.id})


def _polled(call: Call, last: Request | None, run: Callable[[], Request]) -> Answer:
    """An old call: it starts, then is done, then gives the file."""
    if call.params.get("action") == "download":
        request = last if last is not None and last.status == "finished" else run()
        return download(call, request.id)
    if last is None or last.status not in ("finished", "failed"):
        return _queued(run())
    if last.status == "failed":
        raise ApiError(400, [last.message])
    return Answer(status=201, body={"rq_id": last.id})


def export_calls(target: Target, images: bool | None = None) -> Handler:
    """POST …/dataset/export?format=…&save_images=…"""

    def handler(call: Call, number: str) -> Answer:
        with_images = call.flag("save_images") if images is None else images
        kind = "dataset" if with_images else "annotations"
        _refuse_second(call, target, row_id(number), kind, _format(call))
        return _queued(_export(call, target, row_id(number), with_images))

    return handler


def _export(call: Call, target: Target, number: int, with_images: bool) -> Request:
    return export_dataset(
        call.store,
        target,
        number,
        _format(call),
        _place(call),
        ConvertOptions(with_images=with_images),
        owner_id=call.user_id,
    )


def old_dataset(target: Target, with_images: bool) -> Handler:
    """GET …/dataset?format=… and GET …/annotations?format=…"""
    kind = "dataset" if with_images else "annotations"

    def handler(call: Call, text: str) -> Answer:
        number = row_id(text)
        _updated(call, target, number)
        if call.params.get("action") == "import_status":
            return _import_status(call)
        if not with_images and "format" not in call.params and target != "project":
            read = labeled_data.of_task if target == "task" else labeled_data.of_job
            return read(call, text)
        last = _last(call, target, number, kind, _format(call))
        return _polled(call, last, lambda: _export(call, target, number, with_images))

    return handler


def old_backup(target: Literal["project", "task"]) -> Handler:
    """GET …/backup."""

    def handler(call: Call, text: str) -> Answer:
        number = row_id(text)
        last = _last(call, target, number, "backup", None)
        return _polled(call, last, lambda: _backup(call, target, number))

    return handler


def backup_calls(target: Literal["project", "task"]) -> Handler:
    """POST …/backup/export."""

    def handler(call: Call, text: str) -> Answer:
        _refuse_second(call, target, row_id(text), "backup", None)
        return _queued(_backup(call, target, row_id(text)))

    return handler


def _backup(call: Call, target: Literal["project", "task"], number: int) -> Request:
    """Lightweight backups leave out media of cloud storages only: here media are always local."""
    return export_backup(call.store, target, number, _place(call), owner_id=call.user_id)


def result(call: Call, _: str) -> Answer:
    """GET …/download?rq_id=…"""
    rq_id = call.params.get("rq_id", "")
    if not rq_id:
        raise ApiError(400, ["The parameter 'rq_id' should be specified"])
    return download(call, rq_id)


def import_calls(target: Target) -> Handler:
    """POST …/dataset?format=… and POST …/annotations?format=…"""

    def handler(call: Call, text: str) -> Answer:
        number = row_id(text)
        _updated(call, target, number)
        form = _format(call) if call.params.get("format") else None
        return _queued(
            _sent(
                call,
                lambda place: import_dataset(
                    call.store, target, number, place, form, owner_id=call.user_id
                ),
            )
        )

    return handler


def _sent(call: Call, run: Callable[[Place], Request]) -> Request:
    """Run an import on the uploaded file, or on the place that the query names."""
    place = _place(call)
    if place.location == "cloud_storage" or not call.uploads:
        if place.filename is None:
            raise ValidationError({FILES[0]: ["No file was submitted."]})
        place.address()
        return run(place)
    with call.saved(*FILES) as (path, _):
        place.path, place.location = path, "local"
        return run(place)


def put_annotations(target: Literal["task", "job"]) -> Handler:
    """PUT …/annotations: the annotations themselves, or the old way to ask how an import ended."""

    def handler(call: Call, text: str) -> Answer:
        if "format" in call.params:
            if "rq_id" not in call.params and not call.uploads:
                return Answer(status=201)
            if call.uploads:
                return import_calls(cast(Target, target))(call, text)
            return _import_status(call)
        replace = labeled_data.replace_in_task if target == "task" else labeled_data.replace_in_job
        return replace(call, text)

    return handler


def _import_status(call: Call) -> Answer:
    request = read_request(call.store, call.params.get("rq_id", ""))
    if request.status == "failed":
        raise ApiError(400, [request.message])
    return Answer(status=201, body={"rq_id": request.id})


def restore_calls(target: Literal["project", "task"]) -> Callable[[Call], Answer]:
    """POST /projects/backup and /tasks/backup; with ``rq_id`` the old way to ask for the result."""

    def handler(call: Call) -> Answer:
        asked = str(call.form.get("rq_id", "")) if call.form else ""
        if not call.uploads and not asked and call.body:
            asked = str(call.record().get("rq_id", ""))
        if asked:
            request = read_request(call.store, asked)
            if request.status == "failed":
                raise ApiError(400, [request.message])
            return Answer(status=201, body={"id": request.result_id})
        return _queued(
            _sent(
                call,
                lambda place: import_backup(call.store, target, place, owner_id=call.user_id),
            )
        )

    return handler
