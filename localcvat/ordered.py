"""A function over a stream by several threads, the results in the order of the stream.

Threads pay where the function reads, copies or hashes files: those give up the interpreter's lock.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")
Result = TypeVar("Result")
AHEAD = 32
"""Values taken before the first result is given, however many threads there are: what the stream
does on its way (say, in a report) then happens in the same order."""


def all_cores() -> int:
    """How many threads are used where nobody says."""
    return os.cpu_count() or 1


def ordered_map(
    function: Callable[[Value], Result], values: Iterable[Value], jobs: int
) -> Generator[tuple[Value, Result], None, None]:
    """Each value with the function's result; at most `AHEAD` values are held.

    With one job the caller's thread does it all. An error of the function or of the stream is
    raised in its turn; what was not begun by then never is.

    Whose loop over the results may raise closes them (`contextlib.closing`): then no thread is at
    work any more when the error goes on.
    """
    if jobs < 2:
        for value in _ahead(values):
            yield value, function(value)
        return
    pool = ThreadPoolExecutor(jobs, "ordered")
    try:
        for value, result in _ahead((value, pool.submit(function, value)) for value in values):
            yield value, result.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead(values: Iterable[Value]) -> Iterator[Value]:
    """The same values, each when `AHEAD` more are taken; an error comes after those before it."""
    waiting: deque[Value] = deque()
    try:
        for value in values:
            waiting.append(value)
            if len(waiting) >= AHEAD:
                yield waiting.popleft()
    except Exception as error:
        yield from waiting
        raise error
    yield from waiting
