"""Label pictures as PNG files with a palette (PNG specification, W3C, sections 5, 9 and 11).

Written here for speed: Pillow takes several times as long and does not filter such pictures.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localcvat.labels import Rgb
from localcvat_formats.alike_rows import alike_rows

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

    def __init__(self, canvas: NDArray[Any]) -> None:
        """Take a canvas, height by width."""
        self._canvas = canvas
        self._rows = alike_rows(canvas)

    def png(self, table: NDArray[np.uint8], palette: bytes) -> bytes:
        """The PNG file of the numbers in `table`, whose colours are those of a `palette_chunk`."""
        height, width = self._canvas.shape
        header = HEADER.pack(width, height, BIT_DEPTH, INDEXED, 0, 0, 0)
        data = self._rows.packed(table) if self._rows else _packed(table.take(self._canvas))
        chunks = (_chunk(b"IHDR", header), palette, _chunk(b"IDAT", data))
        return b"".join((SIGNATURE, *chunks, _chunk(b"IEND", b"")))


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
