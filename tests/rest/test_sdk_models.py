"""cvat-sdk's own models read our projects, tasks, jobs, labels and annotations."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from corpus import CVAT_MADE
from localcvat.rest import Session
from localcvat.store.engine import Store

api_client = pytest.importorskip("cvat_sdk.api_client")
models = api_client.models


class Sent:
    """A response as the SDK's client gets one."""

    def __init__(self, content: bytes) -> None:
        self.data = content
        self.headers = {"Content-Type": "application/json"}
        self.status = 200


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Store.create(tmp_path_factory.mktemp("sdk") / "store") as store:
        made = Session(store)
        backup = (CVAT_MADE / "rich" / "project_2_backup.zip").read_bytes()
        made.post("/api/projects/backup", files={"project_file": io.BytesIO(backup)})
        made.post("/api/tasks", json={"name": "no data", "project_id": 1})
        made.post("/api/projects/1/dataset/export?format=COCO 1.0")
        yield made


READ = [
    ("/api/projects", models.PaginatedProjectReadList),
    ("/api/projects/1", models.ProjectRead),
    ("/api/tasks", models.PaginatedTaskReadList),
    ("/api/tasks/1", models.TaskRead),
    ("/api/tasks/4", models.TaskRead),
    ("/api/jobs", models.PaginatedJobReadList),
    ("/api/jobs/1", models.JobRead),
    ("/api/labels?project_id=1&page_size=all", models.PaginatedLabelList),
    ("/api/tasks/1/annotations", models.LabeledData),
    ("/api/tasks/3/annotations", models.LabeledData),
    ("/api/jobs/1/annotations", models.LabeledData),
    ("/api/requests", models.PaginatedRequestList),
    ("/api/users/self", models.MetaUser),
    ("/api/guides/1", models.AnnotationGuideRead),
    ("/api/server/about", models.About),
    ("/api/server/annotation/formats", models.DatasetFormats),
]


@pytest.mark.parametrize(("address", "model"), READ, ids=[address for address, _ in READ])
def test_the_sdk_reads_a_body(session: Session, address: str, model: Any) -> None:
    answer = session.get(address)
    assert answer.ok, answer.text
    client = api_client.ApiClient(api_client.Configuration(host="http://localhost"))
    read = client.deserialize(Sent(answer.content), (model,), _check_type=True)
    assert isinstance(read, model)
    body = answer.json()
    if "results" in body:
        assert len(read.results) == len(body["results"]) > 0
        assert read.count == body["count"]
    elif "id" in body:
        assert read.id == body["id"]
    if address.endswith("annotations"):
        assert len(read.shapes) == len(body["shapes"])
        assert len(read.tracks) == len(body["tracks"])


def test_what_the_sdk_writes_is_taken(session: Session) -> None:
    label = models.PatchedLabelRequest(
        name="made by the sdk",
        attributes=[
            models.AttributeRequest(
                name="kind", mutable=True, input_type="select", values=["a", "b"], default_value="a"
            )
        ],
    )
    request = models.ProjectWriteRequest(name="from the sdk", labels=[label])
    body = api_client.ApiClient.sanitize_for_serialization(request)
    made = session.post("/api/projects", json=body)
    assert made.status_code == 201, made.text
    (found,) = session.get(f"/api/labels?project_id={made.json()['id']}").json()["results"]
    assert found["name"] == "made by the sdk"
    assert found["attributes"][0]["values"] == ["a", "b"]
