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

    def add(self, value: Any) -> None:
        """Take an id."""
        if type(value) is not int:
            self._others.add(value)
            return
        page = value >> SHIFT
        self._bits[page] = self._bits.get(page, 0) | 1 << (value & MASK)
