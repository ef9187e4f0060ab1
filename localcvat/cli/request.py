"""`localcvat request …`."""

from __future__ import annotations

from typing import Any

import click

from localcvat.cli import options
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page

COLUMNS = {
    "id": lambda found: found.id,
    "status": lambda found: found.status,
    "progress": lambda found: found.progress,
    "created": lambda found: found.created_date,
    "message": lambda found: found.message,
    "result": lambda found: found.result_id or found.result_path,
}


@click.group()
def request() -> None:
    """What was exported, imported and backed up, and how it ended."""


@request.command("ls")
@options.list_options("status", "project_id", "task_id", "job_id", "action", "target", "format")
@options.as_json
@click.pass_context
def list_(context: click.Context, conditions: dict[str, Any], as_json: bool) -> None:
    """List requests, newest first."""
    with client_of(context) as client:
        echo_page(client.requests.list(**conditions), as_json, COLUMNS)


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
