"""Tasks made from local files, and the backups of them that every CVAT restores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backup_edits import VIDEO_TASK
from backup_values import backup_value
from commands import done, run
from corpus import COCO_TINY, zip_entries
from localcvat.backup.check import check_backup
from localcvat.backup.restore import restore_project, restore_task
from localcvat.backup.write import write_project_backup, write_task_backup
from localcvat.errors import LocalCvatError, MissingExtraError, ValidationError
from localcvat.exchange import import_into_project
from localcvat.jobs import create_ground_truth_job, list_jobs
from localcvat.labelspec import parse_labels
from localcvat.projects import create_project
from localcvat.store.engine import Store, raw
from localcvat.tasks import TaskOptions, create_task, get_task, local_files

LABELS = '["car"]'


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        yield made


def images(folder: Path, *names: str) -> Path:
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + index, 10), (index, 0, 0)).save(path)
    return folder


def created(store: Store, *paths: Path, **options: Any) -> int:
    files = local_files(map(str, paths))
    return create_task(
        store, "t", files, labels=parse_labels(LABELS), options=TaskOptions(**options)
    )


def frame_paths(store: Store, task_id: int) -> list[str]:
    with store.read() as session:
        rows = raw(session).execute(
            "SELECT f.path FROM frame f JOIN task t ON t.data_id = f.data_id"
            " WHERE t.id = ? ORDER BY f.number",
            (task_id,),
        )
        return [row[0] for row in rows]


def written(store: Store, task_id: int, target: Path) -> dict[str, Any]:
    write_task_backup(store, task_id, target)
    assert check_backup(target) == []
    value = backup_value(target)
    check_recommended(value)
    return value


def check_recommended(value: dict[str, Any], folder: str = "") -> None:
    """The form that restores on every version (backup specification, section 9)."""
    task = value[f"{folder}task.json"]
    data = task["data"]
    names = [name for name in value if name.startswith(f"{folder}data/")]
    lines = value[f"{folder}data/manifest.jsonl"].decode().splitlines()
    listed = [json.loads(line) for line in lines[2:]]
    listed = [line["name"] + line["extension"] for line in listed]
    assert data["storage"] == "local"
    assert data["storage_method"] == "cache"
    assert data["start_frame"] == 0
    assert data["stop_frame"] == len(listed) - 1
    assert "frame_filter" not in data
    assert data["sorting_method"] in ("lexicographical", "predefined")
    if data["sorting_method"] == "lexicographical" and not data.get("custom_segments"):
        assert listed == sorted(listed)
    media = {name.removeprefix(f"{folder}data/") for name in names}
    assert set(listed) <= media
    assert data["chunk_size"] > 0
    assert isinstance(data["deleted_frames"], list)
    assert all(job["type"] for job in task["jobs"])
    assert task["jobs"][0]["start_frame"] == 0
    assert len(value[f"{folder}annotations.json"]) == len(task["jobs"])
    assert all(label["color"] for label in task["labels"])


def test_a_plain_task_is_written_in_the_form_every_cvat_restores(
    store: Store, tmp_path: Path
) -> None:
    folder = images(tmp_path / "in", "b/2.png", "a/10.png", "a/9.png")
    task_id = created(store, folder, segment_size=2, overlap=1)
    value = written(store, task_id, tmp_path / "out.zip")
    assert value["task.json"]["data"]["sorting_method"] == "lexicographical"
    jobs = [(job["start_frame"], job["stop_frame"]) for job in value["task.json"]["jobs"]]
    assert jobs == [(0, 1), (1, 2)]
    again = restore_task(store, tmp_path / "out.zip")
    assert frame_paths(store, again) == ["a/10.png", "a/9.png", "b/2.png"]
    assert written(store, again, tmp_path / "again.zip") == value


@pytest.mark.parametrize("method", ["natural", "predefined", "random"])
def test_another_order_is_kept_by_the_manifest(store: Store, tmp_path: Path, method: str) -> None:
    folder = images(tmp_path / "in", *[f"img{number}.png" for number in (1, 2, 3, 10, 11, 12)])
    task_id = created(store, folder, sorting_method=method)
    value = written(store, task_id, tmp_path / "out.zip")
    again = restore_task(store, tmp_path / "out.zip")
    assert frame_paths(store, again) == frame_paths(store, task_id)
    if method == "natural":
        assert value["task.json"]["data"]["sorting_method"] == "predefined"
        assert frame_paths(store, task_id)[3] == "img10.png"


def test_start_stop_and_step_leave_the_used_files_numbered_from_zero(
    store: Store, tmp_path: Path
) -> None:
    folder = images(tmp_path / "in", *[f"{number}.png" for number in range(9)])
    task_id = created(store, folder, start_frame=1, stop_frame=7, step=3)
    assert frame_paths(store, task_id) == ["1.png", "4.png", "7.png"]
    report = write_task_backup(store, task_id, tmp_path / "out.zip")
    assert report.count("dropped", "file") == 6
    value = backup_value(tmp_path / "out.zip")
    check_recommended(value)
    assert [name for name in value if name.endswith(".png")] == [
        "data/1.png",
        "data/4.png",
        "data/7.png",
    ]


def test_jobs_of_their_own_files_are_custom_segments(store: Store, tmp_path: Path) -> None:
    folder = images(tmp_path / "in", "a.png", "b.png", "c.png")
    mapping = [["c.png"], ["a.png", "b.png"]]
    task_id = created(store, folder, job_file_mapping=mapping)
    assert [(job.start_frame, job.stop_frame) for job in list_jobs(store)] == [(0, 0), (1, 2)]
    value = written(store, task_id, tmp_path / "out.zip")
    assert value["task.json"]["data"]["custom_segments"] is True
    assert [job["files"] for job in value["task.json"]["jobs"]] == mapping
    again = restore_task(store, tmp_path / "out.zip")
    assert frame_paths(store, again) == ["c.png", "a.png", "b.png"]
    assert backup_value(tmp_path / "out.zip") == written(store, again, tmp_path / "again.zip")
    for bad in ([["c.png"]], [["a.png"], ["a.png", "b.png", "c.png"]], [["x.png"]]):
        with pytest.raises(ValidationError):
            created(store, folder, job_file_mapping=bad)


def test_context_images_belong_to_their_frame(store: Store, tmp_path: Path) -> None:
    folder = images(
        tmp_path / "in", "a.png", "b.png", "related_images/a_png/left.png", "related_images/x/y.png"
    )
    task_id = created(store, folder)
    assert get_task(store, task_id).size == 2
    value = written(store, task_id, tmp_path / "out.zip")
    lines = [json.loads(line) for line in value["data/manifest.jsonl"].splitlines()]
    assert lines[2]["meta"] == {"related_images": ["related_images/a_png/left.png"]}
    assert "data/related_images/a_png/left.png" in value
    again = restore_task(store, tmp_path / "out.zip")
    assert backup_value(tmp_path / "out.zip") == written(store, again, tmp_path / "again.zip")


def test_point_clouds_are_carried_whole(store: Store, tmp_path: Path) -> None:
    folder = images(tmp_path / "in", "related_images/1_pcd/cam.png")
    (folder / "pointcloud").mkdir()
    cloud = b"# .PCD v0.7\nVERSION 0.7\n"
    (folder / "pointcloud" / "1.pcd").write_bytes(cloud)
    task_id = created(store, folder)
    value = written(store, task_id, tmp_path / "out.zip")
    assert value["data/pointcloud/1.pcd"] == cloud
    line = json.loads(value["data/manifest.jsonl"].splitlines()[2])
    assert line == {
        "name": "pointcloud/1",
        "extension": ".pcd",
        "meta": {"related_images": ["related_images/1_pcd/cam.png"]},
    }
    again = restore_task(store, tmp_path / "out.zip")
    assert written(store, again, tmp_path / "again.zip") == value
    project_id = create_project(store, "flat", parse_labels(LABELS))
    create_task(
        store, "2d", local_files([str(images(tmp_path / "2d", "a.png"))]), project_id=project_id
    )
    with pytest.raises(LocalCvatError, match=r"Dimension \(3d\) of the task must be the same"):
        restore_task(store, tmp_path / "out.zip", project_id=project_id)
    with pytest.raises(ValidationError, match=r"Dimension \(3d\) of the task must be the same"):
        create_task(store, "3d", local_files([str(folder)]), project_id=project_id)


def video_folder(folder: Path, *names: str) -> Path:
    folder.mkdir()
    entries = zip_entries(VIDEO_TASK)
    for name in names:
        (folder / name).write_bytes(entries[f"data/{name}"])
    return folder


def test_a_video_is_kept_whole_and_counted_by_its_manifest(store: Store, tmp_path: Path) -> None:
    folder = video_folder(tmp_path / "in", "clip.mp4", "manifest.jsonl")
    task_id = created(store, folder, start_frame=3, step=2, segment_size=6, sorting_method="random")
    task = get_task(store, task_id)
    assert (task.mode, task.size) == ("interpolation", 14)
    ranges = [(job.start_frame, job.stop_frame) for job in list_jobs(store)]
    assert ranges == [(0, 5), (3, 8), (6, 11), (9, 13)]
    write_task_backup(store, task_id, tmp_path / "out.zip")
    value, original = backup_value(tmp_path / "out.zip"), backup_value(VIDEO_TASK)
    assert value["data/clip.mp4"] == original["data/clip.mp4"]
    assert value["data/manifest.jsonl"] == original["data/manifest.jsonl"]
    data = value["task.json"]["data"]
    assert (data["start_frame"], data["stop_frame"], data["frame_filter"]) == (3, 29, "step=2")
    assert (data["chunk_type"], data["sorting_method"]) == ("video", "lexicographical")
    again = restore_task(store, tmp_path / "out.zip")
    write_task_backup(store, again, tmp_path / "again.zip")
    assert backup_value(tmp_path / "again.zip") == value


def test_a_video_without_manifest_needs_the_decoder_and_says_so(
    store: Store, tmp_path: Path
) -> None:
    folder = video_folder(tmp_path / "in", "clip.mp4")
    try:
        import av  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match="localcvat\\[video\\]"):
            created(store, folder)
    else:
        assert get_task(store, created(store, folder)).size == 30


def test_ground_truth_of_a_stepped_task_is_written_from_frame_zero(
    store: Store, tmp_path: Path
) -> None:
    folder = images(tmp_path / "in", *[f"{number}.png" for number in range(8)])
    task_id = created(store, folder, start_frame=2, step=2)
    create_ground_truth_job(store, task_id, [2, 0])
    value = written(store, task_id, tmp_path / "out.zip")
    assert value["task.json"]["jobs"][1] == {
        "start_frame": 0,
        "stop_frame": 2,
        "frames": [0, 2],
        "status": "annotation",
        "type": "ground_truth",
    }


def test_a_project_of_several_tasks_is_written_by_id(store: Store, tmp_path: Path) -> None:
    project_id = create_project(store, "p", parse_labels(LABELS))
    for name in ("x", "y"):
        folder = images(tmp_path / name, f"{name}.png")
        create_task(store, name, local_files([str(folder)]), project_id=project_id)
    write_project_backup(store, project_id, tmp_path / "out.zip")
    value = backup_value(tmp_path / "out.zip")
    for number, name in enumerate(("x", "y")):
        check_recommended(value, f"task_{number}/")
        assert value[f"task_{number}/task.json"]["name"] == name
    again = restore_project(store, tmp_path / "out.zip")
    write_project_backup(store, again, tmp_path / "again.zip")
    assert backup_value(tmp_path / "again.zip") == value


def test_an_imported_dataset_is_written_so_that_a_real_restore_succeeds(
    store: Store, tmp_path: Path
) -> None:
    project_id = create_project(store, "coco")
    import_into_project(store, project_id, str(COCO_TINY), "coco")
    report = write_project_backup(store, project_id, tmp_path / "out.zip")
    assert report.count("kept", "image") == 0
    assert report.count("kept", "frame") == 9
    assert [found for found in check_backup(tmp_path / "out.zip") if found.is_error] == []
    again = restore_project(store, tmp_path / "out.zip")
    write_project_backup(store, again, tmp_path / "again.zip")
    assert backup_value(tmp_path / "again.zip") == backup_value(tmp_path / "out.zip")


def test_names_that_cvat_would_cut_are_refused(store: Store, tmp_path: Path) -> None:
    task_id = created(store, images(tmp_path / "in", "a.png"))
    with store.write() as session:
        raw(session).execute("UPDATE label SET name = ?", ("x" * 65,))
    with pytest.raises(LocalCvatError, match="at most 64 characters"):
        write_task_backup(store, task_id, tmp_path / "out.zip")


def test_media_that_are_not_in_the_store_can_only_be_left_out(store: Store, tmp_path: Path) -> None:
    task_id = created(store, images(tmp_path / "in", "a.png"), media="none")
    with pytest.raises(LocalCvatError, match="--lightweight"):
        write_task_backup(store, task_id, tmp_path / "out.zip")
    assert list(tmp_path.glob("*.zip")) == []
    write_task_backup(store, task_id, tmp_path / "out.zip", lightweight=True)
    assert restore_task(store, tmp_path / "out.zip")


def test_the_command_takes_the_options_of_cvat_cli(tmp_path: Path) -> None:
    images(tmp_path / "in", "a.png", "b.png")
    (tmp_path / "map.json").write_text('[["b.png"], ["a.png"]]')
    done("init", cwd=tmp_path)
    create = ("task", "create", "t", "local", "in", "--labels", LABELS, "--chunk_size", 7)
    assert done(*create, "--job_file_mapping", "map.json", cwd=tmp_path) == "1\n"
    done("task", "backup", 1, "1.zip", cwd=tmp_path)
    task = backup_value(tmp_path / "1.zip")["task.json"]
    assert [job["files"] for job in task["jobs"]] == [["b.png"], ["a.png"]]
    assert task["data"]["chunk_size"] == 7
    (tmp_path / "map.json").write_text("{}")
    assert run(*create, "--job_file_mapping", "map.json", cwd=tmp_path).returncode == 2
