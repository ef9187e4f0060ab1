"""Projects and their labels; guides may belong to tasks."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Text
from sqlmodel import Field, SQLModel

from localcvat.store.tables.columns import optional_reference, reference, row_id


class ProjectRow(SQLModel, table=True):
    """A row of `project`."""

    __tablename__ = "project"
    id: int | None = row_id()
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    status: str = Field(default="annotation", sa_column=Column("status", Text, nullable=False))
    owner_id: int | None = optional_reference("owner_id", "user", "SET NULL")
    assignee_id: int | None = optional_reference("assignee_id", "user", "SET NULL")
    assignee_updated_date: str | None = Field(
        default=None, sa_column=Column("assignee_updated_date", Text, nullable=True)
    )
    organization_id: int | None = optional_reference("organization_id", "organization", "CASCADE")
    bug_tracker: str = Field(default="", sa_column=Column("bug_tracker", Text, nullable=False))
    source_storage: str | None = Field(
        default=None, sa_column=Column("source_storage", Text, nullable=True)
    )
    target_storage: str | None = Field(
        default=None, sa_column=Column("target_storage", Text, nullable=True)
    )
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    updated_date: str = Field(sa_column=Column("updated_date", Text, nullable=False))
    deleted_date: str | None = Field(
        default=None, sa_column=Column("deleted_date", Text, nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class LabelRow(SQLModel, table=True):
    """A row of `label`."""

    __tablename__ = "label"
    id: int | None = row_id()
    project_id: int | None = optional_reference("project_id", "project", "CASCADE")
    task_id: int | None = optional_reference("task_id", "task", "CASCADE")
    parent_id: int | None = optional_reference("parent_id", "label", "CASCADE")
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    color: str = Field(default="", sa_column=Column("color", Text, nullable=False))
    type: str = Field(default="any", sa_column=Column("type", Text, nullable=False))
    svg: str = Field(default="", sa_column=Column("svg", Text, nullable=False))
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class AttributeSpecRow(SQLModel, table=True):
    """A row of `attribute_spec`."""

    __tablename__ = "attribute_spec"
    id: int | None = row_id()
    label_id: int = reference("label_id", "label", "CASCADE")
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    mutable: int = Field(default=0, sa_column=Column("mutable", Integer, nullable=False))
    input_type: str = Field(default="text", sa_column=Column("input_type", Text, nullable=False))
    default_value: str = Field(default="", sa_column=Column("default_value", Text, nullable=False))
    values: str = Field(default="[]", sa_column=Column("values", Text, nullable=False))


class GuideRow(SQLModel, table=True):
    """A row of `guide`."""

    __tablename__ = "guide"
    id: int | None = row_id()
    project_id: int | None = optional_reference("project_id", "project", "CASCADE")
    task_id: int | None = optional_reference("task_id", "task", "CASCADE")
    markdown: str = Field(default="", sa_column=Column("markdown", Text, nullable=False))
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    updated_date: str = Field(sa_column=Column("updated_date", Text, nullable=False))


class AssetRow(SQLModel, table=True):
    """A row of `asset`."""

    __tablename__ = "asset"
    uuid: str = Field(sa_column=Column("uuid", Text, primary_key=True))
    guide_id: int = reference("guide_id", "guide", "CASCADE")
    filename: str = Field(sa_column=Column("filename", Text, nullable=False))
    media_id: int = reference("media_id", "media")
    owner_id: int | None = optional_reference("owner_id", "user", "SET NULL")
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
