"""Progress on a terminal for what takes over a second, on standard error; silent when piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DELAY_SECONDS = 1.0
STEP_SECONDS = 0.1


@contextmanager
def item_progress(noun: str) -> Iterator[Callable[[int], None] | None]:
    """A function to call with the number of items done, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    start = time.monotonic()
    shown = start + DELAY_SECONDS

    def show(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= STEP_SECONDS:
            shown = now
            rate = done / (now - start)
            print(f"\r{done} {noun}, {rate:.0f}/s ", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown > start + DELAY_SECONDS:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
