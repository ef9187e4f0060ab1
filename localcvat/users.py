"""Users and organizations: plain local records, no passwords."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.listing import Collection, ListQuery, Page, batches, columns_of, find_page
from localcvat.store.engine import Store, now
from localcvat.store.tables import OrganizationRow, UserRow

MAX_USERNAME = 150
MAX_SLUG = 16
_USERNAME = re.compile(r"[\w.@+-]+")
_SLUG = re.compile(r"[a-zA-Z0-9_-]+")

USER = columns_of(UserRow)
ORGANIZATION = columns_of(OrganizationRow)
_OWNER = UserRow.__table__.alias("owner")  # type: ignore[attr-defined]


class User(msgspec.Struct, kw_only=True):
    """A user, as owners and assignees show them."""

    id: int
    username: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""

    def __str__(self) -> str:
        return self.username


class Organization(msgspec.Struct, kw_only=True):
    """An organization; `slug` is its short name."""

    id: int
    slug: str
    name: str
    owner: User | None
    created_date: str


USERS = Collection(
    source=UserRow.__table__,  # type: ignore[attr-defined]
    columns=[USER[name] for name in ("id", "username", "first_name", "last_name", "email")],
    id=USER["id"],
    fields={
        "id": query.Field(USER["id"], "integer"),
        "username": query.Field(USER["username"]),
        "first_name": query.Field(USER["first_name"]),
        "last_name": query.Field(USER["last_name"]),
    },
    simple=("username", "first_name", "last_name"),
    searched=("username", "first_name", "last_name"),
)
ORGANIZATIONS = Collection(
    source=OrganizationRow.__table__.outerjoin(  # type: ignore[attr-defined]
        _OWNER, ORGANIZATION["owner_id"] == _OWNER.c.id
    ),
    columns=list(ORGANIZATION.values()),
    id=ORGANIZATION["id"],
    fields={
        "id": query.Field(ORGANIZATION["id"], "integer"),
        "name": query.Field(ORGANIZATION["name"]),
        "slug": query.Field(ORGANIZATION["slug"]),
        "owner": query.Field(
            _OWNER.c.username,
            nullable=True,
            reference=query.Reference(ORGANIZATION["owner_id"], USER["id"], USER["username"]),
        ),
    },
    simple=("name", "owner", "slug"),
    searched=("name", "owner", "slug"),
)


def user_name() -> str:
    """The name of the user of this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"


def current_user(session: Session) -> UserRow:
    """The user of this machine, made on first use: the requester of everything done here."""
    return user_named(session, user_name())


def user_id_of(session: Session, username: str) -> int | None:
    """The id of the user of this name, None when there is none."""
    found = session.exec(select(UserRow).where(UserRow.username == username)).first()
    return None if found is None else found.id


def user_named(session: Session, username: str) -> UserRow:
    """The user of this name, made if needed."""
    row: UserRow | None = session.exec(select(UserRow).where(UserRow.username == username)).first()
    if row is None:
        row = UserRow(username=username)
        session.add(row)
        session.flush()
    return row


def get_user(session: Session, user_id: int) -> UserRow:
    """The row of the user with this id; raises NotFoundError."""
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFoundError(f"no user #{user_id}", hint="see `localcvat user ls`")
    return row


def check_user(session: Session, user_id: int | None, field: str) -> None:
    """Raise ValidationError for `field` when there is no such user; None is nobody."""
    if user_id is not None and session.get(UserRow, user_id) is None:
        raise ValidationError({field: [f'Invalid pk "{user_id}" - object does not exist.']})


def users_of(session: Session, ids: Iterable[int | None]) -> dict[int | None, User]:
    """The users with these ids, by id."""
    wanted = sorted({user_id for user_id in ids if user_id is not None})
    found: dict[int | None, User] = {}
    for batch in batches(wanted):
        chosen = select_columns(*USERS.columns).where(USER["id"].in_(batch))
        for row in session.connection().execute(chosen):
            found[row.id] = User(**row._mapping)
    return found


def list_users(store: Store, wanted: ListQuery | None = None) -> Page[User]:
    """A page of users; raises as `find_page`."""
    with store.read() as session:
        page, rows = find_page(session, USERS, wanted or ListQuery(page_size=None))
    page.results = [User(**row._mapping) for row in rows]
    return page


def read_user(store: Store, user_id: int) -> User:
    """One user; raises NotFoundError."""
    with store.read() as session:
        get_user(session, user_id)
        return users_of(session, [user_id])[user_id]


def create_user(
    store: Store, username: str, *, first_name: str = "", last_name: str = "", email: str = ""
) -> int:
    """Make a user; returns the id. Raises ValidationError when the name is taken or no name."""
    name = username.strip()
    if not name or len(name) > MAX_USERNAME or not _USERNAME.fullmatch(name):
        raise ValidationError(
            {
                "username": [
                    "Enter a valid username. This value may contain only letters, numbers, "
                    "and @/./+/-/_ characters."
                ]
            }
        )
    with store.write() as session:
        if session.exec(select(UserRow).where(UserRow.username == name)).first() is not None:
            raise ValidationError({"username": ["A user with that username already exists."]})
        row = UserRow(username=name, first_name=first_name, last_name=last_name, email=email)
        session.add(row)
        session.flush()
        return int(row.id or 0)


def update_user(store: Store, user_id: int, **values: str) -> None:
    """Change first_name, last_name or email of a user; raises NotFoundError."""
    with store.write() as session:
        row = get_user(session, user_id)
        for name in ("first_name", "last_name", "email"):
            if name in values:
                setattr(row, name, values[name])
        session.add(row)


def delete_user(store: Store, user_id: int) -> None:
    """Remove a user; what they own or were given belongs to nobody then. Raises NotFoundError."""
    with store.write() as session:
        session.delete(get_user(session, user_id))


def list_organizations(store: Store, wanted: ListQuery | None = None) -> Page[Organization]:
    """A page of organizations; raises as `find_page`."""
    with store.read() as session:
        page, rows = find_page(session, ORGANIZATIONS, wanted or ListQuery(page_size=None))
        owners = users_of(session, [row.owner_id for row in rows])
    page.results = [_organization(row, owners) for row in rows]
    return page


def read_organization(store: Store, organization_id: int) -> Organization:
    """One organization; raises NotFoundError."""
    with store.read() as session:
        row = session.get(OrganizationRow, organization_id)
        if row is None:
            raise NotFoundError(f"no organization #{organization_id}")
        return _organization(row, users_of(session, [row.owner_id]))


def _organization(row: Any, owners: dict[int | None, User]) -> Organization:
    return Organization(
        id=row.id,
        slug=row.slug,
        name=row.name,
        owner=owners.get(row.owner_id),
        created_date=row.created_date,
    )


def create_organization(store: Store, slug: str, name: str = "") -> int:
    """Make an organization; returns the id. Raises ValidationError for a bad or taken slug."""
    if not _SLUG.fullmatch(slug):
        raise ValidationError(
            {
                "slug": [
                    'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
                ]
            }
        )
    if len(slug) > MAX_SLUG:
        raise ValidationError(
            {"slug": [f"Ensure this field has no more than {MAX_SLUG} characters."]}
        )
    with store.write() as session:
        if organization_id_of(session, slug) is not None:
            raise ValidationError({"slug": ["organization with this slug already exists."]})
        row = OrganizationRow(
            slug=slug, name=name or slug, owner_id=current_user(session).id, created_date=now()
        )
        session.add(row)
        session.flush()
        return int(row.id or 0)


def organization_id_of(session: Session, slug: str) -> int | None:
    """The id of the organization with this slug, None when there is none."""
    found = session.exec(select(OrganizationRow).where(col(OrganizationRow.slug) == slug)).first()
    return None if found is None else found.id


def delete_organization(store: Store, organization_id: int) -> None:
    """Remove an organization with its projects and tasks, as CVAT does; raises NotFoundError."""
    with store.write() as session:
        row = session.get(OrganizationRow, organization_id)
        if row is None:
            raise NotFoundError(f"no organization #{organization_id}")
        session.delete(row)
