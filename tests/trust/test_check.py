"""Damage of every kind, made by hand in a real store: check names it, and its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from commands import COCO_TINY, FIXTURES, run_here
from corpus import CVAT_MADE
from damage import damage
from localcvat.backup.restore import restore_project, restore_task
from localcvat.exchange import import_into_project
from localcvat.projects import create_project
from localcvat.store.check import Problem, check_store
from localcvat.store.engine import DATABASE, Store
from localcvat.store.repair import repair_store

BACKUP = FIXTURES / "cvat-made" / "rich" / "project_2_backup.zip"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of photos and of all that a rich backup brings; not to be changed."""
    folder = tmp_path_factory.mktemp("sound") / "store"
    with Store.create(folder) as store:
        import_into_project(store, create_project(store, "Streets"), COCO_TINY)
        restore_project(store, BACKUP)
    return folder


@pytest.fixture
def store(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "store")
    return tmp_path / "store"


def problems(store: Path, deep: bool = False) -> list[Problem]:
    with Store.open(store, readonly=True) as opened:
        return check_store(opened, deep=deep)


def test_what_a_real_cvat_made_has_no_problem(tmp_path: Path) -> None:
    with Store.create(tmp_path / "store") as store:
        for path in sorted(CVAT_MADE.glob("*/*_backup.zip")):
            (restore_project if "project" in path.name else restore_task)(store, path)
        assert check_store(store, deep=True) == []


FIRST = "(SELECT min(id) FROM {})"
OTHER = "(SELECT max(id) FROM label WHERE project_id = 2)"
DAMAGES = {
    "a frame is gone": (
        "DELETE FROM frame WHERE data_id = 1 AND number = 0",
        "error",
        "6 frames are stated, 5 are there",
        "task #1",
    ),
    "a segment twice": (
        "INSERT INTO segment SELECT 999, task_id, start_frame, stop_frame, type, frames, files"
        " FROM segment WHERE id = 1; INSERT INTO job (id, segment_id, task_id, created_date,"
        " updated_date) SELECT 999, 999, task_id, created_date, updated_date FROM job WHERE id = 1",
        "error",
        "frames 0 to 5 are those of segment #1 too",
        "task #1, segment #999",
    ),
    "a segment before the first frame": (
        "UPDATE segment SET start_frame = -1 WHERE id = 1",
        "error",
        "frames -1 to 5 of 6",
        "task #1, segment #1",
    ),
    "a segment without a job": (
        "DELETE FROM shape WHERE job_id = 1; DELETE FROM job WHERE id = 1",
        "error",
        "no job has it",
        "segment #1",
    ),
    "a job without a segment": (
        "DELETE FROM segment WHERE id = 1",
        "error",
        "refers to a row of 'segment' that is not there",
        "job #1",
    ),
    "a label of another project": (
        f"UPDATE shape SET label_id = {OTHER} WHERE id = 1",
        "error",
        "its label is of another project or task",
        "shape #1",
    ),
    "an attribute of another label": (
        """UPDATE shape SET attributes = '{"2": "x"}' WHERE id = 1""",
        "error",
        "an attribute is none of its label's",
        "shape #1",
    ),
    "attributes that are not JSON": (
        "UPDATE shape SET attributes = '{' WHERE id = 1",
        "error",
        "its attributes is not a JSON object",
        "shape #1",
    ),
    "a shape outside of its job": (
        "UPDATE shape SET frame = 500 WHERE id = 1",
        "note",
        "its frame is not of its job",
        "shape #1",
    ),
    "a tag outside of its job": (
        f"UPDATE tag SET frame = 500 WHERE id = {FIRST.format('tag')}",
        "note",
        "its frame is not of its job",
        "tag #1",
    ),
    "a keyframe outside of its task": (
        f"UPDATE tracked_shape SET frame = 500 WHERE id = {FIRST.format('tracked_shape')}",
        "error",
        "its frame is not of its task",
        "tracked_shape #1",
    ),
    "points cut off": (
        "UPDATE shape SET points = x'0102' WHERE id = 1",
        "error",
        "its points are cut off",
        "shape #1",
    ),
    "a type that is none": (
        "UPDATE shape SET type = 'blob' WHERE id = 1",
        "error",
        "its type is unknown",
        "shape #1",
    ),
    "a trigger": (
        "CREATE TRIGGER greedy AFTER INSERT ON shape BEGIN DELETE FROM shape;END",
        "error",
        "greedy is none of localcvat's",
        "schema",
    ),
    "another table": ("CREATE TABLE mine (a)", "note", "mine is none of localcvat's", "schema"),
    "a table is gone": ("DROP TABLE guide", "error", "the schema lacks guide", "schema"),
    "a column too many": (
        "ALTER TABLE tag ADD COLUMN mine TEXT",
        "error",
        "tag is not as it was made",
        "schema",
    ),
    "a task without data": (
        "UPDATE task SET data_id = NULL WHERE id = 1",
        "error",
        "it has jobs but no data",
        "task #1",
    ),
    "two tasks of one data": (
        "UPDATE task SET data_id = (SELECT data_id FROM task WHERE id = 2) WHERE id = 1",
        "error",
        "another task has the same data",
        "task #1",
    ),
    "a date that is none": (
        "UPDATE task SET created_date = 'yesterday' WHERE id = 1",
        "error",
        "its created_date is not a date",
        "task #1",
    ),
    "frames that are not JSON": (
        "UPDATE segment SET frames = 'x' WHERE id = 1",
        "error",
        "its frames is not a JSON list of integers",
        "segment #1",
    ),
    "a label that is its own parent": (
        "UPDATE label SET parent_id = 1 WHERE id = 1",
        "error",
        "its parent is of another project or task",
        "label #1",
    ),
    "a deleted frame that is none": (
        "UPDATE data SET deleted_frames = '[77]' WHERE id = 1",
        "error",
        "frames are deleted that it does not have",
        "task #1",
    ),
    "a hash that leads elsewhere": (
        "UPDATE media SET sha256 = '../../etc/passwd' WHERE id = 1",
        "error",
        "its hash is none",
        "media #1",
    ),
    "a reference to nowhere": (
        "UPDATE media SET kind = 'reference', path = NULL WHERE id = 1",
        "error",
        "it is a reference without a path",
        "media #1",
    ),
    "a project is gone": (
        "DELETE FROM project WHERE id = 2",
        "error",
        "refers to a row of 'project' that is not there",
        "label #81",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_with_its_place(store: Path, name: str) -> None:
    statements, severity, what, where = DAMAGES[name]
    damage(store, *statements.split("; "))
    found = [(problem.severity, problem.what, problem.where) for problem in problems(store)]
    assert (severity, what, where) in found


@pytest.mark.parametrize("name", DAMAGES)
def test_repair_after_damage_ends_and_says_what_stays(store: Path, name: str) -> None:
    statements = DAMAGES[name][0]
    damage(store, *statements.split("; "))
    before = (store / DATABASE).read_bytes()
    with Store.open(store) as opened:
        mended, copy = repair_store(opened)
        left = check_store(opened)
    assert (copy is not None) == bool(mended)
    lost = name == "a table is gone"
    assert not [problem for problem in left if problem.repair and not lost]
    assert mended or (store / DATABASE).read_bytes() == before
    if name == "a project is gone":
        assert [problem for problem in left if problem.severity == "error"] == []


def test_data_that_a_task_may_have_lost_is_not_deleted(store: Path) -> None:
    damage(store, "UPDATE task SET data_id = NULL WHERE id = 1")
    with Store.open(store) as opened:
        repair_store(opened)
    connection = sqlite3.connect(store / DATABASE)
    assert connection.execute("SELECT count(*) FROM frame WHERE data_id = 1").fetchone() == (6,)


def test_points_that_can_not_be_unpacked_are_found_by_the_deep_check(store: Path) -> None:
    damage(store, "UPDATE shape SET points = x'FF0000' WHERE id = 1")
    assert problems(store) == []
    assert [(p.what, p.where) for p in problems(store, deep=True)] == [
        ("its points can't be read", "shape #1")
    ]


@pytest.mark.parametrize("how", ["missing", "cut off", "longer", "a bit flipped", "a folder"])
def test_media_that_are_not_as_they_were_are_named(store: Path, how: str) -> None:
    media = sorted(path for path in (store / "media").rglob("*") if path.is_file())[0]
    data = media.read_bytes()
    media.unlink()
    if how == "a folder":
        media.mkdir()
    elif how != "missing":
        flipped = data[:9] + bytes((data[9] ^ 4,)) + data[10:]
        changed = {"cut off": data[:-1], "longer": data + b"x", "a bit flipped": flipped}
        media.write_bytes(changed[how])
    found = [problem for problem in problems(store, deep=True) if problem.severity == "error"]
    assert [problem.where for problem in found] == [str(media)]
    done = run_here("--store", store, "check", "--deep", "--repair")
    assert done.returncode == 1
    assert str(media) in done.stdout


def test_a_database_without_its_log_is_whole_though_older(sound: Path, tmp_path: Path) -> None:
    shutil.copytree(sound, tmp_path / "store")
    with Store.open(tmp_path / "store") as store:
        create_project(store, "Later")
        shutil.copy(tmp_path / "store" / DATABASE, tmp_path / DATABASE)
    for path in (tmp_path / "store").glob(f"{DATABASE}*"):
        path.unlink()
    shutil.move(tmp_path / DATABASE, tmp_path / "store" / DATABASE)
    assert problems(tmp_path / "store", deep=True) == []


@pytest.mark.parametrize("size", [0, 1, 99, 512, 4096, 4097, 40_000])
def test_a_database_that_was_cut_off_is_no_traceback(store: Path, size: int) -> None:
    os.truncate(store / DATABASE, size)
    for command in (("check",), ("check", "--repair"), ("project", "ls"), ("gc",)):
        done = run_here("--store", store, *command)
        assert done.returncode in (0, 1)
        assert "unexpected" not in done.stderr
        assert "Traceback" not in done.stderr
    assert run_here("--store", store, "check").returncode == 1


def test_a_journal_made_by_somebody_else_removes_nothing_outside(
    store: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (store / "tmp" / "evil.journal").write_text(f"ab{precious}\nab/../../../precious\n")
    with Store.open(store) as opened:
        assert check_store(opened, deep=True) == []
    assert precious.read_text() == "mine"
