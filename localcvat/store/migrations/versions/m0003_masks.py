"""Masks may be packed as integers, which older versions can't read: see `store.packing`.

What is there stays as it is.
"""

from __future__ import annotations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change nothing but the version."""
