"""docs/formats.md is made from the plugins' capabilities, and they are what round trips keep."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest

from every_kind import HEIGHT, KINDS, WIDTH, dataset, shape, trip
from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, write_dataset
from localcvat.errors import LossError
from localcvat.format_docs import with_tables
from localcvat.model import Dataset, Item, Label, Shape, TaskInfo
from localcvat.plugin import all_formats, find_format
from localcvat.report import Report

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
NATIVE = [
    plugin.name
    for plugin in all_formats()
    if plugin.origin == "native" and plugin.can_read and plugin.can_write
    if plugin.name != "cvat-video"  # shapes become tracks: tests/cvat_xml
]
OUTLINES = [("coco-keypoints", kind) for kind in ("rectangle", "polygon", "mask")]
"""Kinds that are kept as the outline of another: tests/formats/coco."""
FIELDS: dict[str, Any] = {
    "rotation": 30.0,
    "attributes": {"colour": "blue", "speed": "10", "ok": "true"},
    "occluded": True,
    "group": 5,
    "z_order": 2,
    "source": "auto",
    "score": 0.5,
}


def _sample(kind: str, name: str) -> Dataset:
    made = dataset(kind, plain=True)
    items = list(made.items)
    made.header.tasks = [TaskInfo(size=len(items))]
    for number, item in enumerate(items):
        item.frame = item.source_frame = number
    if name == "labelme-json" and kind == "ellipse":
        items[0].shapes[0].points = [80.0, 50.0, 110.0, 20.0]
    made.items = iter(items)
    return made


def _found(items: list[Item], kind: str) -> list[Any]:
    if kind == "tag":
        return [tag for item in items for tag in item.tags]
    return [each for item in items for each in item.shapes if each.type == kind]


def _numbers(each: Shape) -> list[float]:
    if each.type == "skeleton":
        elements = sorted(each.elements, key=lambda element: element.label)
        return [value for e in elements if not e.outside for value in e.points]
    return [float(value) for value in each.points]


def _lost(report: Report, kind: str) -> int:
    return sum(entry.count for entry in report.losses if entry.kind == kind)


def test_the_page_is_made_from_the_plugins() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: python -m localcvat.format_docs docs/formats.md"


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in NATIVE for kind in KINDS if (name, kind) not in OUTLINES],
)
def test_a_kind_is_kept_turned_or_counted_as_declared(name: str, kind: str, tmp_path: Path) -> None:
    can = find_format(name).format.capabilities("plain")
    sample = _sample(kind, name)
    items_before = list(sample.items)
    sample.items = iter(copy.deepcopy(items_before))
    _, items, report = trip(sample, name, tmp_path / "out")
    found = _found(items, kind)
    if kind in can.kinds:
        assert len(found) == len(_found(items_before, kind))
        if kind != "tag":
            before = _found(items_before, kind)[0]
            assert _numbers(found[0]) == pytest.approx(_numbers(before), abs=0.01)
            assert found[0].label == before.label
        assert not _lost(report, kind)
        return
    assert not found
    assert _lost(report, kind) == 1
    target = can.converts.get(kind)
    if target is not None and name != "coco-keypoints":
        while target not in can.kinds:
            target = can.converts[target]
        assert len(_found(items, target)) == 1


def _fields() -> list[tuple[str, str, str]]:
    cases = []
    for name in NATIVE:
        can = find_format(name).format.capabilities("plain")
        for kind in sorted(can.kinds - {"tag"}):
            for field in FIELDS:
                turns = field != "rotation" or kind in ("rectangle", "ellipse")
                circle = (name, kind, field) == ("labelme-json", "ellipse", "rotation")
                if turns and not circle and (name, kind) not in OUTLINES:
                    cases.append((name, kind, field))
    return cases


@pytest.mark.parametrize(("name", "kind", "field"), _fields())
def test_a_field_is_kept_or_counted_as_declared(
    name: str, kind: str, field: str, tmp_path: Path
) -> None:
    can = find_format(name).format.capabilities("plain")
    partly = {limit for limit in can.limits if limit in (field, f"{kind}.{field}")}
    never = can.limits.get(f"{kind}.{field}") == ""
    sample = _sample(kind, name)
    items_before = list(sample.items)
    first = next(each for each in items_before[0].shapes if each.type == kind)
    value = copy.deepcopy(FIELDS[field])
    setattr(first, field, value)
    if field == "group":  # a group of one is none
        for each in items_before[0].shapes:
            each.group = value
        if len(items_before[0].shapes) == 1:
            items_before[0].shapes.append(copy.deepcopy(first))
    sample.items = iter(copy.deepcopy(items_before))
    _, items, report = trip(sample, name, tmp_path / "out")
    found = _found(items, kind)
    kept = bool(found) and _same(getattr(found[0], field), value, field)
    losses = sum(entry.count for entry in report.losses if entry.kind not in _ALWAYS)
    if getattr(can, field) and not partly:
        assert kept
        assert not losses
    elif never or not getattr(can, field):
        assert not kept
        assert losses
    else:  # in part: whatever is not kept is counted
        assert kept or losses


_ALWAYS = ("label attributes", "label types", "label", "subset")


def _same(found: Any, value: Any, field: str) -> bool:
    if field == "group":
        return bool(found)
    if isinstance(value, float):
        return found is not None and math.isclose(found, value, abs_tol=0.01)
    return bool(found == value)


@pytest.mark.parametrize("name", NATIVE)
def test_subsets_and_labels_are_kept_or_counted_as_declared(name: str, tmp_path: Path) -> None:
    can = find_format(name).format.capabilities("plain")
    kinds = [kind for kind in KINDS if kind in can.kinds and (name, kind) not in OUTLINES]
    kind = kinds[0]
    sample = _sample(kind, name)
    for item in (items := list(sample.items)):
        if name == "csv" or item.shapes or item.tags:
            continue
        item.tags, item.shapes = copy.deepcopy(items[0].tags), copy.deepcopy(items[0].shapes)
    sample.items = iter(items)
    header, found, report = trip(sample, name, tmp_path / "out")
    if can.subsets:
        assert {item.subset for item in found} == {"train", "val"}
    else:
        assert _lost(report, "subset") == 2
    used = "pose" if kind == "skeleton" else "car"
    declared = next(label for label in sample.header.labels if label.name == used)
    back = next((label for label in header.labels if label.name == declared.name), None)
    assert back is not None
    if can.label_attributes:
        assert [spec.name for spec in back.attributes] == [s.name for s in declared.attributes]
    else:
        assert _lost(report, "label attributes") == 1


def test_strict_refuses_what_the_table_calls_lost(tmp_path: Path) -> None:
    header = dataset("rectangle", plain=True).header
    header.labels = [Label(name="car")]
    item = Item(path="a.jpg", width=WIDTH, height=HEIGHT, shapes=[shape("polyline")])
    with pytest.raises(LossError, match="polyline"):
        _write_strictly(Dataset(header, [item]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _write_strictly(made: Dataset, target: Path) -> None:
    with open_sink(target) as sink:
        write_dataset(made, find_format("coco"), sink, ConvertOptions(strict=True), Report())
