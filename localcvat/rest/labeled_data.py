"""``/api/jobs/ID/annotations`` and ``/api/tasks/ID/annotations``: read, replaced, changed."""

from __future__ import annotations

from typing import Any

from localcvat.annotations import Scope, remove_annotations, set_annotations, update_annotations
from localcvat.errors import ValidationError
from localcvat.fields import checked
from localcvat.jobs import touch_annotations
from localcvat.rest.annotation_read import job_body, last_ids, task_body
from localcvat.rest.annotation_schemas import LABELED_DATA
from localcvat.rest.annotation_write import JobWriter
from localcvat.rest.calls import Answer, Call, row_id

WRONG_ACTION = "Please specify a correct 'action' for the request"


def of_job(call: Call, job_id: str) -> Answer:
    """GET."""
    with call.store.read() as session:
        return Answer(body=job_body(session, row_id(job_id)))


def replace_in_job(call: Call, job_id: str) -> Answer:
    """PUT."""
    return _write(call, row_id(job_id), "replace")


def change_in_job(call: Call, job_id: str) -> Answer:
    """PATCH with ``action`` create, update or delete."""
    return _write(call, row_id(job_id), _action(call))


def clear_job(call: Call, job_id: str) -> Answer:
    """DELETE."""
    remove_annotations(call.store, Scope(job_id=row_id(job_id)))
    return Answer(status=204)


def of_task(call: Call, task_id: str) -> Answer:
    """GET: the jobs of the task merged."""
    with call.store.read() as session:
        return Answer(body=task_body(session, row_id(task_id)))


def replace_in_task(call: Call, task_id: str) -> Answer:
    """PUT: cut to the jobs of the task."""
    data = checked(LABELED_DATA, call.record())
    set_annotations(call.store, Scope(task_id=row_id(task_id)), _filled(data))
    return of_task(call, task_id)


def change_in_task(call: Call, task_id: str) -> Answer:
    """PATCH with ``action`` create, update or delete."""
    action = _action(call)
    data = checked(LABELED_DATA, call.record())
    scope = Scope(task_id=row_id(task_id))
    with call.store.read() as session:
        before = last_ids(session)
    if action == "create":
        update_annotations(call.store, scope, _filled(data), "create")
    elif action == "update":
        update_annotations(call.store, scope, _filled(data), "update")
    else:
        update_annotations(call.store, scope, data, "delete")
        return Answer(body={"version": 0, "tags": [], "shapes": [], "tracks": [], **data})
    with call.store.read() as session:
        return Answer(body=task_body(session, row_id(task_id), before))


def clear_task(call: Call, task_id: str) -> Answer:
    """DELETE."""
    remove_annotations(call.store, Scope(task_id=row_id(task_id)))
    return Answer(status=204)


def _action(call: Call) -> str:
    action = call.params.get("action", "")
    if action not in ("create", "update", "delete"):
        raise ValidationError([WRONG_ACTION])
    return action


def _write(call: Call, job_id: int, action: str) -> Answer:
    with call.store.read() as session:
        JobWriter(session, job_id)
    data = checked(LABELED_DATA, call.record())
    with call.store.write() as session:
        writer = JobWriter(session, job_id)
        if action == "replace":
            writer.clear()
        if action in ("update", "delete"):
            writer.delete(data)
        if action == "delete":
            made: dict[str, Any] = {"version": 0, "tags": [], "shapes": [], "tracks": [], **data}
        else:
            made = writer.create(_without_ids(data) if action == "update" else data)
        touch_annotations(session, [job_id])
    return Answer(body=made)


def _without_ids(data: dict[str, Any]) -> dict[str, Any]:
    """The same annotations as new ones: an update makes them again, as CVAT does."""
    for kind in ("tags", "shapes", "tracks"):
        for value in data.get(kind, ()):
            value.pop("id", None)
            for element in value.get("elements", ()):
                element.pop("id", None)
    return data


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    """The data without nulls, which mean the default."""
    for kind in ("tags", "shapes", "tracks"):
        for value in data.get(kind, ()):
            for each in (value, *value.get("elements", ())):
                if each.get("group", 0) is None:
                    del each["group"]
    return data
