"""The columns that most tables have: their id, and references to rows of other tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Integer
from sqlmodel import Field


def row_id() -> Any:
    """The primary key `id`, given by SQLite."""
    return Field(default=None, sa_column=Column("id", Integer, primary_key=True))


def reference(name: str, table: str, ondelete: str | None = None) -> Any:
    """A column with the id of a row of `table`; `ondelete` says what happens when that goes."""
    return Field(sa_column=_reference(name, table, ondelete, nullable=False))


def optional_reference(name: str, table: str, ondelete: str | None = None) -> Any:
    """As `reference`, of no row by default."""
    return Field(default=None, sa_column=_reference(name, table, ondelete, nullable=True))


def _reference(name: str, table: str, ondelete: str | None, *, nullable: bool) -> Column[int]:
    return Column(name, Integer, ForeignKey(f"{table}.id", ondelete=ondelete), nullable=nullable)
