"""The collections of a store: projects, tasks, jobs, labels, users and requests of a `Client`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from localcvat import job_views, label_views, projects, requests, task_views, users
from localcvat.entities import (
    Entity,
    ItemProgress,
    Job,
    PathLike,
    Project,
    Task,
    body_of,
    check_local,
    task_options,
)
from localcvat.errors import NotFoundError, UsageError
from localcvat.label_views import LabelView
from localcvat.labelspec import labels_of
from localcvat.listing import Collection, ListQuery
from localcvat.listing import Page as FoundPage
from localcvat.requests import Request
from localcvat.store.engine import Store
from localcvat.transfers import Place, import_backup
from localcvat.users import User

E = TypeVar("E", bound=Entity)
T = TypeVar("T")
GENERAL = ("search", "filter", "sort", "org")


class Page(list[T], Generic[T]):
    """Found objects; `total` is of all pages, `page_size` None means that all are here."""

    def __init__(self, results: Iterable[T], found: FoundPage[Any]) -> None:
        super().__init__(results)
        self.total = found.count
        self.page = found.page
        self.page_size = found.page_size


def query_of(
    collection: Collection,
    conditions: Mapping[str, Any],
    page: int = 1,
    page_size: int | None = None,
) -> ListQuery:
    """The query of a list by conditions as keywords; raises UsageError for an unknown one."""
    general = {name: conditions[name] for name in GENERAL if name in conditions}
    plain = {name: conditions[name] for name in conditions if name not in GENERAL}
    unknown = sorted(plain.keys() - set(collection.simple))
    if unknown:
        known = ", ".join((*GENERAL, *collection.simple))
        raise UsageError(f"can't list by {unknown[0]!r}", hint=known)
    return ListQuery(page=page, page_size=page_size, where=plain, **general)


class _Repo(Generic[E]):
    """A collection of the store."""

    _kind: type[E]
    _collection: Collection

    def __init__(self, store: Store) -> None:
        self._store = store

    def _found(self, wanted: ListQuery) -> FoundPage[Any]:
        raise NotImplementedError

    def _value(self, obj_id: int) -> Any:
        raise NotImplementedError

    def _remove(self, obj_id: int) -> None:
        raise NotImplementedError

    def list(self, *, page: int = 1, page_size: int | None = None, **conditions: Any) -> Page[E]:
        """Objects, newest first; all of them unless `page_size` is given.

        `conditions` are the API's: search, filter (a JSON Logic rule or its text), sort, org, and
        plain comparisons (name, owner, assignee, status, … as the collection has them). Raises
        ValidationError, UsageError for an unknown condition, NotFoundError for a page that is not
        there.
        """
        wanted = query_of(self._collection, conditions, page, page_size)
        found = self._found(wanted)
        return Page((self._kind(self._store, value) for value in found.results), found)

    def retrieve(self, obj_id: int) -> E:
        """The object with this id; raises NotFoundError."""
        return self._kind(self._store, self._value(obj_id))

    def remove_by_ids(self, ids: Sequence[int]) -> None:
        """Remove objects, ignoring those that do not exist."""
        for number in ids:
            try:
                self._remove(number)
            except NotFoundError:
                continue


class ProjectsRepo(_Repo[Project]):
    """The projects of a store."""

    _kind = Project
    _collection = projects.PROJECTS

    def _found(self, wanted: ListQuery) -> FoundPage[Any]:
        return projects.list_projects(self._store, wanted)

    def _value(self, obj_id: int) -> Any:
        return projects.get_project(self._store, obj_id)

    def _remove(self, obj_id: int) -> None:
        projects.delete_projects(self._store, [obj_id])

    def create(self, spec: Any = None, labels: Any = (), **fields: Any) -> Project:
        """Make a project from its name and labels, or from a specification as cvat-sdk's.

        Labels are names, `Label`s or mappings; `fields` are bug_tracker, assignee_id, … and may
        hold the name. Raises ValidationError with CVAT's words.
        """
        body = _body(spec, labels, fields)
        name, made = body.pop("name", ""), body.pop("labels")
        return self.retrieve(projects.create_project(self._store, name, made, **body))

    def create_from_dataset(
        self,
        spec: Any,
        *,
        dataset_path: PathLike = "",
        dataset_format: str | None = None,
        labels: Any = (),
    ) -> Project:
        """Make a project and read a dataset into it; there is no project if that fails."""
        from localcvat.trash import discard

        project = self.create(spec, labels)
        if dataset_path:
            try:
                project.import_dataset(dataset_format, dataset_path)
            except BaseException:
                discard(self._store, "project", project.id)
                raise
        return project.fetch()

    def create_from_backup(self, filename: PathLike, *, progress: ItemProgress = None) -> Project:
        """Make a project of a backup; raises BackupError and then nothing is kept."""
        request = import_backup(self._store, "project", Place(path=filename), progress=progress)
        return self.retrieve(request.result_id or 0)

    def restore(self, obj_id: int) -> Project:
        """Bring a removed project back from the trash; raises NotFoundError."""
        projects.restore_project(self._store, obj_id)
        return self.retrieve(obj_id)


class TasksRepo(_Repo[Task]):
    """The tasks of a store."""

    _kind = Task
    _collection = task_views.TASKS

    def _found(self, wanted: ListQuery) -> FoundPage[Any]:
        return task_views.list_task_views(self._store, wanted)

    def _value(self, obj_id: int) -> Any:
        return task_views.read_task_view(self._store, obj_id)

    def _remove(self, obj_id: int) -> None:
        from localcvat.tasks import delete_tasks

        delete_tasks(self._store, [obj_id])

    def create_from_data(
        self,
        spec: Any,
        resources: Sequence[PathLike],
        *,
        resource_type: Any = "local",
        data_params: Mapping[str, Any] | None = None,
        annotation_path: PathLike = "",
        annotation_format: str | None = None,
        labels: Any = (),
        **fields: Any,
    ) -> Task:
        """Make a task with its media: image files, folders or zips of them.

        `spec` is a name or a specification as cvat-sdk's (name, labels or project_id, subset,
        segment_size, overlap, bug_tracker); `data_params` are image_quality, start_frame,
        stop_frame, frame_step, sorting_method and media (``copy``, ``reference``, ``none``).
        """
        from localcvat.tasks import create_task, local_files
        from localcvat.trash import discard

        check_local(resource_type)
        body = _body(spec, labels, fields)
        name, made = body.pop("name", ""), body.pop("labels")
        project_id = body.pop("project_id", None)
        assignee = body.pop("assignee_id", None)
        options = task_options(body, data_params or {})
        files = local_files([os.fspath(path) for path in resources])
        number = create_task(
            self._store, name, files, project_id=project_id, labels=made, options=options
        )
        task = self.retrieve(number)
        try:
            if assignee is not None:
                task.update(assignee_id=assignee)
            if annotation_path:
                task.import_annotations(annotation_format, annotation_path)
        except BaseException:
            discard(self._store, "task", number)
            raise
        return task.fetch()

    def create(self, spec: Any = None, labels: Any = (), **fields: Any) -> Task:
        """Make a task without data, which `Task.upload_data` gives it; `spec` as above."""
        body = _body(spec, labels, fields)
        body["labels"] = msgspec.to_builtins(body["labels"])
        return self.retrieve(task_views.create_task_from(self._store, body))

    def create_from_backup(
        self,
        filename: PathLike,
        *,
        project_id: int | None = None,
        progress: ItemProgress = None,
    ) -> Task:
        """Make a task of a backup, in a project when named; raises BackupError."""
        request = import_backup(
            self._store, "task", Place(path=filename), project_id=project_id, progress=progress
        )
        return self.retrieve(request.result_id or 0)

    def restore(self, obj_id: int) -> Task:
        """Bring a removed task back from the trash; raises NotFoundError."""
        from localcvat.trash import restore_task

        restore_task(self._store, obj_id)
        return self.retrieve(obj_id)

    def merge(self, task_ids: Sequence[int], *, name: str = "") -> Task:
        """A new task with the frames and annotations of several tasks of a project."""
        from localcvat.task_copies import merge_tasks

        return self.retrieve(merge_tasks(self._store, task_ids, name=name)[0])


def _body(spec: Any, labels: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A specification and what was given besides; `labels` are there and are `Label`s."""
    body: dict[str, Any] = {"name": spec} if isinstance(spec, str) else body_of(spec or {})
    body.update(fields)
    return body | {"labels": labels_of(labels or body.get("labels") or ())}


class JobsRepo(_Repo[Job]):
    """The jobs of a store."""

    _kind = Job
    _collection = job_views.JOBS

    def _found(self, wanted: ListQuery) -> FoundPage[Any]:
        return job_views.list_job_views(self._store, wanted)

    def _value(self, obj_id: int) -> Any:
        return job_views.read_job_view(self._store, obj_id)

    def _remove(self, obj_id: int) -> None:
        raise UsageError("jobs go with their tasks", hint="remove the task")


class LabelsRepo:
    """The labels of projects and tasks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(
        self,
        *,
        project_id: int | None = None,
        task_id: int | None = None,
        job_id: int | None = None,
        page: int = 1,
        page_size: int | None = None,
        **conditions: Any,
    ) -> Page[LabelView]:
        """Root labels with their sublabels inside; of one project, task or job when named."""
        wanted = query_of(label_views.LABELS, conditions, page, page_size)
        owner = {"project_id": project_id, "task_id": task_id, "job_id": job_id}
        found = label_views.list_label_views(self._store, wanted, **owner)
        return Page(found.results, found)

    def retrieve(self, obj_id: int) -> LabelView:
        """The label with this id; raises NotFoundError."""
        return label_views.read_label_view(self._store, obj_id)

    def update(self, obj_id: int, **fields: Any) -> LabelView:
        """Change a label; `color` "" asks for the one CVAT gives."""
        found = self.retrieve(obj_id)
        label_views.update_label(self._store, obj_id, {"color": found.color, **fields})
        return self.retrieve(obj_id)

    def create(
        self, spec: Any, *, project_id: int | None = None, task_id: int | None = None
    ) -> LabelView:
        """Add a label, a name or a mapping as CVAT's, to a project or a task without one."""
        body = {"name": spec} if isinstance(spec, str) else body_of(spec)
        if project_id is not None:
            projects.update_project(self._store, project_id, labels=[body])
        else:
            task_views.update_task(self._store, task_id or 0, labels=[body])
        return max(self.list(project_id=project_id, task_id=task_id), key=lambda label: label.id)

    def remove(self, obj_id: int) -> None:
        """Remove a label with its annotations; raises NotFoundError."""
        label_views.delete_label(self._store, obj_id)


class UsersRepo:
    """The users of a store: plain records, no passwords."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, *, page: int = 1, page_size: int | None = None, **conditions: Any) -> Page[User]:
        """Users, newest first."""
        wanted = query_of(users.USERS, conditions, page, page_size)
        found = users.list_users(self._store, wanted)
        return Page(found.results, found)

    def retrieve(self, obj_id: int) -> User:
        """The user with this id; raises NotFoundError."""
        return users.read_user(self._store, obj_id)

    def retrieve_current_user(self) -> User:
        """Whoever runs this."""
        with self._store.write() as session:
            number = int(users.current_user(session).id or 0)
        return self.retrieve(number)

    def create(self, username: str, **fields: str) -> User:
        """Make a user; `fields` are first_name, last_name, email."""
        return self.retrieve(users.create_user(self._store, username, **fields))

    def remove(self, obj_id: int) -> None:
        """Remove a user; raises NotFoundError."""
        users.delete_user(self._store, obj_id)


class RequestsRepo:
    """The record of exports, imports and backups."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(
        self, *, page: int = 1, page_size: int | None = None, **conditions: Any
    ) -> Page[Request]:
        """Requests, newest first."""
        wanted = query_of(requests.REQUESTS, conditions, page, page_size)
        found = requests.list_requests(self._store, wanted)
        return Page(found.results, found)

    def retrieve(self, rq_id: str) -> Request:
        """The request with this id; raises NotFoundError."""
        return requests.read_request(self._store, rq_id)

    def remove(self, rq_id: str) -> None:
        """Forget a request, and its result if that lies in the store; raises NotFoundError."""
        requests.remove_request(self._store, rq_id)
