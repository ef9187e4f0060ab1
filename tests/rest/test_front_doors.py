"""The same API for scripts written with `requests` and for httpx clients; no socket is opened."""

from __future__ import annotations

import io
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import localcvat.rest
from commands import done
from corpus import COCO_TINY, CVAT_MADE
from localcvat.rest import Session, Transport
from localcvat.rest.multipart import read_multipart
from localcvat.store.engine import Store

IMAGE = sorted(COCO_TINY.rglob("*.jpg"))[0]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    with Store.create(tmp_path / "store") as made:
        yield made


def test_httpx_creates_uploads_and_downloads(store: Store) -> None:
    with httpx.Client(transport=Transport(store), base_url="https://cvat.example/api") as client:
        made = client.post("/projects", json={"name": "n", "labels": [{"name": "a"}]})
        assert made.status_code == 201
        assert made.json()["url"] == "https://cvat.example/api/projects/1"
        task = client.post("/tasks", json={"name": "t", "project_id": 1}).json()
        with open(IMAGE, "rb") as picture:
            sent = client.post(
                f"/tasks/{task['id']}/data",
                data={"image_quality": "70"},
                files={"client_files[0]": (IMAGE.name, picture, "image/jpeg")},
            )
        assert sent.status_code == 202
        original = client.get(f"/tasks/{task['id']}/data?type=frame&number=0&quality=original")
        assert original.content == IMAGE.read_bytes()
        rq_id = client.post("/projects/1/backup/export").json()["rq_id"]
        result = client.get(f"/requests/{rq_id}").json()["result_url"]
        with client.stream("GET", result) as answer:
            content = b"".join(answer.iter_bytes())
        assert "project.json" in zipfile.ZipFile(io.BytesIO(content)).namelist()
        again = client.post("/projects/backup", files={"project_file": ("b.zip", content)})
        assert client.get(f"/requests/{again.json()['rq_id']}").json()["result_id"] == 2
        with pytest.raises(httpx.HTTPStatusError):
            client.get("/projects/77").raise_for_status()


def test_a_script_for_requests_runs_after_changing_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCALCVAT_STORE", raising=False)
    done("init", cwd=tmp_path)
    namespace: dict[str, Any] = {}
    script = """
import localcvat.rest as requests
session = requests.Session()
session.headers.update({"Authorization": "Token x"})
project = session.post("https://cvat/api/projects", json={"name": "n"}).json()
response = requests.get("https://cvat/api/projects", params={"search": "n", "page_size": 5})
response.raise_for_status()
names = [found["name"] for found in response.json()["results"]]
gone = requests.delete(f"https://cvat/api/projects/{project['id']}")
try:
    requests.get(project["url"]).raise_for_status()
except requests.HTTPError as error:
    status = error.response.status_code
"""
    exec(script, namespace)
    assert namespace["names"] == ["n"]
    assert namespace["gone"].status_code == 204
    assert namespace["status"] == 404


def test_raise_for_status_raises_the_error_of_requests_when_it_is_there(store: Store) -> None:
    requests = pytest.importorskip("requests")
    for kind in (requests.HTTPError, localcvat.rest.exceptions.HTTPError):
        with pytest.raises(kind) as caught:
            Session(store).get("/api/projects/5").raise_for_status()
        assert caught.value.response.status_code == 404


def test_a_response_has_the_shape_of_requests(store: Store) -> None:
    session = Session(store, user="alice")
    answer = session.post("http://h/api/projects", data='{"name": "n"}')
    assert (answer.status_code, answer.reason, answer.ok, bool(answer)) == (
        201,
        "Created",
        True,
        True,
    )
    assert answer.headers["CONTENT-type"] == "application/json"
    assert answer.json()["owner"]["username"] == "alice"
    assert answer.text.encode() == answer.content == b"".join(answer.iter_content(7))
    gone = session.delete("http://h/api/projects/1")
    assert (gone.status_code, gone.content) == (204, b"")


def test_a_form_is_taken_apart_whatever_the_size_of_its_pieces() -> None:
    payload = b"\r\n--y\r\n" + bytes(range(256)) * 40
    body = (
        b'--yy\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xbc\r\n'
        b'--yy\r\nContent-Disposition: form-data; name="f"; filename="\xc3\xbc.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + payload + b"\r\n"
        b'--yy\r\nContent-Disposition: form-data; name="empty"; filename="e"\r\n\r\n\r\n--yy--\r\n'
    )
    for size in (1, 2, 3, 7, 100_000):

        class Pieces(io.BytesIO):
            def read(self, count: int | None = -1, size: int = size) -> bytes:
                return super().read(size)

        form, uploads = read_multipart(Pieces(body), "multipart/form-data; boundary=yy")
        assert form == {"a": "ü"}
        assert [(upload.field, upload.stream.read()) for upload in uploads] == [
            ("f", payload),
            ("empty", b""),
        ]
        assert uploads[0].filename == "ü.bin"


def test_an_upload_from_a_file_is_not_copied_first(store: Store, tmp_path: Path) -> None:
    backup = CVAT_MADE / "plain" / "project_1_backup.zip"
    with open(backup, "rb") as stream:
        sent = Session(store).post("/api/projects/backup", files={"project_file": stream})
    assert sent.status_code == 202
    assert list((store.path / "exports").iterdir()) == []


def test_the_module_names_what_it_offers() -> None:
    for name in localcvat.rest.__all__:
        assert getattr(localcvat.rest, name) is not None
