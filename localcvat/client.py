"""`Client`: the front door of the library."""

from __future__ import annotations


class Client:
    """Work with one store; names follow cvat-sdk's high-level API."""
