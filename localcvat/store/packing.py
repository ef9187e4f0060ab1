"""Points of shapes as BLOBs: little-endian float64, or integers after a byte that tells the type.

Masks are runs and corners, whole numbers all of them, and thousands. They are packed as integers of
two or four bytes; a mask that is kept as COCO's counts as width, height and the counts. A BLOB of
an odd length begins with its code, one of an even length is float64: these are not to be confused.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from localcvat.errors import ValidationError
from localcvat.geometry.masks import CountedMask

SWAPPED = sys.byteorder == "big"
RUNS, COUNTS = 1, 2
SHORT, LONG = 0, 4
"""Added to the code: integers are of two bytes, unsigned, or of four, signed."""
TYPES = {SHORT: "H", LONG: "i"}


def pack_points(points: Sequence[float]) -> bytes:
    """Points as little-endian float64; raises ValidationError for what is no number."""
    try:
        return _doubles(len(points)).pack(*points)
    except (TypeError, OverflowError, struct.error) as error:
        raise ValidationError({"points": ["a valid list of numbers is required"]}) from error


@lru_cache(maxsize=1024)
def _doubles(count: int) -> struct.Struct:
    """So many little-endian float64 numbers."""
    return struct.Struct(f"<{count}d")


def pack_shape(kind: str, points: Sequence[float]) -> bytes:
    """The points of a shape, a mask's as integers; raises ValidationError for what is no number."""
    return _pack_mask(points) if kind == "mask" else pack_points(points)


def _pack_mask(points: Sequence[float]) -> bytes:
    if isinstance(points, CountedMask):
        numbers = [points.width, points.height, *points.counts]
        return _integers(COUNTS, numbers) or pack_points(points)
    floats = pack_points(points)
    try:
        runs = list(map(int, points))
    except (ValueError, OverflowError):
        return floats
    whole = pack_points(runs) == floats  # to the bit: -0.0 is kept
    return (_integers(RUNS, runs) if whole else None) or floats


def _integers(code: int, numbers: list[int]) -> bytes | None:
    """Integers after their code, None for those that are too large."""
    for size, type_code in TYPES.items():
        try:
            return bytes((code + size,)) + _bytes(array(type_code, numbers))
        except OverflowError:
            continue
    return None


def unpack_points(blob: bytes) -> Sequence[float]:
    """The numbers that were packed: a list, or what is equal to it.

    Raises ValueError for a BLOB that is none of ours.
    """
    if len(blob) % 2 == 0:
        floats = array("d", blob)
        return (_swapped(floats) if SWAPPED else floats).tolist()
    code, size = blob[0] & ~LONG, blob[0] & LONG
    packed = array(TYPES[size])
    packed.frombytes(memoryview(blob)[1:])
    if code == RUNS:
        return array("d", _swapped(packed)).tolist()
    if code != COUNTS:
        raise ValueError(f"points packed as {blob[0]}")
    width, height, *counts = _swapped(packed)
    return CountedMask(counts, width, height)


def _bytes(packed: array[Any]) -> bytes:
    return _swapped(packed).tobytes()


def _swapped(packed: array[Any]) -> array[Any]:
    if SWAPPED:
        packed.byteswap()
    return packed
