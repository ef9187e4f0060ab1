"""A function over a stream by threads: the order, the errors and what is held at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from localcvat.ordered import AHEAD, ordered_map

JOBS = [1, 2, 4]


@pytest.mark.parametrize("jobs", JOBS)
def test_results_come_in_the_order_of_the_stream(jobs: int) -> None:
    def slow_at_first(value: int) -> int:
        time.sleep(0.002 if value % 7 == 0 else 0)
        return value * value

    found = list(ordered_map(slow_at_first, range(100), jobs))
    assert found == [(value, value * value) for value in range(100)]


@pytest.mark.parametrize("jobs", JOBS)
def test_no_more_of_the_stream_is_held_than_said_whatever_the_jobs(jobs: int) -> None:
    taken = []
    stream = (taken.append(value) or value for value in range(1000))  # type: ignore[func-returns-value]
    results = ordered_map(str, stream, jobs)
    for number in range(5):
        assert next(results) == (number, str(number))
        assert len(taken) == AHEAD + number
    results.close()


@pytest.mark.parametrize("jobs", JOBS)
def test_the_first_error_in_order_is_raised_after_what_came_before_it(jobs: int) -> None:
    def stream() -> Iterator[int]:
        yield from range(10)
        raise ValueError("the stream broke")

    def function(value: int) -> int:
        if value in (4, 6):
            raise KeyError(value)
        return value

    results = ordered_map(function, stream(), jobs)
    assert [next(results)[0] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(KeyError, match="4"):
        next(results)
    texts = ordered_map(str, stream(), jobs)
    assert [next(texts)[1] for _ in range(10)] == [str(value) for value in range(10)]
    with pytest.raises(ValueError, match="broke"):
        next(texts)


def test_two_jobs_are_two_threads_at_work_at_once() -> None:
    together = threading.Barrier(2, timeout=5)
    assert len(list(ordered_map(lambda _: together.wait(), range(20), 2))) == 20


def test_what_was_not_begun_when_it_ends_never_is() -> None:
    begun = []

    def function(value: int) -> None:
        begun.append(value)
        time.sleep(0.01)

    results = ordered_map(function, range(1000), 2)
    next(results)
    results.close()
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count < AHEAD
