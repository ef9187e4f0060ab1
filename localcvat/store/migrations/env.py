"""Alembic's environment: runs on the connection, in the transaction, that `upgrade` gives."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    transaction_per_migration=False,
    transactional_ddl=False,
)
context.run_migrations()
