"""Streams of rows that are nearly alike are what zlib unpacks to those rows."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat_formats.alike_rows import (
    SHORT_BYTES,
    ColumnRuns,
    alike_rows,
    pixels_of_each,
    runs_of_canvas,
    runs_of_counts,
)


def unpacked(canvases: list[np.ndarray], runs: list[ColumnRuns], *tables: list[int]) -> None:
    """See that zlib makes of the rows what each of the tables makes of the canvases."""
    for canvas, rows in zip(canvases, alike_rows(runs, len(tables[0])), strict=True):
        height, width = canvas.shape
        for table in tables:
            found = np.frombuffer(zlib.decompress(rows.packed(table)), np.uint8)
            pixels = np.array(table, np.uint8)[canvas]
            expected = np.concatenate((np.zeros((height, 1), np.uint8), pixels), axis=1)
            assert np.array_equal(found.reshape(height, width + 1), expected)


def runs_of(canvas: np.ndarray) -> ColumnRuns:
    """The runs of any canvas, alike or not."""
    flat = canvas.T.ravel().astype(np.int64)
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat))
    return ColumnRuns(canvas.shape[1], canvas.shape[0], ends, flat[ends - 1])


def painted(counts: list[int], width: int, height: int) -> np.ndarray:
    flat = np.repeat(np.arange(len(counts)) & 1, counts)
    return flat.reshape(width, height).T


SIZES = st.tuples(st.integers(1, 600), st.integers(1, 60))
RECTANGLES = st.lists(
    st.tuples(*[st.integers(0, 599)] * 2, *[st.integers(0, 59)] * 2, st.integers(0, 4)), max_size=6
)
BYTES = st.integers(0, SHORT_BYTES - 1)


@settings(max_examples=150, deadline=None)
@given(
    pictures=st.lists(st.tuples(SIZES, RECTANGLES), min_size=1, max_size=4),
    table=st.lists(BYTES, min_size=5, max_size=5),
)
def test_any_rectangles_in_any_numbers_are_unpacked_by_zlib(
    pictures: list[tuple[tuple[int, int], list[tuple[int, ...]]]], table: list[int]
) -> None:
    canvases = []
    for (width, height), rectangles in pictures:
        canvas = np.zeros((height, width), np.uint8)
        for left, right, top, bottom, value in rectangles:
            canvas[top : bottom + 1, left : right + 1] = value
        canvases.append(canvas)
    unpacked(canvases, [runs_of(canvas) for canvas in canvases], table, table[::-1])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1 << 20))
def test_noise_is_unpacked_too(width: int, height: int, seed: int) -> None:
    canvas = np.random.default_rng(seed).integers(0, 144, (height, width), np.uint8)
    unpacked([canvas], [runs_of(canvas)], list(range(144)))


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    lengths=st.lists(st.integers(0, 200), min_size=1, max_size=40),
    table=st.lists(BYTES, min_size=2, max_size=2),
)
def test_counts_of_coco_are_the_picture_that_they_paint(
    width: int, height: int, lengths: list[int], table: list[int]
) -> None:
    ends = np.minimum(np.cumsum(lengths), width * height)
    counts = np.diff(ends, prepend=0, append=width * height).tolist()
    runs = runs_of_counts([counts], width, height)
    if runs is None:
        assert 0 in counts[1:] or 64 * len(counts) > width * height
        return
    unpacked([painted(counts, width, height)], [runs], table, table[::-1])


def test_masks_of_many_sizes_are_the_pictures_that_they_paint() -> None:
    rng = np.random.default_rng(5)
    canvases, found = [], []
    for number, lengths in enumerate((1, 2, 30, 400, 2000, 5, 70)):
        width, height = 700 - 50 * (number % 3), 500 + number
        cuts = np.sort(rng.choice(np.arange(1, width * height), lengths, replace=False))
        for first in ([], [0]):
            counts = first + np.diff(cuts, prepend=0, append=width * height).tolist()
            runs = runs_of_counts([counts], width, height)
            assert runs is not None
            canvases.append(painted(counts, width, height))
            found.append(runs)
    unpacked(canvases, found, [0, 80], [143, 1])


@settings(max_examples=150, deadline=None)
@given(
    masks=st.lists(st.lists(st.integers(1, 4000), min_size=1, max_size=40), min_size=2, max_size=6),
    table=st.lists(BYTES, min_size=7, max_size=7),
)
def test_masks_painted_one_over_the_other_are_one_picture(
    masks: list[list[int]], table: list[int]
) -> None:
    width, height = 150, 130
    canvas = np.zeros((height, width), np.uint8)
    all_counts = []
    for number, lengths in enumerate(masks, 1):
        ends = np.cumsum(lengths)
        ends = ends[ends < width * height]
        counts = np.diff(ends, prepend=0, append=width * height).tolist()
        all_counts.append(([0] if number % 2 else []) + counts)
        canvas[painted(all_counts[-1], width, height) == 1] = number
    runs = runs_of_counts(all_counts, width, height)
    assert runs is not None
    assert pixels_of_each(runs, 7) == np.bincount(canvas.ravel(), minlength=7).tolist()
    unpacked([canvas, canvas], [runs, runs_of(canvas)], table)


@pytest.mark.parametrize("gap", [*range(1, 12), *range(254, 265), *range(512, 522), 1034])
def test_copies_of_every_length_are_unpacked(gap: int) -> None:
    canvas = np.zeros((3, 3 * gap + 5), np.uint32)
    canvas[1, [0, gap + 1]] = 1
    unpacked([canvas], [runs_of(canvas)], [3, 100])


@pytest.mark.parametrize("width", [1, 2, 4, 8, 640, 4095, 4096, 32766])
def test_rows_of_any_length_are_copied_from(width: int) -> None:
    canvas = np.zeros((70, width), np.uint8)
    canvas[35, width // 2] = 1
    unpacked([canvas], [runs_of(canvas)], [143, 7])


def test_a_large_picture_has_the_right_checksum() -> None:
    canvas = np.full((20_000, 900), 1, np.uint8)
    canvas[9_000:] = 2
    runs = runs_of_canvas(canvas, 3)
    assert runs is not None
    unpacked([canvas], [runs], [0, 143, 142])


def test_wide_and_noisy_pictures_are_left_to_zlib() -> None:
    assert runs_of_canvas(np.zeros((2, 1 << 15), np.uint8), 1) is None
    assert runs_of_canvas(np.eye(40, dtype=np.uint8), 2) is None
    assert runs_of_canvas(np.zeros((100, 100), np.uint8), 33) is None
    assert runs_of_counts([[1 << 16]], 1 << 15, 2) is None
    assert runs_of_counts([[1] * 100], 10, 10) is None
