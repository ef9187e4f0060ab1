"""`localcvat init|check|gc|snapshot`, and the store that commands work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from localcvat.store.engine import Store


@contextmanager
def opened(context: click.Context, readonly: bool = False) -> Iterator[Store]:
    """The store that the command line names or that is found above this folder."""
    from localcvat.store.engine import Store, find_store

    with Store.open(find_store(context.obj["store"]), readonly=readonly) as store:
        yield store


@click.command()
@click.pass_context
def init(context: click.Context) -> None:
    """Make a store: .localcvat in this folder, or the folder that --store names."""
    from localcvat.store.engine import Store

    store = Store.create(context.obj["store"] or ".localcvat")
    click.echo(str(store.path))
    store.close()
