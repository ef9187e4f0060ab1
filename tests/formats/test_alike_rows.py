"""Streams of rows that are nearly alike are what zlib unpacks to those rows."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat_formats.alike_rows import (
    SHORT_BYTES,
    AlikeRows,
    Changes,
    changes_of_canvas,
    changes_of_counts,
)


def unpacked(changes: Changes, canvas: np.ndarray, *tables: list[int]) -> None:
    rows = AlikeRows(changes, len(tables[0]))
    for table in tables:
        found = np.frombuffer(zlib.decompress(rows.packed(table)), np.uint8)
        height, width = canvas.shape
        pixels = np.array(table, np.uint8)[canvas]
        expected = np.concatenate((np.zeros((height, 1), np.uint8), pixels), axis=1)
        assert np.array_equal(found.reshape(height, width + 1), expected)


def changes_of(canvas: np.ndarray) -> Changes:
    """The changes of any canvas, alike or not."""
    rows, columns = np.nonzero(canvas[1:] != canvas[:-1])
    places = rows + 1, columns
    old, new = canvas[rows, columns], canvas[places]
    return Changes(len(canvas), canvas[0], places, old, new, lambda *places: canvas[places])


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 600),
    height=st.integers(1, 60),
    rectangles=st.lists(
        st.tuples(*[st.integers(0, 599)] * 2, *[st.integers(0, 59)] * 2, st.integers(0, 4)),
        max_size=6,
    ),
    table=st.lists(st.integers(0, SHORT_BYTES - 1), min_size=5, max_size=5),
)
def test_any_rectangles_in_any_numbers_are_unpacked_by_zlib(
    width: int, height: int, rectangles: list[tuple[int, ...]], table: list[int]
) -> None:
    canvas = np.zeros((height, width), np.uint8)
    for left, right, top, bottom, value in rectangles:
        canvas[top : bottom + 1, left : right + 1] = value
    unpacked(changes_of(canvas), canvas, table, table[::-1])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1 << 20))
def test_noise_is_unpacked_too(width: int, height: int, seed: int) -> None:
    canvas = np.random.default_rng(seed).integers(0, 144, (height, width), np.uint8)
    unpacked(changes_of(canvas), canvas, list(range(144)))


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    runs=st.lists(st.integers(0, 200), min_size=1, max_size=40),
    table=st.lists(st.integers(0, SHORT_BYTES - 1), min_size=2, max_size=2),
)
def test_counts_of_coco_are_the_picture_that_they_paint(
    width: int, height: int, runs: list[int], table: list[int]
) -> None:
    ends = np.minimum(np.cumsum(runs), width * height)
    counts = np.diff(ends, prepend=0, append=width * height).tolist()
    changes = changes_of_counts(counts, width, height)
    if changes is None:
        assert 0 in counts[1:] or 64 * len(counts) > width * height
        return
    flat = np.repeat(np.arange(len(counts)) & 1, counts)
    unpacked(changes, flat.reshape(width, height).T, table, table[::-1])


def test_counts_of_a_large_mask_are_the_picture_that_they_paint() -> None:
    width, height = 700, 500
    rng = np.random.default_rng(5)
    for runs in (1, 2, 30, 400, 2000):
        cuts = np.sort(rng.choice(np.arange(1, width * height), runs, replace=False))
        for first in ([], [0]):
            counts = first + np.diff(cuts, prepend=0, append=width * height).tolist()
            changes = changes_of_counts(counts, width, height)
            assert changes is not None
            flat = np.repeat(np.arange(len(counts)) & 1, counts)
            unpacked(changes, flat.reshape(width, height).T, [0, 80], [143, 1])


@pytest.mark.parametrize("gap", [*range(1, 12), *range(254, 265), *range(512, 522), 1034])
def test_copies_of_every_length_are_unpacked(gap: int) -> None:
    canvas = np.zeros((3, 3 * gap + 5), np.uint32)
    canvas[1, [0, gap + 1]] = 1
    unpacked(changes_of(canvas), canvas, [3, 100])


@pytest.mark.parametrize("width", [1, 2, 4, 8, 640, 4095, 4096, 32766])
def test_rows_of_any_length_are_copied_from(width: int) -> None:
    canvas = np.zeros((70, width), np.uint8)
    canvas[35, width // 2] = 1
    unpacked(changes_of_canvas(canvas) or changes_of(canvas), canvas, [143, 7])


def test_a_large_picture_has_the_right_checksum() -> None:
    canvas = np.full((20_000, 900), 1, np.uint8)
    canvas[9_000:] = 2
    changes = changes_of_canvas(canvas)
    assert changes is not None
    unpacked(changes, canvas, [0, 143, 142])


def test_wide_and_noisy_pictures_are_left_to_zlib() -> None:
    assert changes_of_canvas(np.zeros((2, 1 << 15), np.uint8)) is None
    assert changes_of_canvas(np.eye(40, dtype=np.uint8)) is None
    assert changes_of_counts([1 << 16], 1 << 15, 2) is None
    assert changes_of_counts([1] * 100, 10, 10) is None
