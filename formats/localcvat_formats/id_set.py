"""Ids that are taken, in little memory: a million ids in a row take a few megabytes."""

from __future__ import annotations

from typing import Any

SHIFT = 8
MASK = (1 << SHIFT) - 1


class IdSet:
    """A set of ids, whole numbers most of them and close to each other: a bit for each."""

    def __init__(self) -> None:
        self._bits: dict[int, int] = {}
        self._others: set[Any] = set()

    def __contains__(self, value: Any) -> bool:
        if type(value) is not int:
            return value in self._others
        return bool(self._bits.get(value >> SHIFT, 0) >> (value & MASK) & 1)

    def take(self, value: Any) -> bool:
        """Add an id; False when it was there."""
        if type(value) is not int:
            if value in self._others:
                return False
            self._others.add(value)
            return True
        page, bit = value >> SHIFT, 1 << (value & MASK)
        bits = self._bits.get(page, 0)
        if bits & bit:
            return False
        self._bits[page] = bits | bit
        return True
