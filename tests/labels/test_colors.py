"""Colours as CVAT gives them, and the rules a label set must keep."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import CVAT_MADE
from localcvat.errors import ValidationError
from localcvat.labels import (
    PREDEFINED_COLORS,
    fill_colors,
    label_color,
    normalized_label,
    parse_color,
    skeleton_edges,
    skeleton_nodes,
    skeleton_svg,
    voc_color,
)
from localcvat.model import AttributeSpec, Label
from localcvat.projects import check_labels


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Traffic Light", "traffic_light"),
        ("traffic-light", "traffic_light"),
        ("  foo - bar ", "foo_bar"),
        ("a__b", "a__b"),
        ("café", "cafe"),
        ("50%!", "50"),
        ("лейбл", ""),
        ("标签", ""),
        ("Ünïcode лейбл", "unicode"),
    ],
)
def test_names_are_normalized_before_they_are_hashed(name: str, normal: str) -> None:
    assert normalized_label(name) == normal


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("my_label", "#9e758d"),
        ("label1", "#e0431b"),
        ("foo bar", "#42e95d"),
        ("car", "#2080c0"),
        ("Car", "#2080c0"),
        ("person", "#c06060"),
        ("dog", "#406040"),
        ("cat", "#6080c0"),
        ("bicycle", "#004040"),
        ("лейбл", "#a3bea1"),
        ("标签", "#a3bea1"),
        ("background", "#000000"),
    ],
)
def test_the_colour_of_a_name_is_that_of_cvat(name: str, color: str) -> None:
    assert label_color(name, []) == color


def test_the_voc_formula_spreads_bits_over_channels() -> None:
    colors = [voc_color(index) for index in (1, 2, 3, 4, 8, 255)]
    expected = [(128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (64, 0, 0), (224, 224, 192)]
    assert colors == expected
    assert len({voc_color(index) for index in range(724)}) == len(PREDEFINED_COLORS) == 724


def test_a_taken_colour_is_lightened_to_the_first_tint_that_is_free() -> None:
    first = parse_color(label_color("car", ["#2080c0"]))
    tint = (32 + 223 // 10, 128 + 12, 192 + 6)
    assert first == tint
    assert first not in PREDEFINED_COLORS
    second = label_color("car", ["#2080c0", "#{:02x}{:02x}{:02x}".format(*tint)])
    assert parse_color(second) == (int(32 + 223 * 0.2), int(128 + 127 * 0.2), int(192 + 63 * 0.2))


def test_when_all_tints_and_shades_are_taken_a_gap_is_found() -> None:
    used: list[str] = []
    for _ in range(40):
        used.append(label_color("car", used))
    assert len(set(used)) == 40


@given(st.lists(st.text(max_size=6), max_size=30))
def test_every_label_of_a_set_has_a_colour_of_its_own(names: list[str]) -> None:
    labels = [Label(name=name) for name in names]
    fill_colors(labels)
    colors = [label.color for label in labels]
    assert len(set(colors)) == len(colors)
    assert all(parse_color(color) is not None for color in colors)


def test_given_colours_stay_and_sublabels_count_among_themselves() -> None:
    parts = [Label(name="car"), Label(name="car2", color="#2080c0")]
    labels = [Label(name="car"), Label(name="x", color="red"), Label(name="pose", sublabels=parts)]
    fill_colors(labels)
    assert [label.color for label in labels][:2] == ["#2080c0", "red"]
    assert [part.color for part in parts] == ["#2080c0", "#2080c0"]


def recorded_labels() -> list[dict[str, Any]]:
    """The labels of the projects in the corpus that got their colour from a real CVAT."""
    found = []
    for corpus in ("plain", "rich", "noskel"):
        path: Path = CVAT_MADE / corpus / "rest" / "labels.json"
        if path.exists():
            body = json.loads(path.read_bytes())
            found.append(body["results"] if isinstance(body, dict) else body)
    return found


@pytest.mark.parametrize("rows", recorded_labels())
def test_names_of_the_table_have_the_colour_cvat_answered(rows: list[dict[str, Any]]) -> None:
    """Where the recorded project chose no colour, ours is the same."""
    labels = [Label(name=row["name"]) for row in sorted(rows, key=lambda row: row["id"])]
    fill_colors(labels)
    ours = {label.name: label.color for label in labels}
    equal = [row["name"] for row in rows if ours[row["name"]] == row["color"]]
    chosen = {"#ff0000", "#00ff00", "#0000ff", "#a0b0c0"}
    assert {row["name"] for row in rows if row["color"] not in chosen} <= set(equal)


def spec(name: str) -> AttributeSpec:
    """A text attribute."""
    return AttributeSpec(name=name)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([Label(name="a"), Label(name="a")], "All label names must be unique"),
        ([Label(name="a"), Label(name=" a ")], "All label names must be unique"),
        ([Label(name=" ")], "may not be blank"),
        ([Label(name="x" * 65)], "no more than 64"),
        ([Label(name="a", color="#123456789")], "no more than 8"),
        (
            [Label(name="a", attributes=[spec("b"), spec("b")])],
            "Duplicate attribute with name 'b' exists",
        ),
        (
            [Label(name="a", type="skeleton", sublabels=[Label(name="b"), Label(name="b")])],
            "All label names must be unique",
        ),
    ],
)
def test_label_sets_that_cvat_refuses_are_refused(labels: list[Label], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        check_labels(labels)


def test_what_cvat_takes_is_taken() -> None:
    check_labels(
        [
            Label(name="a", color="#1234567"),
            Label(name="A", type="skeleton", sublabels=[Label(name="a")]),
            Label(name="x" * 64),
        ]
    )


def test_a_skeleton_svg_says_its_nodes_and_edges() -> None:
    names = ["left & right", 'quote"s', "third"]
    label = Label(name="s", type="skeleton", svg=skeleton_svg(names, [(1, 2), (2, 3), (3, 9)]))
    assert list(skeleton_nodes(label).values()) == names
    assert skeleton_edges(label) == [(names[0], names[1]), (names[1], names[2])]


def test_many_labels_get_the_colours_that_one_by_one_they_would_soon() -> None:
    labels = [Label(name=f"label {number}") for number in range(300)]
    fill_colors(labels, ["#ff0000", "no colour"])
    used = ["#ff0000", "no colour"]
    for label in labels:
        assert label.color == label_color(label.name, used)
        used.append(label.color)
    started = time.process_time()
    fill_colors([Label(name=f"label {number}") for number in range(20_000)])
    assert time.process_time() - started < 5
