"""What imports into tasks and projects, and exports out of them, can't take is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conversions import reasons
from localcvat import Client
from localcvat.dataset_import import import_dataset
from localcvat.errors import DatasetError, UsageError
from localcvat.jobs import create_ground_truth_job
from localcvat.labels import skeleton_svg
from localcvat.model import Dataset, Header, Item, Label, Shape, TaskInfo, Track, TrackedShape
from localcvat.report import Report

POSE = Label(name="pose", type="skeleton", svg=skeleton_svg(["head", "foot"], [(1, 2)]))
POSE.sublabels = [Label(name="head", type="points"), Label(name="foot", type="points")]


@pytest.fixture
def task(tmp_path: Path) -> Any:
    """A task of 6 frames in jobs of 2."""
    for number in range(6):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / f"{number}.png")
    client = Client(tmp_path / "store", create=True)
    labels = [{"name": "car", "attributes": []}]
    made = client.tasks.create_from_data(
        {"name": "six", "labels": labels, "segment_size": 2},
        [tmp_path / f"{number}.png" for number in range(6)],
    )
    return made


def _box(frame: int, **more: Any) -> dict[str, Any]:
    return {"type": "rectangle", "label": "car", "frame": frame, "points": [1, 2, 9, 9], **more}


def _keyframe(frame: int, outside: bool = True) -> dict[str, Any]:
    return {"type": "rectangle", "frame": frame, "points": [1, 2, 9, 9], "outside": outside}


def test_a_track_over_jobs_that_is_never_seen_stays_where_its_keyframes_are(task: Any) -> None:
    frames = [0, 1, 3, 5]
    track = {"label": "car", "frame": 0, "shapes": [_keyframe(frame) for frame in frames]}
    task.set_annotations({"tracks": [track]})
    found = task.get_annotations().tracks
    kept = [(s.frame, s.outside, s.points) for track in found for s in track.shapes]
    assert kept == [(frame, True, [1, 2, 9, 9]) for frame in frames]


@pytest.mark.parametrize(
    "data",
    [
        {"tracks": [{"label": "car", "shapes": [_keyframe(0, False), _keyframe(17)]}]},
        {"shapes": [_box(0), _box(6)]},
        {"tags": [{"label": "car", "frame": 99}]},
    ],
)
def test_what_is_on_no_frame_is_refused(task: Any, data: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="there is no frame"):
        task.set_annotations(data)
    assert len(task.get_annotations()) == 0


def test_a_point_that_is_hidden_in_a_job_keeps_its_place() -> None:
    from localcvat.geometry.slicing import slice_track

    def point(label: str, *keyframes: tuple[int, float, bool]) -> Track:
        shapes = [
            TrackedShape(type="points", frame=frame, points=[x, 1.0], outside=outside)
            for frame, x, outside in keyframes
        ]
        return Track(label=label, frame=keyframes[0][0], shapes=shapes)

    whole = Track(label="pose", shapes=[TrackedShape(type="skeleton", frame=0)])
    whole.elements = [point("head", (0, 1, False)), point("foot", (0, 5, True))]
    part = slice_track(whole, 2, 3)
    assert part is not None
    points = {
        element.label: [(s.frame, s.points[0], s.outside) for s in element.shapes]
        for element in part.elements
    }
    assert points == {"head": [(2, 1, False)], "foot": [(2, 5, True)]}


def test_annotations_are_not_replaced_by_nothing_where_all_that_is_new_is_left_out(
    task: Any, tmp_path: Path
) -> None:
    task.set_annotations({"shapes": [_box(0), _box(3)]})
    folder = tmp_path / "yolo"
    folder.mkdir()
    (folder / "classes.txt").write_text("car\n")
    (folder / "other.txt").write_text("0 .5 .5 .1 .1\n")
    Image.new("RGB", (40, 30)).save(folder / "0.png")
    with pytest.raises(DatasetError, match=r"not replaced: 1 label file .* image is missing"):
        task.import_annotations("yolo", folder)
    assert [shape.frame for shape in task.get_annotations().shapes] == [0, 3]
    (folder / "other.txt").unlink()
    task.import_annotations("yolo", folder)
    assert len(task.get_annotations()) == 0


def test_an_import_into_a_job_counts_what_it_cuts_and_renumbers(task: Any, tmp_path: Path) -> None:
    track = {"label": "car", "shapes": [_keyframe(0, False), _keyframe(4, False)]}
    task.set_annotations({"tracks": [track], "shapes": [_box(0, group=7)]})
    task.export_dataset("datumaro", tmp_path / "out.zip", include_images=False)
    task.export_dataset("cvat-video", tmp_path / "video.zip", include_images=False)
    job = task.get_jobs()[0]
    told = reasons(job.import_annotations("cvat-video", tmp_path / "video.zip"), "changed")
    assert told["track: cut to the frames of the job"] == 1
    told = reasons(job.import_annotations("datumaro", tmp_path / "out.zip"), "dropped")
    assert told["group: no other shape of its image has it: left out, as CVAT does"] == 1


def test_an_export_counts_deleted_frames_and_ground_truth(task: Any, tmp_path: Path) -> None:
    task.set_annotations({"shapes": [_box(0), _box(1)]})
    create_ground_truth_job(task._store, task.id, [0])
    task.remove_frames_by_ids([1])
    report = task.export_dataset("coco", tmp_path / "out.zip", include_images=False)
    told = reasons(report, "dropped")
    assert told["image: deleted in its task: left out with its annotations"] == 1
    assert [count for row, count in told.items() if row.startswith("job: ground truth")] == [1]
    assert not report.losses


def test_an_import_into_a_ground_truth_job_counts_what_is_on_frames_it_did_not_choose(
    task: Any, tmp_path: Path
) -> None:
    track = {"label": "car", "shapes": [_keyframe(frame, False) for frame in (0, 1, 3)]}
    tags = [{"label": "car", "frame": frame} for frame in (1, 3)]
    shapes = [_box(frame) for frame in (0, 1, 3, 4)]
    task.set_annotations({"shapes": shapes, "tags": tags, "tracks": [track]})
    task.export_dataset("cvat-video", tmp_path / "video.zip", include_images=False)
    task.set_annotations({"shapes": shapes, "tags": tags})
    task.export_dataset("datumaro", tmp_path / "out.zip", include_images=False)
    create_ground_truth_job(task._store, task.id, [0, 3])
    (job,) = [job for job in task.get_jobs() if job.type == "ground_truth"]
    told = reasons(job.import_annotations("datumaro", tmp_path / "out.zip"), "dropped")
    assert told["rectangle: its frame is not in the job"] == 2
    assert told["tag: its frame is not in the job"] == 1
    assert [shape.frame for shape in job.get_annotations().shapes] == [0, 3]
    assert [tag.frame for tag in job.get_annotations().tags] == [3]
    told = reasons(job.import_annotations("cvat-video", tmp_path / "video.zip"), "changed")
    unseen = "kept on a frame that the ground-truth job did not choose: not seen there"
    assert told[f"keyframe: {unseen}"] >= 1


def test_an_export_of_a_ground_truth_job_counts_what_is_on_frames_it_did_not_choose(
    task: Any, tmp_path: Path
) -> None:
    job_id = create_ground_truth_job(task._store, task.id, [0, 3])
    (job,) = [job for job in task.get_jobs() if job.id == job_id]
    job.set_annotations({"shapes": [_box(0), _box(3), _box(3)], "tags": []})
    with task._store.write() as session:
        session.connection().exec_driver_sql("UPDATE shape SET frame = 2 WHERE frame = 0")
    report = job.export_dataset("coco", tmp_path / "out.zip", include_images=False)
    assert reasons(report, "dropped")["rectangle: on a frame that its job does not have"] == 1
    assert len(job.get_annotations().shapes) == 3


def test_a_project_with_labels_of_its_own_counts_those_it_does_not_take(tmp_path: Path) -> None:
    client = Client(tmp_path / "store", create=True)
    project = client.projects.create({"name": "p", "labels": [{"name": "car"}]})
    header = Header(labels=[Label(name="car", color="#123456"), Label(name="bus")])
    report = Report()
    import_dataset(client.store, project.id, Dataset(header, [Item(path="a.jpg")]), report)
    assert report.count("dropped", "label") == 1
    assert report.count("changed", "label colour") == 1


def test_an_export_of_a_project_tells_images_renamed_for_their_names_are_alike(
    tmp_path: Path,
) -> None:
    client = Client(tmp_path / "store", create=True)
    project = client.projects.create({"name": "p", "labels": [{"name": "car"}]})
    for _ in range(2):
        items = [Item(path=name, subset="train", width=9, height=9) for name in ("a.jpg", "b.jpg")]
        dataset = Dataset(Header(labels=[Label(name="car")]), items)
        import_dataset(client.store, project.id, dataset, Report(), "none")
    report = project.export_dataset("coco", tmp_path / "out.zip", include_images=False)
    told = reasons(report, "changed")
    assert told["image: renamed: another of the project has its name"] == 2


def test_keyframes_whose_image_went_to_another_task_are_counted(tmp_path: Path) -> None:
    client = Client(tmp_path / "store", create=True)
    project = client.projects.create({"name": "p"})
    items = [
        Item(path=f"{frame}.jpg", frame=frame, subset=subset, width=20, height=20)
        for frame, subset in enumerate(["train", "train", "val"])
    ]
    shapes = [
        TrackedShape(type="rectangle", frame=frame, points=[1.0, 2, 3, 4]) for frame in range(3)
    ]
    track = Track(label="car", shapes=shapes)
    header = Header(labels=[Label(name="car")], tasks=[TaskInfo(size=3)])
    report = Report()
    import_dataset(client.store, project.id, Dataset(header, items, [track]), report)
    assert report.count("dropped", "keyframe") == 1


def test_point_clouds_make_a_3d_task_and_do_not_mix_with_images(tmp_path: Path) -> None:
    client = Client(tmp_path / "store", create=True)
    project = client.projects.create({"name": "p"})
    cuboid = Shape(type="cuboid", label="car", points=[1.0] * 9 + [0.0] * 7)
    item = Item(path="a.pcd", shapes=[cuboid], related=["camera.png"])
    report = Report()
    dataset = Dataset(Header(labels=[Label(name="car")]), [item])
    (task_id,) = import_dataset(client.store, project.id, dataset, report)
    assert client.tasks.retrieve(task_id).dimension == "3d"
    assert report.count("dropped", "related image") == 1
    images = Dataset(Header(labels=[]), [Item(path="b.jpg", width=4, height=4)])
    with pytest.raises(DatasetError, match="images or point clouds"):
        import_dataset(client.store, project.id, images, Report())
