"""Projects, tasks, jobs, labels, users and requests as the API's JSON, key by key as CVAT's."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from localcvat.job_views import JobView
from localcvat.label_views import LabelView
from localcvat.projects import Project
from localcvat.requests import Request
from localcvat.rest.calls import Call
from localcvat.task_views import TaskView
from localcvat.users import Organization, User


def user_body(call: Call, user: User | None) -> dict[str, Any] | None:
    """A user as owners and assignees show them."""
    if user is None:
        return None
    return {
        "url": call.url(f"users/{user.id}"),
        "id": user.id,
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
    }


def self_body(call: Call, user: User) -> dict[str, Any]:
    """A user in full: everyone is active and may do everything here."""
    return {
        **(user_body(call, user) or {}),
        "email": user.email,
        "groups": ["admin"],
        "is_staff": True,
        "is_superuser": True,
        "is_active": True,
    }


def organization_body(call: Call, organization: Organization) -> dict[str, Any]:
    """An organization."""
    return {
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "description": "",
        "created_date": organization.created_date,
        "updated_date": organization.created_date,
        "contact": {},
        "owner": user_body(call, organization.owner),
    }


def _storage(storage: dict[str, Any] | None) -> dict[str, Any] | None:
    if storage is None:
        return None
    return {
        "id": storage.get("id", 1),
        "location": storage["location"],
        "cloud_storage_id": storage.get("cloud_storage_id"),
    }


def project_body(call: Call, project: Project) -> dict[str, Any]:
    """A project."""
    return {
        "url": call.url(f"projects/{project.id}"),
        "id": project.id,
        "name": project.name,
        "owner": user_body(call, project.owner),
        "assignee": user_body(call, project.assignee),
        "guide_id": project.guide_id,
        "bug_tracker": project.bug_tracker,
        "created_date": project.created_date,
        "updated_date": project.updated_date,
        "status": project.status,
        "dimension": project.dimension,
        "organization": project.organization_id,
        "target_storage": _storage(project.target_storage),
        "source_storage": _storage(project.source_storage),
        "tasks": {
            "count": project.task_count,
            "url": call.url(f"tasks?project_id={project.id}"),
        },
        "labels": {"url": call.url(f"labels?project_id={project.id}")},
        "task_subsets": project.task_subsets,
    }


def task_body(call: Call, task: TaskView) -> dict[str, Any]:
    """A task; what is about its data is there once it has some."""
    data = task.data
    body: dict[str, Any] = {
        "url": call.url(f"tasks/{task.id}"),
        "id": task.id,
        "name": task.name,
        "project_id": task.project_id,
        "mode": task.mode,
        "owner": user_body(call, task.owner),
        "assignee": user_body(call, task.assignee),
        "bug_tracker": task.bug_tracker,
        "created_date": task.created_date,
        "updated_date": task.updated_date,
        "overlap": task.overlap,
        "segment_size": task.segment_size,
        "status": task.status,
    }
    if data is not None:
        body["data_chunk_size"] = data.chunk_size
        body["data_compressed_chunk_type"] = data.chunk_type
    body["guide_id"] = task.guide_id
    if data is not None:
        body["data_original_chunk_type"] = data.original_chunk_type
        body["size"] = data.size
        body["image_quality"] = data.image_quality
        body["data"] = data.id
    return body | {
        "dimension": task.dimension,
        "subset": task.subset,
        "organization": task.organization_id,
        "target_storage": _storage(task.target_storage),
        "source_storage": _storage(task.source_storage),
        "jobs": {
            "count": task.job_count,
            "completed": task.completed_jobs,
            "validation": task.validation_jobs,
            "url": call.url(f"jobs?task_id={task.id}"),
        },
        "labels": {"url": call.url(f"labels?task_id={task.id}")},
    }


def job_body(call: Call, job: JobView) -> dict[str, Any]:
    """A job."""
    return {
        "url": call.url(f"jobs/{job.id}"),
        "id": job.id,
        "task_id": job.task_id,
        "project_id": job.project_id,
        "assignee": user_body(call, job.assignee),
        "guide_id": job.guide_id,
        "dimension": job.dimension,
        "bug_tracker": job.bug_tracker,
        "status": job.status,
        "stage": job.stage,
        "state": job.state,
        "mode": job.mode,
        "frame_count": job.frame_count,
        "start_frame": job.start_frame,
        "stop_frame": job.stop_frame,
        "data_chunk_size": job.chunk_size,
        "data_compressed_chunk_type": job.chunk_type,
        "created_date": job.created_date,
        "updated_date": job.updated_date,
        "issues": {"url": call.url(f"issues?job_id={job.id}"), "count": 0},
        "labels": {"url": call.url(f"labels?job_id={job.id}")},
        "type": job.type,
        "organization": job.organization_id,
        "target_storage": _storage(job.target_storage),
        "source_storage": _storage(job.source_storage),
    }


def label_body(call: Call, label: LabelView) -> dict[str, Any]:
    """A label with its sublabels."""
    body = _sublabel(label)
    has_parent = body.pop("has_parent")
    body["sublabels"] = [_sublabel(sublabel) for sublabel in label.sublabels]
    if label.project_id is not None:
        body["project_id"] = label.project_id
    else:
        body["task_id"] = label.task_id
    body["parent_id"] = label.parent_id
    body["has_parent"] = has_parent
    if label.type == "skeleton":
        body["svg"] = label.svg
    return body


def _sublabel(label: LabelView) -> dict[str, Any]:
    return {
        "id": label.id,
        "name": label.name,
        "color": label.color,
        "attributes": [msgspec.to_builtins(spec) for spec in label.attributes],
        "type": label.type,
        "has_parent": label.parent_id is not None,
    }


def request_body(call: Call, request: Request) -> dict[str, Any]:
    """A request; `result_url` leads to the file of a finished export that lies in the store."""
    owner = request.owner
    operation = {
        "type": request.type,
        "target": request.target,
        "project_id": request.project_id,
        "task_id": request.task_id,
        "job_id": request.job_id,
        "format": request.format,
        "function_id": None,
    }
    if request.lightweight is not None:
        operation["lightweight"] = request.lightweight
    return {
        "status": request.status,
        "message": request.message,
        "id": request.id,
        "operation": operation,
        "progress": request.progress,
        "created_date": request.created_date,
        "started_date": request.started_date,
        "finished_date": request.finished_date,
        "expiry_date": request.expiry_date,
        "owner": None if owner is None else {"id": owner.id, "username": owner.username},
        "result_url": _result_url(call, request),
        "result_id": request.result_id,
    }


def _result_url(call: Call, request: Request) -> str | None:
    done = request.status == "finished" and request.action == "export"
    if not done or not (request.result_path or "").startswith("exports/"):
        return None
    target_id = getattr(request, f"{request.target}_id")
    kind = "backup" if request.subresource == "backup" else request.subresource
    place = f"{request.target}s/{target_id}/{kind}/download"
    return call.url(f"{place}?rq_id={quote(request.id, safe='')}")
