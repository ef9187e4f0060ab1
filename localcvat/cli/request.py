"""`localcvat request …`."""

from __future__ import annotations

import click

from localcvat.cli import options
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_table


@click.group()
def request() -> None:
    """What was exported, imported and backed up, and how it ended."""


@request.command("ls")
@click.option("--status", help="queued, started, finished or failed.")
@click.option("--project_id", type=options.ID, help="Only about this project.")
@click.option("--task_id", type=options.ID, help="Only about this task.")
@options.as_json
@click.pass_context
def list_(
    context: click.Context,
    status: str | None,
    project_id: int | None,
    task_id: int | None,
    as_json: bool,
) -> None:
    """List requests, newest first."""
    given = {"status": status, "project_id": project_id, "task_id": task_id}
    with client_of(context) as client:
        found = client.requests.list(**{k: v for k, v in given.items() if v is not None})
    if as_json:
        page = {"count": len(found), "next": None, "previous": None}
        echo_json({**page, "results": found})
        return
    columns = ("id", "status", "progress", "created", "message", "result")
    echo_table(
        columns,
        [
            (one.id, one.status, one.progress, one.created_date, one.message)
            + (one.result_path if one.result_id is None else one.result_id,)
            for one in found
        ],
    )


@request.command()
@click.argument("rq_id", metavar="ID")
@options.as_json
@click.pass_context
def show(context: click.Context, rq_id: str, as_json: bool) -> None:
    """Show a request: status, progress, message, result and report."""
    with client_of(context) as client:
        found = client.requests.retrieve(rq_id)
    if as_json:
        echo_json(found)
        return
    echo_fields(found)


@request.command()
@click.argument("rq_ids", nargs=-1, required=True, metavar="ID...")
@click.pass_context
def rm(context: click.Context, rq_ids: tuple[str, ...]) -> None:
    """Forget requests, with results that lie in the store; other files stay."""
    with client_of(context) as client:
        for rq_id in rq_ids:
            client.requests.remove(rq_id)
