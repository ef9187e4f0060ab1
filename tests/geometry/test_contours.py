"""Outlines of masks, with OpenCV (which Datumaro traces with) as the oracle where it is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat.geometry.contours import bitmap_contours, mask_to_contours
from localcvat.geometry.masks import bitmap_to_mask


def test_a_square_is_its_corners_closed_by_the_first() -> None:
    mask = bitmap_to_mask(np.ones((4, 6)), 10, 20)
    assert mask_to_contours(mask) == [[10, 20, 10, 23, 15, 23, 15, 20, 10, 20]]


def test_every_part_has_an_outline_and_holes_have_none() -> None:
    bitmap = np.zeros((9, 20))
    bitmap[1:8, 1:8] = 1
    bitmap[3:6, 3:6] = 0
    bitmap[4, 4] = 1  # an island in the hole is inside the outline
    bitmap[2:7, 12:18] = 1
    found = mask_to_contours(bitmap_to_mask(bitmap))
    assert sorted(min(ring[0::2]) for ring in found) == [1, 12]


def test_what_has_no_area_has_no_outline() -> None:
    assert mask_to_contours(bitmap_to_mask(np.ones((1, 1)))) == []
    assert mask_to_contours(bitmap_to_mask(np.ones((1, 9)))) == []


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    noise=st.floats(0, 1),
)
def test_outlines_are_those_of_opencv(seed: int, size: tuple[int, int], noise: float) -> None:
    cv2 = pytest.importorskip("cv2")
    random = np.random.default_rng(seed)
    bitmap = (random.random(size) < noise).astype(np.uint8)
    for _ in range(int(random.integers(0, 4))):
        x, y, wide, high = (int(value) for value in random.integers(0, 30, 4))
        bitmap[y : y + high, x : x + wide] = random.integers(0, 2)
    theirs = cv2.findContours(bitmap, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_KCOS)[0]
    ours = bitmap_contours(bitmap)
    assert ours == [[tuple(point) for point in ring.reshape(-1, 2).tolist()] for ring in theirs]
