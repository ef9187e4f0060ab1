"""CVAT's exports imported into the task they are of, and exported again: the same once more.

What CVAT does not keep on the way is taken out on both sides: numbers of tracks, and which frames
are keyframes (a track cut at a job's first frame has one there); groups (those of one member are
dropped, the rest renumbered a frame); that a mask was part of a track; where a point that is
outside was; that masks and skeletons on a frame of two jobs are in both afterwards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus import CVAT_MADE
from goldens import Golden, exported, goldens, restored
from localcvat.exchange import import_into_task
from localcvat.store.engine import Store

FORMATS = ("COCO 1.0", "COCO Keypoints 1.0", "YOLO 1.1", "Datumaro 1.0")
TASKS = [golden for name in FORMATS for golden in goldens(name, kinds=("task",))]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    golden: Golden = request.node.callspec.params["golden"]
    (backup,) = (CVAT_MADE / golden.corpus).glob("project_*_backup.zip")
    return restored(backup, tmp_path / "store")[0]


def _lasting(row: dict[str, Any]) -> dict[str, Any]:
    """An annotation without what does not last."""
    row.pop("id")
    row.pop("group", None)
    attributes = row.get("attributes", {})
    attributes.pop("keyframe", None)
    is_mask = row.get("iscrowd") or row.get("type") == "mask"
    if attributes.pop("track_id", None) is not None and not is_mask:
        attributes["tracked"] = True
    points = row.get("keypoints", [])
    for start in range(0, len(points), 3):
        if not points[start + 2]:
            points[start : start + 2] = [0.0, 0.0]
    return row


def _comparable(entries: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, data in entries.items():
        if name.endswith(".json"):
            value = json.loads(data)
            for holder in value.get("items", [value]):
                rows = [_lasting(row) for row in holder["annotations"]]
                twice = [row for row in rows if row.get("iscrowd") or row.get("keypoints")]
                once = [row for row in rows if row not in twice]
                holder["annotations"] = sorted(json.dumps(row, sort_keys=True) for row in once)
                holder["once"] = sorted({json.dumps(row, sort_keys=True) for row in twice})
            found[name] = value
        elif name.endswith((".txt", ".names", ".data")):
            found[name] = sorted(data.decode().splitlines())
    return found


@pytest.mark.parametrize("golden", TASKS, ids=lambda g: f"{g.format_name}-{g}")
def test_an_export_of_cvat_says_the_same_after_an_import(golden: Golden, store: Store) -> None:
    import_into_task(store, golden.our_id, golden.path, golden.format_name)
    again = exported(store, "task", golden.our_id, golden.format_name, golden.with_images)
    assert _comparable(again) == _comparable(golden.entries())


@pytest.mark.parametrize(
    "golden",
    [golden for golden in TASKS if str(golden) == "rich-task3" and "Key" in golden.format_name],
    ids=str,
)
def test_a_pose_without_names_of_points_gets_those_of_the_task(
    golden: Golden, store: Store, tmp_path: Path
) -> None:
    name = "Ultralytics YOLO Pose 1.0"
    before = exported(store, "task", golden.our_id, name)
    assert b"kpt_names" not in before["data.yaml"]
    for entry, data in before.items():
        path = tmp_path / "pose" / entry
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    import_into_task(store, golden.our_id, tmp_path / "pose", name)
    after = exported(store, "task", golden.our_id, name)
    assert after.keys() == before.keys()
    assert {entry: sorted(set(data.split(b"\n"))) for entry, data in after.items()} == {
        entry: sorted(set(data.split(b"\n"))) for entry, data in before.items()
    }
