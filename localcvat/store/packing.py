"""Points of shapes as BLOBs: little-endian float64."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from localcvat.errors import ValidationError

SWAPPED = sys.byteorder == "big"


def pack_points(points: Sequence[float]) -> bytes:
    """Points as little-endian float64; raises ValidationError for what is no number."""
    try:
        packed = array("d", points)
    except (TypeError, OverflowError) as error:
        raise ValidationError({"points": ["a valid list of numbers is required"]}) from error
    if SWAPPED:
        packed.byteswap()
    return packed.tobytes()


def unpack_points(blob: bytes) -> list[float]:
    """The numbers `pack_points` packed."""
    packed = array("d")
    packed.frombytes(blob)
    if SWAPPED:
        packed.byteswap()
    return packed.tolist()
