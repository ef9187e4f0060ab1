"""The SQLModel classes and the migrations describe the same tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import SQLModel

from localcvat.store import tables
from localcvat.store.engine import Store, raw

CLASSES = [
    table
    for table in vars(tables).values()
    if isinstance(table, type) and issubclass(table, SQLModel) and hasattr(table, "__table__")
]
KINDS = {"INTEGER": "INTEGER", "TEXT": "TEXT", "FLOAT": "REAL", "BLOB": "BLOB"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.create(tmp_path_factory.mktemp("tables") / "store") as made:
        yield made


def test_every_table_has_a_class(store: Store) -> None:
    with store.read() as session:
        rows = raw(session).execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        found = {row[0] for row in rows if not row[0].startswith(("sqlite_", "alembic_"))}
    assert found == {str(table.__tablename__) for table in CLASSES}


@pytest.mark.parametrize("table", CLASSES, ids=lambda table: table.__tablename__)
def test_columns_keys_and_nullability_agree(store: Store, table: type[SQLModel]) -> None:
    name = str(table.__tablename__)
    columns = table.__table__.columns  # type: ignore[attr-defined]
    with store.read() as session:
        info = raw(session).execute(f"PRAGMA table_info({name})").fetchall()
        keys = raw(session).execute(f"PRAGMA foreign_key_list({name})").fetchall()
    ours = {
        column.name: (KINDS[str(column.type)], column.nullable, column.primary_key)
        for column in columns
    }
    theirs = {row[1]: (row[2], not (row[3] or row[5]), bool(row[5])) for row in info}
    assert ours == theirs
    declared = {
        (key.parent.name, key.column.table.name, key.column.name, key.ondelete or "NO ACTION")
        for key in table.__table__.foreign_keys  # type: ignore[attr-defined]
    }
    assert declared == {(row[3], row[2], row[4], row[6]) for row in keys}


def test_tables_are_strict_and_writes_are_checked(store: Store) -> None:
    import sqlite3

    with store.read() as session:
        connection = raw(session)
        rows = connection.execute("SELECT name, strict FROM pragma_table_list WHERE type='table'")
        strict = {row[0]: row[1] for row in rows}
        assert all(strict[str(table.__tablename__)] for table in CLASSES)
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            connection.execute(
                "INSERT INTO attribute_spec (label_id, name, mutable, input_type, default_value,"
                " \"values\") VALUES (99, 'a', 0, 'text', '', '[]')"
            )
