"""Users and organizations: plain local records, no passwords."""

from __future__ import annotations

import getpass

from sqlmodel import Session, select

from localcvat.errors import NotFoundError
from localcvat.store.tables import UserRow


def current_user(session: Session) -> UserRow:
    """The user of this machine, made on first use: the requester of everything done here."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "user"
    return user_named(session, name)


def user_named(session: Session, username: str) -> UserRow:
    """The user of this name, made if needed."""
    row: UserRow | None = session.exec(select(UserRow).where(UserRow.username == username)).first()
    if row is None:
        row = UserRow(username=username)
        session.add(row)
        session.flush()
    return row


def get_user(session: Session, user_id: int) -> UserRow:
    """The user with this id; raises NotFoundError."""
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFoundError(f"no user #{user_id}")
    return row
