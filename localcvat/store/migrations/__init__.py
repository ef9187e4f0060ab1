"""Alembic migrations in order: `MIGRATIONS[n]` brings schema n to schema n + 1."""

from __future__ import annotations

from localcvat.store.migrations.versions import m0001_first

MIGRATIONS = (m0001_first.upgrade,)
