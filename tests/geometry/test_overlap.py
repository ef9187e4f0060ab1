"""Jobs that overlap: which objects are the same one, and what becomes of the others."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat.geometry.assignment import assign
from localcvat.geometry.overlap import merge_shapes, merge_tags, merge_tracks
from localcvat.model import Shape, Tag, Track, TrackedShape


def least(costs: list[list[float]]) -> float:
    """The least total cost, by trying all."""
    if len(costs) > len(costs[0]):
        costs = [list(column) for column in zip(*costs, strict=True)]
    columns = range(len(costs[0]))
    return min(
        sum(row[column] for row, column in zip(costs, chosen, strict=True))
        for chosen in permutations(columns, len(costs))
    )


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(
                st.one_of(st.floats(0, 1, width=16), st.sampled_from([0.0, 0.25, 1.0])),
                min_size=width,
                max_size=width,
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_an_assignment_costs_the_least_and_uses_each_once(costs: list[list[float]]) -> None:
    pairs = assign(np.array(costs))
    assert len(pairs) == min(len(costs), len(costs[0]))
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(costs[row][column] for row, column in pairs) == pytest.approx(least(costs))


def test_nothing_is_assigned_to_nothing() -> None:
    assert assign(np.empty((0, 3))) == []
    assert assign(np.empty((2, 0))) == []


def box(x: float, label: str = "car", kind: str = "rectangle") -> Shape:
    return Shape(type=kind, label=label, points=[x, 0.0, x + 10, 10.0])


def test_a_box_that_both_jobs_have_counts_once_and_the_first_stays() -> None:
    old, new = [box(0), box(100)], [box(1), box(50)]
    merged = merge_shapes(old, new)
    assert merged == [old[0], old[1], new[1]]


def test_boxes_that_overlap_too_little_or_differ_in_label_are_two() -> None:
    # 10 wide and 2 apart: IoU 8/12, below the 0.75 that a cost of 0.25 asks for.
    assert len(merge_shapes([box(0)], [box(2)])) == 2
    assert len(merge_shapes([box(0)], [box(1)])) == 1
    assert len(merge_shapes([box(0)], [box(0, "bus")])) == 2


def test_the_pairs_are_those_of_least_cost_not_the_first() -> None:
    old, new = [box(0), box(1)], [box(1), box(0)]
    assert len(merge_shapes(old, new)) == 2
    assert len(merge_shapes([box(1)], [box(0), box(1)])) == 2
    assert merge_shapes([box(1)], [box(0), box(1)])[1].points[0] == 0


def test_kinds_cvat_does_not_compare_stay_double() -> None:
    for kind in ("points", "polyline", "ellipse", "skeleton"):
        assert len(merge_shapes([box(0, kind=kind)], [box(0, kind=kind)])) == 2
    polygon = Shape(type="polygon", label="car", points=[0, 0, 10, 0, 10, 10, 0, 10])
    assert len(merge_shapes([polygon], [polygon])) == 1
    bow = Shape(type="polygon", label="car", points=[0, 0, 10, 10, 10, 0, 0, 10])
    assert len(merge_shapes([bow], [bow])) == 2


def test_cuboids_are_compared_in_3d_only() -> None:
    cuboid = Shape(type="cuboid", label="car", points=[0, 0, 0, 0, 0, 0, 4, 2, 2, *[0] * 7])
    assert len(merge_shapes([cuboid], [cuboid], three_d=True)) == 1
    assert len(merge_shapes([cuboid], [cuboid])) == 2


def test_tags_of_one_label_are_one() -> None:
    merged = merge_tags([Tag(label="a")], [Tag(label="a", group=2), Tag(label="b"), Tag(label="a")])
    assert [(tag.label, tag.group) for tag in merged] == [("a", 0), ("b", 0), ("a", 0)]


def track(*frames: tuple[int, float, bool], label: str = "car") -> Track:
    shapes = [
        TrackedShape(type="rectangle", frame=frame, points=[x, 0, x + 10, 10], outside=outside)
        for frame, x, outside in frames
    ]
    return Track(label=label, frame=frames[0][0], shapes=shapes)


def seen(tracks: list[Track]) -> list[list[tuple[int, float, bool]]]:
    return [
        [(shape.frame, shape.points[0], shape.outside) for shape in found.shapes]
        for found in tracks
    ]


def test_a_track_that_goes_on_in_the_next_job_is_joined() -> None:
    joined: list[Track] = []
    merge_tracks(joined, [track((0, 0, False), (4, 8, False))], 0, 2)
    merge_tracks(joined, [track((3, 6, False), (7, 20, False))], 3, 2)
    assert seen(joined) == [[(0, 0, False), (3, 6, False), (4, 8, False), (7, 20, False)]]


def test_a_track_that_does_not_go_on_ends_after_the_overlap() -> None:
    joined: list[Track] = []
    merge_tracks(joined, [track((0, 0, False))], 0, 2)
    merge_tracks(joined, [track((3, 200, False)), track((6, 0, False))], 3, 2)
    assert seen(joined) == [
        [(0, 0, False), (5, 0, True)],
        [(6, 0, False)],
        [(3, 200, False)],
    ]


def test_a_track_that_ended_before_is_left_alone() -> None:
    joined = [track((0, 0, False), (2, 0, True))]
    merge_tracks(joined, [track((3, 0, False))], 3, 2)
    assert seen(joined) == [[(0, 0, False), (2, 0, True)], [(3, 0, False)]]
