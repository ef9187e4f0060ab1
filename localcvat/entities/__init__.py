"""Projects, tasks and jobs as objects: fields to read and operations, named as in cvat-sdk.

An object holds what was read of it; `fetch` reads again. Fields are those of the values that the
services give: `projects.Project`, `task_views.TaskView`, `job_views.JobView`.
"""

from __future__ import annotations

from localcvat.entities.annotated import AnnotationUpdateAction
from localcvat.entities.base import Entity, ItemProgress, PathLike, body_of
from localcvat.entities.objects import Job, Project, Task, check_local, task_options

__all__ = [
    "AnnotationUpdateAction",
    "Entity",
    "ItemProgress",
    "Job",
    "PathLike",
    "Project",
    "Task",
    "body_of",
    "check_local",
    "task_options",
]
