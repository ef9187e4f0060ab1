"""What was done: requests and events."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Text
from sqlalchemy import Float as Real
from sqlmodel import Field, SQLModel

from localcvat.store.tables.columns import optional_reference, row_id


class RequestRow(SQLModel, table=True):
    """A row of `request`."""

    __tablename__ = "request"
    id: str = Field(sa_column=Column("id", Text, primary_key=True))
    status: str = Field(sa_column=Column("status", Text, nullable=False))
    action: str = Field(sa_column=Column("action", Text, nullable=False))
    target: str = Field(sa_column=Column("target", Text, nullable=False))
    subresource: str = Field(sa_column=Column("subresource", Text, nullable=False))
    project_id: int | None = Field(
        default=None, sa_column=Column("project_id", Integer, nullable=True)
    )
    task_id: int | None = Field(default=None, sa_column=Column("task_id", Integer, nullable=True))
    job_id: int | None = Field(default=None, sa_column=Column("job_id", Integer, nullable=True))
    format: str | None = Field(default=None, sa_column=Column("format", Text, nullable=True))
    lightweight: int | None = Field(
        default=None, sa_column=Column("lightweight", Integer, nullable=True)
    )
    progress: float = Field(default=0.0, sa_column=Column("progress", Real, nullable=False))
    message: str = Field(default="", sa_column=Column("message", Text, nullable=False))
    result_path: str | None = Field(
        default=None, sa_column=Column("result_path", Text, nullable=True)
    )
    result_id: int | None = Field(
        default=None, sa_column=Column("result_id", Integer, nullable=True)
    )
    owner_id: int | None = optional_reference("owner_id", "user", "SET NULL")
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    started_date: str | None = Field(
        default=None, sa_column=Column("started_date", Text, nullable=True)
    )
    finished_date: str | None = Field(
        default=None, sa_column=Column("finished_date", Text, nullable=True)
    )
    report: str | None = Field(default=None, sa_column=Column("report", Text, nullable=True))
    process: str | None = Field(default=None, sa_column=Column("process", Text, nullable=True))


class EventRow(SQLModel, table=True):
    """A row of `event`."""

    __tablename__ = "event"
    id: int | None = row_id()
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    scope: str = Field(sa_column=Column("scope", Text, nullable=False))
    target: str = Field(sa_column=Column("target", Text, nullable=False))
    target_id: int | None = Field(
        default=None, sa_column=Column("target_id", Integer, nullable=True)
    )
    payload: str | None = Field(default=None, sa_column=Column("payload", Text, nullable=True))
