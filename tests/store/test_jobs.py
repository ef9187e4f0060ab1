"""With several jobs the store gets what it gets with one, and a failure leaves as little."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from localcvat import Client
from localcvat.checksums import sums_of
from localcvat.errors import LocalCvatError
from tests.commands import done

IMAGES = 80
DATES = re.compile(r"'\d{4}-\d\d-\d\dT[^']*Z'")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A YOLO dataset of pictures of several sizes, some of them equal."""
    folder = tmp_path_factory.mktemp("yolo")
    (folder / "obj_train_data").mkdir()
    names = [f"{number:03}" for number in range(IMAGES)]
    for number, name in enumerate(names):
        size = (20 + number % 7, 10 + number % 5)
        picture = Image.new("RGB", size, (number % 11 * 20, 0, 0))
        picture.save(folder / "obj_train_data" / f"{name}.png")
        (folder / "obj_train_data" / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (folder / "obj.names").write_text("thing\n")
    (folder / "obj.data").write_text(
        "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n"
    )
    lines = [f"data/obj_train_data/{name}.png\n" for name in names]
    (folder / "train.txt").write_text("".join(lines))
    return folder


def contents(store: Path) -> tuple[list[str], list[str]]:
    """The rows of a store without their dates and request ids, and its media files."""
    with sqlite3.connect(store / "localcvat.db") as database:
        rows = [line for line in database.iterdump() if 'INTO "request"' not in line]
    media = sorted(path.name for path in (store / "media").rglob("*") if path.is_file())
    return [DATES.sub("''", row) for row in rows], media


def test_imports_backups_and_checks_do_not_depend_on_the_jobs(
    dataset: Path, tmp_path: Path
) -> None:
    found = []
    for jobs in (1, 4):
        path = tmp_path / f"store{jobs}"
        backup = tmp_path / f"{jobs}.zip"
        with Client(path, create=True, jobs=jobs) as client:
            project = client.projects.create({"name": "p"})
            project.import_dataset("yolo", dataset)
            files = [dataset / "obj_train_data" / f"{number:03}.png" for number in range(50)]
            client.tasks.create_from_data({"name": "t", "labels": [{"name": "a"}]}, files)
            project.download_backup(backup)
            client.projects.create_from_backup(backup)
        assert done("--store", path, "check", "--deep", "--jobs", jobs) == ""
        found.append((contents(path), backup.read_bytes(), sums_of(backup, jobs)))
    assert found[0] == found[1]
    assert len(found[0][2]) > IMAGES


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_import_that_fails_amid_its_media_leaves_nothing(
    jobs: int, dataset: Path, tmp_path: Path
) -> None:
    gone = "040"
    broken = tmp_path / "broken"
    (broken / "obj_train_data").mkdir(parents=True)
    for path in dataset.rglob("*.*"):
        os.link(path, broken / path.relative_to(dataset))
    (broken / "obj_train_data" / f"{gone}.png").unlink()
    (broken / "obj_train_data" / f"{gone}.png").write_bytes(b"no picture")
    with Client(tmp_path / "store", create=True, jobs=jobs) as client:
        project = client.projects.create({"name": "p"})
        before = contents(tmp_path / "store")
        with pytest.raises(LocalCvatError, match=gone):
            project.import_dataset("yolo", broken)
        assert contents(tmp_path / "store") == before
        assert set(os.listdir(tmp_path / "store" / "tmp")) <= {"lock"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_caller_who_stops_an_import_finds_no_thread_at_work(
    jobs: int, dataset: Path, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(done: int) -> None:
        if done == 50:
            raise Stop

    with Client(tmp_path / "store", create=True, jobs=jobs) as client:
        project = client.projects.create({"name": "p"})
        before = contents(tmp_path / "store")
        with pytest.raises(Stop):
            project.import_dataset("yolo", dataset, progress=stop)
        assert contents(tmp_path / "store") == before
        assert set(os.listdir(tmp_path / "store" / "tmp")) <= {"lock"}


def test_check_deep_finds_the_same_changed_file_with_any_jobs(
    dataset: Path, tmp_path: Path
) -> None:
    from localcvat.store.check import check_store

    with Client(tmp_path / "store", create=True) as client:
        client.projects.create({"name": "p"}).import_dataset("yolo", dataset)
        files = sorted(path for path in (tmp_path / "store" / "media").rglob("*") if path.is_file())
        for path in files[1:4]:
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(data)
        problems = []
        for jobs in (1, 4):
            client.store.jobs = jobs
            problems.append(check_store(client.store, deep=True))
    assert problems[0] == problems[1]
    assert {problem.where for problem in problems[0]} == {str(path) for path in files[1:4]}
