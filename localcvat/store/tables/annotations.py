"""Annotations; they are written and read in bulk, not through these classes."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Text
from sqlalchemy import Float as Real
from sqlmodel import Field, SQLModel


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
