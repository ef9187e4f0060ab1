"""Users and organizations."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Text
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
