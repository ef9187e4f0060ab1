"""Boxes, rotation, masks and polygons, with pycocotools as the other opinion."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from corpus import COCO_TINY
from localcvat.geometry.boxes import (
    box_iou,
    min_area_rectangle,
    rectangle_corners,
    rotate_points,
    shape_box,
)
from localcvat.geometry.ellipses import ellipse_to_mask, ellipse_to_polygon
from localcvat.geometry.masks import (
    bitmap_to_mask,
    coco_to_mask,
    compress_counts,
    decompress_counts,
    mask_area,
    mask_to_bitmap,
    mask_to_coco,
    polygons_to_mask,
)
from localcvat.geometry.polygons import mask_to_polygons, polygon_area
from localcvat.geometry.raster import paint_mask
from localcvat.model import Shape

coordinates = st.integers(-400, 400).map(lambda value: value / 4)
angles = st.integers(0, 3599).map(lambda value: value / 10)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    x, y = draw(coordinates), draw(coordinates)
    return [x, y, x + draw(st.integers(1, 400)) / 4, y + draw(st.integers(1, 400)) / 4]


@st.composite
def bitmaps(draw: st.DrawFn) -> Any:
    """A bitmap with at least one pixel set."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    rows = draw(
        st.lists(
            st.lists(st.booleans(), min_size=width, max_size=width),
            min_size=height,
            max_size=height,
        )
    )
    bitmap = np.array(rows, dtype=np.uint8)
    bitmap[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = 1
    return bitmap


@settings(max_examples=100, deadline=None)
@given(boxes(), boxes())
def test_iou_is_pycocotools(one: list[float], other: list[float]) -> None:
    def as_coco(box: list[float]) -> Any:
        return np.array([[box[0], box[1], box[2] - box[0], box[3] - box[1]]])

    expected = float(coco.iou(as_coco(one), as_coco(other), [0])[0][0])
    assert box_iou(tuple(one), tuple(other)) == pytest.approx(expected, abs=1e-12)  # type: ignore


@settings(max_examples=100, deadline=None)
@given(boxes(), angles)
def test_turned_corners_keep_centre_and_sides_and_come_back(box: list[float], turn: float) -> None:
    corners = rectangle_corners(box, turn)
    x1, y1, x2, y2 = box
    centre = (x1 + x2) / 2, (y1 + y2) / 2
    assert (sum(corners[0::2]) / 4, sum(corners[1::2]) / 4) == pytest.approx(centre)
    assert math.dist(corners[0:2], corners[2:4]) == pytest.approx(x2 - x1)
    assert math.dist(corners[2:4], corners[4:6]) == pytest.approx(y2 - y1)
    back = rotate_points(corners, -turn, *centre)
    assert back == pytest.approx([x1, y1, x2, y1, x2, y2, x1, y2], abs=1e-6)
    wide = shape_box(Shape(type="rectangle", label="", points=box, rotation=turn), rotated=True)
    assert wide == pytest.approx(
        (min(corners[0::2]), min(corners[1::2]), max(corners[0::2]), max(corners[1::2]))
    )


def test_rotation_is_clockwise_on_the_screen() -> None:
    assert rectangle_corners([0, 0, 4, 2], 90)[0:2] == pytest.approx([3, -1])


@settings(max_examples=100, deadline=None)
@given(boxes(), st.integers(1, 179))
def test_the_smallest_rectangle_of_turned_corners_is_that_box(box: list[float], turn: int) -> None:
    *found, rotation = min_area_rectangle(rectangle_corners(box, turn))
    assert sorted(rectangle_corners(found, rotation)[0::2]) == pytest.approx(
        sorted(rectangle_corners(box, turn)[0::2]), abs=1e-6
    )
    assert 0 <= rotation < 180


@settings(max_examples=100, deadline=None)
@given(bitmaps(), st.integers(0, 9), st.integers(0, 9))
def test_a_mask_is_its_bitmap_in_the_tightest_box(bitmap: Any, left: int, top: int) -> None:
    points = bitmap_to_mask(bitmap, left, top)
    again, x, y = mask_to_bitmap(points)
    rows, columns = np.nonzero(bitmap)
    assert (x, y) == (left + columns.min(), top + rows.min())
    tight = bitmap[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert np.array_equal(again, tight)
    assert mask_area(points) == bitmap.sum()
    assert list(points[-2:]) == [left + columns.max(), top + rows.max()]


@settings(max_examples=100, deadline=None)
@given(bitmaps())
def test_runs_are_pycocotools_both_ways(bitmap: Any) -> None:
    height, width = bitmap.shape
    encoded = coco.encode(np.asfortranarray(bitmap))
    points = bitmap_to_mask(bitmap)
    counts = mask_to_coco(points, width, height)
    assert compress_counts(counts, width, height) == encoded["counts"].decode()
    assert decompress_counts(encoded["counts"], width, height) == counts
    decoded = coco.decode(
        coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    )
    assert np.array_equal(decoded, bitmap)
    assert coco_to_mask(counts, width, height) == points
    assert coco_to_mask(encoded["counts"].decode(), width, height) == points
    assert int(coco.area(encoded)) == mask_area(points)


@settings(max_examples=100, deadline=None)
@given(bitmaps())
def test_a_mask_kept_as_counts_is_the_mask_of_its_bitmap(bitmap: Any) -> None:
    height, width = bitmap.shape
    points = bitmap_to_mask(bitmap)
    counts = mask_to_coco(points, width, height)
    mask = coco_to_mask(counts, width, height)
    assert mask == points
    assert points == mask
    assert (len(mask), mask[-4:], list(mask)) == (len(points), points[-4:], points)
    assert mask_area(mask) == mask_area(points)
    tight, left, top = mask_to_bitmap(points)
    assert np.array_equal(mask_to_bitmap(mask)[0], tight)
    assert mask_to_bitmap(mask)[1:] == (left, top)
    assert mask_to_coco(mask, width, height) == counts
    assert mask_to_coco(mask, width + 3, height + 2) == mask_to_coco(points, width + 3, height + 2)
    assert mask != [*points[:-1], points[-1] + 1]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.lists(st.integers(0, 90), min_size=1, max_size=400),
)
def test_column_runs_are_painted_as_they_are_unpacked(
    width: int, height: int, lengths: list[int]
) -> None:
    pixels = width * height
    bounds = np.minimum(np.cumsum([*lengths, 0]), pixels)
    counts = np.diff(np.concatenate(([0], bounds, [pixels]))).tolist()
    if not sum(counts[1::2]):
        counts = [pixels - 1, 1]
    expected = (np.repeat(np.arange(len(counts)) % 2, counts) * 7).reshape(width, height).T
    mask = coco_to_mask(counts, width, height)
    canvas = np.zeros((height, width), dtype=np.uint8)
    assert paint_mask(canvas, mask, 7) == np.count_nonzero(expected)
    assert np.array_equal(canvas, expected)
    canvas[:] = 0
    assert paint_mask(canvas, list(mask), 7) == np.count_nonzero(expected)
    assert np.array_equal(canvas, expected)
    bitmap, left, top = mask_to_bitmap(mask)
    assert bitmap_to_mask(bitmap, left, top) == mask == bitmap_to_mask(expected)


@pytest.mark.parametrize(
    ("counts", "words"),
    [([3, 2], "sum"), ([7, -1], "sum"), ([6], "empty"), ([2, 0, 4], "empty"), ([], "sum")],
)
def test_counts_that_make_no_mask_are_refused(counts: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        coco_to_mask(counts, 3, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=8))
def test_a_filled_polygon_has_pycocotools_pixels(corners: list[tuple[int, int]]) -> None:
    ring = [float(value) for corner in corners for value in corner]
    theirs = coco.decode(coco.frPyObjects([ring], 64, 64))[:, :, 0]
    if not theirs.any():
        with pytest.raises(ValueError, match="empty"):
            polygons_to_mask([ring], 64, 64)
        return
    ours, left, top = mask_to_bitmap(polygons_to_mask([ring], 64, 64))
    whole = np.zeros((64, 64), np.uint8)
    whole[top : top + ours.shape[0], left : left + ours.shape[1]] = ours
    assert np.array_equal(whole, theirs)


@settings(max_examples=60, deadline=None)
@given(bitmaps())
def test_outlines_of_a_mask_fill_it_again(bitmap: Any) -> None:
    """The rings go around pixels: their area, holes taken away, is the number of pixels."""
    rings = mask_to_polygons(bitmap_to_mask(bitmap))
    assert all(len(ring) >= 6 for ring in rings)
    from shapely.geometry import Polygon
    from shapely.ops import unary_union

    shapes = [Polygon(list(zip(ring[0::2], ring[1::2], strict=True))).buffer(0) for ring in rings]
    filled = unary_union(shapes).area
    assert filled >= bitmap.sum() - 1e-6
    assert max(abs(polygon_area(ring)) for ring in rings) >= 1


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), angles)
def test_an_ellipse_as_polygon_and_as_mask_agree(rx: int, ry: int, turn: float) -> None:
    points = [100.0, 100.0, 100.0 + rx, 100.0 - ry]
    outline = ellipse_to_polygon(points, turn)
    assert abs(polygon_area(outline)) == pytest.approx(math.pi * rx * ry, rel=0.02)
    painted = mask_area(ellipse_to_mask(points, turn, 200, 200))
    assert painted == pytest.approx(math.pi * rx * ry, rel=0.2)


def test_polygons_of_real_photos_survive_being_masks() -> None:
    compared = 0
    for path in sorted(COCO_TINY.glob("annotations/*.json")):
        content = json.loads(path.read_bytes())
        sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
        for annotation in content["annotations"]:
            _, _, box_width, box_height = annotation["bbox"]
            if annotation["iscrowd"] or min(box_width, box_height) <= 32:
                continue
            width, height = sizes[annotation["image_id"]]
            mask = polygons_to_mask(annotation["segmentation"], width, height)
            again = polygons_to_mask(mask_to_polygons(mask), width, height)
            one, other = (
                coco.frPyObjects(
                    {"counts": mask_to_coco(each, width, height), "size": [height, width]},
                    height,
                    width,
                )
                for each in (mask, again)
            )
            assert float(coco.iou([one], [other], [0])[0][0]) >= 0.98
            compared += 1
    assert compared > 10
