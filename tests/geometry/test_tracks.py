"""Tracks between keyframes, cut into jobs, flattened and made again."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldens import Golden, goldens
from localcvat.archive import open_source
from localcvat.geometry.slicing import renumbered, slice_track
from localcvat.geometry.tracks import FlatTrack, interpolate, track_from_shapes
from localcvat.model import Track, TrackedShape
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report

LAST = 14
VIDEO = [each for each in goldens("CVAT for video 1.1", kinds=("task",)) if not each.with_images]
# CVAT rounds both keyframes and what lies between them to two decimals.
ROUNDING = 0.01 + 1e-3


@pytest.mark.parametrize("golden", VIDEO, ids=str)
def test_between_keyframes_shapes_lie_where_cvat_has_them(golden: Golden) -> None:
    with open_source(golden.path) as source:
        dataset = find_format("cvat-video").format.read(source, ReadOptions(), Report())
        info, tracks = dataset.header.tasks[0], list(dataset.tracks)
    root = ET.fromstring(golden.entries()["annotations.xml"])
    compared = 0
    for element, track in zip(root.iterfind("track"), tracks, strict=True):
        ours = {
            info.start_frame + shape.frame * info.step: shape
            for shape, _ in interpolate(track, info.size - 1)
        }
        for row in element:
            if row.tag in ("skeleton", "mask", "ellipse"):
                continue
            shape = ours[int(row.attrib["frame"])]
            if "points" in row.attrib:
                theirs = [float(v) for p in row.attrib["points"].split(";") for v in p.split(",")]
            else:
                theirs = [float(value) for name, value in row.attrib.items() if name[0] in "xy"]
            assert list(shape.points) == pytest.approx(theirs, abs=ROUNDING)
            turn = float(row.attrib.get("rotation", 0))
            assert shape.rotation == pytest.approx(turn, abs=ROUNDING)
            compared += row.attrib["keyframe"] == "0"
    assert compared or str(golden) not in ("rich-task3", "rich-task4", "noskel-task2")


def rectangle(frame: int, x: float, outside: bool = False, rotation: float = 0) -> TrackedShape:
    points = [x, 0.0, x + 10, 10.0]
    return TrackedShape(
        type="rectangle", frame=frame, points=points, outside=outside, rotation=rotation
    )


def test_rotation_takes_the_shorter_arc() -> None:
    def halfway(first: float, last: float) -> float:
        shapes = [rectangle(0, 0, rotation=first), rectangle(2, 0, rotation=last)]
        return next(
            shape.rotation
            for shape, _ in interpolate(Track(label="a", shapes=shapes), 2)
            if shape.frame == 1
        )

    assert halfway(350, 20) == pytest.approx(5)
    assert halfway(20, 350) == pytest.approx(5)
    assert halfway(0, 90) == pytest.approx(45)
    # CVAT's own rule for exactly half a turn.
    assert halfway(0, 180) == pytest.approx(0.5)


def test_points_move_alone_only_when_there_is_one() -> None:
    for count, expected in ((1, 5.0), (2, 0.0)):
        shapes = [
            TrackedShape(type="points", frame=frame, points=[x, 0.0] * count)
            for frame, x in ((0, 0.0), (2, 10.0))
        ]
        found = {s.frame: s.points[0] for s, _ in interpolate(Track(label="a", shapes=shapes), 2)}
        assert found[1] == expected


def test_keyframes_on_deleted_frames_are_ignored_and_attributes_carry_on() -> None:
    shapes = [rectangle(0, 0), rectangle(2, 90), rectangle(4, 40), rectangle(6, 40, True)]
    shapes[0].attributes = {"a": "1", "b": "x"}
    shapes[2].attributes = {"b": "y"}
    found = [
        (shape.frame, shape.points[0], shape.attributes.get("a"), shape.attributes.get("b"))
        for shape, _ in interpolate(Track(label="a", shapes=shapes), 9, {2})
    ]
    assert found == [
        (0, 0, "1", "x"),
        (1, 10, "1", "x"),
        (2, 20, "1", "x"),
        (3, 30, "1", "x"),
        (4, 40, "1", "y"),
        (5, 40, "1", "y"),
        (6, 40, "1", "y"),
    ]


@st.composite
def box_tracks(draw: st.DrawFn) -> Track:
    """Boxes that move, turn and come and go; the first keyframe is visible."""
    frames = sorted(draw(st.sets(st.integers(0, LAST), min_size=1, max_size=6)))
    shapes = [
        rectangle(
            frame,
            float(draw(st.integers(-50, 50))),
            outside=draw(st.booleans()) if number else False,
            rotation=float(draw(st.sampled_from([0, 10, 90, 200, 350]))),
        )
        for number, frame in enumerate(frames)
    ]
    for shape in shapes:
        shape.occluded = draw(st.booleans())
        shape.attributes = {"m": draw(st.sampled_from("xyz"))}
    return Track(label="car", frame=frames[0], shapes=shapes, group=3, source="auto")


def visible(track: Track, last: int = LAST) -> dict[int, tuple[object, ...]]:
    return {
        shape.frame: (
            [round(value, 9) for value in shape.points],
            round(shape.rotation, 9) % 360,
            shape.occluded,
            shape.attributes,
        )
        for shape, _ in interpolate(track, last)
        if not shape.outside
    }


@settings(max_examples=150, deadline=None)
@given(box_tracks())
def test_a_flattened_track_made_again_is_the_same_on_each_frame(track: Track) -> None:
    flat = FlatTrack(track, 0, LAST)
    shapes = [shape for shape in map(flat.at, range(LAST + 1)) if shape is not None]
    assert {shape.frame for shape in shapes} == visible(track).keys()
    again = track_from_shapes(shapes, LAST)
    assert visible(again) == visible(track)
    assert (again.label, again.group, again.source) == ("car", 3, "auto")


@settings(max_examples=150, deadline=None)
@given(box_tracks(), st.integers(1, 8), st.integers(0, 3))
def test_the_parts_of_a_track_show_what_the_whole_shows(
    track: Track, length: int, overlap: int
) -> None:
    whole = visible(track)
    for start in range(0, LAST + 1, max(1, length - overlap)):
        stop = min(start + length - 1, LAST)
        part = slice_track(track, start, stop)
        expected = {frame: value for frame, value in whole.items() if start <= frame <= stop}
        assert (visible(part, stop) if part is not None else {}) == expected
        if part is not None:
            assert start <= part.frame == part.shapes[0].frame <= part.shapes[-1].frame <= stop


@settings(max_examples=150, deadline=None)
@given(box_tracks(), st.sets(st.integers(0, LAST), min_size=1))
def test_a_track_stays_where_it_was_when_frames_close_up(track: Track, left: set[int]) -> None:
    numbers = {frame: number for number, frame in enumerate(sorted(left))}
    closed = renumbered(track, numbers)
    expected = {numbers[frame]: value for frame, value in visible(track).items() if frame in left}
    assert visible(closed, len(left) - 1) == expected
