"""Ellipses as pixels, with OpenCV (which CVAT uses) as the oracle where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcvat.geometry.ellipses import ellipse_to_mask
from localcvat.geometry.masks import mask_to_bitmap
from localcvat.geometry.raster import ellipse_bitmap


def test_a_circle_of_radius_two_is_a_diamond_of_thirteen_pixels() -> None:
    rows = ["".join(map(str, row)) for row in ellipse_bitmap([3, 3, 5, 1], 0, 7, 7).tolist()]
    assert rows == ["0000000", "0001000", "0011100", "0111110", "0011100", "0001000", "0000000"]


def test_an_ellipse_outside_the_image_has_no_mask() -> None:
    with pytest.raises(ValueError, match="empty"):
        ellipse_to_mask([500, 500, 510, 490], 0, 100, 100)


def test_an_ellipse_is_cut_at_the_border() -> None:
    bitmap, left, top = mask_to_bitmap(ellipse_to_mask([0, 0, 10, -10], 0, 50, 50))
    assert (left, top, bitmap.shape) == (0, 0, (11, 11))


@settings(max_examples=300, deadline=None)
@given(
    size=st.tuples(st.integers(1, 120), st.integers(1, 120)),
    centre=st.tuples(st.floats(-20, 140), st.floats(-20, 140)),
    axes=st.tuples(st.floats(0, 150), st.floats(0, 150)),
    rotation=st.floats(0, 359.999),
)
def test_ellipses_are_painted_as_opencv_does(
    size: tuple[int, int],
    centre: tuple[float, float],
    axes: tuple[float, float],
    rotation: float,
) -> None:
    cv2 = pytest.importorskip("cv2")
    (width, height), (cx, cy) = size, centre
    right, top = cx + axes[0], cy - axes[1]
    there = np.zeros((height, width), np.uint8)
    half = (round(right - cx), round(cy - top))
    cv2.ellipse(there, (round(cx), round(cy)), half, rotation, 0, 360, 1, thickness=-1)
    assert np.array_equal(ellipse_bitmap([cx, cy, right, top], rotation, width, height), there)
