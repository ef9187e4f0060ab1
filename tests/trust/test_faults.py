"""Full and failing disks, locked and read-only stores, odd names: said in a line, nothing half."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from commands import COCO_TINY, FIXTURES, run, run_here
from damage import damage
from localcvat import disk
from localcvat.backup.write import write_project_backup
from localcvat.convert import ConvertOptions, convert
from localcvat.errors import LocalCvatError, StoreError
from localcvat.exchange import export_from_project, import_into_project, import_into_task
from localcvat.projects import (
    ListQuery,
    create_project,
    delete_projects,
    list_projects,
    update_project,
)
from localcvat.requests import Outcome, RequestSpec, perform, queue_request
from localcvat.store.check import check_store
from localcvat.store.engine import DATABASE, Store, raw
from localcvat.task_views import update_task
from localcvat.tasks import TaskFile, create_task, local_files
from localcvat.trash import empty_trash

CONTEXT = multiprocessing.get_context("fork")
BACKUP = FIXTURES / "cvat-made" / "rich" / "project_2_backup.zip"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one project with nine real photos; not to be changed."""
    folder = tmp_path_factory.mktemp("filled") / "store"
    with Store.create(folder) as store:
        import_into_project(store, create_project(store, "Streets"), COCO_TINY)
    return folder


def outputs(store: Store, folder: Path) -> dict[str, object]:
    """Ways to write into `folder`, by name."""
    images = ConvertOptions(with_images=True)
    return {
        "export": lambda: export_from_project(store, 1, folder / "out.zip", "voc", images),
        "folder": lambda: export_from_project(store, 1, folder / "out", "coco", images),
        "backup": lambda: write_project_backup(store, 1, folder / "out.zip"),
        "convert": lambda: convert(COCO_TINY, folder / "out.zip", "yolo", with_images=True),
    }


@pytest.mark.parametrize("way", ["export", "folder", "backup", "convert"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_no_output(filled: Path, tmp_path: Path, way: str, code: int) -> None:
    with Store.open(filled, readonly=True) as store:
        operation = outputs(store, tmp_path)[way]
        assert callable(operation)
        seen: list[str] = []
        with disk.watched(lambda what, size: seen.append(what)):
            operation()
        for path in tmp_path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for moment in random.Random(way).sample(range(len(seen)), min(12, len(seen))):
            left = [moment]

            def fail(what: str, size: int, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(code, os.strerror(code))

            with pytest.raises(LocalCvatError, match=os.strerror(code)), disk.watched(fail):
                operation()
            assert list(tmp_path.iterdir()) == []


def limited(folder: Path, limit: int) -> None:
    """Import with files that can't grow beyond `limit` bytes: a full disk as SQLite sees it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        with Store.open(folder) as store:
            import_into_project(store, 1, COCO_TINY)
    except StoreError:
        os._exit(3)
    os._exit(0)


@pytest.mark.parametrize("limit", [60_000, 150_000, 220_000, 260_000, 500_000])
def test_an_import_that_finds_the_disk_full_never_happened(
    filled: Path, tmp_path: Path, limit: int
) -> None:
    with Store.create(tmp_path / "store") as store:
        create_project(store, "Empty")
    process = CONTEXT.Process(target=limited, args=(tmp_path / "store", limit))
    process.start()
    process.join()
    with Store.open(tmp_path / "store") as store:
        assert check_store(store, deep=True) == []
        tasks = list_projects(store, ListQuery()).results[0].task_count
    assert (process.exitcode, tasks) in ((3, 0), (0, 2))
    if limit < 200_000:
        assert process.exitcode == 3


def import_photos(folder: Path) -> None:
    with Store.open(folder) as store:
        import_into_project(store, 1, COCO_TINY)


def test_two_processes_import_at_once_and_both_succeed(tmp_path: Path) -> None:
    with Store.create(tmp_path / "store") as store:
        create_project(store, "Streets")
    processes = [
        CONTEXT.Process(target=import_photos, args=(tmp_path / "store",)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    with Store.open(tmp_path / "store") as store:
        assert check_store(store, deep=True) == []
        assert list_projects(store, ListQuery()).results[0].task_count == 4
        assert len(list(store.media.files())) == 9


def test_a_store_locked_by_another_process_is_said_to_be(tmp_path: Path) -> None:
    Store.create(tmp_path / "store").close()
    other = sqlite3.connect(tmp_path / "store" / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        Store.open(tmp_path / "store", busy_seconds=0.1) as store,
        pytest.raises(StoreError, match="locked by another process"),
    ):
        create_project(store, "p")
    other.execute("ROLLBACK")
    other.close()


def test_a_read_only_store_can_be_read_checked_and_exported(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    kept = [path for path in folder.rglob("*") if not path.name.endswith("-shm")]
    before = {path: path.stat().st_mtime_ns for path in kept if path.is_file()}
    with Store.open(folder, readonly=True) as store:
        assert check_store(store, deep=True) == []
        export_from_project(store, 1, tmp_path / "out.zip", "coco")
        with pytest.raises(StoreError, match="read-only"):
            create_project(store, "p")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_dates_in_the_future_do_no_harm(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    damage(
        folder,
        *(
            f"UPDATE {table} SET created_date = '2999-01-01T00:00:00.000000Z',"
            " updated_date = '2999-01-01T00:00:00.000000Z'"
            for table in ("project", "task", "job")
        ),
    )
    with Store.open(folder) as store:
        update_project(store, 1, name="Later")
        update_task(store, 1, name="Later")
        import_into_task(store, 1, COCO_TINY, on_error="skip")
        create_project(store, "Now")
        found = list_projects(store, ListQuery(sort="-updated_date")).results
        assert [project.name for project in found] == ["Later", "Now"]
        assert found[0].updated_date >= found[0].created_date
        with store.read() as session:
            for table in ("project", "task", "job"):
                query = f"SELECT count(*) FROM {table} WHERE updated_date < created_date"
                assert raw(session).execute(query).fetchone() == (0,)
        assert check_store(store) == []


def test_what_was_deleted_before_the_clock_was_set_back_is_freed(
    filled: Path, tmp_path: Path
) -> None:
    shutil.copytree(filled, tmp_path / "store")
    with Store.open(tmp_path / "store") as store:
        delete_projects(store, [1])
        damage(store.path, "UPDATE project SET deleted_date = '2999-01-01T00:00:00.000000Z'")
        assert empty_trash(store, older_than_days=1).projects == 0
        assert empty_trash(store).projects == 1


@pytest.mark.parametrize(
    "name", ["line\nbreak", "with space", "quo'te\"s", "Straße-道路", "100%#?&;", "-rf"]
)
def test_a_store_may_lie_on_any_path(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "store"
    assert run_here("--store", folder, "init", cwd=tmp_path).returncode == 0
    made = run_here("--store", folder, "project", "create", "P", cwd=tmp_path)
    assert made.stdout == "1\n"
    photo = COCO_TINY / "images" / "val2017" / "000000516168.jpg"
    words = ("task", "create", "T", "local", photo, "--project_id", "1")
    assert run_here("--store", folder, *words, cwd=tmp_path).returncode == 0
    backup = tmp_path / name / "b.zip"
    assert run_here("--store", folder, "project", "backup", "1", backup, cwd=tmp_path).stderr == ""
    again = run_here("--store", folder, "project", "create-from-backup", backup, cwd=tmp_path)
    assert again.stdout == "2\n"
    assert run_here("--store", folder, "check", "--deep", cwd=tmp_path).returncode == 0


def photo(path: Path, shade: int) -> Path:
    Image.new("RGB", (8, 6), (shade, 0, 0)).save(path)
    return path


def test_names_that_differ_only_in_case_or_form_stay_apart(tmp_path: Path) -> None:
    """Also the longest names that a file system takes."""
    composed, apart = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    names = ["A.png", "a.png", composed, apart, "x" * 251 + ".png", "道" * 83 + ".png"]
    (tmp_path / "photos").mkdir()
    for shade, name in enumerate(names):
        photo(tmp_path / "photos" / name, shade)
    with Store.create(tmp_path / "store") as store:
        project = create_project(store, "P")
        files: list[TaskFile] = local_files([str(tmp_path / "photos")])
        create_task(store, "T", files, project_id=project)
        write_project_backup(store, project, tmp_path / "b.zip")
        export_from_project(
            store, project, tmp_path / "out", "coco", ConvertOptions(with_images=True)
        )
        assert check_store(store, deep=True) == []
    written = {path.name: path.read_bytes() for path in (tmp_path / "out" / "images").iterdir()}
    assert written == {name: (tmp_path / "photos" / name).read_bytes() for name in names}


def test_a_name_too_long_for_a_folder_is_said_to_be_and_fits_a_zip(tmp_path: Path) -> None:
    """A format's ending makes it longer than what a file system takes."""
    (tmp_path / "photos").mkdir()
    name = "x" * 251
    photo(tmp_path / "photos" / f"{name}.png", 1)
    with open(tmp_path / "photos" / "boxes.csv", "w") as stream:
        stream.write(f"filename,xmin,ymin,xmax,ymax,class\n{name}.png,1,1,3,3,cat\n")
    command = ("convert", "photos", "out", "--to", "labelme-json", "--with-images", "yes")
    done = run_here(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{name}.json: File name too long (shorten" in done.stderr
    assert os.listdir(tmp_path) == ["photos"]
    assert run_here(*command[:2], "out.zip", *command[3:], cwd=tmp_path).returncode == 0


def test_a_closed_pipe_is_no_traceback(filled: Path) -> None:
    command = f"{sys.executable} -m localcvat --store '{filled}' project ls --json | true"
    done = run("--version")
    assert done.returncode == 0
    assert os.system(f"{command} 2>/dev/null") == 0


def test_what_only_reads_does_not_wait_for_the_writer(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits does so for ten minutes, which no machine that is slow or busy takes."""
    monkeypatch.setitem(Store.open.__kwdefaults__, "busy_seconds", 600.0)
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    with Store.open(folder) as store:
        abandoned = queue_request(
            store, RequestSpec(action="export", target="project", subresource="backup")
        )
        damage(folder, f"UPDATE request SET process = '1:0' WHERE id = '{abandoned}'")
    other = sqlite3.connect(folder / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE project SET name = 'unfinished'")
    began = time.monotonic()
    for command in (
        ("project", "ls"),
        ("request", "ls"),
        ("check", "--deep"),
        ("project", "export-dataset", "1", tmp_path / "a.zip", "--format", "coco"),
        ("task", "backup", "1", tmp_path / "b.zip"),
        ("project", "preview", "1", "-o", tmp_path / "c.png"),
        ("snapshot", tmp_path / "d.zip"),
    ):
        done = run_here("--store", folder, *command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert "unfinished" not in done.stdout
    assert time.monotonic() - began < 300
    other.execute("ROLLBACK")
    other.close()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None


def test_an_import_whose_record_must_wait_too_long_is_not_said_to_have_failed(
    filled: Path, tmp_path: Path
) -> None:
    """Who reads that it failed would import everything a second time."""
    folder = tmp_path / "store"
    shutil.copytree(filled, folder)
    other = sqlite3.connect(folder / DATABASE, isolation_level=None)

    def work(_: object) -> Outcome:
        other.execute("BEGIN IMMEDIATE")
        return Outcome(result_id=7)

    with Store.open(folder, busy_seconds=0.2) as store:
        spec = RequestSpec(action="import", target="project", subresource="dataset")
        done = perform(store, queue_request(store, spec), work)
    other.close()
    assert (done.status, done.result_id) == ("finished", 7)


READING: tuple[tuple[object, ...], ...] = (
    ("project", "ls"),
    ("task", "show", 1),
    ("request", "ls"),
    ("check", "--deep"),
    ("project", "export-dataset", 1, "out.zip", "--format", "coco", "--with-images", "yes"),
    ("project", "backup", 1, "backup.zip"),
    ("project", "preview", 1, "-o", "small.png"),
    ("snapshot", "copy.zip"),
)


WRITING: tuple[tuple[object, ...], ...] = (
    ("project", "create", "P"),
    ("task", "update", 1, "--name", "x"),
    ("job", "update", 1, "--state", "completed"),
    ("project", "delete", 1),
    ("user", "create", "bob"),
    ("check", "--repair"),
    ("gc",),
)


def as_nobody(store: Path, place: Path) -> None:
    """Read and try to write a store as a user that may only read it; end with 0 if all is well."""
    os.setuid(65534)
    codes = [run_here("--store", store, *command, cwd=place).returncode for command in READING]
    refused = [run_here("--store", store, *command, cwd=place) for command in WRITING]
    said = [one.returncode == 1 and "the store is read-only" in one.stderr for one in refused]
    os._exit(0 if all(said) and not any(codes) else 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_store_of_another_user_can_be_read_by_all_reading_commands(filled: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        store, place, mine = Path(folder) / "store", Path(folder) / "place", Path(folder) / "mine"
        shutil.copytree(filled, store)
        mine.mkdir()
        for command in READING:  # what they import the other user may not be able to read
            assert run_here("--store", store, *command, cwd=mine).returncode == 0, command
        shutil.copytree(store, mine / "store")
        for command in WRITING:
            assert run_here("--store", mine / "store", *command, cwd=mine).returncode == 0, command
        place.mkdir()
        os.chmod(place, 0o777)
        before = (store / DATABASE).read_bytes()
        process = CONTEXT.Process(target=as_nobody, args=(store, place))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert (store / DATABASE).read_bytes() == before
        with zipfile.ZipFile(place / "out.zip") as archive:
            assert archive.testzip() is None
