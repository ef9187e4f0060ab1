"""`localcvat init|check|gc|snapshot`, and the store that commands work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from localcvat.cli import options
from localcvat.cli.tables import echo_json, echo_table

if TYPE_CHECKING:
    from localcvat.client import Client
    from localcvat.store.engine import Store


@contextmanager
def opened(context: click.Context, readonly: bool = False) -> Iterator[Store]:
    """The store that the command line names or that is found above this folder."""
    from localcvat.store.engine import Store, find_store

    with Store.open(find_store(context.obj["store"]), readonly=readonly) as store:
        yield store


@contextmanager
def client_of(context: click.Context) -> Iterator[Client]:
    """A client of that store."""
    from localcvat.client import Client
    from localcvat.store.engine import find_store

    with Client(find_store(context.obj["store"])) as client:
        yield client


@click.command()
@click.pass_context
def init(context: click.Context) -> None:
    """Make a store: .localcvat in this folder, or the folder that --store names."""
    from localcvat.store.engine import Store

    store = Store.create(context.obj["store"] or ".localcvat")
    click.echo(str(store.path))
    store.close()


@click.command()
@click.option("--full", is_flag=True, help="Read every media file and compare its hash.")
@options.as_json
@click.pass_context
def check(context: click.Context, full: bool, as_json: bool) -> None:
    """Check the database and that its media are there; exit 1 if something is wrong."""
    from localcvat.store.check import check_store

    with opened(context, readonly=True) as store:
        problems = check_store(store, full=full)
    if as_json:
        echo_json({"problems": problems})
    else:
        echo_table(("what", "where"), [(problem.what, problem.where) for problem in problems])
    if problems:
        context.exit(1)


@click.command()
@click.option("--older_than", type=float, default=0.0, metavar="DAYS", help="Keep what is newer.")
@options.as_json
@click.pass_context
def gc(context: click.Context, older_than: float, as_json: bool) -> None:
    """Remove for good what is in the trash, and the media nobody uses any more."""
    from localcvat.trash import empty_trash

    with opened(context) as store:
        freed = empty_trash(store, older_than_days=older_than)
    if as_json:
        echo_json(freed)
        return
    click.echo(
        f"{freed.projects} projects, {freed.tasks} tasks, {freed.requests} requests, "
        f"{freed.files} files ({freed.bytes} bytes) removed"
    )


@click.command()
@click.argument("file")
@click.pass_context
def snapshot(context: click.Context, file: str) -> None:
    """Write a consistent copy of the database to FILE, also while others write."""
    with opened(context, readonly=True) as store:
        store.snapshot(file)
