"""Whatever is sent, the answer has CVAT's shape: never a 500, never an exception."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from localcvat.rest import Session
from localcvat.store.engine import Store

HUGE = "x" * 10_000_000
SQL = "a' OR 1=1; DROP TABLE project; --"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Store.create(tmp_path_factory.mktemp("bad") / "store") as store:
        made = Session(store)
        attribute = {"name": "at", "mutable": True, "input_type": "text", "values": [""]}
        labels = [{"name": "a", "attributes": [attribute]}, {"name": "b"}]
        made.post("/api/projects", json={"name": "p", "labels": labels})
        made.post("/api/tasks", json={"name": "t", "project_id": 1})
        picture = io.BytesIO()
        Image.new("RGB", (8, 8)).save(picture, "PNG")
        files = {"client_files[0]": ("a.png", picture.getvalue())}
        sent = made.post("/api/tasks/1/data", data={"image_quality": 50}, files=files)
        assert sent.status_code == 202
        assert made.get("/api/jobs/1").ok
        yield made


PLACES = ["projects", "tasks", "jobs", "labels", "requests", "users", "organizations"]
BAD_QUERIES = [
    ("page=0", 404),
    ("page=99", 404),
    ("page=" + "9" * 5000, 404),
    ("page=-1", 404),
    ("page=1e3", 404),
    ("page_size=" + "9" * 5000, 200),
    ("sort=" + quote(SQL), 200),
    ("sort=" + "id," * 1000, 200),
    ("search=" + quote(SQL), 200),
    ("search=" + "a+" * 4000, 200),
    ("search=" + quote("\x00"), 200),
    ("filter=" + quote('{"==":[{"var":"id"}'), 400),
    ("filter=" + quote('{"==":[{"var":"bogus"},1]}'), 400),
    ("filter=" + quote(json.dumps({"==": [{"var": SQL}, 1]})), 400),
    ("filter=" + quote('{"!":' * 3000 + '{"var":"id"}' + "}" * 3000), 400),
    ("filter=" + quote(json.dumps({"and": [{"var": "id"}] * 3000})), 400),
    ("filter=" + quote(json.dumps({"in": [{"var": "id"}, list(range(40_000))]})), 400),
    ("filter=" + quote(json.dumps({"==": [{"var": "id"}, {}]})), 400),
    ("filter=NaN", 400),
    ("filter=" + "[" * 5000, 400),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("query", "status"), BAD_QUERIES, ids=[q[:50] for q, _ in BAD_QUERIES])
def test_a_bad_list_request(session: Session, place: str, query: str, status: int) -> None:
    answer = session.get(f"/api/{place}?{query}")
    assert answer.status_code == status, answer.text[:300]
    body = answer.json()
    if status == 400:
        assert isinstance(body, list)
        assert all(isinstance(line, str) for line in body)
    if status == 404:
        assert body == {"detail": "Invalid page."}


@pytest.mark.parametrize("name", ["name", "search", "sort", "filter", "owner", "page", "org"])
def test_ten_million_letters_in_a_query(session: Session, name: str) -> None:
    answer = session.get("/api/projects", params={name: HUGE})
    assert answer.status_code in (200, 400, 404)
    assert session.get("/api/projects").json()["count"] >= 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", '"x"', "null", "[" * 100_000, "\xff", "NaN"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/projects"),
        ("PATCH", "/api/projects/1"),
        ("POST", "/api/tasks"),
        ("PATCH", "/api/tasks/1"),
        ("PATCH", "/api/jobs/1"),
        ("PATCH", "/api/labels/1"),
        ("PUT", "/api/jobs/1/annotations"),
        ("PATCH", "/api/tasks/1/annotations?action=create"),
        ("POST", "/api/tasks/1/data"),
        ("POST", "/api/projects/backup"),
        ("POST", "/api/projects/1/dataset"),
        ("POST", "/api/guides"),
        ("POST", "/api/organizations"),
        ("POST", "/api/jobs"),
    ],
)
def test_a_body_that_is_no_object(session: Session, method: str, path: str, content: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = session.request(method, path, data=content.encode("latin-1"), headers=headers)
    assert answer.status_code < 500, answer.text
    if content:
        assert answer.status_code == 400, answer.text


def test_long_strings_are_refused_field_by_field(session: Session) -> None:
    answer = session.post("/api/projects", json={"name": HUGE, "bug_tracker": HUGE})
    assert answer.status_code == 400
    assert set(answer.json()) == {"name", "bug_tracker"}
    label = {"labels": [{"name": HUGE, "color": HUGE, "type": HUGE}]}
    answer = session.post("/api/projects", json={"name": "n", **label})
    assert set(answer.json()["labels"][0]) == {"name", "color", "type"}


def test_sql_in_strings_is_only_text(session: Session) -> None:
    made = session.post("/api/projects", json={"name": SQL, "labels": [{"name": SQL}]}).json()
    assert made["name"] == SQL
    assert session.get("/api/projects", params={"name": SQL}).json()["count"] == 1
    rule = json.dumps({"in": [SQL, {"var": "name"}]})
    assert session.get("/api/projects", params={"filter": rule}).json()["count"] == 1


KEYS = """
id name labels color type attributes values mutable input_type default_value sublabels svg deleted
project_id assignee_id owner_id status bug_tracker target_storage location shapes tags tracks frame
points label_id spec_id value elements group rotation stage state assignee subset overlap
segment_size image_quality frame_filter markdown slug task_id frames
""".split()
WORDS = ["rectangle", "mask", "skeleton", "a", "at", "true", SQL, "\x00", "9" * 400]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
OPTIONAL = """
frame label_id points attributes elements group id rotation z_order source occluded shapes
""".split()
calls = st.sampled_from(
    [
        ("POST", "/api/projects"),
        ("PATCH", "/api/projects/1"),
        ("POST", "/api/tasks"),
        ("PATCH", "/api/tasks/1"),
        ("PATCH", "/api/jobs/1"),
        ("PATCH", "/api/labels/1"),
        ("PUT", "/api/jobs/1/annotations"),
        ("PATCH", "/api/jobs/1/annotations?action=update"),
        ("PATCH", "/api/jobs/1/annotations?action=delete"),
        ("PUT", "/api/tasks/1/annotations"),
        ("PATCH", "/api/tasks/1/annotations?action=create"),
        ("PATCH", "/api/tasks/1/annotations?action=delete"),
        ("POST", "/api/tasks/1/data"),
        ("PATCH", "/api/tasks/1/data/meta"),
        ("POST", "/api/guides"),
        ("POST", "/api/organizations"),
        ("PATCH", "/api/users/1"),
        ("POST", "/api/jobs"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(call=calls, body=json_values)
def test_any_body_gets_an_answer(session: Session, call: tuple[str, str], body: Any) -> None:
    answer = session.request(*call, json=body)
    assert answer.status_code < 500, answer.text


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shape=st.fixed_dictionaries(
        {"type": st.sampled_from(["rectangle", "polygon", "mask", "skeleton"])},
        optional=dict.fromkeys(OPTIONAL, json_values),
    ),
    kind=st.sampled_from(["tags", "shapes", "tracks"]),
    place=st.sampled_from(["jobs/1", "tasks/1"]),
)
def test_any_annotation_gets_an_answer(
    session: Session, shape: dict[str, Any], kind: str, place: str
) -> None:
    body = {"frame": 0, "label_id": 1, **shape}
    answer = session.put(f"/api/{place}/annotations", json={kind: [body]})
    assert answer.status_code in (200, 400), answer.text
    assert session.get(f"/api/{place}/annotations").ok


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(max_size=30), query=st.text(max_size=30), method=st.sampled_from(["GET", "PUT"])
)
def test_any_address_gets_an_answer(session: Session, path: str, query: str, method: str) -> None:
    answer = session.request(method, f"/api/{path}?{query}")
    assert answer.status_code < 500, answer.text


rules = st.recursive(
    scalars | st.fixed_dictionaries({"var": st.sampled_from(["id", "name", "owner", "bogus"])}),
    lambda inner: st.dictionaries(
        st.sampled_from(["and", "or", "!", "!!", "==", "!=", "<", "<=", ">", "in", "var", "if"]),
        inner | st.lists(inner, max_size=3),
        max_size=2,
    ),
    max_leaves=8,
)
PARAMETERS = "name owner assignee status project_id task_id parent_id type sort search page".split()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    place=st.sampled_from(PLACES),
    rule=rules,
    params=st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=8), max_size=3),
)
def test_any_list_gets_an_answer(
    session: Session, place: str, rule: Any, params: dict[str, str]
) -> None:
    for asked in (params, {"filter": json.dumps(rule)}, {"filter": json.dumps(rule), **params}):
        answer = session.get(f"/api/{place}", params=asked)
        assert answer.status_code in (200, 400, 404), answer.text


def test_names_of_our_own_arguments_are_fields_like_others(session: Session) -> None:
    for place in ("projects", "tasks"):
        body = {"store": 1, "task_id": 5, "project": 2, "values": {}, "self": 0}
        assert session.patch(f"/api/{place}/1", json=body).status_code == 200


def test_unknown_paths_and_methods(session: Session) -> None:
    assert session.get("/api/nothing").json() == {"detail": "Not found."}
    assert session.get("/api/projects/" + "9" * 400).status_code == 404
    answer = session.put("/api/projects/1", json={})
    assert answer.status_code == 405
    assert answer.json() == {"detail": 'Method "PUT" not allowed.'}


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\n\r\n", b"--x\r\nA: b\r\n\r\nc\r\n--x--", b"\r\n--x--", b"x" * 99]
)
def test_a_broken_form_is_a_400(session: Session, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = session.post("/api/projects/backup", data=body, headers=headers)
    assert answer.status_code == 400, answer.text
