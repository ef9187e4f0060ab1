"""Items of a dataset matched to the frames of a task, in CVAT's order and a little beyond."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from commands import run
from corpus import zip_entries
from localcvat.annotation_import import target_jobs
from localcvat.errors import DatasetError
from localcvat.exchange import (
    export_from_job,
    export_from_task,
    import_into_job,
    import_into_task,
)
from localcvat.jobs import create_ground_truth_job
from localcvat.matching import FrameMatcher
from localcvat.model import AttributeSpec, Item, Label, Shape
from localcvat.report import Report
from localcvat.store.annotation_reading import read_annotations
from localcvat.store.engine import Store
from localcvat.store.label_map import label_map
from localcvat.tasks import TaskOptions, create_task, local_files, task_row

FRAMES = ["a/one.jpg", "a/two.jpg", "b/deep/three.png", "b/two.jpg", "c é/x y.jpg", "z.v2.jpg"]


def found(path: str, frame: int | None = None, source: int | None = None) -> int | None:
    matcher = FrameMatcher(enumerate(FRAMES), Report())
    return matcher.find(Item(path=path, frame=frame, source_frame=source))


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ("a/one.jpg", 0),
        ("a/one.png", 0),
        ("./a/one.jpg", 0),
        ("a\\one.jpg", 0),
        ("deep/three.png", 2),
        ("c%20%C3%A9/x%20y.jpg", 4),
        (unicodedata.normalize("NFD", "c é/x y.jpg"), 4),
        ("elsewhere/one.jpg", 0),
        ("z.v2.jpg", 5),
        ("A/one.jpg", 0),
        ("two.jpg", None),
        ("elsewhere/two.jpg", None),
        ("other.jpg", None),
        ("3", 3),
        ("17", None),
        ("frame_000004.png", 4),
    ],
)
def test_names(path: str, frame: int | None) -> None:
    assert found(path) == frame


def test_a_name_says_more_than_a_number() -> None:
    assert found("other.jpg", frame=3) == 3
    assert found("other.jpg", source=3) == 3
    assert found("a/one.jpg", frame=3) == 0
    assert found("elsewhere/one.jpg", frame=3) == 0


def test_the_folder_that_all_items_lack_decides_between_equal_names() -> None:
    paths = ["x/a/one.jpg", "x/a/two.jpg", "x/b/one.jpg", "y/a/two.jpg"]
    matcher = FrameMatcher(enumerate(paths), Report())
    first, second = Item(path="a/two.jpg"), Item(path="b/one.jpg")
    assert matcher.is_open(first)
    assert matcher.find(first) is None
    assert matcher.find(second) == 2
    assert matcher.find_late(first) == 1


def test_a_base_name_matches_once_and_is_told() -> None:
    report = Report()
    matcher = FrameMatcher(enumerate(FRAMES), report)
    assert matcher.find(Item(path="p/one.jpg")) == 0
    assert matcher.find(Item(path="q/one.jpg")) is None
    (entry,) = report.entries
    assert (entry.outcome, entry.reason) == ("assumed", "matched by its base name")


LABELS = [
    Label(
        name="car",
        color="#ff0000",
        attributes=[
            AttributeSpec(name="wet", input_type="checkbox", default_value="false"),
            AttributeSpec(name="plate", mutable=True),
        ],
    )
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A task of 6 frames in jobs of 3 that overlap by one."""
    for name in range(6):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
    store = Store.create(tmp_path / "store")
    files = local_files([str(tmp_path / f"{name}.png") for name in range(6)])
    options = TaskOptions(segment_size=3, overlap=1)
    create_task(store, "task", files, labels=LABELS, options=options)
    return store


def xml(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "in.xml"
    path.write_text(f"<annotations>{body}</annotations>")
    return path


def box(label: str = "car", attributes: str = "") -> str:
    return f'<box label="{label}" xtl="1" ytl="2" xbr="10" ybr="12">{attributes}</box>'


def image(name: str, body: str) -> str:
    return f'<image id="90" name="{name}" width="40" height="30">{body}</image>'


def shapes(store: Store, task_id: int = 1) -> list[list[Shape]]:
    with store.read() as session:
        task = task_row(session, task_id)
        labels = label_map(session, task_id=task_id)
        jobs = target_jobs(session, task)
        return [read_annotations(session, job.id, labels).shapes for job in jobs]


def test_an_image_without_a_frame_fails_the_import_in_cvats_words(
    store: Store, tmp_path: Path
) -> None:
    path = xml(tmp_path, image("0.png", box()) + image("x/nowhere.png", box()))
    with pytest.raises(DatasetError, match="Could not match item id: 'x/nowhere' with any task"):
        import_into_task(store, 1, path)
    assert shapes(store) == [[], [], []]
    report = import_into_task(store, 1, path, on_error="skip")
    assert report.count("dropped", "image") == 1
    assert [len(found) for found in shapes(store)] == [1, 0, 0]


def test_a_label_the_task_lacks_fails_the_import_and_none_is_made(
    store: Store, tmp_path: Path
) -> None:
    path = xml(tmp_path, image("sub/1.png", box() + box("bus")))
    with pytest.raises(DatasetError) as failed:
        import_into_task(store, 1, path)
    assert str(failed.value) == (
        "Image sub/1: can't import annotation #1 (rectangle): "
        "Label 'bus' is not registered for this task"
    )
    report = import_into_task(store, 1, path, on_error="skip")
    assert report.count("dropped", "rectangle") == 1
    assert [len(found) for found in shapes(store)] == [1, 0, 0]


def test_attributes_are_those_of_the_label(store: Store, tmp_path: Path) -> None:
    given = "".join(
        f'<attribute name="{name}">{value}</attribute>'
        for name, value in (("wet", "1"), ("plate", "0012"), ("smell", "x"))
    )
    report = import_into_task(store, 1, xml(tmp_path, image("0.png", box("car", given))))
    assert shapes(store)[0][0].attributes == {"wet": "true", "plate": "0012"}
    assert report.count("dropped", "attribute") == 1
    bad = xml(tmp_path, image("0.png", box("car", '<attribute name="wet">maybe</attribute>')))
    with pytest.raises(DatasetError, match="Failed to convert attribute 'wet'='maybe'"):
        import_into_task(store, 1, bad)


def test_what_two_jobs_share_goes_to_both(store: Store, tmp_path: Path) -> None:
    import_into_task(store, 1, xml(tmp_path, image("2.png", box()) + image("5.png", box())))
    assert [[shape.frame for shape in found] for found in shapes(store)] == [[2], [2], [5]]


def test_a_track_is_cut_at_the_edges_of_jobs(store: Store, tmp_path: Path) -> None:
    shape = '<box frame="{}" keyframe="1" outside="{}" xtl="{}" ytl="0" xbr="20" ybr="10"/>'
    body = "".join(shape.format(*values) for values in ((1, 0, 0), (3, 0, 10), (5, 1, 10)))
    import_into_task(store, 1, xml(tmp_path, f'<track label="car">{body}</track>'))
    with store.read() as session:
        labels = label_map(session, task_id=1)
        found = [
            [
                [(shape.frame, shape.outside, shape.points[0]) for shape in track.shapes]
                for track in read_annotations(session, job.id, labels).tracks
            ]
            for job in target_jobs(session, task_row(session, 1))
        ]
    assert found == [
        [[(1, False, 0), (2, False, 5)]],
        [[(2, False, 5), (3, False, 10)]],
        [[(4, False, 10), (5, True, 10)]],
    ]


def test_a_ground_truth_job_takes_its_frames_alone(store: Store, tmp_path: Path) -> None:
    job_id = create_ground_truth_job(store, 1, [1, 4])
    path = xml(tmp_path, image("1.png", box()) + image("2.png", box()))
    report = import_into_job(store, job_id, path)
    assert (report.count("kept", "rectangle"), report.count("dropped", "rectangle")) == (1, 1)
    assert shapes(store) == [[], [], []]


def test_by_the_command_line(store: Store, tmp_path: Path) -> None:
    path = xml(tmp_path, image("0.png", box()) + image("gone.png", box()))
    command = ("--store", store.path, "task", "import-dataset", 1, path, "--format", "CVAT 1.1")
    failed = run(*command)
    assert failed.returncode == 1
    assert "Could not match item id: 'gone'" in failed.stderr
    assert "Traceback" not in failed.stderr
    path = xml(tmp_path, image("0.png", box()))
    assert run(*command).returncode == 0
    assert run(*command, "--mode", "append").returncode == 0
    assert [len(found) for found in shapes(store)] == [2, 0, 0]
    out = tmp_path / "out.zip"
    assert run("--store", store.path, "job", "export-dataset", 1, out).returncode == 0
    assert run("--store", store.path, "job", "import-dataset", 1, out).returncode == 0
    assert [len(found) for found in shapes(store)] == [2, 0, 0]


def test_a_ground_truth_job_is_exported_alone_with_its_frames(store: Store, tmp_path: Path) -> None:
    job_id = create_ground_truth_job(store, 1, [1, 4])
    names = range(6)
    everywhere = xml(tmp_path, "".join(image(f"{name}.png", box()) for name in names))
    import_into_job(store, job_id, everywhere, on_error="skip")
    export_from_job(store, job_id, tmp_path / "truth.zip", "CVAT for images 1.1")
    root = ET.fromstring(zip_entries(tmp_path / "truth.zip")["annotations.xml"])
    found = [(each.attrib["name"], len(each)) for each in root.iterfind("image")]
    assert found == [("1.png", 1), ("4.png", 1)]
    assert root.findtext("meta/job/size") == "6"
    export_from_task(store, 1, tmp_path / "task.zip", "CVAT for images 1.1")
    root = ET.fromstring(zip_entries(tmp_path / "task.zip")["annotations.xml"])
    assert [len(each) for each in root.iterfind("image")] == [0] * 6
    assert len(root.findall("meta/task/segments/segment")) == 3
