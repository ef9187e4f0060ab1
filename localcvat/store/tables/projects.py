"""Projects and their labels; guides may belong to tasks."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Text
from sqlmodel import Field, SQLModel


class ProjectRow(SQLModel, table=True):
    """A row of `project`."""

    __tablename__ = "project"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    status: str = Field(default="annotation", sa_column=Column("status", Text, nullable=False))
    owner_id: int | None = Field(
        default=None,
        sa_column=Column(
            "owner_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
    assignee_id: int | None = Field(
        default=None,
        sa_column=Column(
            "assignee_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
    assignee_updated_date: str | None = Field(
        default=None, sa_column=Column("assignee_updated_date", Text, nullable=True)
    )
    organization_id: int | None = Field(
        default=None,
        sa_column=Column(
            "organization_id",
            Integer,
            ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=True,
        ),
    )
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
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    project_id: int | None = Field(
        default=None,
        sa_column=Column(
            "project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=True
        ),
    )
    task_id: int | None = Field(
        default=None,
        sa_column=Column(
            "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=True
        ),
    )
    parent_id: int | None = Field(
        default=None,
        sa_column=Column(
            "parent_id", Integer, ForeignKey("label.id", ondelete="CASCADE"), nullable=True
        ),
    )
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    color: str = Field(default="", sa_column=Column("color", Text, nullable=False))
    type: str = Field(default="any", sa_column=Column("type", Text, nullable=False))
    svg: str = Field(default="", sa_column=Column("svg", Text, nullable=False))
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class AttributeSpecRow(SQLModel, table=True):
    """A row of `attribute_spec`."""

    __tablename__ = "attribute_spec"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    label_id: int = Field(
        sa_column=Column(
            "label_id", Integer, ForeignKey("label.id", ondelete="CASCADE"), nullable=False
        )
    )
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    mutable: int = Field(default=0, sa_column=Column("mutable", Integer, nullable=False))
    input_type: str = Field(default="text", sa_column=Column("input_type", Text, nullable=False))
    default_value: str = Field(default="", sa_column=Column("default_value", Text, nullable=False))
    values: str = Field(default="[]", sa_column=Column("values", Text, nullable=False))


class GuideRow(SQLModel, table=True):
    """A row of `guide`."""

    __tablename__ = "guide"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    project_id: int | None = Field(
        default=None,
        sa_column=Column(
            "project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=True
        ),
    )
    task_id: int | None = Field(
        default=None,
        sa_column=Column(
            "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=True
        ),
    )
    markdown: str = Field(default="", sa_column=Column("markdown", Text, nullable=False))
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    updated_date: str = Field(sa_column=Column("updated_date", Text, nullable=False))


class AssetRow(SQLModel, table=True):
    """A row of `asset`."""

    __tablename__ = "asset"
    uuid: str = Field(sa_column=Column("uuid", Text, primary_key=True))
    guide_id: int = Field(
        sa_column=Column(
            "guide_id", Integer, ForeignKey("guide.id", ondelete="CASCADE"), nullable=False
        )
    )
    filename: str = Field(sa_column=Column("filename", Text, nullable=False))
    media_id: int = Field(
        sa_column=Column("media_id", Integer, ForeignKey("media.id"), nullable=False)
    )
    owner_id: int | None = Field(
        default=None,
        sa_column=Column(
            "owner_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
