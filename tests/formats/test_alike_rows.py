"""Streams of rows that are nearly alike are what zlib unpacks to those rows."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat_formats.alike_rows import AlikeRows, alike_rows


def unpacked(rows: AlikeRows, canvas: np.ndarray, table: np.ndarray) -> None:
    found = np.frombuffer(zlib.decompress(rows.packed(table)), np.uint8)
    height, width = canvas.shape
    expected = np.concatenate((np.zeros((height, 1), np.uint8), table[canvas]), axis=1)
    assert np.array_equal(found.reshape(height, width + 1), expected)


def rows_of(canvas: np.ndarray) -> AlikeRows:
    """The rows of any canvas, alike or not."""
    rows, columns = np.nonzero(canvas[1:] != canvas[:-1])
    return AlikeRows(canvas, rows + 1, columns)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 600),
    height=st.integers(1, 60),
    rectangles=st.lists(
        st.tuples(*[st.integers(0, 599)] * 2, *[st.integers(0, 59)] * 2, st.integers(0, 4)),
        max_size=6,
    ),
    table=st.lists(st.integers(0, 255), min_size=5, max_size=5),
)
def test_any_rectangles_in_any_numbers_are_unpacked_by_zlib(
    width: int, height: int, rectangles: list[tuple[int, ...]], table: list[int]
) -> None:
    canvas = np.zeros((height, width), np.uint8)
    for left, right, top, bottom, value in rectangles:
        canvas[top : bottom + 1, left : right + 1] = value
    numbers = np.array(table, np.uint8)
    rows = rows_of(canvas)
    unpacked(rows, canvas, numbers)
    unpacked(rows, canvas, numbers[::-1].copy())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1 << 20))
def test_noise_is_unpacked_too(width: int, height: int, seed: int) -> None:
    canvas = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    unpacked(rows_of(canvas), canvas, np.arange(256, dtype=np.uint8))


@pytest.mark.parametrize("gap", [*range(1, 12), *range(254, 265), *range(512, 522), 1034])
def test_copies_of_every_length_are_unpacked(gap: int) -> None:
    canvas = np.zeros((3, 3 * gap + 5), np.uint32)
    canvas[1, [0, gap + 1]] = 1
    unpacked(rows_of(canvas), canvas, np.array([3, 200], np.uint8))


@pytest.mark.parametrize("width", [1, 2, 4, 8, 640, 4095, 4096, 32766])
def test_rows_of_any_length_are_copied_from(width: int) -> None:
    canvas = np.zeros((70, width), np.uint8)
    canvas[35, width // 2] = 1
    rows = alike_rows(canvas)
    assert rows is not None or width < 8
    unpacked(rows or rows_of(canvas), canvas, np.array([255, 7], np.uint8))


def test_a_large_picture_has_the_right_checksum() -> None:
    canvas = np.full((20_000, 900), 1, np.uint8)
    canvas[9_000:] = 2
    rows = alike_rows(canvas)
    assert rows is not None
    unpacked(rows, canvas, np.array([0, 255, 254], np.uint8))


def test_wide_and_noisy_pictures_are_left_to_zlib() -> None:
    assert alike_rows(np.zeros((2, 1 << 15), np.uint8)) is None
    assert alike_rows(np.eye(40, dtype=np.uint8)) is None
