"""``/api/labels``."""

from __future__ import annotations

from localcvat.errors import NotFoundError, ValidationError
from localcvat.label_views import delete_label, list_label_views, read_label_view, update_label
from localcvat.rest.bodies import label_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.rest.lists import list_query, page_answer

OWNERS = ("project_id", "task_id", "job_id")


def index(call: Call) -> Answer:
    """GET /labels, of one project, task or job when named; unknown ones are a 400."""
    owners = {name: call.number(name) for name in OWNERS}
    try:
        page = list_label_views(call.store, list_query(call), **owners)
    except NotFoundError as error:
        named = [name for name, value in owners.items() if value is not None]
        if error.detail == "Not found." and named:
            raise ValidationError({named[0]: [error.what]}) from None
        raise
    return page_answer(call, page, label_body)


def show(call: Call, label_id: str) -> Answer:
    """GET /labels/ID."""
    return Answer(body=label_body(call, read_label_view(call.store, row_id(label_id))))


def change(call: Call, label_id: str) -> Answer:
    """PATCH /labels/ID."""
    read_label_view(call.store, row_id(label_id))
    update_label(call.store, row_id(label_id), call.record())
    return show(call, label_id)


def delete(call: Call, label_id: str) -> Answer:
    """DELETE /labels/ID."""
    delete_label(call.store, row_id(label_id))
    return Answer(status=204)
