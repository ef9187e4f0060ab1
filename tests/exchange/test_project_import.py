"""CVAT XML of whole projects into a project: one task a subset, nothing lost."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from corpus import CVAT_MADE, zip_entries
from goldens import restored, store_of
from localcvat.adapt import adapt
from localcvat.backup.restore import restore_task
from localcvat.client import Client
from localcvat.convert import ConvertOptions
from localcvat.datasets import export_project
from localcvat.exchange import export_from_project, import_into_project
from localcvat.model import SHAPE_TYPES, Dataset
from localcvat.plugin import Capabilities
from localcvat.report import Report
from localcvat.store.engine import Store
from rest_values import shape_value

FLAT = Capabilities(
    kinds=frozenset((*SHAPE_TYPES, "tag")),
    rotation=True,
    attributes=True,
    tag_attributes=True,
    group=True,
    occluded=True,
    z_order=True,
    source=True,
    tracks="flattened",
)
Values = dict[tuple[str, str], list[Any]]


def flat_shapes(store: Store, project_id: int, decimals: int = 9) -> Values:
    """What is on each image by (subset, path), tracks flattened, frame numbers left out."""
    found: Values = {}
    with store.read() as session:
        dataset: Dataset = adapt(export_project(store, session, project_id), FLAT, Report())
        for item in dataset.items:
            values = []
            for shape in item.shapes:
                for each in (shape, *shape.elements):
                    each.frame = 0
                    each.points = [round(value, decimals) for value in each.points]
                    each.rotation = round(each.rotation, decimals)
                values.append(shape_value(shape))
            found[item.subset, item.path] = sorted(values)
    return found


def new_project(tmp_path: Path) -> tuple[Store, int]:
    store = Store.create(tmp_path / "store")
    with Client(tmp_path / "store") as client:
        return store, client.projects.create({"name": "again"}).id


def test_a_project_of_several_tasks_comes_back_from_our_cvat_xml(tmp_path: Path) -> None:
    original = store_of("rich")
    archive = tmp_path / "project.zip"
    export_from_project(original, 1, archive, "cvat-images", ConvertOptions(with_images=True))
    store, project_id = new_project(tmp_path)
    task_ids, _ = import_into_project(store, project_id, archive)
    assert len(task_ids) == 3
    before, after = flat_shapes(original, 1), flat_shapes(store, project_id)
    assert after.keys() == before.keys()
    for place, shapes in before.items():
        assert after[place] == shapes, place


@pytest.mark.parametrize("name", ["CVAT_for_images_1.1.images", "CVAT_for_video_1.1.images"])
def test_cvats_own_xml_of_a_project_is_imported(name: str, tmp_path: Path) -> None:
    archive = CVAT_MADE / "rich" / "exports" / "project_2" / f"{name}.zip"
    store, project_id = new_project(tmp_path)
    task_ids, _ = import_into_project(store, project_id, archive)
    assert len(task_ids) == 3
    before, after = flat_shapes(store_of("rich"), 1, 2), flat_shapes(store, project_id, 2)
    assert {subset for subset, _ in after} == {"Train", "Validation", "my subset"}
    same = [place for place in before if before[place] == after.get(place)]
    assert len(same) > 5


def test_tasks_of_one_subset_share_a_task_and_names_and_numbers_stay_apart(tmp_path: Path) -> None:
    store, _ = restored(CVAT_MADE / "noskel" / "project_1_backup.zip", tmp_path / "first")
    for number in (1, 2):
        backup = CVAT_MADE / "noskel" / f"task_{number}_backup.zip"
        restore_task(store, backup, project_id=1)
    archive = tmp_path / "project.zip"
    export_from_project(store, 1, archive, "cvat-images")
    images = list(ET.fromstring(zip_entries(archive)["annotations.xml"]).iterfind("image"))
    places = [(image.attrib["subset"], image.attrib["name"]) for image in images]
    numbers = [(image.attrib["subset"], image.attrib["id"]) for image in images]
    assert len(images) == len(set(places)) == len(set(numbers)) == 48
    assert ("Train", "a/one_1.jpg") in places
    assert ("Validation", "frame_000020") in places
    again, project_id = new_project(tmp_path)
    task_ids, report = import_into_project(again, project_id, archive)
    assert len(task_ids) == 2
    assert not report.losses
    assert flat_shapes(again, project_id) == flat_shapes(store, 1)
