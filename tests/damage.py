"""Changing the database of a store as no command does."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from localcvat.store.engine import DATABASE


def damage(folder: Path, *statements: str) -> None:
    """Change the database behind localcvat's back."""
    connection = sqlite3.connect(folder / DATABASE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
