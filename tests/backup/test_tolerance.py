"""What CVAT accepts is accepted, and so is what tools and people do to a zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backup_edits import (
    GONE,
    PLAIN_PROJECT,
    PLAIN_TASK,
    RICH_TASK,
    VIDEO_TASK,
    Entries,
    edited,
    in_json,
)
from backup_values import backup_value
from corpus import FIXTURES, zip_entries
from localcvat.backup.restore import restore_project, restore_task
from localcvat.backup.write import write_project_backup, write_task_backup
from localcvat.errors import BackupError
from localcvat.labelspec import parse_labels
from localcvat.projects import create_project, project_labels
from localcvat.report import Report
from localcvat.store.engine import Store, raw
from localcvat.tasks import list_tasks

ANNOTATIONS = "annotations.json"


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        yield made


def again(store: Store, path: Path, target: Path, report: Report | None = None) -> dict[str, Any]:
    write_task_backup(store, restore_task(store, path, report=report), target)
    return backup_value(target)


def topped(entries: Entries) -> Entries:
    return {f"my backup/{name}": data for name, data in entries.items()}


def junked(entries: Entries) -> Entries:
    junk = {"__MACOSX/data/._img0.jpg": b"x", ".DS_Store": b"x", "data/.DS_Store": b"x"}
    return junk | entries


def backslashed(entries: Entries) -> Entries:
    return {name.replace("/", "\\"): data for name, data in entries.items()}


@pytest.mark.parametrize("change", [topped, junked, backslashed])
def test_a_zip_packed_otherwise_restores_the_same(
    store: Store, tmp_path: Path, change: Callable[[Entries], Entries]
) -> None:
    made = again(store, edited(PLAIN_TASK, tmp_path / "in.zip", change), tmp_path / "out.zip")
    assert made == backup_value(PLAIN_TASK)


def test_a_project_under_a_top_folder_restores_the_same(store: Store, tmp_path: Path) -> None:
    path = edited(PLAIN_PROJECT, tmp_path / "in.zip", topped)
    write_project_backup(store, restore_project(store, path), tmp_path / "out.zip")
    assert backup_value(tmp_path / "out.zip") == backup_value(PLAIN_PROJECT)


def test_an_unpacked_folder_restores_the_same(store: Store, tmp_path: Path) -> None:
    with zipfile.ZipFile(RICH_TASK) as archive:
        archive.extractall(tmp_path / "folder")
    made = again(store, tmp_path / "folder", tmp_path / "out.zip")
    assert made == backup_value(RICH_TASK)


def test_a_deflated_zip_with_directory_entries_restores_the_same(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/", b"")
        for name, data in zip_entries(PLAIN_TASK).items():
            archive.writestr(name, data)
    assert again(store, path, tmp_path / "out.zip") == backup_value(PLAIN_TASK)


def in_task(*keys: Any, value: Any) -> Callable[[Entries], None]:
    return in_json("task.json", *keys, value=value)


def in_shape(key: str, value: Any) -> Callable[[Entries], None]:
    return in_json(ANNOTATIONS, 0, "shapes", 0, key, value=value)


def without(*names: str) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        for name in names:
            del entries[name]

    return change


ACCEPTED: dict[str, Callable[[Entries], object]] = {
    "no index": without("data/index.json"),
    "no manifest": without("data/manifest.jsonl", "data/index.json"),
    "task without name": in_task("name", value=GONE),
    "task without bug_tracker, status, subset": lambda entries: [
        in_task(key, value=GONE)(entries) for key in ("bug_tracker", "status", "subset")
    ],
    "bogus status of the task": in_task("status", value="bogus"),
    "unknown keys": lambda entries: [
        in_task("bogus", value=1)(entries),
        in_task("data", "bogus", value=1)(entries),
        in_task("jobs", 0, "bogus", value=1)(entries),
        in_shape("bogus", 1)(entries),
    ],
    "data with the required keys only": in_task(
        "data", value={"image_quality": 70, "chunk_type": "imageset"}
    ),
    "stop_frame past the end": in_task("data", "stop_frame", value=9),
    "job without frames": in_task("jobs", 0, "frames", value=GONE),
    "job without type": in_task("jobs", 0, "type", value=GONE),
    "job past the end": in_task("jobs", 0, "stop_frame", value=99),
    "label without optional keys": in_task("labels", 0, value={"name": "cat"}),
    "label colour red": in_task("labels", 0, "color", value="red"),
    "label of a bogus type": in_task("labels", 0, "type", value="bogus"),
    "no annotations for the job": lambda entries: entries.update({ANNOTATIONS: b"[]"}),
    "annotations without version": in_json(ANNOTATIONS, 0, "version", value=GONE),
    "annotations with an extra key": in_json(ANNOTATIONS, 0, "more", value={"a": [1]}),
    "frame past the end": in_shape("frame", 99),
    "bogus source": in_shape("source", "bogus"),
    "rotation 360": in_shape("rotation", 360),
    "occluded as 1": in_shape("occluded", 1),
    "huge points": in_shape("points", [1e30] * 4),
    "only the required keys": lambda entries: [
        in_shape(key, GONE)(entries)
        for key in ("occluded", "outside", "z_order", "rotation", "group", "source", "elements")
    ],
    "file_system": in_task("data", "storage_method", value="file_system"),
    "share storage with the media": in_task("data", "storage", value="share"),
    "an asset without a guide": lambda entries: entries.update({"assets/a.png": b"x"}),
    "a stray text file in data": lambda entries: entries.update({"data/notes.txt": b"x"}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_cvat_accepts_is_accepted(store: Store, tmp_path: Path, name: str) -> None:
    path = edited(PLAIN_TASK, tmp_path / "in.zip", ACCEPTED[name])
    made = again(store, path, tmp_path / "out.zip")
    paths = [f"data/img{index}.jpg" for index in range(4)]
    assert [made[path] for path in paths] == [backup_value(PLAIN_TASK)[path] for path in paths]
    assert made["task.json"]["jobs"][0]["stop_frame"] == 3


def test_start_and_stop_that_leave_fewer_frames_cut_the_jobs_anew(
    store: Store, tmp_path: Path
) -> None:
    report = Report()
    path = edited(PLAIN_TASK, tmp_path / "in.zip", in_task("data", "start_frame", value=1))
    made = again(store, path, tmp_path / "out.zip", report)
    assert made["task.json"]["jobs"][0]["stop_frame"] == 2
    assert report.count("changed", "job") == 1
    with store.read() as session:
        paths = raw(session).execute("SELECT path FROM frame ORDER BY number").fetchall()
    assert [row[0] for row in paths] == ["img1.jpg", "img2.jpg", "img3.jpg"]


def test_a_missing_last_image_is_said_and_its_annotations_stay(
    store: Store, tmp_path: Path
) -> None:
    report = Report()
    path = edited(PLAIN_TASK, tmp_path / "in.zip", without("data/img3.jpg"))
    made = again(store, path, tmp_path / "out.zip", report)
    assert report.count("dropped", "media") == 1
    assert made == backup_value(path)


def old_style(entries: Entries) -> None:
    """As CVAT 1.x wrote it: labels of name, colour and attributes, jobs with reviews, no GT."""
    task = json.loads(entries["task.json"])
    for label in task["labels"]:
        del label["type"], label["sublabels"]
    for job in task["jobs"]:
        del job["type"], job["frames"]
        job["reviews"] = []
    del task["data"]["deleted_frames"]
    entries["task.json"] = json.dumps(task).encode()
    annotations = json.loads(entries[ANNOTATIONS])
    for job in annotations:
        for shape in job["shapes"]:
            del shape["elements"], shape["outside"], shape["rotation"]
    entries[ANNOTATIONS] = json.dumps(annotations).encode()
    del entries["data/manifest.jsonl"], entries["data/index.json"]


def test_a_backup_of_an_old_version_restores(store: Store, tmp_path: Path) -> None:
    made = again(store, edited(PLAIN_TASK, tmp_path / "in.zip", old_style), tmp_path / "out.zip")
    task, original = made["task.json"], backup_value(PLAIN_TASK)["task.json"]
    assert task["jobs"][0].pop("reviews") == []
    assert task == original
    assert made[ANNOTATIONS] == backup_value(PLAIN_TASK)[ANNOTATIONS]


def lightweight(entries: Entries) -> None:
    """As newer versions write a task of a cloud storage: a manifest, no media."""
    for index in range(4):
        del entries[f"data/img{index}.jpg"]
    del entries["data/index.json"]
    in_task("data", "storage", value="cloud_storage")(entries)


def test_a_lightweight_backup_restores_without_media_and_says_so(
    store: Store, tmp_path: Path
) -> None:
    report = Report()
    path = edited(PLAIN_TASK, tmp_path / "in.zip", lightweight)
    made = again(store, path, tmp_path / "out.zip", report)
    assert report.count("dropped", "media") == 4
    assert made == backup_value(path)
    with store.read() as session:
        rows = raw(session).execute("SELECT path, width, height FROM frame").fetchall()
    assert rows == [(f"img{index}.jpg", 160, 120) for index in range(4)]


def test_lightweight_leaves_the_media_out_and_keeps_the_rest(store: Store, tmp_path: Path) -> None:
    task_id = restore_task(store, PLAIN_TASK)
    report = write_task_backup(store, task_id, tmp_path / "light.zip", lightweight=True)
    assert report.count("dropped", "media") == 4
    made, original = backup_value(tmp_path / "light.zip"), backup_value(PLAIN_TASK)
    assert sorted(made) == [ANNOTATIONS, "data/manifest.jsonl", "task.json"]
    assert made["task.json"]["data"].pop("storage") == "cloud_storage"
    del original["task.json"]["data"]["storage"]
    assert made["task.json"] == original["task.json"]
    assert restore_task(store, tmp_path / "light.zip") == task_id + 1


def test_a_group_of_null_stays_null(store: Store, tmp_path: Path) -> None:
    path = edited(PLAIN_TASK, tmp_path / "in.zip", in_shape("group", None))
    assert again(store, path, tmp_path / "out.zip") == backup_value(path)


def test_scores_and_other_fields_of_newer_versions_stay(store: Store, tmp_path: Path) -> None:
    def newer(entries: Entries) -> None:
        in_shape("score", 0.25)(entries)
        in_task("consensus_replicas", value=2)(entries)
        job = {"start_frame": 0, "stop_frame": 3, "frames": [], "status": "validation"}
        in_task(
            "jobs",
            value=[
                {**job, "type": "annotation"},
                {**job, "type": "consensus_replica"},
                {**job, "type": "replica"},
            ],
        )(entries)
        annotations = json.loads(entries[ANNOTATIONS])
        empty = {"version": 3, "tags": [], "shapes": [], "tracks": []}
        entries[ANNOTATIONS] = json.dumps([*annotations, empty, empty]).encode()

    path = edited(PLAIN_TASK, tmp_path / "in.zip", newer)
    assert again(store, path, tmp_path / "out.zip") == backup_value(path)


def test_folder_numbers_of_a_project_stay(store: Store, tmp_path: Path) -> None:
    def numbered(entries: Entries) -> Entries:
        renamed = {name.replace("task_0", "task_7"): data for name, data in entries.items()}
        second = {
            name.replace("task_0", "task_10"): data
            for name, data in entries.items()
            if name.startswith("task_0")
        }
        return renamed | second

    path = edited(PLAIN_PROJECT, tmp_path / "in.zip", numbered)
    write_project_backup(store, restore_project(store, path), tmp_path / "out.zip")
    assert backup_value(tmp_path / "out.zip") == backup_value(path)


def test_a_task_goes_into_a_project_by_the_names_of_its_labels(
    store: Store, tmp_path: Path
) -> None:
    few = create_project(store, "p", parse_labels('["cat"]'))
    with pytest.raises(BackupError, match="'dog' is missing"):
        restore_task(store, PLAIN_TASK, project_id=few)
    assert list_tasks(store) == []
    many = create_project(store, "q", parse_labels('["bird", "dog", "cat"]'))
    restore_task(store, PLAIN_TASK, project_id=many)
    write_project_backup(store, many, tmp_path / "out.zip")
    made = backup_value(tmp_path / "out.zip")
    assert made["task_0/annotations.json"] == backup_value(PLAIN_TASK)[ANNOTATIONS]
    assert [label["name"] for label in made["project.json"]["labels"]] == ["bird", "dog", "cat"]


def test_a_project_without_labels_takes_those_of_the_task(store: Store) -> None:
    project_id = create_project(store, "p")
    restore_task(store, RICH_TASK, project_id=project_id)
    names = [label.name for label in project_labels(store, project_id)]
    assert names == [label["name"] for label in backup_value(RICH_TASK)["task.json"]["labels"]]


def test_conflicts_of_attributes_and_types_are_listed(store: Store) -> None:
    labels = parse_labels('[{"name": "car", "type": "polygon"}]')
    with pytest.raises(BackupError) as caught:
        restore_task(store, RICH_TASK, project_id=create_project(store, "p", labels))
    text = str(caught.value)
    assert "'car' is polygon there, rectangle here" in text
    assert "'car' lacks the attribute 'colour'" in text
    assert "'pose' is missing" in text


@pytest.mark.parametrize("name", ["clouds_task", "video"])
def test_lightweight_backups_of_clouds_and_videos_keep_their_frames(
    store: Store, tmp_path: Path, name: str
) -> None:
    path = VIDEO_TASK if name == "video" else FIXTURES / "backups" / f"{name}.zip"
    whole = restore_task(store, path)
    write_task_backup(store, whole, tmp_path / "light.zip", lightweight=True)
    light = restore_task(store, tmp_path / "light.zip")
    with store.read() as session:
        query = (
            "SELECT t.mode, t.dimension, t.segment_size, f.number, f.path, f.width, f.height"
            " FROM task t JOIN frame f ON f.data_id = t.data_id WHERE t.id = ? ORDER BY f.number"
        )
        kept, expected = (
            raw(session).execute(query, (task_id,)).fetchall() for task_id in (light, whole)
        )
    assert kept == expected
    assert kept
