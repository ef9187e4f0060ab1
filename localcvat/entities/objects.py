"""Projects, tasks and jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from localcvat.annotations import Scope
from localcvat.entities.annotated import Annotated
from localcvat.entities.base import BackedUp, PathLike, all_of, body_of
from localcvat.errors import UsageError
from localcvat.job_views import list_job_views, read_job_view
from localcvat.jobs import update_job
from localcvat.label_views import LabelView, list_label_views
from localcvat.labeled_data import LabeledData
from localcvat.report import Report
from localcvat.store.engine import Store
from localcvat.task_views import TaskData, list_task_views, read_task_view, update_task
from localcvat.tasks import TaskOptions, attach_data, local_files
from localcvat.users import User

if TYPE_CHECKING:
    from localcvat.frames import DataMeta
    from localcvat.store.media import MediaMode


def _labels(store: Store, **owner: int) -> list[LabelView]:
    found: list[LabelView] = list_label_views(store, all_of(), **owner).results
    return found


def task_options(body: Mapping[str, Any], data: Mapping[str, Any]) -> TaskOptions:
    """Options from the fields of a task and of its data, as cvat-sdk names them.

    Raises UsageError for an unknown one.
    """
    given = {name: value for name, value in (*body.items(), *data.items()) if value is not None}
    if "frame_step" in given:
        given["step"] = given.pop("frame_step")
    unknown = sorted(given.keys() - set(TaskOptions.__struct_fields__))
    if unknown:
        known = ", ".join(TaskOptions.__struct_fields__)
        raise UsageError(f"unknown field {unknown[0]!r}", hint=known)
    return TaskOptions(**given)


def check_local(resource_type: Any) -> None:
    """Raise UsageError unless the files are on this machine."""
    if str(resource_type) != "local":
        raise UsageError(f"there is no {resource_type} storage without a server", hint="use local")


class Project(BackedUp):
    """A project in the store."""

    name: str
    status: str
    owner: User | None
    assignee: User | None
    bug_tracker: str
    dimension: str | None
    task_subsets: list[str]
    organization_id: int | None
    created_date: str
    updated_date: str
    _noun = "project"

    def _read(self) -> Any:
        from localcvat.projects import get_project

        return get_project(self._store, self.id)

    def update(self, values: Any = None, **fields: Any) -> Project:
        """Change fields, given as a mapping or by name; raises ValidationError."""
        from localcvat.projects import update_project

        update_project(self._store, self.id, **(body_of(values or {}) | fields))
        return self.fetch()

    def remove(self) -> None:
        """Move the project to the trash, from where `projects.restore` brings it back."""
        from localcvat.projects import delete_projects

        delete_projects(self._store, [self.id])

    def get_tasks(self) -> list[Task]:
        """The tasks of the project, by id."""
        found = list_task_views(self._store, all_of(project_id=self.id, sort="id"))
        return [Task(self._store, value) for value in found.results]

    def get_labels(self) -> list[LabelView]:
        """The labels, in order of creation."""
        return _labels(self._store, project_id=self.id)

    def get_annotations(self) -> LabeledData:
        """The annotations of all tasks."""
        from localcvat.annotations import project_annotations

        return project_annotations(self._store, self.id)

    def import_dataset(
        self,
        format_name: str | None,
        filename: PathLike,
        *,
        media: MediaMode = "copy",
        strict: bool = False,
        **options: Any,
    ) -> Report:
        """Read a dataset into the project, one new task a subset; returns the loss report.

        `format_name` None detects the format. `options` go to `exchange.import_into_project`.
        """
        return self._import(format_name, filename, media=media, strict=strict, **options)


class Task(Annotated, BackedUp):
    """A task in the store."""

    name: str
    project_id: int | None
    subset: str
    status: str
    mode: str
    dimension: str
    owner: User | None
    assignee: User | None
    bug_tracker: str
    overlap: int | None
    segment_size: int
    data: TaskData | None
    created_date: str
    updated_date: str
    _noun = "task"

    def _read(self) -> Any:
        return read_task_view(self._store, self.id)

    @property
    def _scope(self) -> Scope:
        return Scope(task_id=self.id)

    def update(self, values: Any = None, **fields: Any) -> Task:
        """Change fields, given as a mapping or by name; raises ValidationError.

        `project_id` moves the task into that project.
        """
        update_task(self._store, self.id, **(body_of(values or {}) | fields))
        return self.fetch()

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, `size` among them."""
        return {**super().to_dict(), "size": self.size}

    @property
    def size(self) -> int:
        """The number of frames."""
        return 0 if self.data is None else int(self.data.size)

    def remove(self) -> None:
        """Move the task to the trash."""
        from localcvat.tasks import delete_tasks

        delete_tasks(self._store, [self.id])

    def upload_data(
        self,
        resources: Sequence[PathLike],
        *,
        resource_type: Any = "local",
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Give a task that was made without data its media; `params` as of `create_from_data`."""
        check_local(resource_type)
        files = local_files([os.fspath(path) for path in resources])
        attach_data(self._store, self.id, files, task_options({}, params or {}))
        self.fetch()

    def get_jobs(self) -> list[Job]:
        """The jobs of the task, by id."""
        found = list_job_views(self._store, all_of(task_id=self.id, sort="id"))
        return [Job(self._store, value) for value in found.results]

    def get_labels(self) -> list[LabelView]:
        """The labels of the task: its project's when it is in one."""
        return _labels(self._store, task_id=self.id)

    def get_annotations(self) -> LabeledData:
        """The annotations of all annotation jobs."""
        from localcvat.annotations import task_annotations

        return task_annotations(self._store, self.id)

    def copy(self, *, project_id: int | None = None, name: str = "") -> Task:
        """A copy of the task: what its backup restores, in its project or another one."""
        from localcvat.task_copies import copy_task

        made, _ = copy_task(self._store, self.id, project_id=project_id, name=name)
        return Task(self._store, read_task_view(self._store, made))

    def undo_import(self) -> None:
        """Put the annotations back as they were before the last import; twice does it again."""
        from localcvat.undo import undo_import

        undo_import(self._store, self.id)

    def merge_tracks(self, iou: float = 0.5, *, dry_run: bool = False) -> Report:
        """Join tracks of one object: of one label, covering each other by `iou` in the mean."""
        from localcvat.annotations import join_task_tracks

        return join_task_tracks(self._store, self.id, iou, dry_run=dry_run)

    def get_meta(self) -> DataMeta:
        from localcvat.frames import task_meta

        return task_meta(self._store, self.id)


class Job(Annotated):
    """A job of a task."""

    task_id: int
    project_id: int | None
    type: str
    stage: str
    state: str
    status: str
    assignee: User | None
    frame_count: int
    start_frame: int
    stop_frame: int
    created_date: str
    updated_date: str
    _noun = "job"

    def _read(self) -> Any:
        return read_job_view(self._store, self.id)

    def update(self, values: Any = None, **fields: Any) -> Job:
        """Change stage, state or assignee (an id), given as a mapping or by name."""
        body = body_of(values or {}) | fields
        if "assignee" in body:
            body["assignee_id"] = body.pop("assignee")
        update_job(self._store, self.id, **body)
        return self.fetch()

    @property
    def _scope(self) -> Scope:
        return Scope(job_id=self.id)

    @property
    def _task_id(self) -> int:
        return self.task_id

    def get_labels(self) -> list[LabelView]:
        """The labels of the job's task."""
        return _labels(self._store, job_id=self.id)

    def get_annotations(self) -> LabeledData:
        """The annotations of the job."""
        from localcvat.annotations import job_annotations

        return job_annotations(self._store, self.id)

    def get_meta(self) -> DataMeta:
        from localcvat.frames import job_meta

        return job_meta(self._store, self.id)
