"""Dates as the store spells them."""

from __future__ import annotations

from datetime import datetime, timezone


def now_text() -> str:
    """The time now: ISO 8601, UTC, microseconds, ``Z``, so that text order is time order."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
