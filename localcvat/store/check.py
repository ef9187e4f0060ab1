"""Is a store whole: schema, rows and references, segments, media files.

An `error` is damage; a `note` is space that `gc` or `repair` gives back, or what is odd but whole.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, pairwise

import msgspec

from localcvat.checksums import digest_of
from localcvat.ordered import ordered_map
from localcvat.store.check_rows import LOST_DATA, row_problems
from localcvat.store.engine import APPLICATION_ID, SCHEMA_VERSION, Store, raw
from localcvat.store.media import HASH

RANGE = "range"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be, and what `check --repair` does about it, if it can."""

    severity: str = "error"
    what: str
    where: str
    repair: str = ""
    is_loss: bool = False
    """A table or some page is gone: what refers to its rows must stay until they are back."""


def check_store(store: Store, *, deep: bool = False) -> list[Problem]:
    """What is wrong with a store, nothing changed; `deep` reads the media and compares hashes."""
    with store.read() as session, _any_text(raw(session)) as connection:
        return [
            *_schema_problems(connection),
            *_database_problems(connection),
            *_row_problems(connection, deep),
            *_segment_problems(connection),
            *_media_problems(store, connection, deep),
            *_orphans(store, connection),
        ]


@contextmanager
def _any_text(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Text that is not UTF-8 is found by a rule, not by an exception of whatever meets it."""
    before = connection.text_factory
    connection.text_factory = lambda data: data.decode(errors="replace")
    try:
        yield connection
    finally:
        connection.text_factory = before


def first_damage(connection: sqlite3.Connection) -> Problem | None:
    """The first damage of the database; None when it is sound."""
    with _any_text(connection):
        problems = chain(
            _schema_problems(connection),
            _database_problems(connection),
            _row_problems(connection, deep=True),
            _segment_problems(connection),
        )
        return next((problem for problem in problems if problem.severity == "error"), None)


def expected_schema() -> dict[str, str]:
    """The statements of the newest schema by the name of their table or index."""
    from pathlib import Path

    from localcvat.store.migrations import upgrade

    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        upgrade(Path(":memory:"), fresh, APPLICATION_ID, SCHEMA_VERSION)
        return schema_of(fresh)
    finally:
        fresh.close()


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """The statements of a database's tables, indexes, views and triggers by name."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows if not name.startswith("sqlite_")}


def _schema_problems(connection: sqlite3.Connection) -> Iterator[Problem]:
    found, expected = schema_of(connection), expected_schema()
    for name in sorted(expected.keys() - found.keys()):
        is_loss = expected[name].startswith("CREATE TABLE")
        what, repair = f"the schema lacks {name}", "" if is_loss else "made again"
        yield Problem(what=what, where="schema", repair=repair, is_loss=is_loss)
    for name in sorted(expected.keys() & found.keys()):
        if expected[name] != found[name]:
            yield Problem(what=f"{name} is not as it was made", where="schema")
    for name in sorted(found.keys() - expected.keys()):
        # A trigger or a constraint changes what our own statements do.
        severity = "note" if found[name].startswith(("CREATE TABLE", "CREATE VIEW")) else "error"
        yield Problem(severity=severity, what=f"{name} is none of localcvat's", where="schema")


def _database_problems(connection: sqlite3.Connection) -> Iterator[Problem]:
    for (message,) in connection.execute("PRAGMA integrity_check"):
        if message != "ok":
            repair = "indexes made again" if "index" in message else ""
            yield Problem(what=message, where="database", repair=repair, is_loss=not repair)
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Problem(
            what=f"refers to a row of {parent!r} that is not there",
            where=f"{table} #{row}",
            repair="what deleting that row would have done",
        )


def _row_problems(connection: sqlite3.Connection, deep: bool) -> Iterator[Problem]:
    for severity, what, where in row_problems(connection, deep):
        yield Problem(severity=severity, what=what, where=where)


def _segment_problems(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Frames are numbered without gaps, and segments cover them, in order and once."""
    tasks = connection.execute(
        "SELECT t.id, d.deleted_frames, d.size, d.custom_segments, coalesce(t.overlap, 0),"
        " (SELECT count(*) FROM frame f WHERE f.data_id = d.id),"
        " (SELECT max(number) FROM frame f WHERE f.data_id = d.id)"
        " FROM task t JOIN data d ON d.id = t.data_id ORDER BY t.id"
    ).fetchall()
    for task, deleted, size, custom, overlap, count, last in tasks:
        where = f"task #{task}"
        if count and (count != size or last != size - 1):
            yield Problem(what=f"{size} frames are stated, {count} are there", where=where)
        if any(not 0 <= frame < size for frame in _frames(deleted)):
            yield Problem(what="frames are deleted that it does not have", where=where)
        segments = connection.execute(
            "SELECT id, start_frame, stop_frame, type, frames FROM segment"
            " WHERE task_id = ? ORDER BY start_frame",
            (task,),
        ).fetchall()
        yield from _overlap_problems(connection, task, overlap)
        covered = 0
        for segment, start, stop, kind, frames in segments:
            place = f"{where}, segment #{segment}"
            inside = 0 <= start <= stop < size if size else True
            if not inside or any(not 0 <= frame < size for frame in _frames(frames)):
                yield Problem(what=f"frames {start} to {stop} of {size}", where=place)
            if kind == RANGE and start <= covered:
                covered = max(covered, stop + 1)
        if segments and covered < size and not custom:
            yield Problem(what=f"no job has frame {covered}", where=where)
    for (job,) in connection.execute(
        "SELECT j.id FROM job j JOIN segment s ON s.id = j.segment_id WHERE s.task_id != j.task_id"
    ):
        yield Problem(what="its segment is of another task", where=f"job #{job}")


def _frames(text: str) -> list[int]:
    """A list of frames in JSON; what is none is a problem of its own."""
    try:
        return msgspec.json.decode(text, type=list[int])
    except msgspec.DecodeError:
        return []


def _overlap_problems(connection: sqlite3.Connection, task: int, overlap: int) -> Iterator[Problem]:
    """Neighbours share as many frames as the task says; consensus jobs repeat those of another."""
    segments = connection.execute(
        "SELECT id, start_frame, stop_frame FROM segment WHERE task_id = ? AND type = ? AND id IN"
        " (SELECT segment_id FROM job WHERE parent_job_id IS NULL) ORDER BY start_frame, id",
        (task, RANGE),
    ).fetchall()
    for (before, _, end), (segment, start, _) in pairwise(segments):
        if end - start + 1 > overlap:
            what = f"frames {start} to {end} are those of segment #{before} too"
            yield Problem(what=what, where=f"task #{task}, segment #{segment}")


def _media_problems(store: Store, connection: sqlite3.Connection, deep: bool) -> Iterator[Problem]:
    rows = connection.execute("SELECT sha256, size, kind, path FROM media ORDER BY id")

    def problem(row: tuple[str, int, str, str | None]) -> Problem | None:
        sha256, size, kind, path = row
        if (kind == "reference" and not path) or not HASH.fullmatch(sha256):
            return None  # a problem of the row
        place = path if kind == "reference" and path else str(store.media.path(sha256))
        try:
            if os.path.getsize(place) != size:
                return Problem(what=f"not {size} bytes long, as it was when added", where=place)
            if deep and _digest(place) != sha256:
                return Problem(what="changed since it was added: its hash differs", where=place)
        except OSError as error:
            return Problem(what=error.strerror or str(error), where=place)
        return None

    found = ordered_map(problem, rows, store.jobs if deep else 1)
    yield from (each for _, each in found if each is not None)


def _orphans(store: Store, connection: sqlite3.Connection) -> Iterator[Problem]:
    known = {row[0] for row in connection.execute("SELECT sha256 FROM media WHERE kind = 'copy'")}
    for sha256, path in store.media.files():
        if sha256 not in known:
            what, repair = "no row mentions it", "moved to the trash"
            yield Problem(severity="note", what=what, where=path, repair=repair)
    for (data,) in connection.execute(
        "SELECT id FROM data WHERE id NOT IN (SELECT data_id FROM task WHERE data_id IS NOT NULL)"
    ):
        # It may be that of a task which has lost its own.
        repair = "" if connection.execute(LOST_DATA).fetchone() else "deleted"
        yield Problem(severity="note", what="no task has it", where=f"data #{data}", repair=repair)


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return digest_of(stream)
