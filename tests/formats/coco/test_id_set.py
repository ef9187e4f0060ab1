"""Ids that are taken are told from those that are not, whatever they are."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcvat_formats.id_set import IdSet

ids = st.integers(-600, 600) | st.integers(-(2**80), 2**80) | st.text(max_size=2)


@given(st.lists(ids))
def test_an_id_is_free_once(values: list[Any]) -> None:
    mine, theirs = IdSet(), set[Any]()
    for value in values:
        assert mine.take(value) == (value not in theirs)
        theirs.add(value)
        assert value in mine
    assert all((value in mine) == (value in theirs) for value in range(-600, 600))


def test_a_million_ids_in_a_row_take_little_memory() -> None:
    taken = IdSet()
    for value in range(1_000_000):
        taken.take(2 * value)
    bits = taken._bits
    assert sys.getsizeof(bits) + sum(map(sys.getsizeof, bits.values())) < 2_000_000
