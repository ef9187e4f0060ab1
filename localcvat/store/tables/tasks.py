"""Tasks, their data, segments and jobs."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Text
from sqlmodel import Field, SQLModel

from localcvat.store.tables.columns import optional_reference, reference, row_id


class DataRow(SQLModel, table=True):
    """A row of `data`."""

    __tablename__ = "data"
    id: int | None = row_id()
    size: int = Field(default=0, sa_column=Column("size", Integer, nullable=False))
    chunk_size: int | None = Field(
        default=None, sa_column=Column("chunk_size", Integer, nullable=True)
    )
    image_quality: int = Field(
        default=70, sa_column=Column("image_quality", Integer, nullable=False)
    )
    start_frame: int = Field(default=0, sa_column=Column("start_frame", Integer, nullable=False))
    stop_frame: int = Field(default=0, sa_column=Column("stop_frame", Integer, nullable=False))
    frame_filter: str = Field(default="", sa_column=Column("frame_filter", Text, nullable=False))
    chunk_type: str = Field(
        default="imageset", sa_column=Column("chunk_type", Text, nullable=False)
    )
    original_chunk_type: str = Field(
        default="imageset", sa_column=Column("original_chunk_type", Text, nullable=False)
    )
    storage_method: str = Field(
        default="cache", sa_column=Column("storage_method", Text, nullable=False)
    )
    storage: str = Field(default="local", sa_column=Column("storage", Text, nullable=False))
    sorting_method: str = Field(
        default="lexicographical", sa_column=Column("sorting_method", Text, nullable=False)
    )
    deleted_frames: str = Field(
        default="[]", sa_column=Column("deleted_frames", Text, nullable=False)
    )
    custom_segments: int = Field(
        default=0, sa_column=Column("custom_segments", Integer, nullable=False)
    )
    validation_layout: str | None = Field(
        default=None, sa_column=Column("validation_layout", Text, nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class TaskRow(SQLModel, table=True):
    """A row of `task`."""

    __tablename__ = "task"
    id: int | None = row_id()
    project_id: int | None = optional_reference("project_id", "project", "CASCADE")
    data_id: int | None = optional_reference("data_id", "data", "SET NULL")
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    subset: str = Field(default="", sa_column=Column("subset", Text, nullable=False))
    mode: str = Field(default="", sa_column=Column("mode", Text, nullable=False))
    dimension: str = Field(default="2d", sa_column=Column("dimension", Text, nullable=False))
    status: str = Field(default="annotation", sa_column=Column("status", Text, nullable=False))
    owner_id: int | None = optional_reference("owner_id", "user", "SET NULL")
    assignee_id: int | None = optional_reference("assignee_id", "user", "SET NULL")
    assignee_updated_date: str | None = Field(
        default=None, sa_column=Column("assignee_updated_date", Text, nullable=True)
    )
    organization_id: int | None = optional_reference("organization_id", "organization", "CASCADE")
    bug_tracker: str = Field(default="", sa_column=Column("bug_tracker", Text, nullable=False))
    overlap: int | None = Field(default=None, sa_column=Column("overlap", Integer, nullable=True))
    segment_size: int = Field(default=0, sa_column=Column("segment_size", Integer, nullable=False))
    consensus_replicas: int = Field(
        default=0, sa_column=Column("consensus_replicas", Integer, nullable=False)
    )
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


class MediaRow(SQLModel, table=True):
    """A row of `media`."""

    __tablename__ = "media"
    id: int | None = row_id()
    sha256: str = Field(sa_column=Column("sha256", Text, nullable=False))
    size: int = Field(sa_column=Column("size", Integer, nullable=False))
    kind: str = Field(default="copy", sa_column=Column("kind", Text, nullable=False))
    path: str | None = Field(default=None, sa_column=Column("path", Text, nullable=True))
    mtime_ns: int | None = Field(default=None, sa_column=Column("mtime_ns", Integer, nullable=True))


class DataFileRow(SQLModel, table=True):
    """A row of `data_file`."""

    __tablename__ = "data_file"
    data_id: int = Field(
        sa_column=Column(
            "data_id", Integer, ForeignKey("data.id", ondelete="CASCADE"), primary_key=True
        )
    )
    position: int = Field(sa_column=Column("position", Integer, primary_key=True))
    path: str = Field(sa_column=Column("path", Text, nullable=False))
    kind: str = Field(default="media", sa_column=Column("kind", Text, nullable=False))
    media_id: int | None = optional_reference("media_id", "media")
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class FrameRow(SQLModel, table=True):
    """A row of `frame`."""

    __tablename__ = "frame"
    data_id: int = Field(
        sa_column=Column(
            "data_id", Integer, ForeignKey("data.id", ondelete="CASCADE"), primary_key=True
        )
    )
    number: int = Field(sa_column=Column("number", Integer, primary_key=True))
    path: str = Field(sa_column=Column("path", Text, nullable=False))
    width: int = Field(default=0, sa_column=Column("width", Integer, nullable=False))
    height: int = Field(default=0, sa_column=Column("height", Integer, nullable=False))
    media_id: int | None = optional_reference("media_id", "media")
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class SegmentRow(SQLModel, table=True):
    """A row of `segment`."""

    __tablename__ = "segment"
    id: int | None = row_id()
    task_id: int = reference("task_id", "task", "CASCADE")
    start_frame: int = Field(sa_column=Column("start_frame", Integer, nullable=False))
    stop_frame: int = Field(sa_column=Column("stop_frame", Integer, nullable=False))
    type: str = Field(default="range", sa_column=Column("type", Text, nullable=False))
    frames: str = Field(default="[]", sa_column=Column("frames", Text, nullable=False))
    files: str | None = Field(default=None, sa_column=Column("files", Text, nullable=True))


class JobRow(SQLModel, table=True):
    """A row of `job`."""

    __tablename__ = "job"
    id: int | None = row_id()
    segment_id: int = reference("segment_id", "segment", "CASCADE")
    task_id: int = reference("task_id", "task", "CASCADE")
    parent_job_id: int | None = optional_reference("parent_job_id", "job", "CASCADE")
    type: str = Field(default="annotation", sa_column=Column("type", Text, nullable=False))
    stage: str = Field(default="annotation", sa_column=Column("stage", Text, nullable=False))
    state: str = Field(default="new", sa_column=Column("state", Text, nullable=False))
    status: str = Field(default="annotation", sa_column=Column("status", Text, nullable=False))
    assignee_id: int | None = optional_reference("assignee_id", "user", "SET NULL")
    assignee_updated_date: str | None = Field(
        default=None, sa_column=Column("assignee_updated_date", Text, nullable=True)
    )
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    updated_date: str = Field(sa_column=Column("updated_date", Text, nullable=False))
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))
