"""Masks: CVAT's runs, bitmaps and COCO's run-length encoding, without a pixel's change.

A CVAT mask is row-major over its tight box: runs that start with zeros, then the inclusive corners
left, top, right, bottom. COCO's counts are column-major over the whole image and start with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bitmap = NDArray[np.uint8]

MAX_PIXELS = 1 << 31
MANY_RUNS = 100
"""Fewer runs are painted one by one, more are unpacked at once."""


class CountedMask(Sequence[float]):
    """The points of a CVAT mask that is kept as COCO's counts: equal to the list of its runs.

    Turning a mask of column runs into one of row runs is dear and often not needed: a mask may go
    from COCO through the store to COCO as it is. The points are worked out when they are asked for.
    """

    def __init__(self, counts: Sequence[int], width: int, height: int) -> None:
        """Take sound counts over an image; see `coco_to_mask` for others."""
        self.counts = counts
        self.width = width
        self.height = height

    @cached_property
    def points(self) -> list[float]:
        """Runs and corners, as CVAT has them."""
        bitmap, left, top = self.bitmap()
        rows, columns = bitmap.shape
        corners = (left, top, left + columns - 1, top + rows - 1)
        return _points(_run_lengths(bitmap.ravel()), corners)

    def bitmap(self) -> tuple[Bitmap, int, int]:
        """(bitmap of the tight box, left, top)."""
        import numpy as np

        # Only the columns that the mask reaches are looked at.
        drawn = list(self._drawn())
        left, right = drawn[0][0] // self.height, (drawn[-1][1] - 1) // self.height
        if len(drawn) > MANY_RUNS:
            flat = np.repeat(np.arange(len(self.counts), dtype=np.uint8) & 1, self.counts)
            canvas = flat.reshape(-1, self.height)[left : right + 1].T
        else:
            canvas = np.zeros((self.height, right - left + 1), dtype=np.uint8)
            self._paint(canvas, 1, left)
        rows = np.flatnonzero(canvas.any(axis=1))
        top, bottom = int(rows[0]), int(rows[-1])
        return np.ascontiguousarray(canvas[top : bottom + 1]), left, top

    def paint(self, canvas: NDArray[Any], value: int) -> None:
        """Set the mask's pixels of a canvas of the image's size to `value`."""
        if len(self.counts) <= 2 * MANY_RUNS:
            self._paint(canvas, value, 0)
            return
        bitmap, left, top = self.bitmap()
        rows, columns = bitmap.shape
        canvas[top : top + rows, left : left + columns][bitmap != 0] = value

    def _drawn(self) -> Iterator[tuple[int, int]]:
        """(first, one past the last) pixel of each run of ones, counted down the columns."""
        end = 0
        for zeros, ones in zip(self.counts[::2], self.counts[1::2], strict=False):
            start = end + zeros
            end = start + ones
            if ones:
                yield start, end

    def _paint(self, canvas: NDArray[Any], value: int, left: int) -> None:
        """Paint each run as a part of a column, whole columns, and a part of another."""
        for start, end in self._drawn():
            first, above = divmod(start, self.height)
            last, below = divmod(end, self.height)
            first, last = first - left, last - left
            if first == last:
                canvas[above:below, first] = value
                continue
            canvas[above:, first] = value
            canvas[:, first + 1 : last] = value
            if below:
                canvas[:below, last] = value

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> list[float]: ...

    def __getitem__(self, index: int | slice) -> float | list[float]:
        return self.points[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CountedMask):
            size = (self.width, self.height)
            same = size == (other.width, other.height) and list(self.counts) == list(other.counts)
            return same or self.points == other.points
        return self.points == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.points)


def mask_to_bitmap(points: Sequence[float]) -> tuple[Bitmap, int, int]:
    """(bitmap of the tight box, left, top); raises ValueError when the runs don't fill the box."""
    import numpy as np

    if isinstance(points, CountedMask):
        return points.bitmap()
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
    return _points(runs, (left + x1, top + y1, left + x2, top + y2))


def _points(runs: Any, corners: tuple[int, int, int, int]) -> list[float]:
    import numpy as np

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
    if isinstance(points, CountedMask):
        return sum(points.counts[1::2])
    return int(sum(points[1:-4:2]))


def mask_to_coco(points: Sequence[float], width: int, height: int) -> list[int]:
    """Uncompressed COCO counts over an image; pixels outside of it are cut off."""
    if isinstance(points, CountedMask) and (points.width, points.height) == (width, height):
        return list(points.counts)
    import numpy as np

    bitmap, left, top = mask_to_bitmap(points)
    image = np.zeros((height, width), dtype=np.uint8)
    rows, columns = bitmap.shape
    y1, y2, x1, x2 = max(top, 0), min(top + rows, height), max(left, 0), min(left + columns, width)
    if y1 < y2 and x1 < x2:
        image[y1:y2, x1:x2] = bitmap[y1 - top : y2 - top, x1 - left : x2 - left]
    return _runs(image.ravel(order="F") != 0)


def coco_to_mask(counts: Sequence[int] | str | bytes, width: int, height: int) -> CountedMask:
    """The CVAT mask of COCO counts, compressed or not; ValueError when they don't fit the image."""
    if isinstance(counts, (str, bytes)):
        counts = decompress_counts(counts, width, height)
    pixels = width * height
    if pixels <= 0 or pixels > MAX_PIXELS:
        raise ValueError(f"an image of {width} by {height} pixels")
    if min(counts, default=0) < 0 or sum(counts) != pixels:
        raise ValueError(f"counts sum to {sum(counts)}, the image has {pixels} pixels")
    if not any(counts[1::2]):
        raise ValueError("an empty mask")
    return CountedMask(counts, width, height)


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
