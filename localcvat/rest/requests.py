"""``/api/requests``."""

from __future__ import annotations

from urllib.parse import unquote

from localcvat.requests import (
    cancel_request,
    list_requests,
    read_request,
    remove_request,
)
from localcvat.rest.bodies import request_body
from localcvat.rest.calls import Answer, ApiError, Call
from localcvat.rest.lists import list_query, page_answer
from localcvat.results import result_file


def index(call: Call) -> Answer:
    """GET /requests, newest first."""
    return page_answer(call, list_requests(call.store, list_query(call)), request_body)


def show(call: Call, rq_id: str) -> Answer:
    """GET /requests/ID."""
    return Answer(body=request_body(call, read_request(call.store, unquote(rq_id))))


def cancel(call: Call, rq_id: str) -> Answer:
    """POST /requests/ID/cancel."""
    cancel_request(call.store, unquote(rq_id))
    return Answer()


def delete(call: Call, rq_id: str) -> Answer:
    """DELETE /requests/ID: forget it and its result; CVAT has no such call."""
    remove_request(call.store, unquote(rq_id))
    return Answer(status=204)


def download(call: Call, rq_id: str) -> Answer:
    """The result of a finished export as an attachment."""
    request = read_request(call.store, rq_id)
    file = result_file(call.store, request)
    if request.status == "failed":
        raise ApiError(400, [request.message])
    if file is None:
        raise ApiError(404, {"detail": "Not found."})
    return Answer(
        file=file,
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": disposition(file.name),
        },
    )


def disposition(name: str) -> str:
    """A Content-Disposition header for a file name of any letters."""
    from urllib.parse import quote

    plain = name.replace("\\", "\\\\").replace('"', '\\"')
    if plain.isascii():
        return f'attachment; filename="{plain}"'
    return f"attachment; filename*=utf-8''{quote(name, safe='')}"
