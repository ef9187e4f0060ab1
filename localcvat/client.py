"""`Client`: the front door of the library, named as cvat-sdk's high-level API.

>>> from localcvat import Client
>>> with Client("photos.store") as client:
...     project = client.projects.create("Streets", labels=["car", "person"])
...     project.import_dataset("COCO 1.0", "dataset.zip")
...     project.export_dataset("YOLO 1.1", "yolo.zip", include_images=True)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from localcvat.entities import AnnotationUpdateAction, Job, PathLike, Project, Task
from localcvat.errors import StoreError
from localcvat.repositories import (
    JobsRepo,
    LabelsRepo,
    ProjectsRepo,
    RequestsRepo,
    TasksRepo,
    UsersRepo,
)
from localcvat.store.engine import DATABASE, FOLDER, Store, find_store

if TYPE_CHECKING:
    import pandas

__all__ = ["AnnotationUpdateAction", "Client", "Job", "Project", "Task"]


class Client:
    """One open store; a context manager, or `close` it.

    `store_path` names a store (or the folder that holds its ``.localcvat``); a store is made there
    when the folder is missing or empty, or in its ``.localcvat`` with `create`. Without it the
    store is $LOCALCVAT_STORE or the ``.localcvat`` of this folder or one above. `jobs` is how many
    threads and processes may be used, all cores if not given. Raises StoreError.
    """

    def __init__(
        self,
        store_path: PathLike | None = None,
        *,
        create: bool = False,
        readonly: bool = False,
        jobs: int | None = None,
    ) -> None:
        self.store = _opened(store_path, create, readonly)
        self.store.jobs = jobs or self.store.jobs
        self.projects = ProjectsRepo(self.store)
        self.tasks = TasksRepo(self.store)
        self.jobs = JobsRepo(self.store)
        self.labels = LabelsRepo(self.store)
        self.users = UsersRepo(self.store)
        self.requests = RequestsRepo(self.store)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def to_dataframe(
        self,
        *,
        project_id: int | None = None,
        task_id: int | None = None,
        job_id: int | None = None,
    ) -> pandas.DataFrame:
        """The annotations as a table, one row a tag, a shape or a keyframe; of all without an id.

        Needs the extra ``dataframe``; raises MissingExtraError without it.
        """
        from localcvat.dataframe import annotations_frame

        return annotations_frame(self.store, project_id, task_id, job_id)


def _opened(path: PathLike | None, create: bool, readonly: bool) -> Store:
    if path is None and not create:
        return Store.open(find_store(), readonly=readonly)
    folder = Path(path or FOLDER)
    for place in (folder, folder / FOLDER):
        if (place / DATABASE).is_file():
            return Store.open(place, readonly=readonly)
    if not folder.exists() or (folder.is_dir() and not os.listdir(folder)):
        return Store.create(folder)
    if create:
        return Store.create(folder / FOLDER)
    raise StoreError(
        "no store there, and the folder is not empty",
        where=str(folder),
        hint="make one: localcvat init, or Client(path, create=True)",
    )
