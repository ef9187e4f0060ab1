"""Indexes of lists: each plain filter with the sort orders, over what is not in the trash.

Requests name the process that runs them, so that one that died is told from one that is slow.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

OLD = (
    "project_name project_owner project_assignee project_status project_updated task_name"
    " task_updated"
)
FILTERED = ("owner_id", "assignee_id", "status", "organization_id")
SORTED = ("id", "name", "updated_date")


def upgrade() -> None:
    """Replace the indexes over all rows by those a list can read in order."""
    for name in OLD.split():
        op.execute(f"DROP INDEX {name}")
    for table in ("project", "task"):
        # Indexes with all that is filtered and searched in them count without reading the rows.
        for last in SORTED[1:]:
            columns = ", ".join((last, "id", *FILTERED, "deleted_date"))
            _create(table, last, columns)
        for first in FILTERED:
            others = [name for name in FILTERED if name != first]
            _create(table, f"{first}_id", ", ".join((first, "id", *others, "deleted_date")))
            for last in SORTED[1:]:
                _create(table, f"{first}_{last}", f"{first}, {last}, id")
        # A list of one status sorted by owner or assignee counts what each of them has.
        for last in ("owner_id", "assignee_id"):
            _create(table, f"status_{last}", f"status, {last}, id, deleted_date")
        op.execute(
            f"CREATE INDEX {table}_deleted ON {table}(deleted_date) WHERE deleted_date IS NOT NULL"
        )
    op.execute("CREATE INDEX job_updated_date ON job(updated_date, id)")
    op.execute("CREATE INDEX job_assignee ON job(assignee_id, id)")
    op.execute("CREATE INDEX label_name ON label(name, id)")
    op.execute("CREATE INDEX request_target ON request(project_id, task_id, job_id)")
    op.execute("ALTER TABLE request ADD COLUMN process TEXT")


def _create(table: str, name: str, columns: str) -> None:
    op.execute(f"CREATE INDEX {table}_{name} ON {table}({columns}) WHERE deleted_date IS NULL")
