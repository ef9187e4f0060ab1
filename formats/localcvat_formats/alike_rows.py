"""Pictures whose rows are nearly like the rows above them, as zlib streams (RFC 1950 and 1951).

The masks of an image are such: what a row does not share with the row above is a pixel here and
there. zlib would look at each byte; here the bytes that differ are found at once and written as
they are, what is between them as copies from one row above, all in the fixed code of section 3.2.6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ZLIB_HEADER = b"\x78\x01"
BLOCK_HEADER = 0b011
"""The last block, in the fixed code; three bits."""
HEADER_BITS, END_BITS = 3, 7
SHORTEST, LONGEST = 3, 258
FURTHEST = 1 << 15
ADLER = 65521
SPARSE = 64
"""One byte in so many may differ; zlib does as well where there are more."""


class AlikeRows:
    """Rows of bytes, each a zero and the pixels of a canvas by a table that comes with `packed`."""

    def __init__(self, canvas: NDArray[Any], rows: Numbers, columns: Numbers) -> None:
        """Take where pixels of the canvas differ from those above them, row by row."""
        import numpy as np

        height, width = canvas.shape
        self._stride = width + 1
        self._size = height * self._stride
        self._first, self._old = canvas[0], canvas[rows - 1, columns]
        self._new = canvas[rows, columns]
        self._weigh(np.concatenate((np.zeros(width, np.int64), rows)), height, columns)
        differing = rows * self._stride + columns + 1
        literals = self._with_rests(np.concatenate((np.arange(self._stride), differing)))
        rows, columns = np.divmod(literals, self._stride)
        self._is_pixel = columns > 0
        self._pixels = canvas[rows, columns - 1]
        self._set_tokens(literals)

    def _weigh(self, rows: Numbers, height: int, columns: Numbers) -> None:
        """How often a pixel that differs, and those below that repeat it, count in the checksum."""
        import numpy as np

        columns = np.concatenate((np.arange(len(rows) - len(columns)), columns))
        below = height - rows
        behind = below * (self._size - columns - 1) - self._stride * (
            (rows + height - 1) * below // 2
        )
        self._sums = np.stack((below % ADLER, behind % ADLER))

    def _with_rests(self, literals: Numbers) -> Numbers:
        """The positions of single bytes, with those between that are too few for a copy."""
        import numpy as np

        rests = _gaps(literals, self._size) % LONGEST
        ones, twos = literals[rests == 1], literals[rests == 2]
        if not len(ones) and not len(twos):
            return literals
        return np.sort(np.concatenate((literals, ones + 1, twos + 1, twos + 2)))

    def _set_tokens(self, literals: Numbers) -> None:
        """Codes of single bytes, left open, each followed by those of the copies behind it."""
        import numpy as np

        codes, bits = copies(self._stride)
        whole, rest = np.divmod(_gaps(literals, self._size), LONGEST)
        counts = 1 + whole + (rest > 0)
        ends = np.cumsum(counts)
        self._places = ends - counts
        self._codes = np.full(ends[-1], codes[LONGEST])
        self._bits = np.full(ends[-1], bits[LONGEST])
        last = ends[rest > 0] - 1
        self._codes[last], self._bits[last] = codes[rest[rest > 0]], bits[rest[rest > 0]]

    def packed(self, table: NDArray[np.uint8]) -> bytes:
        """The zlib stream of the rows with the byte in `table` for each number of the canvas."""
        import numpy as np

        bytes_ = table[self._pixels] * self._is_pixel
        codes, bits = single_bytes()
        self._codes[self._places], self._bits[self._places] = codes[bytes_], bits[bytes_]
        ends = np.cumsum(self._bits) + HEADER_BITS
        starts = ends - self._bits
        # No code is longer than 31 bits, so that one begins in each word of 32.
        places = starts >> 5
        words = np.concatenate(((0,), np.flatnonzero(places[1:] != places[:-1]) + 1))
        shifted = self._codes << (starts & 31).astype(np.uint64)
        joined = np.add.reduceat(shifted, words)
        stream = np.zeros(len(joined) + 2, dtype="<u4")
        stream[:-2] = joined & 0xFFFFFFFF
        stream[1:-1] |= (joined >> 32).astype(np.uint32)
        stream[0] |= BLOCK_HEADER
        length = (int(ends[-1]) + END_BITS + 7) // 8
        return ZLIB_HEADER + stream.tobytes()[:length] + self._checksum(table)

    def _checksum(self, table: NDArray[np.uint8]) -> bytes:
        """Adler-32, from what changes from row to row alone."""
        import numpy as np

        wide = table.astype(np.int64)
        steps = np.concatenate((wide[self._first], wide[self._new] - wide[self._old]))
        low, high = self._sums @ steps
        checksum = int(high + self._size) % ADLER << 16 | int(low + 1) % ADLER
        return checksum.to_bytes(4, "big")


def alike_rows(canvas: NDArray[Any]) -> AlikeRows | None:
    """The rows of a canvas, or None where they are not alike enough for this to pay."""
    import numpy as np

    if canvas.shape[1] >= FURTHEST:
        return None
    differ = canvas[1:] != canvas[:-1]
    touched = np.flatnonzero(differ.any(axis=1))
    rows, columns = np.nonzero(differ[touched])
    if len(rows) * SPARSE > canvas.size:
        return None
    return AlikeRows(canvas, touched[rows] + 1, columns)


def _gaps(positions: Numbers, end: int) -> Numbers:
    """How many bytes are between each position and the next, or the end."""
    import numpy as np

    nexts: Numbers = np.concatenate((positions[1:], (end,)))
    return nexts - positions - 1


Code = tuple[int, int]
"""(bits, the first one lowest; how many)."""


def _reversed(code: int, bits: int) -> int:
    return int(f"{code:0{bits}b}"[::-1], 2)


def _symbol(symbol: int) -> Code:
    """The fixed code of a byte or a length (section 3.2.6)."""
    if symbol < 144:
        return _reversed(0x30 + symbol, 8), 8
    if symbol < 256:
        return _reversed(0x190 + symbol - 144, 9), 9
    if symbol < 280:
        return _reversed(symbol - 256, 7), 7
    return _reversed(0xC0 + symbol - 280, 8), 8


def _length(length: int) -> Code:
    """A length of 3 to 258 and its extra bits (section 3.2.5)."""
    if length == LONGEST:
        return _symbol(285)
    offset = length - SHORTEST
    extra = max(offset.bit_length() - 3, 0)
    code, bits = _symbol(257 + 4 * extra + (offset >> extra))
    return code | (offset & (1 << extra) - 1) << bits, bits + extra


def _distance(distance: int) -> Code:
    """A distance of 1 to 32768 and its extra bits (section 3.2.5)."""
    offset = distance - 1
    extra = max(offset.bit_length() - 2, 0)
    symbol = 2 * extra + (offset >> extra)
    return _reversed(symbol, 5) | (offset & (1 << extra) - 1) << 5, 5 + extra


def _table(codes: list[Code]) -> tuple[NDArray[np.uint64], Numbers]:
    import numpy as np

    values, bits = zip(*codes, strict=True)
    return np.array(values, dtype=np.uint64), np.array(bits, dtype=np.int64)


@lru_cache(maxsize=1)
def single_bytes() -> tuple[NDArray[np.uint64], Numbers]:
    """(codes, their lengths in bits) of the bytes from 0."""
    return _table([_symbol(byte) for byte in range(256)])


@lru_cache(maxsize=256)
def copies(distance: int) -> tuple[NDArray[np.uint64], Numbers]:
    """(codes, their lengths in bits) of copies of 0 to 258 bytes; there are none of 0 to 2."""
    far, far_bits = _distance(distance)
    lengths = [(0, 0)] * SHORTEST + [_length(length) for length in range(SHORTEST, LONGEST + 1)]
    return _table([(code | far << bits, bits + far_bits) for code, bits in lengths])
