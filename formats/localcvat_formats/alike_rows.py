"""Pictures whose rows are nearly like the rows above them, as zlib streams (RFC 1950 and 1951).

The masks of an image are such: what a row does not share with the row above is a pixel here and
there. zlib would look at each byte; here the bytes that differ are written as they are, what is
between them as copies, all in the fixed code of section 3.2.6. No pixel is looked at: pictures come
as runs down their columns, as COCO has its masks, and a run begins where a pixel differs from the
one above. The pictures of classes and objects differ in those bytes alone, so that the copies are
made once, and many pictures at once, for each is so little work that calling numpy would cost more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ZLIB_HEADER = b"\x78\x01"
BLOCK_HEADER = 0b011
"""The last block, in the fixed code; three bits."""
HEADER_BITS, END_BITS, BYTE_BITS = 3, 7, 8
WORD_BITS = 32
SHORTEST, LONGEST = 3, 258
FURTHEST = 1 << 15
ADLER = 65521
SPARSE = 64
"""One byte in so many may differ; zlib does as well where there are more."""
FEW_NUMBERS = 32
"""Each number of a picture costs a pass over its stream."""
SHORT_BYTES = 144
"""Bytes below this have codes of eight bits, which can be put in without moving others."""


class ColumnRuns(msgspec.Struct):
    """A picture of numbers from 0 as runs down its columns: where each ends, its number.

    No run is empty; those beside each other have different numbers.
    """

    width: int
    height: int
    ends: Any
    numbers: Any


def runs_of_counts(masks: Sequence[Sequence[int]], width: int, height: int) -> ColumnRuns | None:
    """The runs of masks painted one over the other, from 1 on 0, from sound COCO counts.

    None for empty runs, and where the rows are not alike enough for this to pay.
    """
    import numpy as np

    count = sum(map(len, masks))
    if width >= FURTHEST or count * SPARSE > width * height or len(masks) >= FEW_NUMBERS:
        return None
    if any(0 in counts[1:] for counts in masks):
        return None
    if len(masks) == 1:
        first = masks[0][0] == 0
        ends = np.cumsum(masks[0][first:])
        return ColumnRuns(width, height, ends, (np.arange(len(ends)) + first) & 1)
    single = [np.cumsum(counts) for counts in masks]
    ends = np.unique(np.concatenate(single))
    ends = ends[ends > 0]
    starts = np.concatenate(((0,), ends[:-1]))
    numbers = np.zeros(len(ends), dtype=np.int64)
    for number, found in enumerate(single, 1):
        numbers[np.searchsorted(found, starts, side="right") & 1 == 1] = number
    last = np.append(numbers[1:] != numbers[:-1], True)
    return ColumnRuns(width, height, ends[last], numbers[last])


def pixels_of_each(runs: ColumnRuns, count: int) -> list[int]:
    """How many pixels each number below `count` has."""
    import numpy as np

    found = np.bincount(runs.numbers, np.diff(runs.ends, prepend=0), count)
    return [int(pixels) for pixels in found]


def runs_of_canvas(canvas: NDArray[Any], count: int) -> ColumnRuns | None:
    """The runs of a canvas of numbers below `count`; None as for counts, and for many numbers."""
    import numpy as np

    height, width = canvas.shape
    flat = canvas.T.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat))
    if width >= FURTHEST or len(ends) * SPARSE > len(flat) or count > FEW_NUMBERS:
        return None
    return ColumnRuns(width, height, ends, flat[ends - 1].astype(np.int64))


class AlikeRows:
    """The rows of a picture as bytes, each a zero and its pixels, by a table not yet known.

    Bits are those of integers, the lowest first: `copies` has those of all copies, `marks` for each
    number, then for the zeros before the rows, the places where the codes of its bytes begin.
    `sums` says how often the byte of each number counts in the two sums of the checksum.
    """

    def __init__(
        self, size: int, copies: int, marks: list[int], length: int, sums: list[list[int]]
    ) -> None:
        self._size = size
        self._copies = copies
        self._marks = marks
        self._length = length
        self._sums = sums

    def packed(self, table: Sequence[int]) -> bytes:
        """The zlib stream with the byte in `table`, below SHORT_BYTES, for each number."""
        stream = self._copies
        for marks, byte in zip(self._marks, (*table, 0), strict=True):
            stream |= marks * single_byte(byte)  # the code at each mark: they do not overlap
        low, high = (
            sum(weight * byte for weight, byte in zip(weights, table, strict=True))
            for weights in self._sums
        )
        checksum = (high + self._size) % ADLER << 16 | (low + 1) % ADLER
        data = stream.to_bytes(self._length, "little")
        return ZLIB_HEADER + data + checksum.to_bytes(4, "big")


def alike_rows(pictures: Sequence[ColumnRuns], count: int) -> list[AlikeRows]:
    """The rows of each of the pictures of numbers below `count`."""
    return _Batch(pictures, count).rows() if pictures else []


class _Batch:
    """Pictures in a row: their pixels, down the columns, and their bytes are counted through.

    What begins with `per_` has a value for each picture, what begins with `run_` for each run.
    """

    def __init__(self, pictures: Sequence[ColumnRuns], count: int) -> None:
        import numpy as np

        self._count = count
        self._pictures = pictures
        self._height = np.array([picture.height for picture in pictures])
        self._width = np.array([picture.width for picture in pictures])
        self._stride = self._width + 1
        self._size = self._height * self._stride
        self._first_byte = np.cumsum(self._size) - self._size
        self._first_pixel = np.cumsum(self._height * self._width) - self._height * self._width
        self._set_runs()

    def _set_runs(self) -> None:
        """Where runs begin, in their picture, by row and column; how many columns they top."""
        import numpy as np

        lengths = [len(picture.ends) for picture in self._pictures]
        self._of_run = of_run = np.repeat(np.arange(len(lengths)), lengths)
        ends = np.concatenate([picture.ends for picture in self._pictures])
        self._numbers = np.concatenate([picture.numbers for picture in self._pictures])
        self._ends = ends + self._first_pixel[of_run]
        starts = np.concatenate(((0,), ends[:-1]))
        starts[np.cumsum(lengths)[:-1]] = 0
        height = self._height[of_run]
        self._column, self._row = np.divmod(starts, height)
        self._top = self._column + (self._row > 0)
        self._tops = -(-ends // height) - self._top

    def rows(self) -> list[AlikeRows]:
        """The rows of each picture."""
        import numpy as np

        sums = self._sums()
        literals, numbers, owners = self._literals()
        codes, bits, firsts = self._tokens(literals, owners)
        ends = np.cumsum(bits)
        places = ends - bits
        heads = np.searchsorted(literals, self._first_byte)
        begins = places[firsts[heads]]
        lengths = np.diff(begins, append=ends[-1]) + HEADER_BITS + END_BITS
        words = -(-lengths // WORD_BITS)
        offsets = np.cumsum(words) - words
        total = int(words.sum())
        shifts = offsets * WORD_BITS + HEADER_BITS - begins
        places += np.repeat(shifts, np.diff(firsts[heads], append=len(places)))
        starts = places[firsts]
        places[firsts] += BYTE_BITS
        streams = [_joined(codes, places, total)]
        for number in range(self._count + 1):
            streams.append(_marked(starts[numbers == number], total))
        made = []
        for index, (offset, count) in enumerate(zip(offsets.tolist(), words.tolist(), strict=True)):
            part = slice(4 * offset, 4 * (offset + count))
            copies, *marks = (int.from_bytes(stream[part], "little") for stream in streams)
            length = (int(lengths[index]) + 7) // 8
            size = int(self._size[index])
            made.append(AlikeRows(size, copies | BLOCK_HEADER, marks, length, sums[index]))
        return made

    def _changes(self) -> Numbers:
        """The runs that begin with a pixel unlike the one above."""
        import numpy as np

        return np.flatnonzero(self._row)

    def _sums(self) -> list[list[list[int]]]:
        """The weights of each number in both sums of the checksum, for each picture.

        Pixels of the first row, and those that differ from the one above, count for all below that
        repeat them; what they end does not count from there on.
        """
        import numpy as np

        changes, owner = self._changes(), self._of_run
        size, stride, height = self._size[owner], self._stride[owner], self._height[owner]
        # How often the tops of a run count: in each row, and as often as bytes are behind it.
        tops, middle = self._tops, 2 * self._top + self._tops + 1
        upper = tops * (height * size - stride * (height * (height - 1) // 2))
        top_weights = tops * height, upper - height * (tops * middle // 2)
        below = (height - self._row)[changes]
        behind = below * (size - self._column - 1)[changes]
        behind -= stride[changes] * ((self._row + height - 1)[changes] * below // 2)
        base = owner * self._count
        keys = np.concatenate(
            (base + self._numbers, (base + self._numbers)[changes], base[changes] + self._old())
        )
        sums = []
        for of_tops, of_changes in zip(top_weights, (below, behind), strict=True):
            weights = np.concatenate((of_tops, of_changes, -of_changes)) % ADLER
            found = np.bincount(keys, weights, len(self._pictures) * self._count)
            sums.append(found.astype(np.int64).reshape(-1, self._count))
        both: list[list[list[int]]] = np.stack(sums, axis=1).tolist()
        return both

    def _old(self) -> Numbers:
        """The numbers of the pixels above those that differ."""
        old: Numbers = self._numbers[self._changes() - 1]
        return old

    def _literals(self) -> tuple[Numbers, Numbers, Numbers]:
        """(places, numbers, pictures) of the bytes that are written as they are.

        They are the zero before the first and the second row, the first row's pixels that are
        unlike the one before, and those unlike the one above.
        """
        import numpy as np

        every = np.arange(len(self._pictures))
        tall = every[self._height > 1]
        topping = np.flatnonzero(self._tops)
        turned = np.append(True, self._numbers[topping][1:] != self._numbers[topping][:-1])
        turns = topping[turned | (self._top[topping] == 0)]
        changes = self._changes()
        owners = np.concatenate((every, tall, self._of_run[turns], self._of_run[changes]))
        zeros = np.full(len(every) + len(tall), self._count)
        numbers = np.concatenate((zeros, self._numbers[turns], self._numbers[changes]))
        stride = self._stride[self._of_run[changes]]
        below = self._row[changes] * stride + self._column[changes] + 1
        inside = np.concatenate((0 * every, self._stride[tall], self._top[turns] + 1, below))
        return self._with_rests(self._first_byte[owners] + inside, numbers, owners)

    def _with_rests(
        self, places: Numbers, numbers: Numbers, owners: Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        """All in order, with the bytes in between that are too few for a copy."""
        import numpy as np

        order = np.argsort(places)
        places, numbers, owners = places[order], numbers[order], owners[order]
        rests = _gaps(places, int(self._size.sum())) % LONGEST
        ones, twos = np.flatnonzero(rests == 1), np.flatnonzero(rests == 2)
        behind = np.concatenate((ones, twos, twos))
        more = places[behind] + 1
        more[len(ones) + len(twos) :] += 1
        owner = owners[behind]
        row, column = np.divmod(more - self._first_byte[owner], self._stride[owner])
        pixels = self._first_pixel[owner] + (column - 1) * self._height[owner] + row
        runs = np.searchsorted(self._ends, np.maximum(pixels, 0), side="right")
        found = np.where(column > 0, self._numbers[runs], self._count)
        places = np.concatenate((places, more))
        order = np.argsort(places)
        return (
            places[order],
            np.concatenate((numbers, found))[order],
            np.concatenate((owners, owner))[order],
        )

    def _tokens(self, literals: Numbers, owners: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """(codes of copies, bits they take, the first of those behind each byte).

        Behind a byte is what its copy is longer than a multiple of the longest, then those. The
        bits of the first are with those of the byte. Pixels of the first row are copied from the
        one before, others from above.
        """
        import numpy as np

        strides, kinds = np.unique(self._stride, return_inverse=True)
        tables = [copies(1), *map(copies, strides.tolist())]
        table, lengths = (np.stack(found) for found in zip(*tables, strict=True))
        is_low = literals - self._first_byte[owners] >= self._stride[owners]
        kinds = np.where(is_low, kinds[owners] + 1, 0)
        whole, rest = np.divmod(_gaps(literals, int(self._size.sum())), LONGEST)
        counts = whole + 1
        firsts = np.cumsum(counts) - counts
        codes = np.repeat(table[kinds, LONGEST], counts)
        bits = np.repeat(lengths[kinds, LONGEST], counts)
        codes[firsts], bits[firsts] = table[kinds, rest], lengths[kinds, rest] + BYTE_BITS
        return codes, bits, firsts


def _gaps(positions: Numbers, end: int) -> Numbers:
    """How many bytes are between each position and the next, or the end."""
    import numpy as np

    gaps: Numbers = np.diff(positions, append=end) - 1
    return gaps


def _marked(places: Numbers, words: int) -> bytes:
    """Bits that are set at `places`."""
    import numpy as np

    bits = np.zeros(words * WORD_BITS, dtype=np.uint8)
    bits[places] = 1
    return np.packbits(bits, bitorder="little").tobytes()


def _joined(codes: Numbers, places: Numbers, words: int) -> bytes:
    """Bits with each of the codes, of at most 31 bits, at its place; places ascend."""
    import numpy as np

    at = places // WORD_BITS
    begins = np.flatnonzero(np.diff(at, prepend=-1))
    joined = np.bitwise_or.reduceat(codes << places % WORD_BITS, begins)
    stream = np.zeros(words + 1, dtype="<u4")
    stream[at[begins]] = joined & 0xFFFFFFFF
    stream[at[begins] + 1] |= (joined >> WORD_BITS).astype(np.uint32)
    return stream.tobytes()


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
def copies(distance: int) -> tuple[Numbers, Numbers]:
    """(codes, their lengths in bits) of copies of 0 to 258 bytes; there are none of 0 to 2."""
    import numpy as np

    far, far_bits = _distance(distance)
    lengths = [_length(length) for length in range(SHORTEST, LONGEST + 1)]
    codes = [0] * SHORTEST + [code | far << bits for code, bits in lengths]
    sizes = [0] * SHORTEST + [bits + far_bits for _, bits in lengths]
    return np.array(codes), np.array(sizes)
