"""Requests: recorded from queued to their end, with results that go when they expire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcvat.errors import NotFoundError, SourceError, ValidationError
from localcvat.listing import ListQuery
from localcvat.model import Label
from localcvat.projects import create_project
from localcvat.report import Report
from localcvat.requests import (
    Outcome,
    Request,
    RequestSpec,
    cancel_request,
    list_requests,
    perform,
    queue_request,
    read_request,
    remove_expired,
    remove_request,
    run_request,
)
from localcvat.results import new_result, remove_stray_results, result_file, scratch
from localcvat.store.engine import Store, raw
from localcvat.transfers import Place, export_backup, file_name, import_backup
from localcvat.trash import empty_trash

SPEC = {"action": "export", "target": "project", "subresource": "dataset", "project_id": 1}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "store") as made:
        yield made


def _with_result(store: Store) -> Request:
    def work(_: object) -> Outcome:
        path, told = new_result(store, "a.zip")
        path.write_bytes(b"zip")
        return Outcome(result_path=told, result_id=7, report=Report())

    return run_request(store, RequestSpec(**SPEC, format="COCO 1.0"), work)


def test_a_request_goes_from_queued_over_started_to_finished(store: Store) -> None:
    seen: list[tuple[str, float]] = []

    def work(tell: object) -> Outcome:
        request = read_request(store, rq_id)
        seen.append((request.status, request.progress))
        assert request.started_date is not None
        return Outcome()

    rq_id = queue_request(store, RequestSpec(**SPEC))
    assert read_request(store, rq_id).status == "queued"
    done = perform(store, rq_id, work)
    assert seen == [("started", 0.0)]
    assert (done.status, done.progress, done.type) == ("finished", 1.0, "export:dataset")
    assert done.finished_date is not None
    assert done.expiry_date is not None
    assert done.finished_date < done.expiry_date


def test_a_failure_is_recorded_with_its_message_and_raised(store: Store) -> None:
    def work(_: object) -> Outcome:
        raise SourceError("no images found", where="a.zip")

    with pytest.raises(SourceError):
        run_request(store, RequestSpec(**SPEC), work)
    (failed,) = list_requests(store, ListQuery(status="failed")).results
    assert failed.message == "a.zip: no images found"
    assert failed.finished_date is not None


def test_a_request_whose_process_died_has_failed(store: Store) -> None:
    script = (
        "import os, sys\n"
        "from localcvat.store.engine import Store\n"
        "from localcvat.requests import RequestSpec, perform, queue_request\n"
        "store = Store.open(sys.argv[1])\n"
        f"rq_id = queue_request(store, RequestSpec(**{SPEC!r}))\n"
        "perform(store, rq_id, lambda tell: os._exit(9))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(store.path)], check=False)
    with store.read() as session:
        rows = raw(session).execute("SELECT status FROM request").fetchall()
    assert rows == [("started",)]
    (request,) = list_requests(store).results
    assert request.status == "failed"
    assert "has ended" in request.message


def test_only_a_queued_request_is_cancelled(store: Store) -> None:
    rq_id = queue_request(store, RequestSpec(**SPEC))
    cancel_request(store, rq_id)
    with pytest.raises(NotFoundError):
        read_request(store, rq_id)
    with pytest.raises(ValidationError):
        cancel_request(store, _with_result(store).id)


def test_an_expired_request_goes_with_its_file(store: Store) -> None:
    kept, expired = _with_result(store), _with_result(store)
    with store.write() as session:
        raw(session).execute(
            "UPDATE request SET finished_date = '2020-01-01T00:00:00.000000Z' WHERE id = ?",
            (expired.id,),
        )
    assert remove_expired(store) == 1
    assert [request.id for request in list_requests(store).results] == [kept.id]
    assert len(list((store.path / "exports").rglob("a.zip"))) == 1


def test_gc_removes_results_that_no_request_knows(store: Store) -> None:
    known = _with_result(store)
    stray, _ = new_result(store, "stray.zip")
    stray.write_bytes(b"x")
    empty_trash(store)
    assert not stray.exists()
    assert (store.path / str(known.result_path)).read_bytes() == b"zip"


def test_the_same_export_twice_is_two_requests_newest_first(store: Store) -> None:
    first, second = _with_result(store), _with_result(store)
    assert first.id != second.id
    assert [request.id for request in list_requests(store).results] == [second.id, first.id]
    assert first.format == "COCO 1.0"
    assert first.result_id == 7


def test_a_backup_is_recorded_in_both_directions(store: Store, tmp_path: Path) -> None:
    project_id = create_project(store, "ü/..", [Label(name="a")])
    target = tmp_path / "b.zip"
    written = export_backup(store, "project", project_id, Place(path=target))
    assert written.result_path == str(target)
    restored = import_backup(store, "project", Place(path=target))
    assert restored.type == "import:backup"
    assert restored.result_id == project_id + 1
    in_store = export_backup(store, "project", project_id)
    (file,) = (store.path / "exports").rglob("*.zip")
    assert in_store.result_path == str(file.relative_to(store.path))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.zip", "a.zip"),
        ("../../etc/passwd", "passwd.zip"),
        ("a/b\\c.zip", "c.zip"),
        ("..", "result.zip"),
        ("", "result.zip"),
        ("a\x00:b.zip", "a__b.zip"),
        ("ü" * 300 + ".zip", "ü" * 98 + ".zip"),
    ],
)
def test_a_result_gets_a_safe_file_name(given: str, expected: str) -> None:
    assert file_name(given) == expected


def test_folders_that_a_crash_left_go_with_the_next_request(store: Store) -> None:
    kept = _with_result(store)
    left = store.path / "exports" / "0123456789abcdef"
    left.mkdir()
    running = queue_request(store, RequestSpec(**SPEC))
    remove_stray_results(store)
    assert left.is_dir()  # it may be of the request that is at work
    remove_request(store, running)
    with scratch(store) as mine:
        remove_stray_results(store)
        assert mine.is_dir()
    assert not left.exists()
    assert result_file(store, kept) is not None


@pytest.mark.parametrize("path", ["exports/..", "exports/../x", "exports/a/../../x", "/etc/x"])
def test_a_result_path_that_leads_out_of_the_store_removes_nothing(store: Store, path: str) -> None:
    (store.path / "x").mkdir()
    done = _with_result(store)
    with store.write() as session:
        raw(session).execute("UPDATE request SET result_path = ?", (path,))
    remove_request(store, done.id)
    assert (store.path / "x").is_dir()
    assert (store.path / "localcvat.db").is_file()
