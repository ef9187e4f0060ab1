"""The model: every field of CVAT has a place, and names are cut where paths are."""

from __future__ import annotations

import json

import pytest

from corpus import CVAT_MADE, zip_entries
from localcvat.model import (
    Annotations,
    AttributeSpec,
    Item,
    Label,
    Shape,
    Tag,
    Track,
    TrackedShape,
    attributes_with_defaults,
    flat_labels,
    label_index,
)


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("a.jpg", "a"),
        ("sub/a.b.jpg", "sub/a.b"),
        ("sub.d/a", "sub.d/a"),
        (".hidden", ".hidden"),
        ("sub/.hidden.png", "sub/.hidden"),
    ],
)
def test_the_stem_of_an_item_is_its_path_without_extension(path: str, stem: str) -> None:
    assert Item(path=path).stem == stem


def test_sublabels_follow_their_skeleton_in_the_order_of_classes() -> None:
    pose = Label(name="pose", sublabels=[Label(name="head"), Label(name="hand")])
    labels = [Label(name="car"), pose, Label(name="dog")]
    flat = [(label.name, parent) for label, parent in flat_labels(labels)]
    assert flat == [("car", ""), ("pose", ""), ("head", "pose"), ("hand", "pose"), ("dog", "")]
    assert label_index(labels) == {"car": 0, "pose": 1, "dog": 2}


def test_attributes_are_filled_with_defaults_in_the_order_of_the_label() -> None:
    specs = [AttributeSpec(name="a", default_value="1"), AttributeSpec(name="b")]
    filled = attributes_with_defaults(Label(name="x", attributes=specs), {"z": "9", "b": "2"})
    assert list(filled.items()) == [("a", "1"), ("b", "2"), ("z", "9")]


KINDS = {"tags": Tag, "shapes": Shape, "tracks": Track}


def test_every_key_of_a_real_backup_has_a_field() -> None:
    """What CVAT writes in annotations.json, key by key, at every level."""
    (backup,) = (CVAT_MADE / "rich").glob("project_*_backup.zip")
    seen = 0
    for name, data in zip_entries(backup).items():
        if name.endswith("annotations.json"):
            for job in json.loads(data):
                assert job.keys() - {"version"} <= set(Annotations.__struct_fields__)
                for key, kind in KINDS.items():
                    for value in job[key]:
                        seen += _check(value, kind)
    assert seen > 50


def _check(value: dict[str, object], kind: type) -> int:
    unknown = value.keys() - set(kind.__struct_fields__)  # type: ignore[attr-defined]
    assert not unknown, (kind, unknown)
    inside = [(element, kind) for element in value.get("elements", [])]  # type: ignore[attr-defined]
    if kind is Track:
        inside += [(shape, TrackedShape) for shape in value["shapes"]]  # type: ignore[attr-defined]
    return 1 + sum(_check(each, what) for each, what in inside)
