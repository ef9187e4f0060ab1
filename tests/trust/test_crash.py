"""Killed at any moment: the store opens, its check passes, an operation happened whole or not.

Each operation runs in a process of its own that is killed after a random part of the time that it
takes; the default is a few kills, `make test-full` makes 200 of each.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import COCO_TINY, FIXTURES
from localcvat.archive import open_sink
from localcvat.backup.restore import restore_project
from localcvat.backup.write import write_project_backup
from localcvat.convert import ConvertOptions, convert
from localcvat.exchange import export_from_project, import_into_project
from localcvat.projects import ListQuery, create_project, delete_projects, list_projects
from localcvat.store.check import check_store
from localcvat.store.engine import DATABASE, Store, raw
from localcvat.trash import empty_trash

KILLS = 5
MANY_KILLS = 200
BACKUP = FIXTURES / "cvat-made" / "rich" / "project_2_backup.zip"
CONTEXT = multiprocessing.get_context("fork")


class Job:
    """An operation on `place`, which holds a store and outputs; `happened` says if it did."""

    def __init__(
        self,
        run: Callable[[Path], object],
        happened: Callable[[Path], bool],
        prepare: Callable[[Path], object] = lambda place: None,
    ) -> None:
        self.run, self.happened, self.prepare = run, happened, prepare


def opened(place: Path) -> Store:
    return Store.open(place / "store")


def count(place: Path, table: str) -> int:
    with opened(place) as store, store.read() as session:
        return int(raw(session).execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def imported(place: Path) -> None:
    with opened(place) as store:
        import_into_project(store, 1, COCO_TINY)


def exported(place: Path) -> None:
    with opened(place) as store:
        options = ConvertOptions(with_images=True)
        export_from_project(store, 1, place / "out.zip", "coco", options)


def exported_to_a_folder(place: Path) -> None:
    with opened(place) as store:
        export_from_project(store, 1, place / "out", "yolo", ConvertOptions(with_images=True))


def backed_up(place: Path) -> None:
    with opened(place) as store:
        write_project_backup(store, 1, place / "out.zip")


def restored(place: Path) -> None:
    with opened(place) as store:
        restore_project(store, BACKUP)


def deleted(place: Path) -> None:
    with opened(place) as store:
        delete_projects(store, [1])


def freed(place: Path) -> None:
    with opened(place) as store:
        empty_trash(store)


def converted(place: Path) -> None:
    convert(COCO_TINY, place / "out", "voc", with_images=True)


def project_is_there(place: Path) -> bool:
    with opened(place) as store:
        return list_projects(store, ListQuery()).count == 1


def older(place: Path) -> None:
    shutil.rmtree(place / "store")
    shutil.copytree(FIXTURES / "store-schema-1", place / "store")


def migrated(place: Path) -> bool:
    return len(list((place / "store").glob(f"{DATABASE}.schema-1.bak"))) == 1


def zip_is_whole(place: Path) -> bool:
    if not (place / "out.zip").exists():
        return False
    with zipfile.ZipFile(place / "out.zip") as archive:
        assert archive.testzip() is None
    return True


JOBS = {
    "import": Job(imported, lambda place: count(place, "task") == 2),
    "export": Job(exported, zip_is_whole, imported),
    "export to a folder": Job(
        exported_to_a_folder, lambda place: (place / "out" / "obj.data").exists(), imported
    ),
    "convert": Job(converted, lambda place: (place / "out" / "labelmap.txt").exists()),
    "backup": Job(backed_up, zip_is_whole, imported),
    "restore": Job(restored, lambda place: count(place, "project") == 2),
    "delete": Job(deleted, lambda place: not project_is_there(place), imported),
    "gc": Job(
        freed,
        lambda place: count(place, "project") == 0,
        lambda place: (imported(place), deleted(place)),
    ),
    "migration": Job(lambda place: opened(place).close(), migrated, older),
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A place for an operation, prepared once and copied for each kill."""
    made: dict[str, Path] = {}

    def prepared(name: str) -> Path:
        if name not in made:
            place = tmp_path_factory.mktemp("ready")
            with Store.create(place / "store") as store:
                create_project(store, "Streets")
            JOBS[name].prepare(place)
            made[name] = place
        return made[name]

    return prepared


def start(job: Job, place: Path) -> multiprocessing.process.BaseProcess:
    process = CONTEXT.Process(target=job.run, args=(place,))
    process.start()
    return process


def tree(place: Path) -> set[str]:
    """What a finished operation may leave: all files but those of SQLite's log and the lock."""
    names = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    return {name for name in names if not name.endswith(("-wal", "-shm", "tmp/lock", ".bak"))}


def kill_at(job: Job, place: Path, seconds: float) -> None:
    """Run an operation and kill it after some time."""
    process = start(job, place)
    time.sleep(seconds)
    process.kill()
    process.join()


def check_after(name: str, place: Path) -> None:
    job = JOBS[name]
    with opened(place) as store:
        assert [p for p in check_store(store, deep=True) if p.severity == "error"] == []
        assert os.listdir(place / "store" / "tmp") in ([], ["lock"])
    happened = job.happened(place)
    if not happened:
        assert not (place / "out").exists()
        assert not (place / "out.zip").exists()
        job.run(place)
        assert job.happened(place)
    elif name == "gc":
        job.run(place)  # its rows went at once; files are freed one by one


def kill_often(name: str, ready: Callable[[str], Path], tmp_path: Path, kills: int) -> None:
    source, job = ready(name), JOBS[name]
    whole = tmp_path / "whole"
    shutil.copytree(source, whole)
    began = time.monotonic()
    process = start(job, whole)
    process.join()
    assert process.exitcode == 0
    seconds = time.monotonic() - began
    expected, shapes = tree(whole), count(whole, "shape")
    moments = random.Random(name)
    for number in range(kills):
        place = tmp_path / f"place-{number}"
        shutil.copytree(source, place)
        kill_at(job, place, moments.uniform(0, seconds))
        check_after(name, place)
        with open_sink(place / "next.zip") as sink:
            sink.write("a", b"")
        (place / "next.zip").unlink()
        assert (tree(place), count(place, "shape")) == (expected, shapes)
        shutil.rmtree(place)


@pytest.mark.parametrize("name", JOBS)
def test_a_killed_operation_happened_or_not(
    name: str, ready: Callable[[str], Path], tmp_path: Path
) -> None:
    kill_often(name, ready, tmp_path, KILLS)


@pytest.mark.full
@pytest.mark.parametrize("name", JOBS)
def test_two_hundred_killed_operations_happened_or_not(
    name: str, ready: Callable[[str], Path], tmp_path: Path
) -> None:
    kill_often(name, ready, tmp_path, MANY_KILLS)
