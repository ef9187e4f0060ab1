"""The library as a script uses it, on real photos; names are those of cvat-sdk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import localcvat
from commands import COCO_TINY, done
from localcvat import Client
from localcvat.errors import LocalCvatError, NotFoundError, StoreError, UsageError, ValidationError
from localcvat.model import Annotations, Label, Shape, Tag, Track, TrackedShape
from localcvat.store.engine import raw

PHOTOS = COCO_TINY / "images" / "val2017"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def task(client: Client) -> Any:
    labels = [
        {
            "name": "car",
            "attributes": [
                {"name": "model", "mutable": False, "input_type": "text", "values": []},
                {"name": "moving", "mutable": True, "input_type": "checkbox", "values": ["false"]},
            ],
        },
        {
            "name": "arm",
            "type": "skeleton",
            "sublabels": [{"name": "elbow", "type": "points"}, {"name": "wrist", "type": "points"}],
        },
    ]
    spec = {"name": "t", "labels": labels, "segment_size": 2, "overlap": 1}
    return client.tasks.create_from_data(spec, [PHOTOS])


def test_the_main_job_by_the_library(client: Client, tmp_path: Path) -> None:
    project = client.projects.create("Real photos")
    report = project.import_dataset("COCO 1.0", COCO_TINY)
    assert report.count("kept", "image") == 9
    assert [label.name for label in project.get_labels()][:2] == ["person", "bicycle"]
    assert [(task.name, task.size) for task in project.get_tasks()] == [
        ("train2017", 6),
        ("val2017", 3),
    ]
    project.export_dataset("COCO 1.0", tmp_path / "coco.zip", include_images=True)
    written = project.export_dataset("yolo", tmp_path / "yolo", include_images=False)
    assert written.count("changed") == 90
    assert not list((tmp_path / "yolo").rglob("*.jpg"))
    found = project.get_annotations()
    originals = [
        json.loads(path.read_bytes())["annotations"]
        for path in (COCO_TINY / "annotations").glob("*.json")
    ]
    objects = {(shape.job_id, shape.frame, shape.instance or shape.id) for shape in found.shapes}
    assert len(objects) == sum(map(len, originals))


def test_projects_are_created_as_cvat_sdk_does(client: Client) -> None:
    from cvat_sdk import models

    spec = models.ProjectWriteRequest(
        name="p", labels=[models.PatchedLabelRequest(name="car"), {"name": "dog"}]
    )
    project = client.projects.create(spec)
    assert [label.color for label in project.get_labels()] == ["#2080c0", "#406040"]
    by_mapping = client.projects.create({"name": "q", "labels": ["car"], "bug_tracker": "http://b"})
    assert (by_mapping.name, by_mapping.bug_tracker) == ("q", "http://b")
    assert client.projects.create(name="s", labels=["car"]).name == "s"
    named = client.projects.create("r", labels=[Label(name="bird"), "car"])
    assert [label.name for label in named.get_labels()] == ["bird", "car"]
    with pytest.raises(ValidationError, match="All label names must be unique"):
        client.projects.create("s", labels=["car", "car"])
    with pytest.raises(UsageError):
        client.projects.create("s", labels=[{"colour": "red"}])


def test_lists_are_pages_of_projects(client: Client) -> None:
    for name in "abc":
        client.projects.create(name)
    assert [project.name for project in client.projects.list()] == ["c", "b", "a"]
    page = client.projects.list(sort="name", page=2, page_size=2)
    assert ([project.name for project in page], page.total) == (["c"], 3)
    assert [p.name for p in client.projects.list(filter={"==": [{"var": "name"}, "b"]})] == ["b"]
    with pytest.raises(NotFoundError):
        client.projects.list(page=3, page_size=2)


def test_projects_are_changed_removed_and_restored(client: Client) -> None:
    project = client.projects.create("a")
    again = client.projects.retrieve(project.id)
    assert project.update({"name": "b"}).name == "b"
    assert again.name == "a"
    assert again.fetch().name == "b"
    project.remove()
    with pytest.raises(NotFoundError):
        client.projects.retrieve(project.id)
    assert client.projects.restore(project.id).name == "b"
    client.projects.remove_by_ids([project.id, 99])
    assert len(client.projects.list()) == 0


def _left(client: Client) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The rows of every table but that of requests, and the copied files."""
    with client.store.read() as session:
        connection = raw(session)
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT IN ('request', 'user', 'sqlite_sequence')"
        ).fetchall()
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in tables
        }
    return rows, list(client.store.media.files())


def test_a_failed_dataset_leaves_nothing(client: Client, tmp_path: Path) -> None:
    """Not even in the trash: neither a project with its labels nor a task with its media."""
    (tmp_path / "bad.json").write_text("{}")
    before = _left(client)
    with pytest.raises(LocalCvatError):
        client.projects.create_from_dataset(
            "p", labels=["a"], dataset_path=tmp_path / "bad.json", dataset_format="coco"
        )
    assert _left(client) == before
    with pytest.raises(LocalCvatError):
        client.tasks.create_from_data(
            "t",
            [PHOTOS],
            labels=["a"],
            annotation_path=tmp_path / "bad.json",
            annotation_format="coco",
        )
    assert _left(client) == before
    with pytest.raises(LocalCvatError):
        client.tasks.create_from_data("t", [PHOTOS], labels=["a"], assignee_id=99)
    assert _left(client) == before
    assert len(client.projects.list()) == len(client.tasks.list()) == 0


def _value(data: Any) -> list[tuple[Any, ...]]:
    return [(s.type, s.label, s.frame, tuple(s.points), s.attributes) for s in data.shapes]


def test_annotations_of_a_task_go_to_every_job_of_their_frame(task: Any) -> None:
    first, second = task.get_jobs()
    assert [(job.start_frame, job.stop_frame) for job in (first, second)] == [(0, 1), (1, 2)]
    box = Shape(type="rectangle", label="car", points=[1, 2, 3.5, 4], frame=1, rotation=30)
    dot = Shape(type="points", label="elbow", points=[5, 6], occluded=True)
    arm = Shape(type="skeleton", label="arm", frame=2, elements=[dot])
    task.set_annotations(Annotations(shapes=[box, arm], tags=[Tag(label="car", frame=0)]))
    assert _value(first.get_annotations()) == [("rectangle", "car", 1, (1, 2, 3.5, 4), {})]
    shared, skeleton = second.get_annotations().shapes
    assert (shared.rotation, shared.frame) == (30, 1)
    assert [(e.label, list(e.points), e.occluded) for e in skeleton.elements] == [
        ("elbow", [5, 6], True)
    ]
    whole = task.get_annotations()
    assert [tag.frame for tag in whole.tags] == [0]
    assert [(shape.label, shape.frame) for shape in whole.shapes] == [("car", 1), ("arm", 2)]
    second.remove_annotations()
    assert len(second.get_annotations()) == 0
    assert len(first.get_annotations()) == 2


def test_a_track_is_cut_at_the_edges_of_jobs(task: Any) -> None:
    keys = [
        TrackedShape(type="rectangle", frame=0, points=[0, 0, 10, 10]),
        TrackedShape(type="rectangle", frame=2, points=[20, 0, 30, 10]),
    ]
    task.set_annotations(Annotations(tracks=[Track(label="car", shapes=keys)]))
    parts = [job.get_annotations().tracks[0] for job in task.get_jobs()]
    assert [[(s.frame, s.points[0]) for s in part.shapes] for part in parts] == [
        [(0, 0), (1, 10)],
        [(1, 10), (2, 20)],
    ]
    assert [part.frame for part in parts] == [0, 1]
    (whole,) = task.get_annotations().tracks
    assert [(s.frame, s.points[0]) for s in whole.shapes] == [(0, 0), (1, 10), (2, 20)]


def test_a_track_that_is_never_seen_is_kept_all_the_same(task: Any) -> None:
    gone = TrackedShape(type="rectangle", frame=0, points=[0, 0, 10, 10], outside=True)
    task.set_annotations(Annotations(tracks=[Track(label="car", shapes=[gone])]))
    assert len(task.get_annotations().tracks) == 1


def test_annotations_as_cvat_sdk_gives_them(task: Any) -> None:
    job = task.get_jobs()[0]
    job.set_annotations({"shapes": [{"type": "rectangle", "label": "car", "points": [1, 2, 3, 4]}]})
    made = job.get_annotations().shapes[0]
    body = {
        "version": 0,
        "tags": [],
        "tracks": [],
        "shapes": [
            {
                "type": "polygon",
                "label_id": made.label_id,
                "frame": 1,
                "points": [0, 0, 5, 0, 5, 5],
                "attributes": [{"name": "model", "value": "a"}],
                "group": None,
            }
        ],
    }
    job.update_annotations(body, action="create")
    assert _value(job.get_annotations())[1] == (
        *("polygon", "car", 1, (0, 0, 5, 0, 5, 5)),
        {"model": "a"},
    )
    made.points = [9, 9, 10, 10]
    job.update_annotations({"shapes": [made]})
    kept = job.get_annotations()
    assert sorted(shape.type for shape in kept.shapes) == ["polygon", "rectangle"]
    assert next(s for s in kept.shapes if s.type == "rectangle").points == [9, 9, 10, 10]
    job.remove_annotations(ids=[kept.shapes[0].id])
    assert len(job.get_annotations()) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"shapes": [{"type": "rectangle", "label": "dog", "points": [1, 2, 3, 4]}]},
        {"shapes": [{"type": "rectangle", "label": "car", "points": ["a"]}]},
        {"shapes": [{"type": "rectangle", "label": "car", "points": [1, 2, 3, 4], "frame": 7}]},
        {"shapes": [{"label": "car", "points": [1, 2, 3, 4]}]},
        {"shapes": [{"type": "rectangle", "label": "car", "frame": -1}]},
        {"shapes": "x"},
        {"tags": [{"label_id": 99}]},
        {"tags": [{"label": "car", "attributes": [{"spec_id": 99, "value": ""}]}]},
        7,
    ],
)
def test_bad_annotations_are_refused_and_change_nothing(task: Any, data: Any) -> None:
    task.set_annotations(Annotations(tags=[Tag(label="car")]))
    with pytest.raises((ValidationError, UsageError)):
        task.set_annotations(data)
    assert len(task.get_annotations().tags) == 1


def test_updating_an_unknown_id_is_refused(task: Any) -> None:
    with pytest.raises(NotFoundError):
        task.update_annotations({"tags": [{"id": 5, "label": "car"}]}, action="delete")


def test_frames_and_previews_are_pictures(task: Any, tmp_path: Path) -> None:
    from PIL import Image

    names = [frame.name for frame in task.get_frames_info()]
    assert task.get_frame(1).read() == (PHOTOS / names[1]).read_bytes()
    with Image.open(task.get_frame(1, quality="compressed")) as small:
        assert small.format == "JPEG"
    with Image.open(task.get_preview()) as preview, Image.open(PHOTOS / names[0]) as photo:
        assert max(preview.size) == 256
        assert preview.width / preview.height == pytest.approx(photo.width / photo.height, abs=0.01)
    assert isinstance(task.get_preview(), BytesIO)
    assert task.get_annotations().to_dict() == {"tags": [], "shapes": [], "tracks": []}
    written = task.download_frames([0, 2], outdir=tmp_path / "out")
    assert [path.name for path in written] == ["frame_000000.jpg", "frame_000002.jpg"]
    assert written[1].read_bytes() == (PHOTOS / names[2]).read_bytes()
    with pytest.raises(NotFoundError, match="no frame 3"):
        task.get_frame(3)


def test_a_task_takes_its_data_after_it_was_made(client: Client) -> None:
    from cvat_sdk import models
    from cvat_sdk.core.proxies.tasks import ResourceType

    spec = models.TaskWriteRequest(name="t", labels=[{"name": "a"}], segment_size=2)
    task = client.tasks.create(spec)
    assert (task.size, task.get_jobs()) == (0, [])
    with pytest.raises(UsageError, match="without a server"):
        task.upload_data([PHOTOS], resource_type=ResourceType.SHARE)
    task.upload_data(
        [PHOTOS],
        resource_type=ResourceType.LOCAL,
        params={"image_quality": 50, "sorting_method": "natural", "frame_step": 2},
    )
    assert (task.size, len(task.get_jobs())) == (2, 1)
    assert task.get_meta().image_quality == 50
    with pytest.raises(UsageError, match="unknown field 'color'"):
        client.tasks.create_from_data("u", [PHOTOS], labels=["a"], data_params={"color": 1})


def test_a_backup_goes_round_by_the_library(client: Client, task: Any, tmp_path: Path) -> None:
    box = Shape(type="rectangle", label="car", points=[1, 2, 3, 4], attributes={"model": "a"})
    task.set_annotations(Annotations(shapes=[box]))
    task.download_backup(tmp_path / "t.zip")
    back = client.tasks.create_from_backup(tmp_path / "t.zip")
    (shape,) = back.get_annotations().shapes
    assert (shape.label, list(shape.points)) == ("car", [1, 2, 3, 4])
    assert back.get_frame(0).read() == task.get_frame(0).read()
    with pytest.raises(LocalCvatError):
        client.projects.create_from_backup(tmp_path / "t.zip")
    assert [request.status for request in client.requests.list()] == [
        "failed",
        "finished",
        "finished",
    ]


def test_annotations_are_imported_into_a_task(client: Client, tmp_path: Path) -> None:
    project = client.projects.create_from_dataset("p", dataset_path=COCO_TINY)
    task = project.get_tasks()[1]
    before = _value(task.get_annotations())
    task.export_dataset("coco", tmp_path / "out", include_images=False)
    task.remove_annotations()
    report = task.import_annotations("coco", tmp_path / "out")
    assert sorted(_value(task.get_annotations())) == sorted(before)
    assert report.count("kept", "polygon") == len(before) - 1
    task.import_annotations("coco", tmp_path / "out", mode="append")
    assert len(task.get_annotations().shapes) == 2 * len(before)


def test_lists_of_tasks_jobs_labels_and_users_take_conditions(client: Client, task: Any) -> None:
    assert [found.id for found in client.tasks.list(name="t")] == [task.id]
    assert client.tasks.list(subset="none") == []
    jobs = client.jobs.list(task_id=task.id, sort="-id", page_size=1)
    assert (jobs.total, jobs[0].start_frame) == (2, 1)
    with pytest.raises(UsageError, match="can't list by 'colour'"):
        client.jobs.list(colour="red")
    ann = client.users.create("ann", email="a@b.c")
    assert [user.username for user in client.users.list(username="ann")] == ["ann"]
    with pytest.raises(UsageError):
        client.requests.list(colour="red")
    jobs[0].update({"assignee": ann.id, "state": "completed", "stage": "acceptance"})
    assert [job.status for job in client.jobs.list(assignee="ann")] == ["completed"]
    label = client.labels.list(task_id=task.id)[0]
    assert client.labels.update(label.id, name="lorry").color == label.color
    made = client.labels.create("bus", task_id=task.id)
    assert [found.name for found in task.get_labels()] == ["lorry", "arm", "bus"]
    client.labels.remove(made.id)
    assert len(task.get_labels()) == 2


def test_the_meta_of_a_job_is_that_of_its_segment(task: Any) -> None:
    job = task.get_jobs()[1]
    meta = job.get_meta()
    assert (meta.size, meta.start_frame, meta.stop_frame) == (2, 1, 2)
    assert [f.name for f in meta.frames] == [f.name for f in task.get_frames_info()][1:]
    task.remove_frames_by_ids([1])
    assert task.get_meta().deleted_frames == [1]
    assert job.get_meta().deleted_frames == [1]


def test_annotations_become_a_dataframe(client: Client, task: Any) -> None:
    box = Shape(type="rectangle", label="car", points=[1, 2, 3, 4], attributes={"model": "a"})
    task.set_annotations(Annotations(shapes=[box], tags=[Tag(label="arm", frame=2)]))
    table = client.to_dataframe(task_id=task.id)
    assert list(table["kind"]) == ["shape", "tag"]
    row = table.iloc[0]
    assert (row.label, row.x1, row.y2, row.attributes) == ("car", 1, 4, {"model": "a"})
    assert row.image == task.get_frames_info()[0].name
    assert len(client.to_dataframe()) == 2


def test_without_pandas_the_extra_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from localcvat import Client\nfrom localcvat.errors import MissingExtraError\n"
        "try:\n    Client('store').to_dataframe()\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "localcvat[dataframe]" in finished.stdout


def test_convert_is_a_function_of_the_package(tmp_path: Path) -> None:
    report = localcvat.convert(COCO_TINY, tmp_path / "out", to="yolo", from_="coco")
    assert report.count("kept", "image") == 9
    module = import_module("localcvat.convert")
    assert localcvat.convert is module
    again = module.convert(COCO_TINY, tmp_path / "o.zip", to="voc", with_images=True)
    assert again.count("kept", "image") == 9


def test_the_store_of_the_command_line_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("init", cwd=tmp_path)
    done("project", "create", "by CLI", cwd=tmp_path)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("LOCALCVAT_STORE", raising=False)
    with Client() as client:
        assert [project.name for project in client.projects.list()] == ["by CLI"]
    with Client(tmp_path, readonly=True) as client, pytest.raises(StoreError, match="read-only"):
        client.projects.create("p")


def test_a_store_that_can_not_be_written_exports_all_the_same(
    client: Client, task: Any, tmp_path: Path
) -> None:
    task.set_annotations(Annotations(tags=[Tag(label="car")]))
    before = len(client.requests.list())
    with Client(client.store.path, readonly=True) as reader:
        same = reader.tasks.retrieve(task.id)
        report = same.export_dataset("CVAT for images 1.1", tmp_path / "o.zip")
        assert report.count("kept", "tag") == 1
        same.download_backup(tmp_path / "b.zip")
        assert len(same.get_annotations().tags) == 1
        with pytest.raises(StoreError, match="read-only"):
            same.import_annotations("CVAT 1.1", tmp_path / "o.zip")
        assert len(reader.requests.list()) == before
    assert client.tasks.create_from_backup(tmp_path / "b.zip").size == 3


def test_no_store_is_made_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="not empty"):
        Client(tmp_path)
    with Client(tmp_path, create=True) as client:
        assert len(client.projects.list()) == 0
    assert (tmp_path / ".localcvat").is_dir()


HUGE = 10**30


@pytest.mark.parametrize("number", [HUGE, -HUGE, 2**63])
@pytest.mark.parametrize("nouns", ["projects", "tasks", "jobs", "labels", "users", "requests"])
def test_an_id_that_no_store_can_hold_is_not_found(
    client: Client, task: Any, nouns: str, number: int
) -> None:
    repository = getattr(client, nouns)
    with pytest.raises(NotFoundError):
        repository.retrieve(number)
    if nouns in ("projects", "tasks"):
        repository.remove_by_ids([number])
    condition = f'{{"==": [{{"var": "id"}}, {number}]}}'
    if nouns != "requests":
        with pytest.raises(ValidationError):
            repository.list(filter=condition)
        assert len(repository.list(page_size=HUGE)) == len(repository.list())


def test_numbers_that_no_store_can_hold_are_refused_in_annotations(task: Any) -> None:
    box = {"type": "rectangle", "label": "car", "frame": 0, "points": [1, 2, 3, 4]}
    for field in ("frame", "group", "z_order", "instance"):
        with pytest.raises(ValidationError):
            task.set_annotations({"shapes": [{**box, field: HUGE}]})
    with pytest.raises(NotFoundError):
        task.get_frame(HUGE)
