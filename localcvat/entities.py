"""Projects, tasks and jobs as objects: fields to read and operations, named as in cvat-sdk.

An object holds what was read of it; `fetch` reads again. Fields are those of the values that the
services give (`projects.Project`, `tasks.Task`, `jobs.Job`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import msgspec

from localcvat import transfers
from localcvat.annotations import Action, Scope
from localcvat.job_views import list_job_views, read_job_view
from localcvat.jobs import update_job
from localcvat.label_views import LabelView, list_label_views
from localcvat.labeled_data import LabeledData
from localcvat.listing import ListQuery
from localcvat.report import Report
from localcvat.requests import Request
from localcvat.task_views import TaskData, list_task_views, read_task_view, update_task
from localcvat.transfers import Place, Target
from localcvat.users import User

if TYPE_CHECKING:
    from localcvat.frames import DataMeta, FrameInfo, Quality
    from localcvat.store.engine import Store
    from localcvat.store.media import MediaMode

PathLike = str | os.PathLike[str]
ItemProgress = Callable[[int], None] | None
E = TypeVar("E", bound="Entity")


class AnnotationUpdateAction(Enum):
    """What `update_annotations` does with the given annotations."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


def body_of(spec: Any) -> dict[str, Any]:
    """A specification as a plain mapping: a mapping, a struct, or a model of cvat-sdk."""
    if isinstance(spec, Mapping):
        return dict(spec)
    if isinstance(spec, msgspec.Struct):
        return msgspec.structs.asdict(spec)
    if hasattr(spec, "to_dict"):
        return dict(spec.to_dict())
    raise TypeError(f"a mapping is needed, not {type(spec).__name__}")


def report_of(request: Request) -> Report:
    """The loss report that a request keeps."""
    return Report.from_dict(request.report or {})


def _all(*, sort: str = "", **where: Any) -> ListQuery:
    return ListQuery(where=where, sort=sort, page_size=None)


def _labels(store: Store, **owner: int) -> list[LabelView]:
    found: list[LabelView] = list_label_views(store, _all(), **owner).results
    return found


class Entity:
    """What projects, tasks and jobs share."""

    id: int
    _noun: ClassVar[Target]

    def __init__(self, store: Store, value: Any) -> None:
        self._store = store
        self._value = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_value", "_store"):
            raise AttributeError(name)
        return getattr(self._value, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: id={self.id}>"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.id == other.id

    def __hash__(self) -> int:
        return hash((self._noun, self.id))

    @property
    def value(self) -> Any:
        """What the service gave: the fields as one value."""
        return self._value

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        fields: dict[str, Any] = msgspec.to_builtins(self._value)
        return fields

    def _read(self) -> Any:
        raise NotImplementedError

    def fetch(self: E) -> E:
        """Read the fields again; raises NotFoundError when it is gone."""
        self._value = self._read()
        return self

    def get_preview(self) -> io.BytesIO:
        """A picture inside 256×256 pixels, of the frame that CVAT takes."""
        from localcvat.preview import preview

        return io.BytesIO(preview(self._store, self._noun, self.id))

    def _import(self, format_name: str | None, filename: PathLike, **options: Any) -> Report:
        request = transfers.import_dataset(
            self._store, self._noun, self.id, Place(path=filename), format_name, **options
        )
        self.fetch()
        return report_of(request)

    def export_dataset(
        self,
        format_name: str,
        filename: PathLike,
        *,
        include_images: bool = True,
        **options: Any,
    ) -> Report:
        """Write a dataset, a zip if `filename` ends so, else a folder; returns the loss report.

        `options` are those of `convert.ConvertOptions`: strict, overwrite, transforms, progress, …
        Raises LossError in strict mode if anything would be lost.
        """
        from localcvat.convert import ConvertOptions

        chosen = ConvertOptions(with_images=include_images, **options)
        return report_of(
            transfers.export_dataset(
                self._store,
                self._noun,
                self.id,
                format_name,
                Place(path=filename, overwrite=chosen.overwrite),
                chosen,
            )
        )


class _BackedUp(Entity):
    """What projects and tasks share: backups."""

    def download_backup(
        self,
        filename: PathLike,
        *,
        lightweight: bool = False,
        overwrite: bool = False,
        progress: ItemProgress = None,
    ) -> Report:
        """Write a backup zip that a real CVAT restores; returns the report.

        `lightweight` leaves the media out.
        """
        return report_of(
            transfers.export_backup(
                self._store,
                "project" if self._noun == "project" else "task",
                self.id,
                Place(path=filename, overwrite=overwrite),
                lightweight=lightweight,
                progress=progress,
            )
        )


class _Annotated(Entity):
    """What tasks and jobs share: annotations and frames."""

    @property
    def _scope(self) -> Scope:
        raise NotImplementedError

    def set_annotations(self, data: Any) -> None:
        """Replace all annotations.

        `data` is `model.Annotations`, or as cvat-sdk's ``LabeledDataRequest``: an object or mapping
        of tags, shapes and tracks with ``label_id`` (or ``label``, a name). Raises ValidationError.
        """
        from localcvat.annotations import set_annotations

        set_annotations(self._store, self._scope, data)

    def update_annotations(
        self, data: Any, *, action: AnnotationUpdateAction | str = AnnotationUpdateAction.UPDATE
    ) -> None:
        """Create, update or delete some annotations; the latter two go by their ids."""
        from localcvat.annotations import update_annotations

        word = action.value if isinstance(action, AnnotationUpdateAction) else action
        update_annotations(self._store, self._scope, data, cast(Action, word))

    def remove_annotations(self, *, ids: Collection[int] | None = None) -> None:
        """Remove all annotations, or those with these ids."""
        from localcvat.annotations import remove_annotations

        remove_annotations(self._store, self._scope, ids)

    def import_annotations(
        self,
        format_name: str | None,
        filename: PathLike,
        *,
        mode: Literal["replace", "append"] = "replace",
        strict: bool = False,
        **options: Any,
    ) -> Report:
        """Read annotations, images matched by name; returns the loss report.

        `format_name` None detects the format. `options` are those of `exchange.import_into_task`:
        on_error, image_size, transforms, progress.
        """
        return self._import(format_name, filename, mode=mode, strict=strict, **options)

    def get_frame(self, frame_id: int, *, quality: Quality = "original") -> io.BytesIO:
        """The picture of a frame (task-relative number): its file, or a ``compressed`` JPEG."""
        from localcvat.frames import frame_bytes

        return io.BytesIO(frame_bytes(self._store, self._task_id, frame_id, quality))

    @property
    def _task_id(self) -> int:
        return self.id

    def download_frames(
        self,
        frame_ids: Sequence[int],
        *,
        outdir: PathLike = ".",
        quality: Quality = "original",
        filename_pattern: str = "frame_{frame_id:06d}{frame_ext}",
    ) -> list[Path]:
        """Write the pictures of frames into a folder; returns their paths."""
        from localcvat.frames import write_frames

        return write_frames(
            self._store, self._task_id, frame_ids, Path(outdir), quality, filename_pattern
        )

    def get_meta(self) -> DataMeta:
        """What is known of the data: frames with sizes, range, deleted frames."""
        raise NotImplementedError

    def get_frames_info(self) -> list[FrameInfo]:
        """Name and size of each frame."""
        return self.get_meta().frames

    def remove_frames_by_ids(self, ids: Sequence[int]) -> None:
        """Mark frames (task-relative numbers) as deleted."""
        from localcvat.frames import delete_frames

        delete_frames(self._store, self._task_id, ids)


class Project(_BackedUp):
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
        found = list_task_views(self._store, _all(project_id=self.id, sort="id"))
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


class Task(_Annotated, _BackedUp):
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

    def get_jobs(self) -> list[Job]:
        """The jobs of the task, by id."""
        found = list_job_views(self._store, _all(task_id=self.id, sort="id"))
        return [Job(self._store, value) for value in found.results]

    def get_labels(self) -> list[LabelView]:
        """The labels of the task: its project's when it is in one."""
        return _labels(self._store, task_id=self.id)

    def get_annotations(self) -> LabeledData:
        """The annotations of all annotation jobs."""
        from localcvat.annotations import task_annotations

        return task_annotations(self._store, self.id)

    def get_meta(self) -> DataMeta:
        from localcvat.frames import task_meta

        return task_meta(self._store, self.id)


class Job(_Annotated):
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
