"""``/api/users`` and ``/api/organizations``."""

from __future__ import annotations

from localcvat.rest.bodies import organization_body, self_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.rest.lists import list_query, page_answer
from localcvat.users import (
    create_organization,
    delete_organization,
    delete_user,
    list_organizations,
    list_users,
    read_organization,
    read_user,
    update_user,
)


def users(call: Call) -> Answer:
    """GET /users."""
    return page_answer(call, list_users(call.store, list_query(call)), self_body)


def user(call: Call, user_id: str) -> Answer:
    """GET /users/ID and /users/self."""
    number = call.user_id if user_id == "self" else row_id(user_id)
    return Answer(body=self_body(call, read_user(call.store, number)))


def change_user(call: Call, user_id: str) -> Answer:
    """PATCH /users/ID."""
    body = call.record()
    names = ("first_name", "last_name", "email")
    update_user(
        call.store, row_id(user_id), **{name: str(body[name]) for name in names if name in body}
    )
    return user(call, user_id)


def remove_user(call: Call, user_id: str) -> Answer:
    """DELETE /users/ID."""
    delete_user(call.store, row_id(user_id))
    return Answer(status=204)


def organizations(call: Call) -> Answer:
    """GET /organizations."""
    page = list_organizations(call.store, list_query(call))
    return page_answer(call, page, organization_body)


def organization(call: Call, organization_id: str) -> Answer:
    """GET /organizations/ID."""
    found = read_organization(call.store, row_id(organization_id))
    return Answer(body=organization_body(call, found))


def make_organization(call: Call) -> Answer:
    """POST /organizations."""
    body = call.record()
    made = create_organization(
        call.store, str(body.get("slug", "")), str(body.get("name", "") or "")
    )
    found = read_organization(call.store, made)
    return Answer(status=201, body=organization_body(call, found))


def remove_organization(call: Call, organization_id: str) -> Answer:
    """DELETE /organizations/ID."""
    delete_organization(call.store, row_id(organization_id))
    return Answer(status=204)
