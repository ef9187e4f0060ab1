"""Stores: made, found, opened; one write at a time; older ones migrated, newer ones refused."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from localcvat.errors import StoreError
from localcvat.projects import create_project
from localcvat.store.engine import DATABASE, SCHEMA_VERSION, Store, find_store, now, raw


def names(store: Store) -> list[str]:
    """The projects of a store."""
    with store.read() as session:
        return [row[0] for row in raw(session).execute("SELECT name FROM project ORDER BY id")]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.create(tmp_path / "store") as made:
        yield made


def test_a_store_is_made_once_and_opened_again(tmp_path: Path) -> None:
    with Store.create(tmp_path / "a") as made:
        create_project(made, "p")
    with Store.open(tmp_path / "a") as opened:
        assert names(opened) == ["p"]
    with pytest.raises(StoreError, match="there is a store already"):
        Store.create(tmp_path / "a")


def test_an_existing_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as other:
        other.execute("CREATE TABLE mine (x)")
    before = (tmp_path / DATABASE).read_bytes()
    for attempt in (Store.create, Store.open):
        with pytest.raises(StoreError, match="not a store of localcvat"):
            attempt(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        Store.open(tmp_path)


def test_the_store_is_found_upwards_by_variable_or_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCALCVAT_STORE", raising=False)
    Store.create(tmp_path / ".localcvat").close()
    Store.create(tmp_path / "other").close()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert find_store() == tmp_path / ".localcvat"
    assert find_store(tmp_path) == tmp_path / ".localcvat"
    assert find_store(tmp_path / "other") == tmp_path / "other"
    monkeypatch.setenv("LOCALCVAT_STORE", str(tmp_path / "other"))
    assert find_store() == tmp_path / "other"
    monkeypatch.setenv("LOCALCVAT_STORE", str(tmp_path / "nowhere"))
    with pytest.raises(StoreError, match="localcvat init"):
        find_store()


def test_a_failed_write_changes_nothing(store: Store) -> None:
    create_project(store, "kept")

    def fail() -> None:
        with store.write() as session:
            raw(session).execute("UPDATE project SET name = 'changed'")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(store) == ["kept"]


def test_what_a_reader_writes_is_not_kept(store: Store) -> None:
    create_project(store, "kept")
    with store.read() as session:
        raw(session).execute("UPDATE project SET name = 'changed'")
    assert names(store) == ["kept"]


def test_a_reader_sees_one_moment(store: Store) -> None:
    create_project(store, "first")
    with store.read() as session:
        count = "SELECT count(*) FROM project"
        assert raw(session).execute(count).fetchone() == (1,)
        create_project(store, "second")
        assert raw(session).execute(count).fetchone() == (1,)
    assert names(store) == ["first", "second"]


def test_a_second_writer_waits_and_is_then_told_who_is_in_the_way(store: Store) -> None:
    with (
        Store.open(store.path, busy_seconds=0.1) as other,
        store.write() as session,
    ):
        raw(session).execute("DELETE FROM project")
        with pytest.raises(StoreError, match="locked by another process"):
            create_project(other, "late")
        assert names(other) == []
    create_project(store, "after")


def test_a_read_only_store_reads_and_refuses_to_write(store: Store) -> None:
    create_project(store, "p")
    before = (store.path / DATABASE).read_bytes()
    with Store.open(store.path, readonly=True) as reader:
        assert names(reader) == ["p"]
        with pytest.raises(StoreError, match="read-only"):
            create_project(reader, "q")
        with pytest.raises(StoreError, match="read-only"), reader.media.batch():
            pass
    assert (store.path / DATABASE).read_bytes() == before


def _write_until_killed(path: str, ready: Any) -> None:
    with Store.open(path) as store, store.write() as session:
        raw(session).execute("UPDATE project SET name = name || '!'")
        ready.set()
        signal.pause()


def test_a_killed_writer_leaves_the_store_as_it_was(store: Store) -> None:
    create_project(store, "p")
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    writer = context.Process(target=_write_until_killed, args=(str(store.path), ready))
    writer.start()
    assert ready.wait(30)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    assert names(store) == ["p"]
    create_project(store, "q")
    with store.read() as session:
        assert raw(session).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_newer_store_is_refused_untouched(store: Store) -> None:
    store.close()
    with sqlite3.connect(store.path / DATABASE) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="newer localcvat"):
        Store.open(store.path)


def first_schema(path: Path) -> None:
    """A store of the first schema with a project in it."""
    from localcvat.store.engine import APPLICATION_ID
    from localcvat.store.migrations.versions.m0001_first import STATEMENTS

    path.mkdir()
    connection = sqlite3.connect(path / DATABASE)
    connection.executescript(STATEMENTS)
    connection.executescript(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        "INSERT INTO alembic_version VALUES ('0001');"
        "INSERT INTO project (name, created_date, updated_date) VALUES ('old', 'x', 'x');"
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"
    )
    connection.close()


def test_an_older_store_is_copied_and_migrated(tmp_path: Path) -> None:
    first_schema(tmp_path / "old")
    with pytest.raises(StoreError, match="must be migrated"):
        Store.open(tmp_path / "old", readonly=True)
    with Store.open(tmp_path / "old") as store:
        assert names(store) == ["old"]
    with sqlite3.connect(tmp_path / "old" / f"{DATABASE}.schema-1.bak") as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT name FROM project").fetchall() == [("old",)]


def test_a_migrated_store_has_the_schema_of_a_new_one(tmp_path: Path, store: Store) -> None:
    first_schema(tmp_path / "old")
    schemas = []
    for place in (tmp_path / "old", store.path):
        with Store.open(place) as opened, opened.read() as session:
            rows = raw(session).execute(
                "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'"
            )
            schemas.append(sorted(rows.fetchall()))
    assert schemas[0] == schemas[1]


def test_a_snapshot_is_taken_while_another_writes(store: Store, tmp_path: Path) -> None:
    create_project(store, "p")
    with store.write() as session:
        raw(session).execute("UPDATE project SET name = 'not yet'")
        store.snapshot(tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT name FROM project").fetchall() == [("p",)]
    with pytest.raises(StoreError, match="exists"):
        store.snapshot(tmp_path / "copy.db")


def test_dates_sort_as_text() -> None:
    first, second = now(), now()
    assert first <= second
    assert len(first) == len("2026-01-01T00:00:00.000000Z")
