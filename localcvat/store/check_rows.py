"""Rules between the rows of a store that its schema can't state: each names the rows that break it.

A rule is a query for the ids of such rows; of many only the first are named.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.model import SHAPE_TYPES
from localcvat.store.failures import TABLES
from localcvat.store.media import HASH
from localcvat.store.packing import unpack_points

NAMED = 20
"""So many rows are named for each rule."""
OBJECT, INTEGERS, STRINGS = "a JSON object", "a JSON list of integers", "a JSON list of strings"
JSON_COLUMNS = {
    "frames": INTEGERS,
    "deleted_frames": INTEGERS,
    "files": STRINGS,
    "values": STRINGS,
    "attributes": OBJECT,
    "extras": OBJECT,
    "source_storage": OBJECT,
    "target_storage": OBJECT,
    "validation_layout": OBJECT,
    "report": OBJECT,
}
"""What the text in a column of that name is, whichever table has it."""
DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    OBJECT: msgspec.json.Decoder(dict[str, Any]),
    INTEGERS: msgspec.json.Decoder(list[int]),
    STRINGS: msgspec.json.Decoder(list[str]),
}
LOST_DATA = "SELECT id FROM task WHERE data_id IS NULL AND id IN (SELECT task_id FROM segment)"
_LABELS = """WITH owned AS (
  SELECT j.id AS job, l.id AS label FROM job j JOIN task t ON t.id = j.task_id
  JOIN label l ON (t.project_id IS NOT NULL AND l.project_id = t.project_id)
    OR (t.project_id IS NULL AND l.task_id = t.id))
SELECT a.id FROM {table} a JOIN job j ON j.id = a.job_id JOIN label l ON l.id = a.label_id
WHERE NOT EXISTS (SELECT 1 FROM owned WHERE job = a.job_id AND label = a.label_id)"""
_FRAMES = """SELECT a.id FROM {table} a JOIN job j ON j.id = a.job_id
JOIN segment s ON s.id = j.segment_id WHERE a.frame < s.start_frame OR a.frame > s.stop_frame"""
_KEYFRAMES = """SELECT k.id FROM tracked_shape k JOIN track a ON a.id = k.track_id
JOIN job j ON j.id = a.job_id JOIN task t ON t.id = j.task_id JOIN data d ON d.id = t.data_id
WHERE k.frame < 0 OR (k.frame >= d.size AND d.size > 0)"""
_PARENTS = """SELECT a.id FROM {table} a JOIN {table} p ON p.id = a.parent_id
WHERE p.job_id <> a.job_id OR p.parent_id IS NOT NULL"""
_ATTRIBUTES = """SELECT DISTINCT a.id FROM {table} a, json_each(a.attributes) value
WHERE a.attributes IS NOT NULL AND is_json('a JSON object', CAST(a.attributes AS BLOB))
AND NOT EXISTS (
  SELECT 1 FROM attribute_spec s WHERE s.id = value.key AND s.label_id = a.label_id)"""
_TYPES = ", ".join(f"'{kind}'" for kind in SHAPE_TYPES)


class Rule(msgspec.Struct, frozen=True):
    """The rows of `table` that `query` finds are not as they should be."""

    table: str
    what: str
    query: str
    severity: str = "error"


def _rules() -> Iterator[Rule]:
    for table in ("shape", "tag", "track"):
        yield Rule(table, "its label is of another project or task", _LABELS.format(table=table))
        # CVAT keeps such annotations too, and its backups bring them in: nothing is damaged.
        yield Rule(table, "its frame is not of its job", _FRAMES.format(table=table), "note")
        what = "an attribute is none of its label's"
        yield Rule(table, what, _ATTRIBUTES.format(table=table))
    for table in ("shape", "track"):
        yield Rule(table, "it is an element of no skeleton", _PARENTS.format(table=table))
    for table in ("shape", "tracked_shape"):
        query = f"SELECT id FROM {table} WHERE type NOT IN ({_TYPES})"
        yield Rule(table, "its type is unknown", query)
        # All but packed masks, whose length is odd, are float64.
        query = f"SELECT id FROM {table} WHERE length(points) % 8 NOT IN (0, 1, 3, 5, 7)"
        yield Rule(table, "its points are cut off", query)
    yield Rule("tracked_shape", "its frame is not of its task", _KEYFRAMES)
    yield Rule(
        "label",
        "its parent is of another project or task",
        "SELECT a.id FROM label a JOIN label p ON p.id = a.parent_id WHERE p.id = a.id"
        " OR p.project_id IS NOT a.project_id OR p.task_id IS NOT a.task_id"
        " OR p.parent_id IS NOT NULL",
    )
    yield Rule(
        "segment",
        "no job has it",
        "SELECT id FROM segment WHERE id NOT IN (SELECT segment_id FROM job)",
    )
    yield Rule("task", "it has jobs but no data", LOST_DATA)
    yield Rule(
        "task",
        "another task has the same data",
        "SELECT id FROM task t WHERE EXISTS"
        " (SELECT 1 FROM task o WHERE o.data_id = t.data_id AND o.id <> t.id)",
    )
    yield Rule(
        "media",
        "it is a reference without a path",
        "SELECT id FROM media WHERE kind = 'reference' AND path IS NULL",
    )
    steps = "frame_filter NOT GLOB 'step=[1-9]*' OR frame_filter GLOB 'step=*[^0-9]*'"
    yield Rule(
        "data",
        "its frame_filter is no step",
        f"SELECT id FROM data WHERE frame_filter <> '' AND ({steps})",
    )
    yield Rule("media", "its hash is none", "SELECT id FROM media WHERE NOT is_hash(sha256)")


def row_problems(connection: sqlite3.Connection, deep: bool) -> Iterator[tuple[str, str, str]]:
    """(severity, what, where) of rows that break a rule; `deep` unpacks the points too."""
    connection.create_function("is_json", 2, _is_json, deterministic=True)
    connection.create_function("is_hash", 1, _is_hash, deterministic=True)
    rules = [*_column_rules(connection, deep), *_rules()]
    if deep:
        connection.create_function("is_utf8", 1, _is_utf8, deterministic=True)
        connection.create_function("is_packed", 1, _is_packed, deterministic=True)
        rules += [
            Rule(
                table,
                "its points can't be read",
                f"SELECT id FROM {table} WHERE NOT is_packed(points)",
            )
            for table in ("shape", "tracked_shape")
        ]
    for rule in rules:
        rows = connection.execute(rule.query)
        for (row,) in rows.fetchmany(NAMED):
            yield rule.severity, rule.what, f"{rule.table} #{row}"
        more = sum(1 for _ in rows)
        if more:
            yield rule.severity, f"{rule.what}: {more} more", rule.table


def _column_rules(connection: sqlite3.Connection, deep: bool) -> Iterator[Rule]:
    """Columns of JSON hold JSON, those of dates dates, and those of text UTF-8."""
    for table in TABLES:
        columns = {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({table})")}
        row = "data_id || ' frame ' || number" if table == "frame" else next(iter(columns), "")
        for column, kind in columns.items():
            blob = f'CAST("{column}" AS BLOB)'
            tests = []
            if column in JSON_COLUMNS:
                what = JSON_COLUMNS[column]
                tests.append((f"is_json('{what}', {blob})", what))
            elif column.endswith("_date"):
                tests.append((f'datetime("{column}") IS NOT NULL', "a date"))
            if deep and kind == "TEXT":
                tests.append((f"is_utf8({blob})", "UTF-8"))
            for test, what in tests:
                query = f'SELECT {row} FROM {table} WHERE "{column}" IS NOT NULL AND NOT {test}'
                yield Rule(table, f"its {column} is not {what}", query)


def _is_json(kind: str, text: bytes) -> bool:
    try:
        DECODERS[kind].decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_hash(text: str) -> bool:
    return HASH.fullmatch(text) is not None


def _is_packed(blob: bytes) -> bool:
    try:
        unpack_points(blob)
    except (ValueError, IndexError, KeyError):
        return False
    return True
