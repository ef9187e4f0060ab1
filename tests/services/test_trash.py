"""Deleted projects and tasks: gone from lists, brought back whole, freed for good by gc."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from localcvat.annotations import Scope, set_annotations
from localcvat.errors import NotFoundError
from localcvat.job_views import list_job_views
from localcvat.label_views import list_label_views
from localcvat.listing import ListQuery
from localcvat.model import Label
from localcvat.projects import create_project, delete_projects, get_project, restore_project
from localcvat.store.engine import Store, raw
from localcvat.task_views import list_task_views
from localcvat.tasks import create_task, delete_tasks, local_files
from localcvat.trash import empty_trash, list_trash, restore_task

TABLES = ("project", "task", "data", "frame", "data_file", "segment", "job", "label", "shape")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    with Store.create(tmp_path / "store") as made:
        yield made


def _project(store: Store, tmp_path: Path, *pictures: int) -> tuple[int, int]:
    project_id = create_project(store, "p", [Label(name="a")])
    files = local_files([str(tmp_path / f"{number}.png") for number in pictures])
    task_id = create_task(store, "t", files, project_id=project_id)
    shape = {"type": "rectangle", "frame": 0, "points": [0, 0, 1, 1], "label": "a"}
    set_annotations(store, Scope(task_id=task_id), {"shapes": [shape]})
    return project_id, task_id


def _counts(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {
            table: raw(session).execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in TABLES
        }


def _listed(store: Store) -> list[int]:
    every = ListQuery(page_size=None)
    pages = (list_task_views, list_job_views, list_label_views)
    return [page(store, every).count for page in pages]


def test_a_deleted_project_takes_its_tasks_along_and_brings_them_back(
    store: Store, tmp_path: Path
) -> None:
    project_id, task_id = _project(store, tmp_path, 0)
    gone = create_task(store, "gone before", local_files([str(tmp_path)]), project_id=project_id)
    delete_tasks(store, [gone])
    before = _counts(store)
    delete_projects(store, [project_id])
    assert _listed(store) == [0, 0, 0]
    assert {(item.kind, item.id) for item in list_trash(store)} == {
        ("project", project_id),
        ("task", task_id),
        ("task", gone),
    }
    with pytest.raises(NotFoundError):
        get_project(store, project_id)
    with pytest.raises(NotFoundError):
        restore_task(store, gone)
    restore_project(store, project_id)
    assert _counts(store) == before
    assert [task.id for task in list_task_views(store, ListQuery()).results] == [task_id]
    restore_task(store, gone)
    assert get_project(store, project_id).task_count == 2


def test_gc_frees_rows_and_the_media_no_other_task_uses(store: Store, tmp_path: Path) -> None:
    kept = _project(store, tmp_path, 0, 1)
    counts = _counts(store)
    gone = _project(store, tmp_path, 1, 2)
    delete_projects(store, [gone[0]])
    freed = empty_trash(store)
    assert (freed.projects, freed.tasks, freed.files) == (1, 1, 1)
    assert freed.bytes == (tmp_path / "2.png").stat().st_size
    assert _counts(store) == counts
    assert len([file for file in (store.path / "media").rglob("*") if file.is_file()]) == 2
    with pytest.raises(NotFoundError):
        restore_project(store, gone[0])
    assert get_project(store, kept[0]).task_count == 1
    with store.read() as session:
        assert raw(session).execute("PRAGMA foreign_key_check").fetchall() == []


def test_gc_leaves_what_was_deleted_lately(store: Store, tmp_path: Path) -> None:
    _, task_id = _project(store, tmp_path, 0)
    delete_tasks(store, [task_id])
    assert empty_trash(store, older_than_days=1).tasks == 0
    restore_task(store, task_id)


def test_gc_never_touches_the_files_of_the_user(store: Store, tmp_path: Path) -> None:
    from localcvat.tasks import TaskOptions

    files = local_files([str(tmp_path / "0.png")])
    options = TaskOptions(media="reference")
    task_id = create_task(store, "t", files, labels=[Label(name="a")], options=options)
    delete_tasks(store, [task_id])
    assert empty_trash(store).files == 0
    assert (tmp_path / "0.png").exists()
