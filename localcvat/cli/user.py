"""`localcvat user …` and `localcvat org …`."""

from __future__ import annotations

from typing import Any

import click

from localcvat.cli import options
from localcvat.cli.store import client_of, opened
from localcvat.cli.tables import echo_json, echo_page, echo_table

COLUMNS = {
    "id": lambda found: found.id,
    "username": lambda found: found.username,
    "first name": lambda found: found.first_name,
    "last name": lambda found: found.last_name,
    "email": lambda found: found.email,
}


@click.group()
def user() -> None:
    """Users: who owns things and whom they are assigned to; no passwords."""


@user.command("ls")
@options.list_options("username", "first_name", "last_name")
@options.as_json
@click.pass_context
def list_users(context: click.Context, conditions: dict[str, Any], as_json: bool) -> None:
    """List users."""
    with client_of(context) as client:
        echo_page(client.users.list(**conditions), as_json, COLUMNS)


@user.command("create")
@click.argument("username")
@click.option("--first_name", default="", help="First name.")
@click.option("--last_name", default="", help="Last name.")
@click.option("--email", default="", help="Address.")
@click.pass_context
def create_user(context: click.Context, /, username: str, **fields: str) -> None:
    """Make a user and print the id."""
    with client_of(context) as client:
        click.echo(client.users.create(username, **fields).id)


@click.group()
def org() -> None:
    """Organizations: what `--org` chooses by."""


@org.command("ls")
@options.as_json
@click.pass_context
def list_organizations(context: click.Context, as_json: bool) -> None:
    """List organizations."""
    from localcvat.listing import ListQuery
    from localcvat.users import list_organizations as listed

    with opened(context) as store:
        found = listed(store, ListQuery(page_size=None, sort="id")).results
    if as_json:
        echo_json({"count": len(found), "next": None, "previous": None, "results": found})
        return
    echo_table(("id", "slug", "name", "owner"), [(o.id, o.slug, o.name, o.owner) for o in found])


@org.command("create")
@click.argument("slug")
@click.option("--name", default="", help="Full name.")
@click.pass_context
def create_organization(context: click.Context, slug: str, name: str) -> None:
    """Make an organization and print its id."""
    from localcvat.users import create_organization as made

    with opened(context) as store:
        click.echo(made(store, slug, name))
