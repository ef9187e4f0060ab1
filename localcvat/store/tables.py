"""The tables as SQLModel classes, mirroring the migrations; a test compares the two.

JSON columns hold compact text; dates ISO 8601 UTC text; `points` packed little-endian float64.
Annotation tables are written and read in bulk by `annotations`, not through these classes.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Text
from sqlalchemy import Float as Real
from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    """A row of `user`."""

    __tablename__ = "user"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    username: str = Field(sa_column=Column("username", Text, nullable=False))
    email: str = Field(default="", sa_column=Column("email", Text, nullable=False))
    first_name: str = Field(default="", sa_column=Column("first_name", Text, nullable=False))
    last_name: str = Field(default="", sa_column=Column("last_name", Text, nullable=False))


class OrganizationRow(SQLModel, table=True):
    """A row of `organization`."""

    __tablename__ = "organization"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    slug: str = Field(sa_column=Column("slug", Text, nullable=False))
    name: str = Field(default="", sa_column=Column("name", Text, nullable=False))
    owner_id: int | None = Field(
        default=None,
        sa_column=Column(
            "owner_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))


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


class DataRow(SQLModel, table=True):
    """A row of `data`."""

    __tablename__ = "data"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
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
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    project_id: int | None = Field(
        default=None,
        sa_column=Column(
            "project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=True
        ),
    )
    data_id: int | None = Field(
        default=None,
        sa_column=Column(
            "data_id", Integer, ForeignKey("data.id", ondelete="SET NULL"), nullable=True
        ),
    )
    name: str = Field(sa_column=Column("name", Text, nullable=False))
    subset: str = Field(default="", sa_column=Column("subset", Text, nullable=False))
    mode: str = Field(default="", sa_column=Column("mode", Text, nullable=False))
    dimension: str = Field(default="2d", sa_column=Column("dimension", Text, nullable=False))
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


class MediaRow(SQLModel, table=True):
    """A row of `media`."""

    __tablename__ = "media"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
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
    media_id: int | None = Field(
        default=None, sa_column=Column("media_id", Integer, ForeignKey("media.id"), nullable=True)
    )
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
    media_id: int | None = Field(
        default=None, sa_column=Column("media_id", Integer, ForeignKey("media.id"), nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class SegmentRow(SQLModel, table=True):
    """A row of `segment`."""

    __tablename__ = "segment"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    task_id: int = Field(
        sa_column=Column(
            "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False
        )
    )
    start_frame: int = Field(sa_column=Column("start_frame", Integer, nullable=False))
    stop_frame: int = Field(sa_column=Column("stop_frame", Integer, nullable=False))
    type: str = Field(default="range", sa_column=Column("type", Text, nullable=False))
    frames: str = Field(default="[]", sa_column=Column("frames", Text, nullable=False))
    files: str | None = Field(default=None, sa_column=Column("files", Text, nullable=True))


class JobRow(SQLModel, table=True):
    """A row of `job`."""

    __tablename__ = "job"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    segment_id: int = Field(
        sa_column=Column(
            "segment_id", Integer, ForeignKey("segment.id", ondelete="CASCADE"), nullable=False
        )
    )
    task_id: int = Field(
        sa_column=Column(
            "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False
        )
    )
    parent_job_id: int | None = Field(
        default=None,
        sa_column=Column(
            "parent_job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=True
        ),
    )
    type: str = Field(default="annotation", sa_column=Column("type", Text, nullable=False))
    stage: str = Field(default="annotation", sa_column=Column("stage", Text, nullable=False))
    state: str = Field(default="new", sa_column=Column("state", Text, nullable=False))
    status: str = Field(default="annotation", sa_column=Column("status", Text, nullable=False))
    assignee_id: int | None = Field(
        default=None,
        sa_column=Column(
            "assignee_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
    assignee_updated_date: str | None = Field(
        default=None, sa_column=Column("assignee_updated_date", Text, nullable=True)
    )
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    updated_date: str = Field(sa_column=Column("updated_date", Text, nullable=False))
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class TagRow(SQLModel, table=True):
    """A row of `tag`."""

    __tablename__ = "tag"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    job_id: int = Field(
        sa_column=Column(
            "job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False
        )
    )
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = Field(
        sa_column=Column(
            "label_id", Integer, ForeignKey("label.id", ondelete="CASCADE"), nullable=False
        )
    )
    grp: int = Field(default=0, sa_column=Column("grp", Integer, nullable=False))
    source: str = Field(default="manual", sa_column=Column("source", Text, nullable=False))
    score: float | None = Field(default=None, sa_column=Column("score", Real, nullable=True))
    attributes: str | None = Field(
        default=None, sa_column=Column("attributes", Text, nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class ShapeRow(SQLModel, table=True):
    """A row of `shape`."""

    __tablename__ = "shape"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    job_id: int = Field(
        sa_column=Column(
            "job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False
        )
    )
    parent_id: int | None = Field(
        default=None,
        sa_column=Column(
            "parent_id", Integer, ForeignKey("shape.id", ondelete="CASCADE"), nullable=True
        ),
    )
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = Field(
        sa_column=Column(
            "label_id", Integer, ForeignKey("label.id", ondelete="CASCADE"), nullable=False
        )
    )
    type: str = Field(sa_column=Column("type", Text, nullable=False))
    points: bytes = Field(sa_column=Column("points", LargeBinary, nullable=False))
    occluded: int = Field(default=0, sa_column=Column("occluded", Integer, nullable=False))
    outside: int = Field(default=0, sa_column=Column("outside", Integer, nullable=False))
    z_order: int = Field(default=0, sa_column=Column("z_order", Integer, nullable=False))
    rotation: float = Field(default=0.0, sa_column=Column("rotation", Real, nullable=False))
    grp: int = Field(default=0, sa_column=Column("grp", Integer, nullable=False))
    source: str = Field(default="manual", sa_column=Column("source", Text, nullable=False))
    score: float | None = Field(default=None, sa_column=Column("score", Real, nullable=True))
    instance: int = Field(default=0, sa_column=Column("instance", Integer, nullable=False))
    attributes: str | None = Field(
        default=None, sa_column=Column("attributes", Text, nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class TrackRow(SQLModel, table=True):
    """A row of `track`."""

    __tablename__ = "track"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    job_id: int = Field(
        sa_column=Column(
            "job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False
        )
    )
    parent_id: int | None = Field(
        default=None,
        sa_column=Column(
            "parent_id", Integer, ForeignKey("track.id", ondelete="CASCADE"), nullable=True
        ),
    )
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = Field(
        sa_column=Column(
            "label_id", Integer, ForeignKey("label.id", ondelete="CASCADE"), nullable=False
        )
    )
    grp: int = Field(default=0, sa_column=Column("grp", Integer, nullable=False))
    source: str = Field(default="manual", sa_column=Column("source", Text, nullable=False))
    score: float | None = Field(default=None, sa_column=Column("score", Real, nullable=True))
    attributes: str | None = Field(
        default=None, sa_column=Column("attributes", Text, nullable=True)
    )
    extras: str | None = Field(default=None, sa_column=Column("extras", Text, nullable=True))


class TrackedShapeRow(SQLModel, table=True):
    """A row of `tracked_shape`."""

    __tablename__ = "tracked_shape"
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    track_id: int = Field(
        sa_column=Column(
            "track_id", Integer, ForeignKey("track.id", ondelete="CASCADE"), nullable=False
        )
    )
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    type: str = Field(sa_column=Column("type", Text, nullable=False))
    points: bytes = Field(sa_column=Column("points", LargeBinary, nullable=False))
    occluded: int = Field(default=0, sa_column=Column("occluded", Integer, nullable=False))
    outside: int = Field(default=0, sa_column=Column("outside", Integer, nullable=False))
    z_order: int = Field(default=0, sa_column=Column("z_order", Integer, nullable=False))
    rotation: float = Field(default=0.0, sa_column=Column("rotation", Real, nullable=False))
    attributes: str | None = Field(
        default=None, sa_column=Column("attributes", Text, nullable=True)
    )


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
    owner_id: int | None = Field(
        default=None,
        sa_column=Column(
            "owner_id", Integer, ForeignKey("user.id", ondelete="SET NULL"), nullable=True
        ),
    )
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
    id: int | None = Field(default=None, sa_column=Column("id", Integer, primary_key=True))
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
    scope: str = Field(sa_column=Column("scope", Text, nullable=False))
    target: str = Field(sa_column=Column("target", Text, nullable=False))
    target_id: int | None = Field(
        default=None, sa_column=Column("target_id", Integer, nullable=True)
    )
    payload: str | None = Field(default=None, sa_column=Column("payload", Text, nullable=True))
