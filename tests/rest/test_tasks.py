"""Tasks through the API: data in every shape, frames, jobs, annotations in and out."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localcvat.rest import Session
from localcvat.store.engine import Store

LABELS = [{"name": "a"}, {"name": "b"}]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Store.create(tmp_path / "store") as store:
        yield Session(store)


def _picture(shade: int, size: tuple[int, int] = (8, 6)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(content, "PNG")
    return content.getvalue()


def _task(session: Session, count: int = 6, **body: Any) -> tuple[int, Any]:
    data = {"image_quality": 70, **body.pop("data", {})}
    made = session.post("/api/tasks", json={"name": "t", "labels": LABELS, **body})
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    files = [(f"client_files[{n}]", (f"{n}.png", _picture(n))) for n in range(count)]
    sent = session.post(f"/api/tasks/{number}/data", data=data, files=files)
    assert sent.status_code == 202, sent.text
    return number, session.get(f"/api/tasks/{number}/status").json()


def test_data_are_cut_as_asked(session: Session) -> None:
    data = {"start_frame": 1, "stop_frame": 5, "frame_filter": "step=2", "chunk_size": 4}
    number, status = _task(session, segment_size=2, overlap=1, data=data)
    assert status["state"] == "Finished"
    task = session.get(f"/api/tasks/{number}").json()
    assert (task["size"], task["segment_size"], task["overlap"]) == (3, 2, 1)
    assert task["data_chunk_size"] == 4
    meta = session.get(f"/api/tasks/{number}/data/meta").json()
    assert [frame["name"] for frame in meta["frames"]] == ["1.png", "3.png", "5.png"]
    assert (meta["start_frame"], meta["stop_frame"], meta["frame_filter"]) == (1, 5, "step=2")
    jobs = session.get(f"/api/tasks/{number}/jobs?sort=id").json()["results"]
    assert [(job["start_frame"], job["stop_frame"]) for job in jobs] == [(0, 1), (1, 2)]
    frame = session.get(f"/api/tasks/{number}/data?type=frame&number=1&quality=original")
    assert frame.content == _picture(3)
    small = session.get(f"/api/jobs/{jobs[0]['id']}/data?type=frame&number=1&quality=compressed")
    assert small.content.startswith(b"\xff\xd8")


def test_a_zip_of_images_is_unpacked(session: Session) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("x/2.png", _picture(2))
        zipped.writestr("1.png", _picture(1))
    number, _ = _task(session, 0)
    assert session.get(f"/api/tasks/{number}/status").json()["state"] == "Failed"
    files = {"client_files[0]": ("a.zip", archive.getvalue())}
    session.post(f"/api/tasks/{number}/data", data={"image_quality": 70}, files=files)
    assert session.get(f"/api/tasks/{number}/status").json()["state"] == "Finished"
    meta = session.get(f"/api/tasks/{number}/data/meta").json()
    assert [frame["name"] for frame in meta["frames"]] == ["1.png", "x/2.png"]
    again = session.post(f"/api/tasks/{number}/data", data={"image_quality": 70}, files=files)
    assert again.status_code == 400


def test_files_may_come_in_several_calls(session: Session) -> None:
    made = session.post("/api/tasks", json={"name": "t", "labels": LABELS}).json()["id"]
    url = f"/api/tasks/{made}/data"
    assert session.post(url, headers={"Upload-Start": "true"}).status_code == 202
    for number in (1, 0):
        files = {"client_files[0]": (f"{number}.png", _picture(number))}
        sent = session.post(url, headers={"Upload-Multiple": "true"}, files=files)
        assert sent.status_code == 200
    body = {"image_quality": 70, "sorting_method": "predefined"}
    done = session.post(url, headers={"Upload-Finish": "true"}, json=body)
    assert session.get(f"/api/requests/{done.json()['rq_id']}").json()["status"] == "finished"
    meta = session.get(f"{url}/meta").json()
    assert [frame["name"] for frame in meta["frames"]] == ["1.png", "0.png"]
    assert list((session.store.path / "exports").iterdir()) == []


def test_lists_keep_to_an_organization(session: Session) -> None:
    session.post("/api/organizations", json={"slug": "acme"})
    inside = session.post("/api/projects?org=acme", json={"name": "in", "labels": LABELS}).json()
    headers = {"X-Organization": "acme"}
    body = {"name": "t", "project_id": inside["id"]}
    assert session.post("/api/tasks", json=body, headers=headers).status_code == 201
    mismatch = session.post("/api/tasks?org=", json=body)
    assert mismatch.json() == ["The task and its project should be in the same organization."]
    session.post("/api/projects", json={"name": "out", "labels": LABELS})
    for place, counts in (("projects", (1, 1, 2)), ("tasks", (1, 0, 1)), ("labels", (2, 2, 4))):
        found = [
            session.get(f"/api/{place}", headers=headers).json()["count"],
            session.get(f"/api/{place}?org=").json()["count"],
            session.get(f"/api/{place}").json()["count"],
        ]
        assert found == list(counts), place
    assert session.post("/api/projects?org=nobody", json={"name": "n"}).status_code == 404


def test_what_is_no_image_fails_the_task_and_leaves_nothing(session: Session) -> None:
    number, _ = _task(session, 0)
    files = {"client_files[0]": ("a.png", b"no picture")}
    session.post(f"/api/tasks/{number}/data", data={"image_quality": 70}, files=files)
    status = session.get(f"/api/tasks/{number}/status").json()
    assert status["state"] == "Failed"
    assert status["message"].startswith("a.png: ")
    assert "data" not in session.get(f"/api/tasks/{number}").json()
    assert [file for file in (session.store.path / "media").rglob("*") if file.is_file()] == []


def test_consensus_makes_replicas_of_each_job(session: Session) -> None:
    number, _ = _task(session, 4, segment_size=2, consensus_replicas=2)
    jobs = session.get(f"/api/jobs?task_id={number}&page_size=all&sort=id").json()["results"]
    kinds = ["annotation", "consensus_replica", "consensus_replica"] * 2
    assert [job["type"] for job in jobs] == kinds
    refused = session.post(
        "/api/tasks", json={"name": "t", "labels": LABELS, "consensus_replicas": 1}
    )
    assert refused.json() == {
        "consensus_replicas": [
            "Consensus replicas must be 0 or a positive number more than 1 and less than 12, got 1"
        ]
    }


def test_deleted_frames_are_set_and_left_out_of_exports(session: Session) -> None:
    number, _ = _task(session, 3)
    meta = session.patch(f"/api/tasks/{number}/data/meta", json={"deleted_frames": [1, 9]}).json()
    assert meta["deleted_frames"] == [1]
    asked = {"format": "COCO 1.0", "save_images": "true"}
    rq_id = session.post(f"/api/tasks/{number}/dataset/export", params=asked).json()["rq_id"]
    result = session.get(f"/api/requests/{rq_id}").json()["result_url"]
    names = zipfile.ZipFile(io.BytesIO(session.get(result).content)).namelist()
    assert {Path(name).name for name in names if name.endswith(".png")} == {"0.png", "2.png"}


def test_deleted_frames_of_a_job_leave_those_of_others(session: Session) -> None:
    number, _ = _task(session, 4, segment_size=2)
    session.patch(f"/api/tasks/{number}/data/meta", json={"deleted_frames": [0, 3]})
    second = session.get(f"/api/jobs?task_id={number}").json()["results"][0]["id"]
    url = f"/api/jobs/{second}/data/meta"
    assert session.get(url).json()["deleted_frames"] == [3]
    assert session.patch(url, json={"deleted_frames": [1, 2]}).json()["deleted_frames"] == [2]
    assert session.get(f"/api/tasks/{number}/data/meta").json()["deleted_frames"] == [0, 2]


def test_a_ground_truth_job_is_made_and_removed(session: Session) -> None:
    number, _ = _task(session, 3)
    body = {"type": "ground_truth", "task_id": number, "frames": [0, 2]}
    made = session.post("/api/jobs", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["type"], made.json()["frame_count"]) == ("ground_truth", 2)
    meta = session.get(f"/api/jobs/{made.json()['id']}/data/meta").json()
    assert [frame["name"] for frame in meta["frames"]] == ["0.png", "placeholder.jpg", "2.png"]
    assert (meta["size"], meta["included_frames"]) == (2, [0, 2])
    other = session.get(f"/api/jobs?task_id={number}&type=annotation").json()["results"][0]["id"]
    refused = session.delete(f"/api/jobs/{other}")
    assert (refused.status_code, refused.json()) == (
        400,
        ["Only ground truth jobs can be removed"],
    )
    assert session.delete(f"/api/jobs/{made.json()['id']}").status_code == 204
    assert session.get(f"/api/tasks/{number}").json()["jobs"]["count"] == 1


def _shape(label_id: int, frame: int, **more: Any) -> dict[str, Any]:
    points = [1.0, 1.0, 5.0 + frame, 5.0]
    return {"type": "rectangle", "frame": frame, "label_id": label_id, "points": points, **more}


def test_annotations_go_out_of_one_task_and_into_another(session: Session) -> None:
    first, _ = _task(session, 3)
    second, _ = _task(session, 3)
    label = session.get(f"/api/labels?task_id={first}").json()["results"][0]["id"]
    put = session.put(f"/api/tasks/{first}/annotations", json={"shapes": [_shape(label, 2)]})
    assert put.status_code == 200
    url = f"/api/tasks/{first}/annotations"
    assert session.get(url, params={"format": "CVAT for images 1.1"}).status_code == 202
    asked = {"format": "CVAT for images 1.1", "action": "download"}
    content = session.get(url, params=asked).content
    sent = session.post(
        f"/api/tasks/{second}/annotations?format=CVAT 1.1", files={"annotation_file": content}
    )
    assert sent.status_code == 202, sent.text
    status = session.get(f"/api/requests/{sent.json()['rq_id']}").json()
    assert status["status"] == "finished", status
    asked = {"format": "CVAT 1.1", "rq_id": sent.json()["rq_id"]}
    assert session.put(f"/api/tasks/{second}/annotations", params=asked).status_code == 201
    (shape,) = session.get(f"/api/tasks/{second}/annotations").json()["shapes"]
    assert (shape["frame"], shape["points"]) == (2, [1.0, 1.0, 7.0, 5.0])


def test_annotations_are_created_updated_and_deleted_one_by_one(session: Session) -> None:
    number, _ = _task(session, 4, segment_size=2)
    first, second = (
        job["id"] for job in session.get(f"/api/jobs?task_id={number}&sort=id").json()["results"]
    )
    label = session.get(f"/api/labels?task_id={number}").json()["results"][0]["id"]
    url = f"/api/jobs/{first}/annotations"
    shapes = [_shape(label, 0), _shape(label, 1)]
    made = session.patch(f"{url}?action=create", json={"shapes": shapes}).json()["shapes"]
    assert len({shape["id"] for shape in made}) == 2
    moved = {**made[0], "points": [0, 0, 2, 2]}
    updated = session.patch(f"{url}?action=update", json={"shapes": [moved]}).json()["shapes"][0]
    assert updated["points"] == [0, 0, 2, 2]
    session.patch(f"{url}?action=delete", json={"shapes": [made[1]]})
    (left,) = session.get(url).json()["shapes"]
    assert (left["id"], left["points"]) == (updated["id"], [0.0, 0.0, 2.0, 2.0])
    again = session.put(url, json=session.get(url).json())
    assert again.status_code == 200
    assert session.get(url).json()["shapes"] == [left]
    whole = f"/api/tasks/{number}/annotations"
    session.patch(f"{whole}?action=create", json={"shapes": [_shape(label, 3)]})
    assert len(session.get(f"/api/jobs/{second}/annotations").json()["shapes"]) == 1
    assert [shape["frame"] for shape in session.get(whole).json()["shapes"]] == [0, 3]
    assert session.delete(url).status_code == 204
    assert [shape["frame"] for shape in session.get(whole).json()["shapes"]] == [3]
    assert session.patch(url, json={}).json() == [
        "Please specify a correct 'action' for the request"
    ]


def test_annotations_make_job_task_and_project_newer(session: Session) -> None:
    project = session.post("/api/projects", json={"name": "p", "labels": LABELS}).json()["id"]
    number, _ = _task(session, 1, project_id=project, labels=[])
    (job,) = session.get(f"/api/jobs?task_id={number}").json()["results"]
    urls = [f"/api/jobs/{job['id']}", f"/api/tasks/{number}", f"/api/projects/{project}"]
    before = [session.get(url).json()["updated_date"] for url in urls]
    session.put(f"{urls[0]}/annotations", json={"tags": []})
    after = [session.get(url).json()["updated_date"] for url in urls]
    assert all(new > old for new, old in zip(after, before, strict=True))


def test_a_guide_and_its_asset(session: Session) -> None:
    project = session.post("/api/projects", json={"name": "p"}).json()["id"]
    guide = session.post("/api/guides", json={"project_id": project, "markdown": "# G"})
    assert guide.status_code == 201
    number = guide.json()["id"]
    assert session.get(f"/api/projects/{project}").json()["guide_id"] == number
    sent = session.post(
        "/api/assets", data={"guide_id": number}, files={"file": ("a.png", _picture(1))}
    )
    assert sent.status_code == 201, sent.text
    got = session.get(f"/api/assets/{sent.json()['uuid']}")
    assert got.content == _picture(1)
    assert got.headers["Content-Type"] == "image/png"
    session.patch(f"/api/guides/{number}", json={"markdown": "# H"})
    assert session.get(f"/api/guides/{number}").json()["markdown"] == "# H"
    refused = session.post(
        "/api/assets", data={"guide_id": number}, files={"file": ("a.exe", b"x")}
    )
    assert refused.status_code == 400


def test_a_store_that_cannot_be_written_is_read(session: Session, tmp_path: Path) -> None:
    number, _ = _task(session, 1)
    with Store.open(tmp_path / "store", readonly=True) as store:
        reading = Session(store, user="nobody known")
        assert reading.get(f"/api/tasks/{number}").ok
        assert reading.get("/api/requests").ok
        assert reading.post("/api/projects", json={"name": "n"}).status_code == 503


def test_a_url_needs_the_extra(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    project = session.post("/api/projects", json={"name": "p", "labels": LABELS}).json()["id"]
    monkeypatch.setitem(sys.modules, "fsspec", None)
    asked = {"location": "cloud_storage", "filename": "s3://bucket/b.zip"}
    sent = session.post(f"/api/projects/{project}/backup/export", params=asked)
    status = session.get(f"/api/requests/{sent.json()['rq_id']}").json()
    assert status["status"] == "failed"
    assert "pip install 'localcvat[cloud]'" in status["message"]


def test_what_a_script_asks_of_a_server_is_answered(session: Session) -> None:
    body = {"username": "admin", "password": "secret"}
    assert session.post("/api/auth/login", json=body).json()["key"]
    assert session.get("/api/issues?job_id=1").json()["count"] == 0
    formats = session.get("/api/server/annotation/formats").json()
    assert "COCO 1.0" in [form["name"] for form in formats["exporters"]]
    assert session.get("/api/users/self").json()["username"]
    assert session.head("/api/projects").content == b""
