"""Users and organizations."""

from __future__ import annotations

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from localcvat.store.tables.columns import optional_reference, row_id


class UserRow(SQLModel, table=True):
    """A row of `user`."""

    __tablename__ = "user"
    id: int | None = row_id()
    username: str = Field(sa_column=Column("username", Text, nullable=False))
    email: str = Field(default="", sa_column=Column("email", Text, nullable=False))
    first_name: str = Field(default="", sa_column=Column("first_name", Text, nullable=False))
    last_name: str = Field(default="", sa_column=Column("last_name", Text, nullable=False))


class OrganizationRow(SQLModel, table=True):
    """A row of `organization`."""

    __tablename__ = "organization"
    id: int | None = row_id()
    slug: str = Field(sa_column=Column("slug", Text, nullable=False))
    name: str = Field(default="", sa_column=Column("name", Text, nullable=False))
    owner_id: int | None = optional_reference("owner_id", "user", "SET NULL")
    created_date: str = Field(sa_column=Column("created_date", Text, nullable=False))
