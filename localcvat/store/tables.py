"""The small tables as SQLModel classes; the migrations hold the schema, a test compares the two.

Annotations (tag, shape, track, tracked_shape) are read and written in bulk by `annotations`.
"""

from __future__ import annotations

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    __tablename__ = "user"
    id: int | None = Field(default=None, primary_key=True)
    username: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""


class OrganizationRow(SQLModel, table=True):
    __tablename__ = "organization"
    id: int | None = Field(default=None, primary_key=True)
    slug: str
    name: str = ""
    owner_id: int | None = Field(default=None, foreign_key="user.id")
    created_date: str


class ProjectRow(SQLModel, table=True):
    __tablename__ = "project"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    status: str = "annotation"
    owner_id: int | None = Field(default=None, foreign_key="user.id")
    assignee_id: int | None = Field(default=None, foreign_key="user.id")
    assignee_updated_date: str | None = None
    organization_id: int | None = Field(default=None, foreign_key="organization.id")
    bug_tracker: str = ""
    source_storage: str | None = None
    target_storage: str | None = None
    created_date: str
    updated_date: str
    deleted_date: str | None = None
    extras: str | None = None


class DataRow(SQLModel, table=True):
    __tablename__ = "data"
    id: int | None = Field(default=None, primary_key=True)
    size: int = 0
    chunk_size: int | None = None
    image_quality: int = 70
    start_frame: int = 0
    stop_frame: int = 0
    frame_filter: str = ""
    chunk_type: str = "imageset"
    original_chunk_type: str = "imageset"
    storage_method: str = "cache"
    storage: str = "local"
    sorting_method: str = "lexicographical"
    deleted_frames: str = "[]"
    custom_segments: int = 0
    validation_layout: str | None = None
    extras: str | None = None


class TaskRow(SQLModel, table=True):
    __tablename__ = "task"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int | None = Field(default=None, foreign_key="project.id")
    data_id: int | None = Field(default=None, foreign_key="data.id")
    name: str
    subset: str = ""
    mode: str = ""
    dimension: str = "2d"
    status: str = "annotation"
    owner_id: int | None = Field(default=None, foreign_key="user.id")
    assignee_id: int | None = Field(default=None, foreign_key="user.id")
    assignee_updated_date: str | None = None
    organization_id: int | None = Field(default=None, foreign_key="organization.id")
    bug_tracker: str = ""
    overlap: int | None = None
    segment_size: int = 0
    consensus_replicas: int = 0
    source_storage: str | None = None
    target_storage: str | None = None
    created_date: str
    updated_date: str
    deleted_date: str | None = None
    extras: str | None = None


class LabelRow(SQLModel, table=True):
    __tablename__ = "label"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int | None = Field(default=None, foreign_key="project.id")
    task_id: int | None = Field(default=None, foreign_key="task.id")
    parent_id: int | None = Field(default=None, foreign_key="label.id")
    name: str
    color: str = ""
    type: str = "any"
    svg: str = ""
    extras: str | None = None


class AttributeSpecRow(SQLModel, table=True):
    __tablename__ = "attribute_spec"
    id: int | None = Field(default=None, primary_key=True)
    label_id: int = Field(foreign_key="label.id")
    name: str
    mutable: int = 0
    input_type: str = "text"
    default_value: str = ""
    # SQLModel reserves nothing called `values`, but a list-like name on a row misleads.
    values_json: str = Field(default="[]", sa_column=Column("values", Text, nullable=False))


class MediaRow(SQLModel, table=True):
    __tablename__ = "media"
    id: int | None = Field(default=None, primary_key=True)
    sha256: str
    size: int
    kind: str = "copy"
    path: str | None = None
    mtime_ns: int | None = None


class DataFileRow(SQLModel, table=True):
    __tablename__ = "data_file"
    data_id: int = Field(foreign_key="data.id", primary_key=True)
    position: int = Field(primary_key=True)
    path: str
    kind: str = "media"
    media_id: int | None = Field(default=None, foreign_key="media.id")
    extras: str | None = None


class FrameRow(SQLModel, table=True):
    __tablename__ = "frame"
    data_id: int = Field(foreign_key="data.id", primary_key=True)
    number: int = Field(primary_key=True)
    path: str
    width: int = 0
    height: int = 0
    media_id: int | None = Field(default=None, foreign_key="media.id")
    extras: str | None = None


class SegmentRow(SQLModel, table=True):
    __tablename__ = "segment"
    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id")
    start_frame: int
    stop_frame: int
    type: str = "range"
    frames: str = "[]"
    files: str | None = None


class JobRow(SQLModel, table=True):
    __tablename__ = "job"
    id: int | None = Field(default=None, primary_key=True)
    segment_id: int = Field(foreign_key="segment.id")
    task_id: int = Field(foreign_key="task.id")
    parent_job_id: int | None = Field(default=None, foreign_key="job.id")
    type: str = "annotation"
    stage: str = "annotation"
    state: str = "new"
    status: str = "annotation"
    assignee_id: int | None = Field(default=None, foreign_key="user.id")
    assignee_updated_date: str | None = None
    created_date: str
    updated_date: str
    extras: str | None = None


class GuideRow(SQLModel, table=True):
    __tablename__ = "guide"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int | None = Field(default=None, foreign_key="project.id")
    task_id: int | None = Field(default=None, foreign_key="task.id")
    markdown: str = ""
    created_date: str
    updated_date: str


class AssetRow(SQLModel, table=True):
    __tablename__ = "asset"
    uuid: str = Field(primary_key=True)
    guide_id: int = Field(foreign_key="guide.id")
    filename: str
    media_id: int = Field(foreign_key="media.id")
    owner_id: int | None = Field(default=None, foreign_key="user.id")
    created_date: str


class RequestRow(SQLModel, table=True):
    __tablename__ = "request"
    id: str = Field(primary_key=True)
    status: str
    action: str
    target: str
    subresource: str
    project_id: int | None = None
    task_id: int | None = None
    job_id: int | None = None
    format: str | None = None
    lightweight: int | None = None
    progress: float = 0.0
    message: str = ""
    result_path: str | None = None
    result_id: int | None = None
    owner_id: int | None = Field(default=None, foreign_key="user.id")
    created_date: str
    started_date: str | None = None
    finished_date: str | None = None
    report: str | None = None
