"""Images and their annotations in another size."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

import msgspec

from localcvat.model import Dataset, Header, Item, Media, Shape, Track, TrackedShape
from localcvat.report import Report
from localcvat.reshape import made_anew
from localcvat.shape_kinds import convert_shape

JPEG_QUALITY = 95


def resized(dataset: Dataset, size: tuple[int, int], report: Report) -> Dataset:
    """`dataset` with images of `size` (width, height) in pixels, everything on them scaled.

    Rotated boxes and ellipses become polygons where width and height are not scaled alike. Tracks
    are scaled by the size their task has (see `tracks_have_sizes`). Images of unknown size are left
    as they are.
    """
    tasks = dataset.header.tasks
    for track in dataset.tracks:
        info = tasks[track.task]
        _scale_track(track, size[0] / info.width, size[1] / info.height)
    made = [
        msgspec.structs.replace(info, width=size[0], height=size[1]) if info.width else info
        for info in tasks
    ]
    header = msgspec.structs.replace(dataset.header, tasks=made)
    return Dataset(header, _items(dataset.items, size, report), dataset.tracks)


def tracks_have_sizes(tracks: Iterable[Track], header: Header) -> bool:
    """Whether the task of each track says how large its images are, as those of videos do."""
    sized = {index for index, info in enumerate(header.tasks) if info.width and info.height}
    return all(track.task in sized for track in tracks)


def _items(items: Iterable[Item], size: tuple[int, int], report: Report) -> Iterator[Item]:
    for item in items:
        if not (item.width and item.height):
            report.assumed("image", "not resized: its size is not known", item.path)
            yield item
            continue
        x, y = size[0] / item.width, size[1] / item.height
        item.shapes = [_scaled(shape, item, x, y, report) for shape in item.shapes]
        if (item.width, item.height) != size:
            report.changed("image", f"resized to {size[0]}x{size[1]}, as asked", item.path)
            if item.media is not None:
                item.media = ResizedMedia(item.media, size)
        item.width, item.height = size
        yield item


def _scaled(shape: Shape, item: Item, x: float, y: float, report: Report) -> Shape:
    if shape.type == "mask":
        points = _scaled_mask(shape.points, x, y, item)
        return made_anew(shape, "mask", points)
    if shape.rotation % 360 and abs(x - y) > 1e-9:
        outline = convert_shape(shape, "polygon", item)
        if outline is not None:
            why = "made a polygon: it is turned, and its image not scaled alike in both directions"
            report.changed(shape.type, why, item.path)
            return made_anew(outline, "polygon", _points(outline.points, x, y))
    made = made_anew(shape, shape.type, _points(shape.points, x, y))
    made.rotation, made.instance = shape.rotation, shape.instance
    made.elements = [_scaled(element, item, x, y, report) for element in shape.elements]
    return made


def _points(points: Sequence[float], x: float, y: float) -> list[float]:
    return [value * (y if index % 2 else x) for index, value in enumerate(points)]


def _scaled_mask(points: Sequence[float], x: float, y: float, item: Item) -> list[float]:
    """The mask whose pixels are those of the nearest pixel before; one pixel at least."""
    import numpy as np

    from localcvat.geometry.masks import bitmap_to_mask, mask_to_bitmap

    bitmap, left, top = mask_to_bitmap(points)
    rows, columns = bitmap.shape
    x1, y1 = int(left * x), int(top * y)
    x2, y2 = max(x1 + 1, round((left + columns) * x)), max(y1 + 1, round((top + rows) * y))
    across = np.clip(((np.arange(x1, x2) + 0.5) / x).astype(int) - left, 0, columns - 1)
    down = np.clip(((np.arange(y1, y2) + 0.5) / y).astype(int) - top, 0, rows - 1)
    made = bitmap[np.ix_(down, across)]
    if not made.any():
        made[:1, :1] = 1
    return bitmap_to_mask(made, x1, y1)


def _scale_track(track: Track, x: float, y: float) -> None:
    track.shapes = [_scaled_keyframe(shape, x, y) for shape in track.shapes]
    for element in track.elements:
        _scale_track(element, x, y)


def _scaled_keyframe(shape: TrackedShape, x: float, y: float) -> TrackedShape:
    return msgspec.structs.replace(shape, points=_points(shape.points, x, y))


class ResizedMedia:
    """A picture in another size, made when it is asked for."""

    def __init__(self, media: Media, size: tuple[int, int]) -> None:
        self._media = media
        self._size = size
        self.name = media.name
        self.path = None

    def open(self) -> BinaryIO:
        """A stream over the resized picture, encoded as its extension says."""
        from PIL import Image

        from localcvat.drawing import open_image

        suffix = PurePosixPath(self.name).suffix.lower()
        kind = Image.registered_extensions().get(suffix, "PNG")
        out = io.BytesIO()
        picture = open_image(self._media).resize(self._size, Image.Resampling.LANCZOS)
        if kind in ("JPEG", "MPO"):
            picture.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
        else:
            picture.save(out, kind)
        return io.BytesIO(out.getvalue())

    def byte_size(self) -> int:
        """Length in bytes of the resized picture."""
        with self.open() as stream:
            return len(stream.read())

    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._size
