"""JSON Logic compiled to SQL agrees with evaluating the same rule in Python."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.engine import Connection

from json_logic import evaluate, rules
from localcvat.errors import ValidationError
from localcvat.query import Field, date_text, filter_clause, order_by, parse_filter, search_clause

TABLE = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("assignee", String),
    Column("updated_date", String),
)
FIELDS = {
    "id": Field(TABLE.c.id, "integer"),
    "name": Field(TABLE.c.name),
    "assignee": Field(TABLE.c.assignee, nullable=True),
    "updated_date": Field(TABLE.c.updated_date, "date"),
}
WORDS = ["a", "A", "ab", "Ünï", "x y", "50%", "a_b", "", "5"]
DATES = [f"2026-0{month}-01T00:00:00.000000Z" for month in range(1, 6)]


def _rows() -> list[dict[str, Any]]:
    rng = random.Random(7)
    return [
        {
            "id": number,
            "name": rng.choice(WORDS),
            "assignee": rng.choice([None, *WORDS]),
            "updated_date": rng.choice(DATES),
        }
        for number in range(1, 2001)
    ]


ROWS = _rows()
VALUES = {
    "id": st.integers(-5, 2005),
    "name": st.sampled_from(WORDS),
    "assignee": st.none() | st.sampled_from(WORDS),
    "updated_date": st.sampled_from(DATES),
}


@pytest.fixture(scope="module")
def connection() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as connected:
        raw = connected.connection.dbapi_connection
        raw.create_function("casefold", 1, lambda s: s if s is None else s.casefold())  # type: ignore[union-attr]
        TABLE.create(connected)
        connected.execute(TABLE.insert(), ROWS)
        yield connected


@settings(max_examples=500, deadline=None)
@given(rule=rules(VALUES))
def test_sql_and_python_agree_on_any_rule(connection: Connection, rule: Any) -> None:
    found = connection.execute(select(TABLE.c.id).where(filter_clause(rule, FIELDS, extended=True)))
    assert {row.id for row in found} == {row["id"] for row in ROWS if evaluate(rule, row)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "filter: Json syntax should be used"),
        ("{}", "filter shouldn't be empty"),
        ("[]", "filter shouldn't be empty"),
        ('{"==":[{"var":"bogus"},1]}', "filter: 'bogus' term is not supported"),
        (
            '{"!=":[{"var":"name"},"x"]}',
            "filter: != operation with [{'var': 'name'}, 'x'] arguments is not implemented",
        ),
        (
            '{"if":[{"var":"name"},1,2]}',
            "filter: if operation with [{'var': 'name'}, 1, 2] arguments is not implemented",
        ),
        (
            '{"<":[8,{"var":"id"},10]}',
            "filter: < operation with [8, {'var': 'id'}, 10] arguments is not implemented",
        ),
    ],
)
def test_a_bad_filter_gets_cvats_words(text: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        filter_clause(parse_filter(text), FIELDS)
    assert caught.value.errors == [message]


@pytest.mark.parametrize(
    "rule",
    [
        1,
        None,
        "x",
        {"and": []},
        {"and": {}},
        {"==": [{"var": "id"}, "abc"]},
        {"==": [{"var": "id"}, 1 << 70]},
        {"==": [{"var": "id"}, 1e400]},
        {"==": [{"var": "updated_date"}, "nodate"]},
        {"==": ["x", {"var": "name"}]},
        {"var": []},
        {"in": [{"var": "id"}, [[1]]]},
        {"in": [{"a": 1}, {"var": "name"}]},
        {"and": [{"var": "id"}] * 2000},
    ],
)
def test_a_malformed_rule_is_refused(rule: Any) -> None:
    with pytest.raises(ValidationError):
        filter_clause(rule, FIELDS, extended=True)


def test_a_deep_filter_is_refused_without_recursion() -> None:
    text = '{"!":' * 5000 + '{"var":"id"}' + "}" * 5000
    with pytest.raises(ValidationError):
        filter_clause(parse_filter(text), FIELDS)


def _names(connection: Connection, text: str) -> set[str]:
    clause = search_clause(text, [FIELDS["name"]])
    assert clause is not None
    return {row.name for row in connection.execute(select(TABLE.c.name).where(clause))}


def test_search_takes_every_word_in_any_case_and_wildcards_literally(
    connection: Connection,
) -> None:
    assert _names(connection, "A") == {"a", "A", "ab", "a_b"}
    assert _names(connection, "a,B") == {"ab", "a_b"}
    assert _names(connection, "üNÏ") == {"Ünï"}
    assert _names(connection, "y x") == {"x y"}
    assert _names(connection, '"x y"') == set()
    assert _names(connection, "%") == {"50%"}
    assert _names(connection, "_") == {"a_b"}
    assert search_clause(" , ", [FIELDS["name"]]) is None


def test_sorting_puts_nulls_last_and_ignores_unknown_fields(connection: Connection) -> None:
    ordered = select(TABLE.c.assignee, TABLE.c.id)
    up = connection.execute(ordered.order_by(*order_by("assignee,x", FIELDS, TABLE.c.id))).all()
    expected = sorted(ROWS, key=lambda r: (r["assignee"] is None, r["assignee"] or "", r["id"]))
    assert [row.id for row in up] == [row["id"] for row in expected]
    fallback = connection.execute(ordered.order_by(*order_by("bogus", FIELDS, TABLE.c.id))).all()
    assert [row.id for row in fallback] == list(range(2000, 0, -1))


def test_dates_of_any_zone_compare_as_utc() -> None:
    problem = ValidationError(["x"])
    assert date_text("2026-01-01T02:00:00+02:00", problem) == "2026-01-01T00:00:00.000000Z"
    assert date_text("2026-01-01", problem) == "2026-01-01T00:00:00.000000Z"
