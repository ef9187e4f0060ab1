"""Honeypots are no frames of a dataset of their task, and MOT behind deleted frames says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from corpus import FIXTURES
from localcvat import Client
from localcvat.archive import open_source
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report


def _restored(folder: Path, name: str) -> tuple[Client, Any]:
    client = Client(folder / "store", create=True)
    return client, client.tasks.create_from_backup(FIXTURES / name)


def _boxes(path: Path, name: str) -> dict[str, list[list[float]]]:
    with open_source(path) as source:
        dataset = find_format(name).format.read(source, ReadOptions(), Report())
        return {item.path: [list(s.points) for s in item.shapes] for item in dataset.items}


@pytest.mark.parametrize("name", ["COCO 1.0", "coco", "CVAT for images 1.1", "datumaro"])
def test_a_task_with_a_pool_is_exported_without_its_honeypots(tmp_path: Path, name: str) -> None:
    _, task = _restored(tmp_path, "backups/pool_task.zip")
    report = task.export_dataset(name, tmp_path / "out.zip", include_images=True)
    found = _boxes(tmp_path / "out.zip", name)
    assert sorted(found) == ["a.png", "b.png", "c.png", "d.png", "p0.png", "p1.png"]
    assert {path for path, boxes in found.items() if boxes} == {"p0.png"}
    (row,) = [entry for entry in report.entries if entry.kind == "honeypot"]
    assert (row.outcome, row.count, row.lossy) == ("dropped", 2, False)


def test_what_is_imported_into_a_task_with_a_pool_goes_to_its_ground_truth(tmp_path: Path) -> None:
    _, task = _restored(tmp_path, "backups/pool_task.zip")
    task.export_dataset("coco", tmp_path / "out.zip")
    task.remove_annotations()
    task.import_annotations("coco", tmp_path / "out.zip")
    held = {job.id: [s.frame for s in job.get_annotations().shapes] for job in task.get_jobs()}
    assert [held[job.id] for job in task.get_jobs() if job.type == "ground_truth"] == [[6]]
    assert sum(map(len, held.values())) == 1


def test_what_is_imported_into_a_job_goes_to_its_honeypot(tmp_path: Path) -> None:
    _, task = _restored(tmp_path, "backups/pool_task.zip")
    job = next(job for job in task.get_jobs() if job.start_frame == 3)
    job.export_dataset("coco", tmp_path / "out.zip")
    job.import_annotations("coco", tmp_path / "out.zip")
    assert [shape.frame for shape in job.get_annotations().shapes] == [3]


def test_mot_of_a_task_with_deleted_frames_says_which_land_elsewhere(tmp_path: Path) -> None:
    _, task = _restored(tmp_path, "cvat-made/rich/task_4_backup.zip")
    report = task.export_dataset("MOT 1.1", tmp_path / "out.zip")
    told = [entry for entry in report.entries if entry.kind == "frame"]
    rows = set()
    shutil.unpack_archive(tmp_path / "out.zip", tmp_path / "mot")
    for line in (tmp_path / "mot" / "gt" / "gt.txt").read_text().splitlines():
        rows.add(int(line.partition(",")[0]))
    shifted = [frame for frame in rows if frame > 1]  # frame 1 of the task is deleted
    assert [(entry.outcome, entry.count, entry.lossy) for entry in told] == [
        ("changed", len(shifted), True)
    ]


def test_plain_mot_of_a_task_with_deleted_frames_comes_back_to_its_frames(tmp_path: Path) -> None:
    _, task = _restored(tmp_path, "cvat-made/rich/task_2_backup.zip")
    box = {"type": "rectangle", "label": task.get_labels()[0].name, "points": [1, 2, 9, 9]}
    task.set_annotations({"shapes": [box | {"frame": frame} for frame in (3, 5)]})  # 4 is deleted
    report = task.export_dataset("mot", tmp_path / "out.zip")
    assert not [entry for entry in report.entries if entry.kind == "frame"]
    task.import_annotations("mot", tmp_path / "out.zip")
    assert {shape.frame for shape in task.get_annotations().shapes} == {3, 5}
