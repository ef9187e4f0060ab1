"""SegmentationClass and SegmentationObject: a picture of classes and one of objects an image.

Shared by Pascal VOC and CVAT's Segmentation mask (formats specification, sections 7 and 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.geometry.masks import CountedMask
from localcvat.labels import Rgb, voc_color
from localcvat.model import Shape
from localcvat.report import Report
from localcvat_formats.alike_rows import (
    ColumnRuns,
    alike_rows,
    pixels_of_each,
    runs_of_counts,
)
from localcvat_formats.labelmap import (
    BACKGROUND,
    BLACK,
    LabelMapEntry,
    colors_of,
)
from localcvat_formats.palette_png import (
    PalettePicture,
    palette_chunk,
    picture_of_canvas,
)
from localcvat_formats.segments import (
    color_code,
    color_codes,
    in_painting_order,
    painted,
    read_png,
    report_hidden,
    unique_masks,
    write_color_png,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = "SegmentationClass"
OBJECTS = "SegmentationObject"
VOID_COLOR = (224, 224, 192)
VOID_INDEX = 255
PALETTE_SIZE = 256
DRAWN_AT_ONCE, PIXELS_AT_ONCE = 128, 1 << 26
"""Images of one mask whose pictures are made together: a third of the time of one by one."""


def background_index(entries: Sequence[LabelMapEntry]) -> int | None:
    """The entry that stands for "no object": the black one, else the one of that name."""
    for index, entry in enumerate(entries):
        if entry.color == BLACK:
            return index
    names = [entry.name for entry in entries]
    return names.index(BACKGROUND) if BACKGROUND in names else None


def object_number(position: int) -> int:
    """The number of the object at a position from 1: 255 is not used, it means void."""
    return position + (position >= VOID_INDEX)


class SegmentWriter:
    """Paints the masks of images.

    `palette` writes pictures with a palette, as VOC has them, where 256 colours do. Without
    `distinct` the colours of objects begin anew after 255, as CVAT's do.
    """

    def __init__(
        self,
        sink: Sink,
        entries: Sequence[LabelMapEntry],
        report: Report,
        *,
        palette: bool = False,
        distinct: bool = True,
    ) -> None:
        self._sink = sink
        self._report = report
        self._palette = palette
        self._distinct = distinct
        self._colors = colors_of(entries)
        self._palettes = {
            CLASSES: palette_chunk(self._colors[:PALETTE_SIZE]),
            OBJECTS: palette_chunk(voc_colors(PALETTE_SIZE)),
        }
        self._indices = {entry.name: index for index, entry in enumerate(entries)}
        self._background = background_index(entries) or 0
        self._waiting: list[_Waiting] = []
        self._pixels = 0

    def write(
        self, stem: str, masks: Sequence[Shape], width: int, height: int, numbers: bool = False
    ) -> None:
        """Both pictures of one image; `numbers` takes each mask's `instance` as its number.

        With a palette, call `finish` after the last.
        """
        size = width, height
        if not self._palette:
            canvas, order = painted(masks, width, height, self._report, stem)
            self._write_both(stem, size, canvas, order, numbers)
            return
        counted = all(
            isinstance(mask.points, CountedMask) and (mask.points.width, mask.points.height) == size
            for mask in masks
        )
        self._waiting.append(_Waiting(stem, list(masks), size, numbers))
        self._pixels += width * height
        full = len(self._waiting) >= DRAWN_AT_ONCE or self._pixels >= PIXELS_AT_ONCE
        if full or not counted:  # other masks are large in memory
            self.finish()

    def finish(self) -> None:
        """Write the pictures that wait to be drawn together: those of as many masks."""
        waiting, self._waiting, self._pixels = self._waiting, [], 0
        alike: dict[int, list[tuple[_Waiting, ColumnRuns]]] = {}
        for image in waiting:
            image.masks = in_painting_order(image.masks)
            runs = _runs_of(image)
            if runs is None:
                canvas, order = painted(image.masks, *image.size, self._report, image.stem)
                picture = picture_of_canvas(canvas, len(order) + 1)
                self._write_both(image.stem, image.size, picture, order, image.numbers)
                continue
            count = len(image.masks) + 1
            if count > 2:
                seen = pixels_of_each(runs, count)[1:]
                report_hidden(image.masks, seen, self._report, image.stem)
            alike.setdefault(count, []).append((image, runs))
        for count, images in alike.items():
            rows = alike_rows([runs for _, runs in images], count)
            for (image, _), found in zip(images, rows, strict=True):
                picture = PalettePicture(image.canvas, found)
                self._write_both(image.stem, image.size, picture, image.masks, image.numbers)

    def _write_both(
        self,
        stem: str,
        size: tuple[int, int],
        picture: PalettePicture | NDArray[Any],
        order: Sequence[Shape],
        numbers: bool,
    ) -> None:
        """The pictures of one of positions in `order`, from 1."""
        classes = [self._indices.get(mask.label, self._background) for mask in order]
        values = [self._background, *classes]
        self._write(f"{CLASSES}/{stem}.png", size, picture, values, self._colors)
        instances = [
            0 if index == self._background else (mask.instance if numbers else self._number(number))
            for number, (mask, index) in enumerate(zip(order, classes, strict=True), 1)
        ]
        if not self._distinct:
            instances = [number % PALETTE_SIZE for number in instances]
        colors = voc_colors(max(PALETTE_SIZE, *(number + 1 for number in instances)))
        self._write(f"{OBJECTS}/{stem}.png", size, picture, [0, *instances], colors)

    def _number(self, position: int) -> int:
        return object_number(position) if self._distinct else position

    def _write(
        self,
        name: str,
        size: tuple[int, int],
        picture: PalettePicture | NDArray[Any],
        values: Sequence[int],
        colors: Sequence[Rgb],
    ) -> None:
        """A picture of the number in `values` at each position."""
        import numpy as np

        if isinstance(picture, PalettePicture):
            if max(values) < PALETTE_SIZE:
                palette = self._palettes[name.partition("/")[0]]
                self._sink.write(name, picture.png(*size, values, palette))
                return
            picture = picture.canvas
        pixels = np.array(values, dtype=np.uint32).take(picture)
        write_color_png(self._sink, name, pixels, colors)


class _Waiting(msgspec.Struct):
    """An image whose pictures are not drawn yet."""

    stem: str
    masks: list[Shape]
    size: tuple[int, int]
    numbers: bool

    def canvas(self) -> NDArray[Any]:
        """The masks, painted; they were reported on before."""
        return painted(self.masks, *self.size, Report(), self.stem)[0]


def _runs_of(image: _Waiting) -> ColumnRuns | None:
    """The runs of the masks in their order, where all have those of COCO over the image."""
    counts = []
    for mask in image.masks:
        points = mask.points
        if not isinstance(points, CountedMask) or (points.width, points.height) != image.size:
            return None
        counts.append(points.counts)
    return runs_of_counts(counts, *image.size)


@lru_cache(maxsize=4)
def voc_colors(count: int) -> list[Rgb]:
    """The first colours of VOC's colour map."""
    return [voc_color(index) for index in range(count)]


class SegmentReader:
    """Reads the pictures of images as masks, one an object."""

    def __init__(
        self, source: Source, entries: Sequence[LabelMapEntry], report: Report, skip: bool
    ) -> None:
        self._source = source
        self._entries = list(entries)
        self._report = report
        self._skip = skip
        self._background = background_index(entries)
        self._names: dict[int, str] = {}
        for entry, color in zip(entries, colors_of(entries), strict=True):
            if color_code(color) in self._names:
                first = self._names[color_code(color)]
                report.assumed("label", "of the same colour as another: read as that", entry.name)
                self._names[color_code(color)] = first
            else:
                self._names[color_code(color)] = entry.name

    def shapes(self, classes: str, objects: str | None) -> tuple[list[Shape], int, int]:
        """(masks, width, height); a mask's `instance` is its object's number, 0 without one."""
        import numpy as np

        pixels, palette = read_png(self._source, classes)
        indices = self._class_indices(pixels, palette, self._source.where(classes))
        height, width = indices.shape
        numbers = np.zeros_like(indices)
        if objects is not None:
            numbers = self._object_numbers(objects)
            if numbers.shape != indices.shape:
                raise DatasetError(
                    f"{numbers.shape[1]} by {numbers.shape[0]} pixels, the picture of classes has "
                    f"{width} by {height}",
                    where=self._source.where(objects),
                )
        found = list(self._masks(indices, numbers))
        return found, width, height

    def _masks(self, indices: NDArray[np.uint32], numbers: NDArray[np.uint32]) -> Iterator[Shape]:
        import numpy as np

        pairs = numbers.astype(np.uint64) << np.uint64(32) | indices.astype(np.uint64)
        for pair, points in unique_masks(pairs):
            index, number = pair & 0xFFFFFFFF, pair >> 32
            if index == len(self._entries) or index == self._background:
                continue
            name = self._entries[index].name
            yield Shape(type="mask", label=name, points=points, instance=number)

    def _class_indices(
        self, pixels: NDArray[Any], palette: list[Rgb] | None, where: str
    ) -> NDArray[np.uint32]:
        """The position of each pixel's label in the label map; its length means void."""
        import numpy as np

        codes = color_codes(pixels, palette)
        if codes is None or (palette is not None and not self._known(codes)):
            if pixels.ndim != 2:
                raise DatasetError("not a picture of classes", where=where)
            return self._plain_indices(pixels, where)
        positions = {entry.name: index for index, entry in enumerate(self._entries)}
        values, inverse = np.unique(codes, return_inverse=True)
        table = [self._position(int(code), positions, where) for code in values]
        found: NDArray[np.uint32] = np.array(table, dtype=np.uint32)[inverse].reshape(codes.shape)
        return found

    def _known(self, codes: NDArray[np.uint32]) -> bool:
        import numpy as np

        known = {*self._names, color_code(VOID_COLOR), 0}
        return set(np.unique(codes).tolist()) <= known

    def _position(self, code: int, positions: dict[str, int], where: str) -> int:
        if code in self._names:
            return positions[self._names[code]]
        void = len(self._entries)
        if code == color_code(VOID_COLOR):
            self._report.assumed("void", "border pixels belong to no object", where)
            return void
        if code == 0:
            return void
        color = f"{code >> 16},{code >> 8 & 255},{code & 255}"
        problem = DatasetError(
            f"the colour {color} is of no label", where=where, hint="is labelmap.txt complete?"
        )
        if not self._skip:
            raise problem
        self._report.dropped("mask", "its colour is of no label", f"{where}: {color}")
        return void

    def _plain_indices(self, pixels: NDArray[Any], where: str) -> NDArray[np.uint32]:
        import numpy as np

        void = len(self._entries)
        indices = pixels.astype(np.uint32)
        border = (indices == VOID_INDEX) & (void <= VOID_INDEX)
        beyond = (indices >= void) & ~border
        if border.any():
            self._report.assumed("void", "border pixels belong to no object", where)
            indices[border] = void
        if beyond.any():
            value = int(indices[beyond][0])
            problem = DatasetError(f"the class {value} is of no label", where=where)
            if not self._skip:
                raise problem
            self._report.dropped("mask", "its class is of no label", f"{where}: {value}")
            indices[beyond] = void
        return indices

    def _object_numbers(self, name: str) -> NDArray[np.uint32]:
        """The number of each pixel's object, by the VOC colour map where it is a colour."""
        import numpy as np

        pixels, palette = read_png(self._source, name)
        where = self._source.where(name)
        if palette is not None or pixels.ndim == 2:
            if pixels.ndim != 2:
                raise DatasetError("not a picture of objects", where=where)
            numbers = pixels.astype(np.uint32)
            numbers[numbers == VOID_INDEX] = 0
            return numbers
        codes = color_codes(pixels, None)
        if codes is None:
            raise DatasetError("not a picture of objects", where=where)
        values, inverse = np.unique(codes, return_inverse=True)
        void = color_code(VOID_COLOR)
        table = [0 if code == void else voc_index(int(code)) for code in values]
        found: NDArray[np.uint32] = np.array(table, dtype=np.uint32)[inverse].reshape(codes.shape)
        return found


def voc_index(code: int) -> int:
    """The position in the VOC colour map of a colour as one number."""
    channels = (code >> 16 & 255, code >> 8 & 255, code & 255)
    return sum(
        (value >> (7 - bit) & 1) << (3 * bit + channel)
        for channel, value in enumerate(channels)
        for bit in range(8)
    )
