"""Masks: CVAT's runs, bitmaps and COCO's run-length encoding, without a pixel's change.

A CVAT mask is row-major over its tight box: runs that start with zeros, then the inclusive corners
left, top, right, bottom. COCO's counts are column-major over the whole image and start with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bitmap = NDArray[np.uint8]

MAX_PIXELS = 1 << 31


def mask_to_bitmap(points: Sequence[float]) -> tuple[Bitmap, int, int]:
    """(bitmap of the tight box, left, top); raises ValueError when the runs don't fill the box."""
    import numpy as np

    if len(points) < 5:
        raise ValueError("a mask needs runs and four corners")
    left, top, right, bottom = (int(value) for value in points[-4:])
    width, height = right - left + 1, bottom - top + 1
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise ValueError(f"a mask's box of {width} by {height} pixels")
    runs = np.asarray(points[:-4], dtype=np.int64)
    if (runs < 0).any() or int(runs.sum()) != width * height:
        raise ValueError(f"runs sum to {int(runs.sum())}, the box has {width * height} pixels")
    values = np.arange(len(runs), dtype=np.uint8) & 1
    return np.repeat(values, runs).reshape(height, width), left, top


def bitmap_to_mask(bitmap: Any, left: int = 0, top: int = 0) -> list[float]:
    """The mask of a bitmap's non-zero pixels, cropped to its tight box; ValueError if empty."""
    import numpy as np

    filled = np.asarray(bitmap)
    if filled.dtype != np.bool_:
        filled = filled != 0
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask")
    y1, y2, x1, x2 = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    runs = _run_lengths(filled[y1 : y2 + 1, x1 : x2 + 1].ravel())
    corners = np.array((left + x1, top + y1, left + x2, top + y2))
    points: list[float] = np.concatenate((runs, corners)).astype(np.float64).tolist()
    return points


def _run_lengths(flat: Any) -> Any:
    """Lengths of the runs of a flat boolean array as an array, zeros first."""
    import numpy as np

    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = [0, 0] if len(flat) and flat[0] else [0]
    return np.diff(np.concatenate((starts, edges, [len(flat)])))


def _runs(flat: Any) -> list[int]:
    """Lengths of the runs of a flat boolean array, zeros first."""
    runs: list[int] = _run_lengths(flat).tolist()
    return runs


def mask_area(points: Sequence[float]) -> int:
    """The number of pixels set."""
    return int(sum(points[1:-4:2]))


def mask_to_coco(points: Sequence[float], width: int, height: int) -> list[int]:
    """Uncompressed COCO counts over an image; pixels outside of it are cut off."""
    import numpy as np

    bitmap, left, top = mask_to_bitmap(points)
    image = np.zeros((height, width), dtype=np.uint8)
    rows, columns = bitmap.shape
    y1, y2, x1, x2 = max(top, 0), min(top + rows, height), max(left, 0), min(left + columns, width)
    if y1 < y2 and x1 < x2:
        image[y1:y2, x1:x2] = bitmap[y1 - top : y2 - top, x1 - left : x2 - left]
    return _runs(image.ravel(order="F") != 0)


def coco_to_mask(counts: Sequence[int] | str | bytes, width: int, height: int) -> list[float]:
    """The CVAT mask of COCO counts, compressed or not; ValueError when they don't fit the image."""
    import numpy as np

    if isinstance(counts, (str, bytes)):
        counts = decompress_counts(counts, width, height)
    runs = np.asarray(counts, dtype=np.int64)
    pixels = width * height
    if pixels <= 0 or pixels > MAX_PIXELS:
        raise ValueError(f"an image of {width} by {height} pixels")
    if (runs < 0).any() or int(runs.sum()) != pixels:
        raise ValueError(f"counts sum to {int(runs.sum())}, the image has {pixels} pixels")
    bounds = np.cumsum(runs)
    starts, ends = bounds[:-1:2], bounds[1::2]
    drawn = ends > starts
    if not drawn.any():
        raise ValueError("an empty mask")
    # Only the columns that the mask reaches are unpacked.
    first, last = int(starts[drawn][0]) // height, (int(ends[drawn][-1]) - 1) // height
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)[first * height : (last + 1) * height]
    columns = flat.reshape(last - first + 1, height)
    return bitmap_to_mask(np.ascontiguousarray(columns.T), left=first)


def compress_counts(counts: Sequence[int], width: int, height: int) -> str:
    """COCO's compressed string of uncompressed counts."""
    from pycocotools import mask as coco

    packed = coco.frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
    text: bytes = packed["counts"]
    return text.decode()


def decompress_counts(text: str | bytes, width: int, height: int) -> list[int]:
    """Uncompressed counts of COCO's compressed string; raises ValueError for a broken one."""
    data = text.encode() if isinstance(text, str) else text
    counts: list[int] = []
    position = 0
    while position < len(data):
        value = shift = 0
        while True:
            if position >= len(data):
                raise ValueError("a run-length string that ends in the middle")
            char = data[position] - 48
            position += 1
            if not 0 <= char < 64 or shift > 60:
                raise ValueError("not a run-length string")
            value |= (char & 0x1F) << shift
            shift += 5
            if not char & 0x20:
                break
        if char & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    if any(count < 0 for count in counts) or sum(counts) != width * height:
        raise ValueError(f"counts sum to {sum(counts)}, the image has {width * height} pixels")
    return counts


def polygons_to_mask(rings: Sequence[Sequence[float]], width: int, height: int) -> list[float]:
    """The union of polygons rasterised as pycocotools does; ValueError when nothing is covered."""
    from pycocotools import mask as coco

    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width} by {height} pixels")
    usable = [list(ring) for ring in rings if len(ring) >= 6]
    if not usable:
        raise ValueError("no polygon of three points")
    merged = coco.merge(coco.frPyObjects(usable, height, width))
    return bitmap_to_mask(coco.decode(merged))
