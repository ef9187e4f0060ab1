"""`localcvat init|check|gc|snapshot|export-manifest|verify`, and the store of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
        store.jobs = context.obj.get("jobs") or store.jobs
        yield store


@contextmanager
def client_of(context: click.Context) -> Iterator[Client]:
    """A client of that store."""
    from localcvat.client import Client
    from localcvat.store.engine import find_store

    with Client(find_store(context.obj["store"]), jobs=context.obj.get("jobs")) as client:
        yield client


def retrieve(client: Client, noun: str, number: int) -> Any:
    """The project, task or job with this id; raises NotFoundError."""
    return getattr(client, f"{noun}s").retrieve(number)


@click.command()
@click.pass_context
def init(context: click.Context) -> None:
    """Make a store: .localcvat in this folder, or the folder that --store names."""
    from localcvat.store.engine import Store

    store = Store.create(context.obj["store"] or ".localcvat")
    click.echo(str(store.path))
    store.close()


@click.command()
@click.option(
    "--deep", "--full", "deep", is_flag=True, help="Compare the hash of every media file."
)
@click.option("--repair", is_flag=True, help="Mend what is safe, after a copy of the database.")
@options.jobs
@options.as_json
@click.pass_context
def check(context: click.Context, deep: bool, repair: bool, as_json: bool) -> None:
    """Check schema, references, segments and media; exit 1 if something is wrong.

    Notes are no damage: space that `gc` or `--repair` gives back, annotations of frames that are
    not of their job, tables of somebody else's.
    """
    from localcvat.store.check import Problem, check_store
    from localcvat.store.repair import repair_store

    mended: list[Problem] = []
    with opened(context, readonly=not repair) as store:
        if repair:
            mended, copy = repair_store(store)
            if copy is not None:
                click.echo(f"the database before: {copy}", err=True)
        problems = check_store(store, deep=deep)
    if as_json:
        echo_json({"mended": mended, "problems": problems})
    else:
        rows = [("mended", p.what, p.where, p.repair) for p in mended]
        rows += [(p.severity, p.what, p.where, "") for p in problems]
        echo_table(("severity", "what", "where", "repair"), rows)
    if any(problem.severity == "error" for problem in problems):
        context.exit(1)


@click.command()
@click.option(
    "--older_than",
    type=click.IntRange(0, 36_500),
    default=0,
    metavar="DAYS",
    help="Keep what is newer.",
)
@options.as_json
@click.pass_context
def gc(context: click.Context, older_than: int, as_json: bool) -> None:
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
    """Copy the store consistently, also while others write.

    A FILE ending in .zip gets the database and the media: unpacked, it is a store. Any other FILE
    gets the database alone.
    """
    from localcvat.store.snapshot import write_snapshot

    with opened(context, readonly=True) as store:
        write_snapshot(store, file)


@click.command("export-manifest")
@click.argument("path")
@click.option("-o", "--output", metavar="FILE", help="Where to write; PATH.sha256 if left out.")
@options.overwrite
@options.jobs
@click.pass_context
def export_manifest(context: click.Context, path: str, output: str | None, overwrite: bool) -> None:
    """Write the SHA-256 of everything in PATH (a zip or folder), for `verify` elsewhere."""
    from localcvat.checksums import write_sums

    click.echo(write_sums(path, output, overwrite=overwrite, jobs=context.obj["jobs"]))


@click.command()
@click.argument("path")
@click.option("--manifest", metavar="FILE", help="The sums to compare; PATH.sha256 if left out.")
@options.as_json
@options.jobs
@click.pass_context
def verify(context: click.Context, path: str, manifest: str | None, as_json: bool) -> None:
    """Compare PATH with the sums that `export-manifest` wrote; exit 1 if anything differs."""
    from localcvat.checksums import verify_sums

    differences = verify_sums(path, manifest, jobs=context.obj["jobs"])
    if as_json:
        echo_json({"differences": differences})
    else:
        echo_table(("what", "where"), [(found.what, found.where) for found in differences])
    if differences:
        context.exit(1)
