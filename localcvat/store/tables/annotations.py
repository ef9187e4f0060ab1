"""Annotations; they are written and read in bulk, not through these classes."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Text
from sqlalchemy import Float as Real
from sqlmodel import Field, SQLModel

from localcvat.store.tables.columns import optional_reference, reference, row_id


class TagRow(SQLModel, table=True):
    """A row of `tag`."""

    __tablename__ = "tag"
    id: int | None = row_id()
    job_id: int = reference("job_id", "job", "CASCADE")
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = reference("label_id", "label", "CASCADE")
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
    id: int | None = row_id()
    job_id: int = reference("job_id", "job", "CASCADE")
    parent_id: int | None = optional_reference("parent_id", "shape", "CASCADE")
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = reference("label_id", "label", "CASCADE")
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
    id: int | None = row_id()
    job_id: int = reference("job_id", "job", "CASCADE")
    parent_id: int | None = optional_reference("parent_id", "track", "CASCADE")
    frame: int = Field(sa_column=Column("frame", Integer, nullable=False))
    label_id: int = reference("label_id", "label", "CASCADE")
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
    id: int | None = row_id()
    track_id: int = reference("track_id", "track", "CASCADE")
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
