"""Alembic's environment: runs on the connection, and in the transaction, that `upgrade` hands over."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    transaction_per_migration=False,
    transactional_ddl=False,
)
context.run_migrations()
