"""Nested changes of labels, colours, skeletons, and tasks that move between projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localcvat.annotations import Scope, set_annotations, task_annotations
from localcvat.errors import NotFoundError, ValidationError
from localcvat.label_views import delete_label, list_label_views, read_label_view, update_label
from localcvat.labels import label_color
from localcvat.listing import ListQuery
from localcvat.projects import create_project_from, get_project, update_project
from localcvat.store.engine import Store
from localcvat.task_views import create_task_from, read_task_view, update_task
from localcvat.tasks import attach_data, local_files

SVG = (
    '<circle data-type="element node" data-node-id="1" data-label-name="head"></circle>'
    '<circle data-type="element node" data-node-id="2" data-label-name="foot"></circle>'
)
POSE = {
    "name": "pose",
    "type": "skeleton",
    "svg": SVG,
    "sublabels": [{"name": "head", "type": "points"}, {"name": "foot", "type": "points"}],
}
KIND = {"name": "kind", "mutable": False, "input_type": "select", "values": ["a", "b"]}
CAR = {"name": "car", "attributes": [KIND]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "store") as made:
        yield made


def _labels(store: Store, project_id: int) -> dict[str, Any]:
    page = list_label_views(store, ListQuery(page_size=None), project_id=project_id)
    return {label.name: label for label in page.results}


def _task(store: Store, tmp_path: Path, **body: Any) -> int:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    task_id = create_task_from(store, {"name": "t", **body})
    attach_data(store, task_id, local_files([str(tmp_path / "a.png")]))
    return task_id


def test_a_change_without_a_colour_gives_a_new_one_among_those_in_use(store: Store) -> None:
    labels = [{"name": "a", "color": "#010203"}, {"name": "b"}]
    project_id = create_project_from(store, {"name": "p", "labels": labels})
    one = _labels(store, project_id)
    update_label(store, one["a"].id, {"name": "c"})
    assert _labels(store, project_id)["c"].color == label_color("c", [one["b"].color])
    update_label(store, one["a"].id, {"color": "#abcdef"})
    assert _labels(store, project_id)["c"].color == "#abcdef"


def test_labels_not_named_are_kept_and_ids_stay(store: Store) -> None:
    project_id = create_project_from(store, {"name": "p", "labels": [CAR, {"name": "dog"}, POSE]})
    before = _labels(store, project_id)
    changes = [
        {"id": before["car"].id, "name": "auto", "color": "#111111"},
        {"id": before["dog"].id, "deleted": True},
        {"name": "cat", "type": "rectangle"},
    ]
    update_project(store, project_id, labels=changes)
    after = _labels(store, project_id)
    assert list(after) == ["auto", "pose", "cat"]
    assert after["auto"].id == before["car"].id
    assert after["auto"].attributes == before["car"].attributes
    assert after["pose"] == before["pose"]
    assert after["cat"].type == "rectangle"


def test_attributes_are_found_by_id_or_name_and_never_removed(store: Store) -> None:
    project_id = create_project_from(store, {"name": "p", "labels": [CAR]})
    car = _labels(store, project_id)["car"]
    more = {"name": "more", "mutable": True, "input_type": "text", "values": ["x\ny"]}
    changed = {**KIND, "values": ["a", "b", "c"], "default_value": "c"}
    update_label(store, car.id, {"attributes": [changed, more]})
    update_label(store, car.id, {"attributes": [{"id": car.attributes[0].id, "mutable": True}]})
    kind, added = read_label_view(store, car.id).attributes
    assert (kind.id, kind.values, kind.default_value) == (
        car.attributes[0].id,
        ["a", "b", "c"],
        "c",
    )
    assert kind.mutable
    assert added.values == ["x", "y"]
    with pytest.raises(ValidationError, match="This field is required"):
        update_label(store, car.id, {"attributes": [{"name": "third"}]})
    with pytest.raises(NotFoundError, match="Attribute with id #999"):
        update_label(store, car.id, {"attributes": [{"id": 999}]})
    with pytest.raises(ValidationError, match="Duplicate attribute with name 'n'"):
        update_label(store, car.id, {"attributes": [{**KIND, "name": "n"}, {**KIND, "name": "n"}]})


def test_a_type_does_not_become_or_stop_being_skeleton(store: Store) -> None:
    project_id = create_project_from(store, {"name": "p", "labels": [POSE, {"name": "a"}]})
    labels = _labels(store, project_id)
    update_label(store, labels["pose"].id, {"type": "points"})
    update_label(store, labels["a"].id, {"type": "skeleton"})
    assert [label.type for label in _labels(store, project_id).values()] == ["skeleton", "any"]


def test_the_svg_of_a_skeleton_follows_its_sublabels(store: Store) -> None:
    project_id = create_project_from(store, {"name": "p", "labels": [POSE]})
    pose = _labels(store, project_id)["pose"]
    head, foot = pose.sublabels
    assert f'data-label-id="{head.id}"' in pose.svg
    change = {"id": pose.id, "sublabels": [{"id": head.id, "name": "face"}], "svg": pose.svg}
    update_project(store, project_id, labels=[change])
    assert _labels(store, project_id)["pose"].svg == pose.svg
    assert read_label_view(store, foot.id).parent_id == pose.id
    with pytest.raises(ValidationError, match="Sublabels cannot be modified this way"):
        update_label(store, head.id, {"name": "x"})
    with pytest.raises(ValidationError, match="Sublabels cannot be deleted this way"):
        delete_label(store, head.id)


def test_a_failed_change_changes_nothing(store: Store) -> None:
    project_id = create_project_from(store, {"name": "p", "labels": [CAR, {"name": "dog"}]})
    before = _labels(store, project_id)
    changes = [{"id": before["car"].id, "name": "x"}, {"id": before["dog"].id, "name": "x"}]
    with pytest.raises(ValidationError, match="All label names must be unique"):
        update_project(store, project_id, name="new", labels=changes)
    assert _labels(store, project_id) == before
    assert get_project(store, project_id).name == "p"


def test_a_label_of_another_project_is_not_found(store: Store) -> None:
    one = create_project_from(store, {"name": "p", "labels": [CAR]})
    other = create_project_from(store, {"name": "q", "labels": [CAR]})
    stranger = _labels(store, other)["car"].id
    with pytest.raises(NotFoundError, match=f"Not found label with id #{stranger} to change"):
        update_project(store, one, labels=[{"id": stranger, "name": "x"}])


def test_a_label_change_makes_tasks_and_jobs_newer(store: Store, tmp_path: Path) -> None:
    from localcvat.job_views import list_job_views

    project_id = create_project_from(store, {"name": "p", "labels": [CAR]})
    task_id = _task(store, tmp_path, project_id=project_id)

    def dates() -> list[str]:
        (job,) = list_job_views(store, ListQuery()).results
        task, project = read_task_view(store, task_id), get_project(store, project_id)
        return [job.updated_date, task.updated_date, project.updated_date]

    before = dates()
    update_label(store, _labels(store, project_id)["car"].id, {"color": "#222222"})
    assert all(new > old for new, old in zip(dates(), before, strict=True))


def test_a_deleted_label_takes_its_annotations_along(store: Store, tmp_path: Path) -> None:
    task_id = _task(store, tmp_path, labels=[CAR, {"name": "dog"}])
    shapes = [
        {"type": "rectangle", "frame": 0, "points": [0, 0, 1, 1], "label": name}
        for name in ("car", "dog")
    ]
    set_annotations(store, Scope(task_id=task_id), {"shapes": shapes})
    page = list_label_views(store, ListQuery(), task_id=task_id)
    delete_label(store, page.results[0].id)
    assert [shape.label for shape in task_annotations(store, task_id).shapes] == ["dog"]


def test_a_task_moves_with_its_annotations_to_labels_of_the_same_names(
    store: Store, tmp_path: Path
) -> None:
    target = create_project_from(store, {"name": "p", "labels": [POSE, CAR]})
    task_id = _task(store, tmp_path, labels=[CAR])
    shape = {
        "type": "rectangle",
        "frame": 0,
        "points": [0, 0, 1, 1],
        "label": "car",
        "attributes": {"kind": "b"},
    }
    set_annotations(store, Scope(task_id=task_id), {"shapes": [shape]})
    before = get_project(store, target).updated_date
    update_task(store, task_id, project_id=target)
    assert read_task_view(store, task_id).project_id == target
    (moved,) = task_annotations(store, task_id).shapes
    assert moved.label_id == _labels(store, target)["car"].id
    assert moved.attributes == {"kind": "b"}
    assert get_project(store, target).updated_date > before


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([{"name": "dog"}], "must be mapped to the target project"),
        ([{**CAR, "attributes": [{**KIND, "values": ["a"]}]}], "Attribute 'kind'"),
        ([{**CAR, "attributes": [{**KIND, "input_type": "radio"}]}], "Attribute 'kind'"),
    ],
)
def test_a_task_that_does_not_fit_stays(
    store: Store, tmp_path: Path, labels: list[Any], message: str
) -> None:
    target = create_project_from(store, {"name": "p", "labels": labels})
    task_id = _task(store, tmp_path, labels=[CAR])
    with pytest.raises(ValidationError, match=message):
        update_task(store, task_id, project_id=target)
    assert read_task_view(store, task_id).project_id is None
    assert list_label_views(store, ListQuery(), task_id=task_id).count == 1


def test_a_moved_label_may_be_mapped_by_hand(store: Store, tmp_path: Path) -> None:
    target = create_project_from(store, {"name": "p", "labels": [{**CAR, "name": "auto"}]})
    task_id = _task(store, tmp_path, labels=[CAR])
    (car,) = list_label_views(store, ListQuery(), task_id=task_id).results
    update_task(store, task_id, project_id=target, labels=[{"id": car.id, "name": "auto"}])
    assert read_task_view(store, task_id).project_id == target
