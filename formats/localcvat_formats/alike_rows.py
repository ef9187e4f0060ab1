"""Pictures whose rows are nearly like the rows above them, as zlib streams (RFC 1950 and 1951).

The masks of an image are such: what a row does not share with the row above is a pixel here and
there. zlib would look at each byte; here the bytes that differ are written as they are, what is
between them as copies, all in the fixed code of section 3.2.6. The pictures of classes and objects
differ in those bytes alone, so that the copies are made once.

For masks of COCO no pixel is looked at: their runs go down the columns, so that where one ends is
where a pixel differs from the one above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ZLIB_HEADER = b"\x78\x01"
BLOCK_HEADER = 0b011
"""The last block, in the fixed code; three bits."""
HEADER_BITS, END_BITS, BYTE_BITS = 3, 7, 8
SHORTEST, LONGEST = 3, 258
FURTHEST = 1 << 15
ADLER = 65521
SPARSE = 64
"""One byte in so many may differ; zlib does as well where there are more."""
FEW_NUMBERS = 32
"""Each number of a picture costs a pass over its stream."""
SHORT_BYTES = 144
"""Bytes below this have codes of eight bits, which can be put in without moving others."""


class Changes:
    """A picture of numbers from 0 by its `first` row and the pixels unlike those above them.

    `rows`, `columns` of those are in order, row by row, with their `old` and `new` numbers;
    `numbers_at` gives the numbers at any rows and columns.
    """

    def __init__(
        self,
        height: int,
        first: NDArray[Any],
        places: tuple[Numbers, Numbers],
        old: NDArray[Any],
        new: NDArray[Any],
        numbers_at: Callable[[Numbers, Numbers], NDArray[Any]],
    ) -> None:
        self.height, self.width = height, len(first)
        self.first = first
        self.rows, self.columns = places
        self.old, self.new = old, new
        self.numbers_at = numbers_at


def changes_of_canvas(canvas: NDArray[Any]) -> Changes | None:
    """The changes of a canvas, or None where its rows are not alike enough for this to pay."""
    import numpy as np

    differ = canvas[1:] != canvas[:-1]
    touched = np.flatnonzero(differ.any(axis=1))
    rows, columns = np.nonzero(differ[touched])
    if canvas.shape[1] >= FURTHEST or len(rows) * SPARSE > canvas.size:
        return None
    rows = touched[rows] + 1
    old, new = canvas[rows - 1, columns], canvas[rows, columns]
    return Changes(
        len(canvas), canvas[0], (rows, columns), old, new, lambda *places: canvas[places]
    )


def changes_of_counts(counts: Sequence[int], width: int, height: int) -> Changes | None:
    """The changes of a mask that is 1 on 0, from sound COCO counts; None as for a canvas."""
    import numpy as np

    if width >= FURTHEST or len(counts) * SPARSE > width * height or 0 in counts[1:]:
        return None
    ends = np.cumsum(counts[:-1])
    columns, rows = np.divmod(ends, height)
    order = np.argsort(rows * width + columns)
    order = order[np.searchsorted(rows[order], 1) :]
    rows, columns, old = rows[order], columns[order], order & 1

    def numbers_at(rows: Numbers, columns: Numbers) -> Numbers:
        return np.searchsorted(ends, columns * height + rows, side="right") & 1

    first = numbers_at(np.zeros(1, np.int64), np.arange(width))
    return Changes(height, first, (rows, columns), old, 1 - old, numbers_at)


class AlikeRows:
    """Rows of bytes, each a zero and its pixels, by a table that comes with `packed`."""

    def __init__(self, changes: Changes, count: int) -> None:
        """Take a picture of the numbers below `count`."""
        self._stride = changes.width + 1
        self._size = changes.height * self._stride
        self._count = count
        self._weigh(changes)
        literals = self._with_rests(self._beginnings(changes))
        self._set_stream(literals, self._numbers(changes, literals))

    def _weigh(self, changes: Changes) -> None:
        """How often the byte of each number counts in the two sums of the checksum.

        A pixel that differs counts for those below that repeat it, too; 0 is all the rest.
        """
        import numpy as np

        width, height, size = changes.width, changes.height, self._size
        drawn = np.flatnonzero(changes.first)
        columns = np.concatenate((drawn, changes.columns))
        rows = np.concatenate((np.zeros(len(drawn), np.int64), changes.rows))
        new = np.concatenate((changes.first[drawn], changes.new))
        below = height - rows
        behind = below * (size - columns - 1) - self._stride * ((rows + height - 1) * below // 2)
        upper = self._stride * (height * (height - 1) // 2)
        every = (
            height * width,
            width * (height * size - upper) - height * (width * (width + 1) // 2),
        )
        self._sums = []
        for all_, weights in zip(every, (below, behind % ADLER), strict=True):
            plus = np.bincount(new, weights, self._count)
            minus = np.bincount(changes.old, weights[len(drawn) :], self._count)
            others = [int(weight) for weight in (plus - minus)[1:]]
            self._sums.append([all_ - sum(others), *others])

    def _beginnings(self, changes: Changes) -> Numbers:
        """Where bytes are written as they are: in the first row where one is unlike the last."""
        import numpy as np

        turns = np.flatnonzero(changes.first[1:] != changes.first[:-1]) + 2
        heads = np.array((0, 1, self._stride)[: 1 + min(changes.height, 2)])
        below = changes.rows * self._stride + changes.columns + 1
        return np.concatenate((heads[:2], turns, heads[2:], below))

    def _with_rests(self, literals: Numbers) -> Numbers:
        """The positions of single bytes, with those between that are too few for a copy."""
        import numpy as np

        rests = _gaps(literals, self._size) % LONGEST
        ones, twos = literals[rests == 1], literals[rests == 2]
        if not len(ones) and not len(twos):
            return literals
        return np.sort(np.concatenate((literals, ones + 1, twos + 1, twos + 2)))

    def _numbers(self, changes: Changes, literals: Numbers) -> NDArray[Any]:
        """The number of each byte; the zeros in front of the rows have one of their own."""
        import numpy as np

        rows, columns = np.divmod(literals, self._stride)
        is_pixel = columns > 0
        numbers = changes.numbers_at(rows, np.maximum(columns - 1, 0))
        return np.where(is_pixel, numbers, self._count)

    def _set_stream(self, literals: Numbers, numbers: NDArray[Any]) -> None:
        """The bits of the copies, and for each number those where the code of its byte begins.

        Both as Python's integers, whose lowest bit is the first. Each byte is followed by what is
        left of its copy over a multiple of the longest, then by those.
        """
        import numpy as np

        table, lengths = copies(self._stride)
        kinds = (literals >= self._stride).view(np.uint8)
        whole, rest = np.divmod(_gaps(literals, self._size), LONGEST)
        counts = whole + 1
        rests = np.cumsum(counts) - counts
        codes = np.repeat(table[kinds, LONGEST], counts)
        bits = np.repeat(lengths[kinds, LONGEST], counts)
        codes[rests], bits[rests] = table[kinds, rest], lengths[kinds, rest] + BYTE_BITS
        ends = np.cumsum(bits) + HEADER_BITS
        total = int(ends[-1])
        places = ends - bits
        starts = places[rests]
        places[rests] += BYTE_BITS
        self._length = (total + END_BITS + 7) // 8
        self._copies = BLOCK_HEADER | _joined(codes, places)
        marks = np.zeros((self._count + 1, total), dtype=np.uint8)
        marks[numbers, starts] = 1
        packed = np.packbits(marks, axis=1, bitorder="little")
        self._marks = [int.from_bytes(row.tobytes(), "little") for row in packed]

    def packed(self, table: Sequence[int]) -> bytes:
        """The zlib stream of the rows with the byte in `table` for each number of the picture.

        The bytes are below SHORT_BYTES.
        """
        stream = self._copies
        for marks, byte in zip(self._marks, (*table, 0), strict=True):
            stream |= marks * single_byte(byte)  # once at each mark: codes never overlap
        low, high = (
            sum(weight * byte for weight, byte in zip(weights, table, strict=True))
            for weights in self._sums
        )
        checksum = (high + self._size) % ADLER << 16 | (low + 1) % ADLER
        data = stream.to_bytes(self._length, "little")
        return ZLIB_HEADER + data + checksum.to_bytes(4, "big")


def _gaps(positions: Numbers, end: int) -> Numbers:
    """How many bytes are between each position and the next, or the end."""
    import numpy as np

    nexts: Numbers = np.concatenate((positions[1:], (end,)))
    return nexts - positions - 1


def _joined(codes: Numbers, places: Numbers) -> int:
    """The integer with each of the codes, of at most 31 bits, at its place; places ascend."""
    import numpy as np

    at = places >> 5
    words = np.flatnonzero(np.concatenate(((True,), at[1:] != at[:-1])))
    joined = np.bitwise_or.reduceat(codes << (places & 31), words)
    stream = np.zeros(int(at[-1]) + 2, dtype="<u4")
    stream[at[words]] = joined & 0xFFFFFFFF
    stream[at[words] + 1] |= (joined >> 32).astype(np.uint32)
    return int.from_bytes(stream.tobytes(), "little")


Code = tuple[int, int]
"""(bits, the first one lowest; how many)."""


def _reversed(code: int, bits: int) -> int:
    return int(f"{code:0{bits}b}"[::-1], 2)


@lru_cache(maxsize=SHORT_BYTES)
def single_byte(byte: int) -> int:
    """The fixed code of a byte below SHORT_BYTES, in BYTE_BITS (section 3.2.6)."""
    return _reversed(0x30 + byte, BYTE_BITS)


def _length(length: int) -> Code:
    """A length of 3 to 258 and its extra bits (section 3.2.5)."""
    if length == LONGEST:
        return _reversed(0xC0 + 285 - 280, 8), 8
    offset = length - SHORTEST
    extra = max(offset.bit_length() - 3, 0)
    symbol = 257 + 4 * extra + (offset >> extra)
    bits = 7 if symbol < 280 else 8
    code = _reversed(symbol - 256 if symbol < 280 else 0xC0 + symbol - 280, bits)
    return code | (offset & (1 << extra) - 1) << bits, bits + extra


def _distance(distance: int) -> Code:
    """A distance of 1 to 32768 and its extra bits (section 3.2.5)."""
    offset = distance - 1
    extra = max(offset.bit_length() - 2, 0)
    symbol = 2 * extra + (offset >> extra)
    return _reversed(symbol, 5) | (offset & (1 << extra) - 1) << 5, 5 + extra


@lru_cache(maxsize=256)
def copies(stride: int) -> tuple[Numbers, Numbers]:
    """(codes, their lengths in bits) of copies of 0 to 258 bytes; there are none of 0 to 2.

    Both have two rows: copies from the byte before, and from `stride` bytes before.
    """
    import numpy as np

    codes, sizes = np.zeros((2, 2, LONGEST + 1), dtype=np.int64)
    for row, (far, far_bits) in enumerate((_distance(1), _distance(stride))):
        for length in range(SHORTEST, LONGEST + 1):
            code, bits = _length(length)
            codes[row, length], sizes[row, length] = code | far << bits, bits + far_bits
    return codes, sizes
