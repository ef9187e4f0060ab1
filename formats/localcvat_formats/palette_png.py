"""Label pictures as PNG files with a palette (PNG specification, W3C, sections 5, 9 and 11).

Written here for speed: Pillow takes several times as long and does not filter such pictures.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from localcvat.labels import Rgb
from localcvat_formats.alike_rows import (
    FEW_NUMBERS,
    SHORT_BYTES,
    AlikeRows,
    changes_of_canvas,
    changes_of_counts,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")
BIT_DEPTH = 8
INDEXED = 3
UP = 2
RUNS_MEMORY = 4
"""Looking for runs alone takes no tables, which only cost time to keep."""


def palette_chunk(colors: Sequence[Rgb]) -> bytes:
    """PLTE: the colours of the numbers from 0, at most 256."""
    return _chunk(b"PLTE", bytes(value for color in colors for value in color))


class PalettePicture:
    """A picture of positions in a table, which says what number each is in a file."""

    def __init__(self, canvas: NDArray[Any], count: int) -> None:
        """Take a canvas, height by width, of the numbers below `count`."""
        self.size = canvas.shape[1], canvas.shape[0]
        self._paint: Callable[[], NDArray[Any]] = lambda: canvas
        changes = changes_of_canvas(canvas) if count <= FEW_NUMBERS else None
        self._rows = AlikeRows(changes, count) if changes is not None else None

    @classmethod
    def of_counts(cls, counts: Sequence[int], width: int, height: int) -> PalettePicture:
        """The picture of one mask, 1 on 0, of COCO's counts."""
        changes = changes_of_counts(counts, width, height)
        if changes is None:
            return cls(_unpacked(counts, width, height), 2)
        picture = cls.__new__(cls)
        picture.size = width, height
        picture._paint = lambda: _unpacked(counts, width, height)
        picture._rows = AlikeRows(changes, 2)
        return picture

    @property
    def canvas(self) -> NDArray[Any]:
        """The numbers, height by width."""
        return self._paint()

    def png(self, table: Sequence[int], palette: bytes) -> bytes:
        """The PNG file of the bytes in `table`, whose colours are those of a `palette_chunk`."""
        import numpy as np

        header = HEADER.pack(*self.size, BIT_DEPTH, INDEXED, 0, 0, 0)
        if self._rows is not None and max(table) < SHORT_BYTES:
            data = self._rows.packed(table)
        else:
            data = _packed(np.array(table, dtype=np.uint8).take(self.canvas))
        chunks = (_chunk(b"IHDR", header), palette, _chunk(b"IDAT", data))
        return b"".join((SIGNATURE, *chunks, END))


def _unpacked(counts: Sequence[int], width: int, height: int) -> NDArray[np.uint8]:
    import numpy as np

    flat = np.repeat(np.arange(len(counts), dtype=np.uint8) & 1, counts)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def _packed(pixels: NDArray[np.uint8]) -> bytes:
    """The rows as differences from the row above (filter type Up), packed as runs."""
    import numpy as np

    height, width = pixels.shape
    rows = np.empty((height, width + 1), dtype=np.uint8)
    rows[:, 0] = UP
    rows[:1, 1:] = pixels[:1]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    deflate = zlib.compressobj(1, memLevel=RUNS_MEMORY, strategy=zlib.Z_RLE)
    return deflate.compress(rows.data) + deflate.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk: the length of its data, its type, the data, the sum of both."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


END = _chunk(b"IEND", b"")
