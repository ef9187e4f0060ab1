"""What CVAT refuses is refused with the reason, and nothing stays behind."""

from __future__ import annotations

import os
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
from localcvat.backup.restore import restore_project, restore_task
from localcvat.errors import LocalCvatError
from localcvat.store.engine import Store, raw

TABLES = ("project", "task", "data", "frame", "label", "job", "shape", "media", "guide", "asset")
ANNOTATIONS = "annotations.json"
SHAPE = (ANNOTATIONS, 0, "shapes", 0)
TRACK = {
    "frame": 0,
    "label": "cat",
    "group": 0,
    "source": "manual",
    "attributes": [],
    "elements": [],
    "shapes": [{"type": "rectangle", "frame": 0, "points": [1, 2, 3, 4], "attributes": []}],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    """One for all: nothing may ever stay in it."""
    with Store.create(tmp_path_factory.mktemp("refusals") / "store") as made:
        yield made


def assert_nothing_kept(store: Store) -> None:
    """No row of any table, no file of media."""
    with store.read() as session:
        for table in TABLES:
            count = raw(session).execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            assert count == 0, table
    files = [name for _, _, names in os.walk(store.media.root) for name in names]
    assert files == []
    assert set(os.listdir(store.path / "tmp")) <= {"lock"}


def renamed(old: str, new: str) -> Callable[[Entries], Entries]:
    return lambda entries: {name.replace(old, new): data for name, data in entries.items()}


def without(*names: str) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        for name in names:
            del entries[name]

    return change


def put(name: str, data: bytes) -> Callable[[Entries], None]:
    return lambda entries: entries.update({name: data})


def manifest_lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Entries], None]:
    def edit(entries: Entries) -> None:
        lines = entries["data/manifest.jsonl"].splitlines()
        entries["data/manifest.jsonl"] = b"\n".join(change(lines)) + b"\n"
        del entries["data/index.json"]

    return edit


def reverse(lines: list[bytes]) -> list[bytes]:
    return lines[:2] + lines[:1:-1]


def label_attribute(spec: dict[str, Any], *more: dict[str, Any]) -> Callable[[Entries], None]:
    full = {"name": "at", "mutable": False, "input_type": "text", "values": [""]} | spec
    specs = [{key: value for key, value in full.items() if value is not GONE}, *more]
    return in_json("task.json", "labels", 0, "attributes", value=specs)


def in_task(*keys: Any, value: Any) -> Callable[[Entries], None]:
    return in_json("task.json", *keys, value=value)


def in_shape(key: str, value: Any) -> Callable[[Entries], None]:
    return in_json(*SHAPE, key, value=value)


def with_track(**changes: Any) -> Callable[[Entries], None]:
    track = {key: value for key, value in (TRACK | changes).items() if value is not GONE}
    return in_json(ANNOTATIONS, 0, "tracks", value=[track])


def jobs(*ranges: tuple[int, int], **more: Any) -> Callable[[Entries], None]:
    made = [
        {"start_frame": a, "stop_frame": b, "status": "annotation", "type": "annotation"}
        for a, b in ranges
    ]
    return in_task("jobs", value=[*made, *([more] if more else [])])


GROUND_TRUTH = {"start_frame": 0, "stop_frame": 3, "status": "annotation", "type": "ground_truth"}

REFUSED_TASKS: dict[str, tuple[Callable[[Entries], object], str]] = {
    "no task.json": (without("task.json"), "There is no item named"),
    "no annotations.json": (without(ANNOTATIONS), "no item named 'annotations.json'"),
    "no media": (without(*[f"data/img{i}.jpg" for i in range(4)]), "No media data found"),
    "version 2.0": (in_task("version", value="2.0"), "2.0 version is not supported"),
    "version as a number": (in_task("version", value=1.0), "1.0 version is not supported"),
    "no version": (in_task("version", value=GONE), "version is not supported"),
    "task.json is no JSON": (put("task.json", b"{"), "not JSON"),
    "task.json is a list": (put("task.json", b"[1]"), "must be a JSON object"),
    "no labels": (in_task("labels", value=GONE), "labels: This field is required"),
    "no data": (in_task("data", value=GONE), "data: This field is required"),
    "no jobs": (in_task("jobs", value=GONE), "jobs: This field is required"),
    "empty jobs": (in_task("jobs", value=[]), "at least one job"),
    "subset null": (in_task("subset", value=None), "subset"),
    "subset too long": (in_task("subset", value="x" * 65), "at most 64"),
    "bug_tracker too long": (in_task("bug_tracker", value="x" * 2001), "at most 2000"),
    "no image_quality": (in_task("data", "image_quality", value=GONE), "image_quality"),
    "image_quality 101": (in_task("data", "image_quality", value=101), "at most 100"),
    "no chunk_type": (in_task("data", "chunk_type", value=GONE), "chunk_type"),
    "chunk_size 0": (in_task("data", "chunk_size", value=0), "chunk_size"),
    "bogus frame_filter": (
        in_task("data", "frame_filter", value="bogus"),
        "Invalid frame filter expression",
    ),
    "bogus sorting": (in_task("data", "sorting_method", value="bogus"), '"bogus" is not a valid'),
    "bogus storage": (in_task("data", "storage", value="bogus"), '"bogus" is not a valid choice'),
    "bogus method": (in_task("data", "storage_method", value="bogus"), '"bogus" is not a valid'),
    "deleted frames null": (in_task("data", "deleted_frames", value=None), "deleted_frames"),
    "deleted frames text": (in_task("data", "deleted_frames", value=["a"]), "deleted_frames"),
    "job without status": (in_task("jobs", 0, "status", value=GONE), "status"),
    "job with bogus status": (in_task("jobs", 0, "status", value="bogus"), '"bogus"'),
    "job with bogus type": (in_task("jobs", 0, "type", value="bogus"), "Unexpected job type bogus"),
    "job without start": (in_task("jobs", 0, "start_frame", value=GONE), "start_frame"),
    "job without stop": (in_task("jobs", 0, "stop_frame", value=GONE), "stop_frame"),
    "gap between jobs": (jobs((0, 0), (2, 3)), "in no job"),
    "ground truth without frames": (jobs((0, 3), **GROUND_TRUTH), "frames"),
    "ground truth out of range": (
        jobs((0, 3), **GROUND_TRUTH, frames=[99]),
        "not included in the task: 99",
    ),
    "ground truth twice": (jobs((0, 3), **GROUND_TRUTH, frames=[1, 1]), "must not repeat"),
    "only ground truth": (jobs(**GROUND_TRUTH, frames=[1]), "at least one annotation job"),
    "label without name": (in_task("labels", 0, "name", value=GONE), "needs a name"),
    "label of a taken name": (in_task("labels", 0, "name", value="dog"), "must be unique"),
    "label with an unknown key": (in_task("labels", 0, "bogus", value=1), "'bogus'"),
    "label with a long colour": (in_task("labels", 0, "color", value="#123456789"), "color"),
    "attribute without name": (label_attribute({"name": GONE}), "name: This field is required"),
    "attribute without mutable": (label_attribute({"mutable": GONE}), "mutable"),
    "attribute without type": (label_attribute({"input_type": GONE}), "input_type"),
    "attribute of a bogus type": (label_attribute({"input_type": "x"}), '"x" is not a valid'),
    "attribute without values": (label_attribute({"values": GONE}), "values"),
    "attribute values as text": (label_attribute({"values": "a"}), "a list of values"),
    "attribute name too long": (label_attribute({"name": "x" * 65}), "1 to 64"),
    "attribute name blank": (label_attribute({"name": ""}), "1 to 64"),
    "annotations an object": (put(ANNOTATIONS, b"{}"), "must be a list"),
    "annotations cut off": (put(ANNOTATIONS, b'[{"tags":[],"shapes":[{"type"'), "not JSON"),
    "annotations with more behind": (
        put(ANNOTATIONS, b'[{"tags":[],"shapes":[],"tracks":[]}] []'),
        "more than one value",
    ),
    "annotations without tags": (in_json(ANNOTATIONS, 0, "tags", value=GONE), "[0].tags"),
    "annotations without shapes": (in_json(ANNOTATIONS, 0, "shapes", value=GONE), "[0].shapes"),
    "annotations without tracks": (in_json(ANNOTATIONS, 0, "tracks", value=GONE), "[0].tracks"),
    "annotations with half a character": (
        lambda entries: entries.update(
            {ANNOTATIONS: entries[ANNOTATIONS].replace(b'"manual"', b'"\\ud800"', 1)}
        ),
        "lone surrogate",
    ),
    "annotations nested without end": (
        put(ANNOTATIONS, b'[{"tags":' + b"[" * 100_000),
        "not JSON",
    ),
    "task.json nested without end": (put("task.json", b'{"a":' * 100_000), "not JSON"),
    "half a character in the name": (put("task.json", b'{"name":"\\ud800"}'), "not JSON"),
    "unknown label": (in_shape("label", "bird"), "unknown label 'bird'"),
    "unknown attribute": (
        in_shape("attributes", [{"name": "none", "value": "1"}]),
        "unknown attribute 'none'",
    ),
    "attribute without value": (in_shape("attributes", [{"name": "none"}]), "name and a value"),
    "shape without type": (in_shape("type", GONE), "[0].shapes[0].type"),
    "shape without frame": (in_shape("frame", GONE), "frame"),
    "shape without attributes": (in_shape("attributes", GONE), "attributes"),
    "shape of a bogus type": (in_shape("type", "bogus"), "'bogus' is not a valid choice"),
    "wrong-length points": (in_shape("points", [1, 2, 3]), "a rectangle has 4 numbers, not 3"),
    "points as text": (in_shape("points", ["1", "2", "3", "4"]), "a valid number is required"),
    "points null": (in_shape("points", None), "points"),
    "points not finite": (in_shape("points", [float("nan")] * 4), "not JSON"),
    "frame -1": (in_shape("frame", -1), "at least 0"),
    "group -1": (in_shape("group", -1), "at least 0"),
    "group too large": (in_shape("group", 2**31), "group"),
    "source empty": (in_shape("source", ""), "source"),
    "source null": (in_shape("source", None), "source"),
    "rotation 361": (in_shape("rotation", 361), "0 to 360"),
    "rotation -1": (in_shape("rotation", -1), "0 to 360"),
    "z_order null": (in_shape("z_order", None), "z_order"),
    "z_order 1.5": (in_shape("z_order", 1.5), "z_order"),
    "occluded null": (in_shape("occluded", None), "occluded"),
    "elements null": (in_shape("elements", None), "elements"),
    "track without shapes": (with_track(shapes=GONE), "shapes"),
    "track with empty shapes": (with_track(shapes=[]), "at least one shape"),
    "track without label": (with_track(label=GONE), "label"),
    "garbage manifest": (put("data/manifest.jsonl", b"garbage"), "Invalid manifest was uploaded"),
    "manifest of version 9.9": (
        manifest_lines(lambda lines: [b'{"version":"9.9"}', *lines[1:]]),
        "Invalid manifest was uploaded",
    ),
    "manifest in another order": (manifest_lines(reverse), "Incorrect file mapping to manifest"),
    "manifest without the last image": (
        manifest_lines(lambda lines: lines[:-1]),
        "Incorrect file mapping to manifest content",
    ),
    "an image in the middle is missing": (
        without("data/img1.jpg"),
        "Incorrect file mapping to manifest content",
    ),
    "a manifest that points outside": (
        manifest_lines(lambda lines: [lines[0], lines[1], lines[2].replace(b"img0", b"../img0")]),
        "climbs out",
    ),
    "a context image outside": (
        manifest_lines(lambda lines: [*lines[:5], lines[5].replace(b'":[]', b'":["/etc/passwd"]')]),
        "absolute path",
    ),
    "a file of a job that is not there": (
        lambda entries: (
            without("data/manifest.jsonl", "data/index.json")(entries),
            in_task("data", "custom_segments", value=True)(entries),
            in_task("jobs", 0, "files", value=["img0.jpg", "img1.jpg", "img2.jpg", "x.jpg"])(
                entries
            ),
        ),
        "Can't find file 'x.jpg' in the input files",
    ),
    "two manifests": (put("data/other.jsonl", b""), "manifest"),
    "predefined without manifest": (
        lambda entries: (
            without("data/manifest.jsonl", "data/index.json")(entries),
            in_task("data", "sorting_method", value="predefined")(entries),
        ),
        "Can't find upload manifest file",
    ),
    "image and video": (put("data/clip.mp4", b"x"), "can be used simultaneously"),
    "a path that climbs out": (put("data/../../x.jpg", b"x"), "climbs out"),
    "corrupt image without manifest": (
        lambda entries: (
            without("data/manifest.jsonl", "data/index.json")(entries),
            entries.update({"data/img0.jpg": b"no image"}),
        ),
        "not a readable image",
    ),
    "bad asset": (
        lambda entries: entries.update(
            {"annotation_guide.md": b"x", "assets/run.exe": b"x"},
        ),
        "not supported as an asset",
    ),
    "guide not UTF-8": (put("annotation_guide.md", b"\xff\xff"), "not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED_TASKS)
def test_what_cvat_refuses_in_a_task_leaves_nothing(
    store: Store, tmp_path: Path, name: str
) -> None:
    change, reason = REFUSED_TASKS[name]
    path = edited(PLAIN_TASK, tmp_path / "bad.zip", change)
    with pytest.raises(LocalCvatError) as caught:
        restore_task(store, path)
    assert reason in str(caught.value)
    assert_nothing_kept(store)


REFUSED_PROJECTS: dict[str, tuple[Callable[[Entries], object], str]] = {
    "no project.json": (without("project.json"), "There is no item named 'project.json'"),
    "no task.json": (without("task_0/task.json"), "no item named 'task_0/task.json'"),
    "no version": (in_json("project.json", "version", value=GONE), "version is not supported"),
    "name null": (in_json("project.json", "name", value=None), "name"),
    "no labels": (in_json("project.json", "labels", value=GONE), "labels"),
    "labels empty": (in_json("project.json", "labels", value=[]), "unknown label"),
    "status null": (in_json("project.json", "status", value=None), "status"),
    "NUL in the name": (in_json("project.json", "name", value="a\x00b"), "name"),
}


@pytest.mark.parametrize("name", REFUSED_PROJECTS)
def test_what_cvat_refuses_in_a_project_leaves_nothing(
    store: Store, tmp_path: Path, name: str
) -> None:
    change, reason = REFUSED_PROJECTS[name]
    path = edited(PLAIN_PROJECT, tmp_path / "bad.zip", change)
    with pytest.raises(LocalCvatError) as caught:
        restore_project(store, path)
    assert reason in str(caught.value)
    assert_nothing_kept(store)


def test_a_mutable_attribute_on_a_track_is_refused(store: Store, tmp_path: Path) -> None:
    value = [{"name": "speed", "value": "1"}]
    job = next(
        index
        for index, job in enumerate(backup_annotations(RICH_TASK))
        if any(track["label"] == "car" for track in job["tracks"])
    )
    change = in_json(ANNOTATIONS, job, "tracks", 0, "attributes", value=value)
    path = edited(RICH_TASK, tmp_path / "bad.zip", change)
    with pytest.raises(LocalCvatError, match="mutable attribute 'speed' is not allowed here"):
        restore_task(store, path)
    assert_nothing_kept(store)


def backup_annotations(path: Path) -> Any:
    import json

    from corpus import zip_entries

    return json.loads(zip_entries(path)[ANNOTATIONS])


def test_a_failure_after_the_media_were_copied_leaves_nothing(store: Store, tmp_path: Path) -> None:
    last = len(backup_annotations(VIDEO_TASK)) - 1
    change = in_json(ANNOTATIONS, last, "shapes", value=[{"type": "rectangle"}])
    path = edited(VIDEO_TASK, tmp_path / "bad.zip", change)
    with pytest.raises(LocalCvatError, match="This field is required"):
        restore_task(store, path)
    assert_nothing_kept(store)


def test_a_truncated_zip_is_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(PLAIN_TASK.read_bytes()[:9000])
    with pytest.raises(LocalCvatError, match="not a readable zip"):
        restore_task(store, path)
    assert_nothing_kept(store)


def test_a_project_backup_is_no_task_backup(store: Store) -> None:
    with pytest.raises(LocalCvatError, match="use `localcvat project create-from-backup`"):
        restore_task(store, PLAIN_PROJECT)
    with pytest.raises(LocalCvatError, match="use `localcvat task create-from-backup`"):
        restore_project(store, PLAIN_TASK)
    assert_nothing_kept(store)
