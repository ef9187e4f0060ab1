"""check, check --repair, snapshot, export-manifest and verify find what is wrong, and only that."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import shutil
import sqlite3
import subprocess
import time
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from commands import COCO_TINY, FIXTURES, run_here
from damage import damage
from localcvat.backup.restore import restore_project
from localcvat.exchange import import_into_project
from localcvat.model import Annotations
from localcvat.projects import ListQuery, create_project, list_projects
from localcvat.store.annotation_reading import read_annotations
from localcvat.store.check import check_store
from localcvat.store.engine import DATABASE, SCHEMA_VERSION, Store, raw
from localcvat.store.label_map import label_map
from localcvat.store.repair import repair_store
from localcvat.store.snapshot import write_snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of one project with three real photos."""
    annotations = "annotations/instances_val2017.json"
    (tmp_path / "photos" / "annotations").mkdir(parents=True)
    shutil.copy(COCO_TINY / annotations, tmp_path / "photos" / annotations)
    shutil.copytree(COCO_TINY / "images" / "val2017", tmp_path / "photos" / "images" / "val2017")
    with Store.create(tmp_path / "store") as store:
        project = create_project(store, "Streets")
        import_into_project(store, project, tmp_path / "photos")
    return tmp_path / "store"


def found(folder: Path, **options: Any) -> list[tuple[str, str]]:
    """What is wrong: (what, where) of errors."""
    with Store.open(folder, readonly=True) as store:
        problems = check_store(store, **options)
    return [(p.what, p.where) for p in problems if p.severity == "error"]


def test_a_good_store_has_no_problem(folder: Path) -> None:
    assert found(folder, deep=True) == []
    done = run_here("--store", folder, "check", "--deep", "--json", cwd=folder)
    assert (done.returncode, orjson.loads(done.stdout)["problems"]) == (0, [])


def test_any_flipped_byte_of_a_photo_is_found_by_the_deep_check(folder: Path) -> None:
    photo = next(path for path in (folder / "media").rglob("*") if path.is_file())
    data = bytearray(photo.read_bytes())
    data[len(data) // 2] ^= 1
    photo.write_bytes(data)
    assert found(folder) == []
    assert found(folder, deep=True) == [
        ("changed since it was added: its hash differs", str(photo))
    ]
    photo.unlink()
    assert found(folder) == [("No such file or directory", str(photo))]
    assert run_here("--store", folder, "check", cwd=folder).returncode == 1


@pytest.mark.parametrize(
    ("statement", "what", "where"),
    [
        ("UPDATE data SET size = 5", "5 frames are stated, 3 are there", "task #1"),
        ("UPDATE segment SET stop_frame = 1", "no job has frame 2", "task #1"),
        ("UPDATE segment SET stop_frame = 9", "frames 0 to 9 of 3", "task #1, segment #1"),
        ("DROP INDEX shape_job", "the schema lacks shape_job", "schema"),
        ("DELETE FROM label WHERE id = 1", "refers to a row of 'label' that is not there", ""),
    ],
)
def test_damage_of_rows_is_named(folder: Path, statement: str, what: str, where: str) -> None:
    damage(folder, statement)
    problems = found(folder)
    assert any(p[0] == what and p[1].startswith(where) for p in problems), problems


def test_a_damaged_page_is_named(folder: Path) -> None:
    database = folder / DATABASE
    data = bytearray(database.read_bytes())
    data[8 * 4096 : 8 * 4096 + 200] = b"\xff" * 200
    database.write_bytes(data)
    done = run_here("--store", folder, "check", cwd=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout + done.stderr


def test_repair_mends_what_is_safe_after_a_copy(folder: Path) -> None:
    stray = folder / "media" / "ab" / ("c" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    damage(folder, "DROP INDEX shape_job", "DELETE FROM label WHERE id = 1", "DELETE FROM user")
    before = (folder / DATABASE).read_bytes()
    with Store.open(folder) as store:
        mended, copy = repair_store(store)
        assert copy is not None
        assert mended
        assert check_store(store, deep=True) == []
        assert repair_store(store) == ([], None)
        assert [p.owner for p in list_projects(store, ListQuery()).results] == [None]
    assert not stray.exists()
    assert (folder / "trash" / stray.name).read_bytes() == b"nobody's"
    assert sqlite3.connect(copy).execute("SELECT count(*) FROM label WHERE id = 1").fetchone() == (
        0,
    )
    assert before != (folder / DATABASE).read_bytes()


def test_what_can_not_be_mended_stays_reported(folder: Path) -> None:
    next(path for path in (folder / "media").rglob("*") if path.is_file()).unlink()
    done = run_here("--store", folder, "check", "--repair", cwd=folder)
    assert done.returncode == 1
    assert "No such file" in done.stdout


def test_a_snapshot_with_media_is_a_store(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.zip"
    assert run_here("--store", folder, "snapshot", target, cwd=folder).returncode == 0
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "copy")
    with Store.open(tmp_path / "copy") as copy:
        assert check_store(copy, deep=True) == []
        assert [p.name for p in list_projects(copy, ListQuery()).results] == ["Streets"]
    again = run_here("--store", folder, "snapshot", target, cwd=folder)
    assert again.returncode == 1
    assert "exists" in again.stderr


def _write_on(folder: Path) -> None:
    with Store.open(folder) as store:
        for number in range(10_000):
            create_project(store, f"P{number}")


@pytest.mark.parametrize("name", ["copy.zip", "copy.db"])
def test_a_snapshot_of_a_store_that_is_written_to_is_one_moment_of_it(
    folder: Path, tmp_path: Path, name: str
) -> None:
    writer = multiprocessing.get_context("fork").Process(target=_write_on, args=(folder,))
    writer.start()
    try:
        time.sleep(0.1)
        with Store.open(folder, readonly=True) as store:
            write_snapshot(store, tmp_path / name)
        assert writer.is_alive()
    finally:
        writer.kill()
        writer.join()
    (tmp_path / "copy").mkdir()
    if name.endswith(".zip"):
        shutil.unpack_archive(tmp_path / name, tmp_path / "copy")
    else:
        shutil.copytree(folder / "media", tmp_path / "copy" / "media")
        shutil.copy(tmp_path / name, tmp_path / "copy" / DATABASE)
    with Store.open(tmp_path / "copy") as copy:
        assert check_store(copy, deep=True) == []
        names = sorted(p.id for p in list_projects(copy, ListQuery(page_size=None)).results)
    assert names == list(range(1, len(names) + 1))
    assert len(names) > 1


def test_sums_find_what_changed_on_the_way(folder: Path, tmp_path: Path) -> None:
    backup = tmp_path / "out.zip"
    assert run_here("--store", folder, "project", "backup", "1", backup, cwd=folder).returncode == 0
    assert run_here("export-manifest", backup, cwd=tmp_path).returncode == 0
    assert run_here("verify", backup, cwd=tmp_path).returncode == 0
    lines = (tmp_path / "out.zip.sha256").read_text().splitlines()
    with zipfile.ZipFile(backup) as archive:
        assert [line[66:] for line in lines] == sorted(archive.namelist())
        first = archive.getinfo(archive.namelist()[0])
    data = bytearray(backup.read_bytes())
    data[first.header_offset + 30 + len(first.filename) + 20 + first.file_size // 2] ^= 1
    backup.write_bytes(data)
    done = run_here("verify", backup, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert orjson.loads(done.stdout)["differences"] == [
        {"what": "changed", "where": f"{backup}/{first.filename}"}
    ]


def test_sums_name_what_is_missing_and_what_is_new(tmp_path: Path) -> None:
    dataset = tmp_path / "set"
    shutil.copytree(COCO_TINY / "annotations", dataset)
    assert run_here("export-manifest", dataset, cwd=tmp_path).returncode == 0
    (dataset / "instances_val2017.json").rename(dataset / "renamed.json")
    done = run_here("verify", dataset, "--json", cwd=tmp_path)
    assert orjson.loads(done.stdout)["differences"] == [
        {"what": "missing", "where": f"{dataset}/instances_val2017.json"},
        {"what": "not in the manifest", "where": f"{dataset}/renamed.json"},
    ]
    assert run_here("verify", dataset, "--manifest", "nowhere", cwd=tmp_path).returncode == 1


def test_sums_are_those_of_sha256sum_whatever_the_names(tmp_path: Path) -> None:
    names = ["plain", "with space", "quo'te\"s", "é", "line\nbreak", "back\\slash", "*star", "-rf"]
    names += ["a" * 255, "道" * 85, unicodedata.normalize("NFD", "é"), "Plain", "100%#?", "sub/x"]
    for name in names:
        path = tmp_path / "set" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(name)
    assert run_here("export-manifest", "set", cwd=tmp_path).returncode == 0
    assert run_here("verify", "set", cwd=tmp_path).returncode == 0
    checked = ["sha256sum", "--quiet", "--check", "../set.sha256"]
    assert subprocess.run(checked, cwd=tmp_path / "set", check=False).returncode == 0
    sums = (tmp_path / "set.sha256").read_text()
    windows = re.sub("^.{65}", lambda match: match[0].upper(), sums, flags=re.MULTILINE)
    (tmp_path / "set.sha256").write_text(windows, newline="\r\n")
    assert run_here("verify", "set", cwd=tmp_path).returncode == 0
    (tmp_path / "set" / "Plain").rename(tmp_path / "set" / "PLAIN")
    done = run_here("verify", "set", "--json", cwd=tmp_path)
    assert orjson.loads(done.stdout)["differences"] == [
        {"what": "missing", "where": "set/Plain"},
        {"what": "not in the manifest", "where": "set/PLAIN"},
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("x", "not a SHA-256 and a name"),
        ("0" * 63 + "  a", "not a SHA-256 and a name"),
        (f"{'0' * 64}  a\n{'1' * 64}  a", "a second sum for 'a'"),
        ("\udcff", "no readable manifest"),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_its_place(
    tmp_path: Path, lines: str, reason: str
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").write_text("a")
    (tmp_path / "set.sha256").write_bytes(lines.encode(errors="surrogateescape"))
    done = run_here("verify", "set", cwd=tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "sub/../../outside", "a/", ".", ".."]
)
def test_a_manifest_that_names_files_elsewhere_reads_none_of_them(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").write_text("a")
    (tmp_path / "outside").write_text("secret")
    sums = hashlib.sha256(b"secret").hexdigest()
    (tmp_path / "set.sha256").write_text(f"{sums}  {name}\n")
    done = run_here("verify", "set", "--json", cwd=tmp_path)
    assert [found["what"] for found in orjson.loads(done.stdout)["differences"]] == [
        "missing",
        "not in the manifest",
    ]


def test_a_store_of_the_first_schema_opens_with_all_it_held(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "store-schema-1", tmp_path / "old")
    with Store.open(tmp_path / "old") as store:
        problems = check_store(store, deep=True)
        assert [p for p in problems if p.severity == "error"] == [
            p for p in problems if p.where.endswith(".jpg") and p.what.startswith("No such file")
        ]
        (project,) = list_projects(store, ListQuery()).results
    assert (project.name, project.task_count) == ("Streets", 1)
    copies = list((tmp_path / "old").glob("*.schema-1.bak"))
    assert len(copies) == 1
    version = sqlite3.connect(tmp_path / "old" / DATABASE).execute("PRAGMA user_version")
    assert version.fetchone() == (SCHEMA_VERSION,)
    old, new = (sqlite3.connect(path) for path in (copies[0], tmp_path / "old" / DATABASE))
    assert old.execute("SELECT count(*) FROM shape").fetchone()[0] > 60
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'"
    for (table,) in old.execute(tables).fetchall():
        columns = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({table})"))
        query = f"SELECT {columns} FROM {table} ORDER BY 1, 2"
        assert old.execute(query).fetchall() == new.execute(query).fetchall(), table


def test_a_store_of_the_second_schema_holds_what_the_newest_makes_of_the_same(
    tmp_path: Path,
) -> None:
    shutil.copytree(FIXTURES / "store-schema-2", tmp_path / "old")
    with Store.open(tmp_path / "old") as old, Store.create(tmp_path / "new") as new:
        assert check_store(old, deep=True) == []
        restore_project(new, FIXTURES / "backups" / "everything_project.zip")
        create_project(new, "Streets")
        annotations = FIXTURES / "coco-tiny" / "annotations" / "instances_val2017.json"
        import_into_project(new, 2, annotations, media="none")
        found, made = everything(old), everything(new)
    assert found == made
    assert "mask" in {shape.type for job in found for shape in job.shapes}
    version = sqlite3.connect(tmp_path / "old" / DATABASE).execute("PRAGMA user_version")
    assert version.fetchone() == (SCHEMA_VERSION,)


def everything(store: Store) -> list[Annotations]:
    """The annotations of all jobs."""
    with store.read() as session:
        jobs = raw(session).execute("SELECT id, task_id FROM job ORDER BY id").fetchall()
        return [
            read_annotations(session, job, label_map(session, task_id=task)) for job, task in jobs
        ]


def test_a_store_from_a_newer_version_is_refused_with_what_to_do(folder: Path) -> None:
    damage(folder, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (folder / DATABASE).read_bytes()
    done = run_here("--store", folder, "project", "ls", cwd=folder)
    assert done.returncode == 1
    assert "newer localcvat" in done.stderr
    assert "pip install -U localcvat" in done.stderr
    assert (folder / DATABASE).read_bytes() == before
