"""``/api/jobs``."""

from __future__ import annotations

from typing import Any

from localcvat.errors import ValidationError
from localcvat.fields import Choice, Integer, ListOf, Record, checked
from localcvat.job_views import list_job_views, read_job_view
from localcvat.jobs import create_ground_truth_job, delete_job, update_job
from localcvat.rest.bodies import job_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.rest.lists import list_query, page_answer
from localcvat.schemas import JOB_PATCH
from localcvat.task_views import read_task_view
from localcvat.users import check_user

_NEW = Record(
    fields={
        "type": Choice(required=True, choices=("annotation", "ground_truth")),
        "task_id": Integer(required=True),
        "frame_selection_method": Choice(
            choices=("random_uniform", "random_per_job", "manual"),
        ),
        "frames": ListOf(child=Integer(minimum=0)),
    }
)


def index(call: Call) -> Answer:
    """GET /jobs."""
    return page_answer(call, list_job_views(call.store, list_query(call)), job_body)


def create(call: Call) -> Answer:
    """POST /jobs: a ground-truth job of chosen frames."""
    body = checked(_NEW, call.record())
    if body["type"] != "ground_truth":
        raise ValidationError({"type": ["Unexpected job type, only ground_truth can be made"]})
    if body.get("frame_selection_method", "manual") != "manual":
        raise ValidationError({"frame_selection_method": ["only manual is supported here"]})
    made = create_ground_truth_job(call.store, body["task_id"], body.get("frames", []))
    return Answer(status=201, body=job_body(call, read_job_view(call.store, made)))


def show(call: Call, job_id: str) -> Answer:
    """GET /jobs/ID."""
    return Answer(body=job_body(call, read_job_view(call.store, row_id(job_id))))


def change(call: Call, job_id: str) -> Answer:
    """PATCH /jobs/ID: stage, state and assignee."""
    number = row_id(job_id)
    read_job_view(call.store, number)
    body = checked(JOB_PATCH, call.record())
    values: dict[str, Any] = {name: body[name] for name in ("stage", "state") if name in body}
    for name in ("assignee", "assignee_id"):
        if name in body:
            with call.store.read() as session:
                check_user(session, body[name], name)
            values["assignee_id"] = body[name]
    update_job(call.store, number, **values)
    return show(call, job_id)


def delete(call: Call, job_id: str) -> Answer:
    """DELETE /jobs/ID: only ground-truth jobs."""
    delete_job(call.store, row_id(job_id))
    return Answer(status=204)


def of_task(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID/jobs."""
    read_task_view(call.store, row_id(task_id))
    call.params["task_id"] = task_id
    return index(call)
