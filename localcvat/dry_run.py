"""Dry runs: everything is done as it would be, then undone as after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class DryRun(Exception):
    """The end of a dry run: raised where the real one would keep what it did."""


@contextmanager
def dry_run_ends_here() -> Iterator[None]:
    """Go on after this block when a dry run ended in it; outputs and transactions are undone."""
    try:
        yield
    except DryRun:
        return
