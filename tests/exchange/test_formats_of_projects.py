"""What a project holds comes back into an empty one by every format, or a report says why not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from everything import HEIGHT, WIDTH, dataset, differences, facts, tracks
from localcvat import Client
from localcvat.dataset_import import import_dataset
from localcvat.datasets import export_project
from localcvat.errors import DatasetError
from localcvat.geometry.tracks import flatten_tracks
from localcvat.model import Dataset, Header, Item, Track
from localcvat.plugin import all_formats
from localcvat.report import Report
from telling import groups, is_told, kinds_of

NATIVE = [
    plugin.name
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
]
MAIN = ("coco", "coco-keypoints", "cvat-images", "datumaro", "ultralytics-obb", "voc", "yolo")
GROUPS = groups()
Held = tuple[Header, list[Item], list[Track]]


def _held(client: Client, project_id: int) -> Held:
    with client.store.read() as session:
        found = export_project(client.store, session, project_id)
        return found.header, list(found.items), list(found.tracks)


def _trip(client: Client, made: Dataset, name: str, path: Path) -> tuple[Held, Held, Report]:
    """What a project of the dataset holds, what one made of its export does, and all reports."""
    project = client.projects.create({"name": "from"})
    import_dataset(client.store, project.id, made, Report())
    report = project.export_dataset(name, path, include_images=False)
    other = client.projects.create({"name": "to"})
    size = (WIDTH, HEIGHT)
    report.merge(other.import_dataset(name, path, image_size=size, media="none"))
    return _held(client, project.id), _held(client, other.id), report


def _untold(client: Client, made: Dataset, name: str, path: Path) -> list[str]:
    try:
        before, after, report = _trip(client, made, name, path)
    except DatasetError as error:
        if "the dataset has no images" in str(error):
            return []
        raise
    told = facts(copy.deepcopy(before[0]), before[1])
    kinds = {entry.kind for entry in report.entries if entry.outcome != "kept"}
    gone = {entry.kind for entry in report.entries if entry.outcome == "dropped"}
    lost = list(differences(told, facts(after[0], after[1])))
    images = {where for (where, aspect), _, _ in lost if aspect == "image"}
    shapes = kinds_of(before[1])
    return [
        f"{fact}: {value!r} -> {now!r} ({sorted(kinds)})"
        for fact, value, now in lost
        if not is_told(fact, kinds, images, shapes, gone)
    ]


@pytest.mark.parametrize(
    "name", [n if n in MAIN else pytest.param(n, marks=pytest.mark.full) for n in NATIVE]
)
def test_what_a_project_loses_is_told(name: str, tmp_path: Path) -> None:
    client = Client(tmp_path / "store", create=True)
    untold = {
        group: _untold(client, dataset(*GROUPS[group]), name, tmp_path / f"{number}.zip")
        for number, group in enumerate(GROUPS)
    }
    assert {group: found for group, found in untold.items() if found} == {}


def _frames(held: Held) -> list[Any]:
    """Where each object is on each frame, and what is said of it there."""
    header, found, with_tracks = held
    flat = flatten_tracks(copy.deepcopy(found), with_tracks, header)
    return [
        (
            item.path,
            shape.label,
            shape.occluded,
            [round(value, 2) for value in shape.points],
            sorted((key, value) for key, value in shape.attributes.items() if value),
            [(part.label, list(part.points)) for part in shape.elements],
        )
        for item in flat
        for shape in item.shapes
    ]


@pytest.mark.parametrize("name", ["cvat-images", "cvat-video", "datumaro", "coco", "mot", "voc"])
def test_tracks_of_a_project_come_back_or_are_told_of(name: str, tmp_path: Path) -> None:
    client = Client(tmp_path / "store", create=True)
    before, after, report = _trip(client, tracks(), name, tmp_path / "out.zip")
    assert len(_frames(before)) == 4
    assert len(after[2]) == 1
    without = {"mot": 4}.get(name, 5)
    assert [row[1:without] for row in _frames(before)] == [row[1:without] for row in _frames(after)]
    if name == "mot":
        assert {entry.kind for entry in report.losses} >= {"attribute"}
