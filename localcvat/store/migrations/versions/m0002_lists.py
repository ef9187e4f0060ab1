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
        for last in SORTED[1:]:
            op.execute(
                f"CREATE INDEX {table}_{last} ON {table}({last}, id) WHERE deleted_date IS NULL"
            )
        for first in FILTERED:
            for last in SORTED:
                # With the other filters in it, an index counts for two of them without the rows.
                others = ", ".join(name for name in FILTERED if name != first)
                covering = f"{first}, id, {others}, deleted_date"
                columns = covering if last == "id" else f"{first}, {last}, id"
                op.execute(
                    f"CREATE INDEX {table}_{first}_{last} ON {table}({columns})"
                    " WHERE deleted_date IS NULL"
                )
        op.execute(
            f"CREATE INDEX {table}_deleted ON {table}(deleted_date) WHERE deleted_date IS NOT NULL"
        )
    op.execute("CREATE INDEX job_updated_date ON job(updated_date, id)")
    op.execute("CREATE INDEX job_assignee ON job(assignee_id, id)")
    op.execute("CREATE INDEX label_name ON label(name, id)")
    op.execute("CREATE INDEX request_target ON request(project_id, task_id, job_id)")
    op.execute("ALTER TABLE request ADD COLUMN process TEXT")
