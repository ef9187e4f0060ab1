"""A store that somebody else made, or damaged: each command works or says why not, on one line."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from commands import COCO_TINY, FIXTURES, run_here
from damage import damage
from doors import in_time
from localcvat.backup.restore import restore_project
from localcvat.errors import StoreError
from localcvat.exchange import import_into_project
from localcvat.projects import create_project
from localcvat.store import tables
from localcvat.store.engine import DATABASE, PAGE_BYTES, Store
from localcvat.store.failures import TABLES

BACKUP = FIXTURES / "cvat-made" / "rich" / "project_2_backup.zip"
READING: list[tuple[object, ...]] = [
    ("project", "show", 1),
    ("project", "ls", "--json"),
    ("task", "ls"),
    ("task", "show", 1),
    ("job", "ls"),
    ("label", "ls"),
    ("request", "ls"),
    ("project", "export-dataset", 1, "1.zip", "--format", "coco"),
    ("project", "export-dataset", 2, "2.zip", "--format", "cvat-images"),
    ("project", "backup", 2, "backup.zip"),
    ("project", "preview", 1, "-o", "preview.png"),
    ("snapshot", "snapshot.zip"),
    ("check", "--deep"),
]
WRITING: list[tuple[object, ...]] = [
    ("task", "import-dataset", 1, COCO_TINY, "--on-error", "skip"),
    ("check", "--repair"),
    ("project", "delete", 1),
    ("gc",),
]
VALUES: list[Any] = [
    *(None, 0, -1, 1, 2**31, 2**62, -(2**63), 1.5, float("inf"), "", "x", "\0", "é" * 1000),
    *(b"", b"\xff\xfe", b"x" * 100, "[]", "{}", "[1]", '{"a":1}', "null", "NaN", "[[1]]", '"x"'),
    *("2020-01-01T00:00:00Z", "9" * 22, "../../x", 3),
]
Commands = Sequence[tuple[object, ...]]
LOOSE = "UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE sql NOT LIKE '%WITHOUT%'"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of photos and of all that a rich backup brings; not to be changed."""
    folder = tmp_path_factory.mktemp("sound") / "store"
    with Store.create(folder) as store:
        import_into_project(store, create_project(store, "Streets"), COCO_TINY)
        restore_project(store, BACKUP)
    return folder


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def copied(sound: Path, place: Path) -> Path:
    """A copy of the store in a new place; its media, which nothing changes, are shared."""

    def copy(file: str, target: str) -> None:
        (os.link if "/media/" in file else shutil.copy)(file, target)

    shutil.copytree(sound, place / "store", copy_function=copy)
    return place / "store"


def try_all(store: Path, case: object, commands: Commands = (*READING, *WRITING)) -> None:
    """Every command ends in time, with 0 or with 1 and a sentence; none finds a bug."""
    for command in commands:
        with in_time():
            done = run_here("--store", store, *command, cwd=store.parent)
        said = (case, command, done.stderr)
        assert done.returncode in (0, 1), said
        assert "unexpected" not in done.stderr, said
        assert "Traceback" not in done.stderr, said
        assert bool(done.stderr or command[0] == "check") or done.returncode == 0, said


def spoil_rows(database: Path, chance: random.Random) -> None:
    """Values that the columns' types allow, or where these were taken away, any at all."""
    with closing(sqlite3.connect(database)) as connection:
        if chance.random() < 0.4:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(LOOSE)
            connection.commit()
    with closing(sqlite3.connect(database)) as connection:
        for _ in range(chance.choice((1, 1, 3))):
            table = chance.choice(TABLES)
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            which = chance.choice(("", "WHERE rowid % 2 = 0", "WHERE rowid < 3"))
            change = f'UPDATE OR IGNORE {table} SET "{chance.choice(columns)}" = ? {which}'
            try:
                connection.execute(change, (chance.choice(VALUES),))
            except sqlite3.Error:
                continue
        connection.commit()


def spoil_bytes(database: Path, chance: random.Random) -> None:
    data = bytearray(database.read_bytes())
    for _ in range(chance.choice((1, 5, 50, 500))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    database.write_bytes(data)


def spoil_page(database: Path, chance: random.Random) -> None:
    """One page in the place of another."""
    data = bytearray(database.read_bytes())
    pages = len(data) // PAGE_BYTES
    to, of = (chance.randrange(1, pages) * PAGE_BYTES, chance.randrange(pages) * PAGE_BYTES)
    data[to : to + PAGE_BYTES] = data[of : of + PAGE_BYTES]
    database.write_bytes(data)


@pytest.mark.parametrize(
    "seeds", [range(5), pytest.param(range(5, 500), marks=pytest.mark.full)], ids=["few", "many"]
)
def test_a_store_damaged_at_random_is_used_or_refused(
    sound: Path, tmp_path: Path, seeds: range
) -> None:
    for seed in seeds:
        store = copied(sound, tmp_path / str(seed))
        chance = random.Random(seed)
        spoil = chance.choice((spoil_rows, spoil_rows, spoil_rows, spoil_bytes, spoil_page))
        spoil(store / DATABASE, chance)
        try_all(store, (seed, spoil.__name__))
        shutil.rmtree(store.parent)


FOUND = {
    "extras that are a list": "UPDATE shape SET extras = '[[1]]'",
    "extras that are a number": "UPDATE shape SET extras = 3 WHERE id = 1",
    "extras of a task that are a word": "UPDATE task SET extras = 'Inf'",
    "attributes that are a path": "UPDATE shape SET attributes = '../../x'",
    "attributes of a track that are a number": "UPDATE track SET attributes = '12'",
    "values that are a number": "UPDATE attribute_spec SET \"values\" = '1.5'",
    "frames that are lists": "UPDATE segment SET frames = '[[1]]'",
    "deleted frames that are words": "UPDATE data SET deleted_frames = '[\"a\"]'",
    "a filter that is none": "UPDATE data SET frame_filter = '[[1]]'",
    "a name that is not UTF-8": "UPDATE project SET name = CAST(x'41ff' AS TEXT)",
    "a hash that is not UTF-8": "UPDATE media SET sha256 = CAST(x'41ff' AS TEXT) WHERE id = 1",
    "frames without end": "UPDATE data SET size = 1 << 62",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_damage_that_check_names(
    sound: Path, tmp_path: Path, name: str
) -> None:
    store = copied(sound, tmp_path)
    damage(store, FOUND[name])
    assert run_here("--store", store, "check", "--deep").returncode == 1
    try_all(store, name, READING[7:12])


def test_a_schema_that_is_not_utf8_is_a_damaged_database(sound: Path, tmp_path: Path) -> None:
    store = copied(sound, tmp_path)
    data = (store / DATABASE).read_bytes()
    (store / DATABASE).write_bytes(data.replace(b"CREATE TABLE shape", b"CREATE TABLE sh\xffpe"))
    done = run_here("--store", store, "project", "ls")
    assert done.returncode == 1
    assert "malformed" in done.stderr
    try_all(store, "schema", [*READING[:2], *WRITING])


def test_pages_that_are_gone_are_no_reason_to_delete_what_refers_to_them(
    sound: Path, tmp_path: Path
) -> None:
    store = copied(sound, tmp_path)
    with closing(sqlite3.connect(store / DATABASE)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'label'"
        (page,) = connection.execute(query).fetchone()
    data = bytearray((store / DATABASE).read_bytes())
    data[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = bytes(PAGE_BYTES)
    (store / DATABASE).write_bytes(data)
    done = run_here("--store", store, "check", "--repair")
    assert done.returncode == 1
    assert "mended" not in done.stdout
    assert (store / DATABASE).read_bytes() == bytes(data)


ENDLESS = """CREATE VIEW task AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
SELECT x AS id FROM n"""


def test_a_view_in_the_place_of_a_table_is_refused_before_it_is_read(
    sound: Path, tmp_path: Path
) -> None:
    store = copied(sound, tmp_path)
    damage(store, "ALTER TABLE task RENAME TO hidden", ENDLESS)
    for command in (*READING, *WRITING):
        with in_time():
            done = run_here("--store", store, *command, cwd=tmp_path)
        assert done.returncode == 1
        assert "a view that is none of localcvat's: 'task'" in done.stderr


def test_a_trigger_is_never_set_off(sound: Path, tmp_path: Path) -> None:
    """What only reads works; what writes is refused, migration too."""
    trigger = "CREATE TRIGGER greedy AFTER INSERT ON project BEGIN DELETE FROM shape;END"
    store = copied(sound, tmp_path)
    damage(store, trigger)
    for command in READING[:7]:
        assert run_here("--store", store, *command, cwd=tmp_path).returncode == 0
    done = run_here("--store", store, "project", "create", "New")
    assert done.returncode == 1
    assert "a trigger that is none of localcvat's: 'greedy'" in done.stderr
    with closing(sqlite3.connect(store / DATABASE)) as connection:
        assert connection.execute("SELECT count(*) FROM shape").fetchone()[0] > 60
    shutil.copytree(FIXTURES / "store-schema-1", tmp_path / "old")
    damage(tmp_path / "old", trigger)
    with pytest.raises(StoreError, match="greedy"):
        Store.open(tmp_path / "old")


def test_the_names_of_our_tables_are_all_known() -> None:
    assert tables.__all__
    assert sorted(TABLES) == sorted(["alembic_version", *SQLModel.metadata.tables])
