"""Lists answer as a real CVAT did: status, count, neighbours and order, and the objects in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from localcvat.rest import Session
from localcvat.store.engine import Store
from rest_state import recorded, write_state

HOST = "http://testserver"
DATES = ("created_date", "updated_date", "assignee_updated_date")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Store.create(tmp_path_factory.mktemp("state") / "store") as store:
        write_state(store)
        yield Session(store, user="admin")


def _cases() -> list[Any]:
    cases = []
    for query, answer in recorded("lists", "project_lists.json").items():
        cases.append(
            pytest.param(f"/api/projects?{_encoded(query)}", answer, id=f"projects {query}")
        )
    for address, answer in recorded("lists", "other_lists.json").items():
        path, _, query = address.partition("?")
        cases.append(pytest.param(f"{path}?{_encoded(query)}", answer, id=address))
    return cases


def _encoded(query: str) -> str:
    """The query as the recording client sent it: values written with what URLs need escaped."""
    if query.startswith("filter="):
        return "filter=" + quote(query.removeprefix("filter="))
    return quote(query, safe="=&+,-")


@pytest.mark.parametrize(("address", "answer"), _cases())
def test_a_recorded_list(session: Session, address: str, answer: dict[str, Any]) -> None:
    got = session.get(HOST + address)
    body = answer["body"]
    if answer["status"] == 500:
        assert got.status_code == 400, got.text
        assert isinstance(got.json(), list | dict)
        assert got.json()
        return
    assert got.status_code == answer["status"], got.text
    found = got.json()
    if "results" not in body:
        assert found == body
        return
    for key in ("count", "next", "previous"):
        assert found[key] == body[key]
    expected = [result if isinstance(result, int) else result["id"] for result in body["results"]]
    _check_order(session, address, [result["id"] for result in found["results"]], expected)
    whole = {result["id"]: result for result in found["results"]}
    for result in body["results"]:
        if isinstance(result, dict) and result["id"] in whole:
            shown = {key: whole[result["id"]].get(key) for key in result}
            assert _undated(shown) == _undated(result)


def _undated(body: dict[str, Any]) -> dict[str, Any]:
    """The body without dates, and with the lists sorted that have no order in CVAT."""
    by_id = {"attributes": lambda spec: spec["id"], "task_subsets": str}
    return {
        key: sorted(value, key=by_id[key]) if key in by_id else value
        for key, value in body.items()
        if key not in DATES
    }


def _check_order(session: Session, address: str, got: list[int], expected: list[int]) -> None:
    """The same order; where CVAT's sort key is equal its order is arbitrary, ours by id."""
    if "sort=" not in address or got == expected:
        assert got == expected
        return
    keys = _sort_keys(session, address)
    assert [keys[number] for number in got] == [keys[number] for number in expected]


def _sort_keys(session: Session, address: str) -> dict[int, Any]:
    path, _, query = address.partition("?")
    fields = [
        field.strip("- +")
        for part in query.split("&")
        if part.startswith("sort=")
        for field in part.removeprefix("sort=").split(",")
    ]
    tasks = {task["id"]: task for task in session.get("/api/tasks?page_size=all").json()["results"]}
    names = {
        project["id"]: project["name"]
        for project in session.get("/api/projects?page_size=all").json()["results"]
    }
    keys: dict[int, Any] = {}
    for item in session.get(f"{path}?page_size=all").json()["results"]:
        values = []
        for field in fields:
            value = item.get(field)
            if field == "project_name":
                task = tasks[item["task_id"]] if "task_id" in item else item
                value = names.get(task["project_id"])
            values.append(value["username"] if isinstance(value, dict) else value)
        keys[item["id"]] = values
    return keys
