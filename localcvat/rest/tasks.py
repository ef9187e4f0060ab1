"""``/api/tasks``."""

from __future__ import annotations

from localcvat.projects import get_project
from localcvat.rest.bodies import task_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.rest.lists import list_query, page_answer
from localcvat.task_views import (
    create_task_from,
    list_task_views,
    read_task_view,
    update_task,
)
from localcvat.tasks import delete_tasks


def index(call: Call) -> Answer:
    """GET /tasks."""
    return page_answer(call, list_task_views(call.store, list_query(call)), task_body)


def create(call: Call) -> Answer:
    """POST /tasks: a task without data."""
    made = create_task_from(
        call.store, call.record(), requester_id=call.user_id, organization=call.organization
    )
    return Answer(status=201, body=task_body(call, read_task_view(call.store, made)))


def show(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID."""
    return Answer(body=task_body(call, read_task_view(call.store, row_id(task_id))))


def change(call: Call, task_id: str) -> Answer:
    """PATCH /tasks/ID."""
    read_task_view(call.store, row_id(task_id))
    update_task(call.store, row_id(task_id), **call.record())
    return show(call, task_id)


def delete(call: Call, task_id: str) -> Answer:
    """DELETE /tasks/ID."""
    delete_tasks(call.store, [row_id(task_id)])
    return Answer(status=204)


def of_project(call: Call, project_id: str) -> Answer:
    """GET /projects/ID/tasks."""
    get_project(call.store, row_id(project_id))
    call.params["project_id"] = project_id
    return index(call)
