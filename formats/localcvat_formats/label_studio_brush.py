"""Label Studio's brush: the run-length packing of RGBA bytes, of which alpha is the mask.

Source: thi.ng/rle-pack, the encoding Label Studio uses: 32 bits count of values, 5 bits word size
less one, four times 4 bits of run sizes less one; then per run one bit (repeat), 2 bits (which run
size), the length less one, and one word for a repeat or a word for each value.
"""

from __future__ import annotations

from collections.abc import Sequence

CHANNELS = 4
MAX_PIXELS = 1 << 28


class _Bits:
    """Reads numbers of any width from bytes, most significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data) * 8
        self.at = 0

    def read(self, width: int) -> int:
        end = self.at + width
        if end > self._size:
            raise ValueError("a brush that ends in the middle")
        first, last = self.at >> 3, (end + 7) >> 3
        value = int.from_bytes(self._data[first:last], "big") >> (last * 8 - end)
        self.at = end
        return value & ((1 << width) - 1)


def brush_to_mask(rle: Sequence[int], width: int, height: int) -> list[float]:
    """The CVAT mask of a brush on an image of this size; raises ValueError for a broken one."""
    import numpy as np

    from localcvat.geometry.masks import bitmap_to_mask

    pixels = width * height
    if not 0 < pixels <= MAX_PIXELS:
        raise ValueError(f"an image of {width} by {height} pixels")
    if any(not isinstance(value, int) or not 0 <= value < 256 for value in rle):
        raise ValueError("a brush is a list of bytes")
    values = _unpacked(bytes(rle), pixels * CHANNELS)
    alpha = values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1]
    return bitmap_to_mask(np.asarray(alpha))


def _unpacked(data: bytes, expected: int):  # type: ignore[no-untyped-def]
    import numpy as np

    bits = _Bits(data)
    count = bits.read(32)
    word = bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    if count != expected:
        raise ValueError(f"a brush of {count} values, the image has {expected}")
    if word > 8:
        raise ValueError(f"a brush of {word} bits a value")
    out = np.zeros(count, dtype=np.uint8)
    position = 0
    while position < count:
        repeat = bits.read(1)
        end = position + 1 + bits.read(sizes[bits.read(2)])
        if end > count:
            raise ValueError("a brush with a run beyond its end")
        if repeat:
            out[position:end] = bits.read(word)
            position = end
            continue
        while position < end:
            out[position] = bits.read(word)
            position += 1
    return out
