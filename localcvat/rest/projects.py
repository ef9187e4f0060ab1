"""``/api/projects``."""

from __future__ import annotations

from typing import Any

from localcvat.model import STATUSES
from localcvat.projects import (
    create_project_from,
    delete_projects,
    get_project,
    list_projects,
    update_project,
)
from localcvat.rest.bodies import project_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.rest.lists import list_query, page_answer


def index(call: Call) -> Answer:
    """GET /projects."""
    return page_answer(call, list_projects(call.store, list_query(call)), project_body)


def create(call: Call) -> Answer:
    """POST /projects."""
    made = create_project_from(
        call.store,
        _with_status(call.record()),
        requester_id=call.user_id,
        organization=call.organization,
    )
    return Answer(status=201, body=project_body(call, get_project(call.store, made)))


def show(call: Call, project_id: str) -> Answer:
    """GET /projects/ID."""
    return Answer(body=project_body(call, get_project(call.store, row_id(project_id))))


def change(call: Call, project_id: str) -> Answer:
    """PATCH /projects/ID."""
    get_project(call.store, row_id(project_id))
    update_project(call.store, row_id(project_id), **_with_status(call.record()))
    return show(call, project_id)


def delete(call: Call, project_id: str) -> Answer:
    """DELETE /projects/ID."""
    delete_projects(call.store, [row_id(project_id)])
    return Answer(status=204)


def _with_status(body: dict[str, Any]) -> dict[str, Any]:
    """The body with a status only if there is such one: CVAT ignores the field altogether."""
    return {name: value for name, value in body.items() if name != "status" or value in STATUSES}
