"""Schema migrations: Alembic revisions, run from here and never from the command line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path


def upgrade(
    database: Path,
    connection: sqlite3.Connection,
    application_id: int,
    version: int,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Bring the open database to the newest schema in one transaction; `before` is called in it."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.connect() as bound:
        # Tables are rebuilt by later revisions: rows must not cascade away meanwhile.
        bound.exec_driver_sql("PRAGMA foreign_keys=OFF")
        bound.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            before()
            config.attributes["connection"] = bound
            command.upgrade(config, "head")
            bound.exec_driver_sql(f"PRAGMA application_id={application_id}")
            bound.exec_driver_sql(f"PRAGMA user_version={version}")
            bound.exec_driver_sql("COMMIT")
        except BaseException:
            if connection.in_transaction:
                bound.exec_driver_sql("ROLLBACK")
            raise
        finally:
            bound.exec_driver_sql("PRAGMA foreign_keys=ON")
