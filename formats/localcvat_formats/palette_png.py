"""Label pictures as PNG files with a palette (PNG specification, W3C, sections 5, 9 and 11).

Rows are stored as their difference from the row above (filter type Up), which is almost nothing
where there are areas of one number, and the differences as runs: smaller than what Pillow writes,
which does not filter pictures with a palette, and several times faster.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from localcvat.labels import Rgb

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


def palette_png(pixels: NDArray[np.uint8], palette: bytes) -> bytes:
    """The PNG file of a picture, height by width numbers of colours in a `palette_chunk`."""
    height, width = pixels.shape
    header = HEADER.pack(width, height, BIT_DEPTH, INDEXED, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), palette, _chunk(b"IDAT", _packed(pixels)))
    return b"".join((SIGNATURE, *chunks, _chunk(b"IEND", b"")))


def _packed(pixels: NDArray[np.uint8]) -> bytes:
    """The rows, each behind its filter's type, deflated."""
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
