"""The workflow of the API's documentation, through `localcvat.rest`, on real images."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import localcvat.rest
from corpus import COCO_TINY
from localcvat.rest import Session
from localcvat.store.engine import Store

BASE_URL = "https://app.cvat.ai/api"
HEADERS = {"Authorization": "Token abc"}
IMAGES = sorted(COCO_TINY.rglob("*.jpg"))[:3]
LABELS = [
    {
        "name": "stop_sign",
        "color": "#ff0000",
        "attributes": [
            {
                "name": "damaged",
                "mutable": False,
                "input_type": "checkbox",
                "default_value": "false",
                "values": ["false"],
            }
        ],
    },
    {"name": "yield_sign", "color": "#ffff00"},
]


@pytest.fixture
def requests(tmp_path: Path) -> Iterator[Session]:
    with Store.create(tmp_path / "store") as store:
        yield Session(store)


def _finished(requests: Session, rq_id: str) -> dict[str, Any]:
    status = requests.get(f"{BASE_URL}/requests/{rq_id}", headers=HEADERS).json()
    assert status["status"] == "finished", status
    assert status["id"] == rq_id
    assert status["progress"] == 1.0
    return dict(status)


def _project(requests: Session) -> int:
    body = {"name": "Traffic Sign Detection", "labels": LABELS}
    response = requests.post(f"{BASE_URL}/projects", headers=HEADERS, json=body)
    assert response.status_code == 201
    return int(response.json()["id"])


def _task(requests: Session, project_id: int, **more: Any) -> int:
    body = {"name": "signs", "project_id": project_id, "subset": "train", **more}
    task_id = requests.post(f"{BASE_URL}/tasks", json=body).json()["id"]
    files = {f"client_files[{n}]": open(path, "rb") for n, path in enumerate(IMAGES)}
    sent = requests.post(
        f"{BASE_URL}/tasks/{task_id}/data", data={"image_quality": 70}, files=files
    )
    assert sent.status_code == 202, sent.text
    _finished(requests, sent.json()["rq_id"])
    assert requests.get(f"{BASE_URL}/tasks/{task_id}/status").json()["state"] == "Finished"
    return int(task_id)


def _annotate(requests: Session, task_id: int) -> None:
    labels = requests.get(f"{BASE_URL}/labels", params={"task_id": task_id}).json()["results"]
    (job,) = requests.get(f"{BASE_URL}/jobs", params={"task_id": task_id}).json()["results"]
    spec = labels[0]["attributes"][0]["id"]
    shape = {
        "type": "rectangle",
        "frame": 1,
        "label_id": labels[0]["id"],
        "points": [10.5, 20, 60, 80],
        "attributes": [{"spec_id": spec, "value": "true"}],
    }
    answer = requests.patch(
        f"{BASE_URL}/jobs/{job['id']}/annotations",
        params={"action": "create"},
        json={"shapes": [shape]},
    )
    assert answer.status_code == 200, answer.text
    read = requests.get(f"{BASE_URL}/jobs/{job['id']}/annotations").json()
    assert read["shapes"][0]["points"] == [10.5, 20.0, 60.0, 80.0]
    assert read["shapes"][0]["attributes"] == [{"spec_id": spec, "value": "true"}]
    assert requests.get(f"{BASE_URL}/tasks/{task_id}/annotations").json() == read


def test_create_annotate_export_download_delete(requests: Session, tmp_path: Path) -> None:
    project_id = _project(requests)
    task_id = _task(requests, project_id)
    _annotate(requests, task_id)
    response = requests.post(
        f"{BASE_URL}/projects/{project_id}/dataset/export",
        headers=HEADERS,
        params={"format": "COCO 1.0", "save_images": True},
    )
    assert response.status_code == 202
    status = _finished(requests, response.json()["rq_id"])
    assert status["operation"]["type"] == "export:dataset"
    assert status["operation"]["project_id"] == project_id
    download = requests.get(status["result_url"], stream=True)
    assert download.headers["content-disposition"].startswith(
        'attachment; filename="project_traffic sign detection_dataset_'
    )
    target = tmp_path / "out.zip"
    target.write_bytes(b"".join(download.iter_content(chunk_size=1000)))
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        (annotations,) = [name for name in names if name.endswith(".json")]
        coco = json.loads(archive.read(annotations))
        assert {Path(name).name for name in names if name.endswith(".jpg")} == {
            path.name for path in IMAGES
        }
    assert [box["bbox"] for box in coco["annotations"]] == [[10.5, 20.0, 49.5, 60.0]]
    assert coco["annotations"][0]["attributes"]["damaged"] is True
    preview = requests.get(f"{BASE_URL}/projects/{project_id}/preview")
    assert preview.headers["Content-Type"] == "image/jpeg"
    assert preview.content.startswith(b"\xff\xd8")
    assert requests.delete(f"{BASE_URL}/projects/{project_id}").status_code == 204
    assert requests.get(f"{BASE_URL}/projects/{project_id}").status_code == 404
    assert requests.get(f"{BASE_URL}/tasks/{task_id}").status_code == 404


def test_a_backup_makes_the_project_again_in_another_store(
    requests: Session, tmp_path: Path
) -> None:
    project_id = _project(requests)
    _annotate(requests, _task(requests, project_id))
    rq_id = requests.post(f"{BASE_URL}/projects/{project_id}/backup/export").json()["rq_id"]
    backup = requests.get(_finished(requests, rq_id)["result_url"]).content
    with Store.create(tmp_path / "other") as store:
        other = Session(store)
        sent = other.post(f"{BASE_URL}/projects/backup/", files={"backup_file": ("b.zip", backup)})
        assert sent.status_code == 202
        made = _finished(other, sent.json()["rq_id"])["result_id"]
        project = other.get(f"{BASE_URL}/projects/{made}").json()
        assert project["name"] == "Traffic Sign Detection"
        assert project["tasks"]["count"] == 1
        task = other.get(project["tasks"]["url"]).json()["results"][0]
        shapes = other.get(f"{BASE_URL}/tasks/{task['id']}/annotations").json()["shapes"]
        assert [shape["points"] for shape in shapes] == [[10.5, 20.0, 60.0, 80.0]]
        broken = other.post(f"{BASE_URL}/projects/backup", files={"backup_file": b"no zip"})
        failed = other.get(f"{BASE_URL}/requests/{broken.json()['rq_id']}").json()
        assert failed["status"] == "failed"
        assert failed["message"]


def test_the_calls_of_cvat_2_15_poll_with_get(requests: Session) -> None:
    project_id = _project(requests)
    _annotate(requests, _task(requests, project_id))
    url = f"{BASE_URL}/projects/{project_id}/dataset"
    asked = {"format": "COCO 1.0"}
    assert requests.get(url, params=asked).status_code == 202
    assert requests.get(url, params=asked).status_code == 201
    found = requests.get(url, params={**asked, "action": "download"})
    assert found.status_code == 200
    assert zipfile.is_zipfile(io.BytesIO(found.content))
    assert requests.get(f"{BASE_URL}/projects/{project_id}/backup").status_code == 202
    assert requests.get(f"{BASE_URL}/projects/{project_id}/backup").status_code == 201
    backup = requests.get(f"{BASE_URL}/projects/{project_id}/backup?action=download").content
    sent = requests.post(f"{BASE_URL}/projects/backup", files={"project_file": backup}).json()
    made = requests.post(f"{BASE_URL}/projects/backup", data={"rq_id": sent["rq_id"]})
    assert made.status_code == 201
    assert requests.get(f"{BASE_URL}/projects/{made.json()['id']}").json()["tasks"]["count"] == 1


def test_a_dataset_is_imported_into_a_project(requests: Session) -> None:
    project_id = _project(requests)
    _annotate(requests, _task(requests, project_id))
    asked = {"format": "COCO 1.0", "save_images": "true"}
    export = requests.post(f"{BASE_URL}/projects/{project_id}/dataset/export", params=asked).json()
    content = requests.get(_finished(requests, export["rq_id"])["result_url"]).content
    other = requests.post(f"{BASE_URL}/projects", json={"name": "other", "labels": LABELS}).json()
    sent = requests.post(
        f"{BASE_URL}/projects/{other['id']}/dataset/?format=COCO%201.0",
        files={"dataset_file": ("d.zip", content, "application/zip")},
    )
    assert sent.status_code == 202, sent.text
    _finished(requests, sent.json()["rq_id"])
    (task,) = requests.get(f"{BASE_URL}/tasks?project_id={other['id']}").json()["results"]
    shapes = requests.get(f"{BASE_URL}/tasks/{task['id']}/annotations").json()["shapes"]
    assert [shape["points"] for shape in shapes] == [[10.5, 20.0, 60.0, 80.0]]


def test_cloud_storage_is_refused_unless_it_is_a_url(requests: Session, tmp_path: Path) -> None:
    project_id = _project(requests)
    _annotate(requests, _task(requests, project_id))
    url = f"{BASE_URL}/projects/{project_id}/dataset/export"
    asked = {"format": "COCO 1.0", "location": "cloud_storage", "cloud_storage_id": 1}
    refused = requests.post(url, params={**asked, "filename": "a.zip"})
    assert refused.status_code == 400
    assert "local only" in refused.json()["location"][0]
    for target in (f"file://{tmp_path}/a.zip", "memory://bucket/a.zip"):
        sent = requests.post(url, params={**asked, "filename": target})
        status = _finished(requests, sent.json()["rq_id"])
        assert status["result_url"] is None
    assert zipfile.is_zipfile(tmp_path / "a.zip")
    restored = requests.post(
        f"{BASE_URL}/projects/{project_id}/dataset",
        params={**asked, "filename": "memory://bucket/a.zip"},
    )
    _finished(requests, restored.json()["rq_id"])


def test_an_unknown_format_and_a_lost_request_have_cvats_answers(requests: Session) -> None:
    project_id = _project(requests)
    url = f"{BASE_URL}/projects/{project_id}/dataset/export"
    assert requests.post(url).json() == {"format": ["This field is required."]}
    answer = requests.post(url, params={"format": "No Such 1.0"})
    assert (answer.status_code, answer.json()) == (
        400,
        ["Unknown format specified for the request"],
    )
    lost = requests.get(f"{BASE_URL}/requests/nothing")
    assert (lost.status_code, lost.json()) == (404, {"detail": "Not found."})
    with pytest.raises(localcvat.rest.HTTPError, match="404 Client Error"):
        lost.raise_for_status()


def test_requests_are_listed_filtered_and_removed_with_their_files(requests: Session) -> None:
    project_id = _project(requests)
    _annotate(requests, _task(requests, project_id))
    asked = {"format": "COCO 1.0"}
    rq_id = requests.post(f"{BASE_URL}/projects/{project_id}/dataset/export", params=asked).json()[
        "rq_id"
    ]
    listed = requests.get(f"{BASE_URL}/requests", params={"action": "export"}).json()
    assert [request["id"] for request in listed["results"]] == [rq_id]
    assert requests.get(f"{BASE_URL}/requests?status=failed").json()["count"] == 0
    cancelled = requests.post(f"{BASE_URL}/requests/{rq_id}/cancel")
    assert cancelled.status_code == 400
    exports = requests.store.path / "exports"
    assert list(exports.rglob("*.zip"))
    assert requests.delete(f"{BASE_URL}/requests/{rq_id}").status_code == 204
    assert not list(exports.rglob("*.zip"))
