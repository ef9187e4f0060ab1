"""The client of cvat-sdk against a store: uploads in pieces, exports, backups; no socket opened."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from corpus import COCO_TINY, CVAT_MADE, FIXTURES
from localcvat.requests import RequestSpec, queue_request
from localcvat.rest import Session
from localcvat.store.engine import Store

sdk = pytest.importorskip("cvat_sdk")
urllib3 = pytest.importorskip("urllib3")
HOST = "http://localhost"
PICTURES = sorted(COCO_TINY.rglob("*.jpg"))[:3]


class Pool:
    """What cvat-sdk asks of urllib3, answered by the API in this process."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def request(self, method: str, url: str, **options: Any) -> Any:
        headers = {key: str(value) for key, value in (options.get("headers") or {}).items()}
        body, fields = options.get("body"), options.get("fields")
        if fields and options.get("encode_multipart", True) and method in ("POST", "PUT", "PATCH"):
            body, headers["Content-Type"] = urllib3.filepost.encode_multipart_formdata(fields)
        elif fields:
            url += ("&" if "?" in url else "?") + urlencode(fields)
        found = self._session.request(method, url, data=body, headers=headers)
        return urllib3.HTTPResponse(
            body=io.BytesIO(found.content),
            headers=dict(found.headers),
            status=found.status_code,
            reason=found.reason,
            preload_content=options.get("preload_content", True),
        )


@pytest.fixture
def client(tmp_path: Path) -> Any:
    from cvat_sdk.core.client import Client, Config

    with Store.create(tmp_path / "store") as store:
        config = Config(status_check_period=1)
        made = Client(HOST, config=config, check_server_version=False)
        made.api_client.rest_client.pool_manager = Pool(Session(store))
        yield made


def test_a_backup_is_restored_and_written(client: Any, tmp_path: Path) -> None:
    project = client.projects.create_from_backup(CVAT_MADE / "plain" / "project_1_backup.zip")
    assert [task.size for task in project.get_tasks()]
    project.download_backup(tmp_path / "again.zip", status_check_period=1)
    again = client.projects.create_from_backup(tmp_path / "again.zip")
    assert [label.name for label in again.get_labels()] == [
        label.name for label in project.get_labels()
    ]
    task = client.tasks.create_from_backup(CVAT_MADE / "plain" / "task_1_backup.zip")
    assert task.get_annotations().shapes


def test_datasets_go_in_and_out_of_projects(client: Any, tmp_path: Path) -> None:
    project = client.projects.create_from_backup(CVAT_MADE / "plain" / "project_1_backup.zip")
    out = tmp_path / "coco.zip"
    project.export_dataset("COCO 1.0", out, include_images=True)
    spec = {"name": "empty", "labels": [{"name": x.name} for x in project.get_labels()]}
    other = client.projects.create(spec)
    other.import_dataset("COCO 1.0", out)
    assert len(other.get_tasks()) == 1
    assert not list((tmp_path / "store" / "exports").glob("upload*"))


def test_a_task_gets_its_data_and_annotations(client: Any, tmp_path: Path) -> None:
    task = client.tasks.create_from_data(
        {"name": "t", "labels": [{"name": "car"}]}, resources=PICTURES
    )
    assert task.size == len(PICTURES)
    label = task.get_labels()[0].id
    shape = {"type": "rectangle", "label_id": label, "frame": 1, "points": [1, 2, 9, 9]}
    task.set_annotations({"shapes": [shape]})
    out = tmp_path / "yolo.zip"
    task.export_dataset("YOLO 1.1", out, include_images=False)
    task.remove_annotations()
    task.import_annotations("YOLO 1.1", out)
    (found,) = task.get_annotations().shapes
    assert (found.frame, [round(value) for value in found.points]) == (1, [1, 2, 9, 9])
    (job,) = task.get_jobs()
    job.import_annotations("YOLO 1.1", out)
    assert len(job.get_annotations().shapes) == 1


def _begun(session: Session, size: int) -> str:
    headers = {"Upload-Length": str(size), "Upload-Metadata": "filename YS56aXA="}  # a.zip
    answer = session.post("/api/projects/backup/", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Filename"]) == (201, "a.zip")
    return str(answer.headers["Location"])


def test_pieces_go_where_the_last_one_ended(tmp_path: Path) -> None:
    data = (FIXTURES / "cvat-made" / "plain" / "project_1_backup.zip").read_bytes()
    half = len(data) // 2
    with Store.create(tmp_path / "store") as store:
        session = Session(store)
        place = _begun(session, len(data))
        first = session.patch(place, data=data[:half], headers={"Upload-Offset": "0"})
        assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(half))
        twice = session.patch(place, data=data[:half], headers={"Upload-Offset": "0"})
        assert (twice.status_code, twice.headers["Upload-Offset"]) == (409, str(half))
        early = session.post("/api/projects/backup?filename=a.zip", headers={"Upload-Finish": ""})
        assert early.status_code == 400
        assert session.head(place).headers["Upload-Offset"] == str(half)
        more = session.patch(place, data=data[half:] + b"x", headers={"Upload-Offset": str(half)})
        assert more.status_code == 413
        session.patch(place, data=data[half:], headers={"Upload-Offset": str(half)})
        done = session.post("/api/projects/backup?filename=a.zip", headers={"Upload-Finish": ""})
        assert done.status_code == 202
        found = session.get(f"/api/requests/{done.json()['rq_id']}").json()
        assert (found["status"], found["result_id"]) == ("finished", 1)
        assert session.head(place).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Length": "-1"},
        {"Upload-Length": "9" * 30},
        {"Upload-Length": "3", "Upload-Metadata": "filename !"},
    ],
)
def test_what_is_no_announcement_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    with Store.create(tmp_path / "store") as store:
        session = Session(store)
        assert session.post("/api/projects/backup/", headers=headers).status_code == 400
        odd = {"Upload-Length": "3", "Upload-Metadata": "filename Li4vLi4vZXZpbA=="}  # ../../evil
        answer = session.post("/api/projects/backup/", headers=odd)
        assert answer.headers["Upload-Filename"] == "evil"
        assert session.patch(f"{answer.headers['Location'][:-1]}0", data=b"x").status_code in (
            400,
            404,
        )


def test_the_same_export_is_refused_while_one_is_under_way(tmp_path: Path) -> None:
    with Store.create(tmp_path / "store") as store:
        session = Session(store)
        session.post("/api/projects", json={"name": "p", "labels": [{"name": "car"}]})
        for kind, form, path in (
            ("dataset", "COCO 1.0", "dataset/export?format=COCO%201.0&save_images=true"),
            ("backup", None, "backup/export"),
        ):
            spec = RequestSpec(
                action="export", target="project", subresource=kind, project_id=1, format=form
            )
            rq_id = queue_request(store, spec)
            refused = session.post(f"/api/projects/1/{path}")
            assert (refused.status_code, refused.json()) == (409, {"rq_id": rq_id})
            session.post(f"/api/requests/{rq_id}/cancel")
            assert session.post(f"/api/projects/1/{path}").status_code == 202
            assert session.post(f"/api/projects/1/{path}").status_code == 202
