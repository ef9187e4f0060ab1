"""`localcvat job …`."""

from __future__ import annotations

from typing import Any

import click

from localcvat.cli import options
from localcvat.cli.datasets import export_command, import_command, preview_command
from localcvat.cli.project import changes
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page

COLUMNS = {
    "id": lambda found: found.id,
    "task": lambda found: found.task_id,
    "type": lambda found: found.type,
    "start": lambda found: found.start_frame,
    "stop": lambda found: found.stop_frame,
    "frames": lambda found: found.frame_count,
    "stage": lambda found: found.stage,
    "state": lambda found: found.state,
    "assignee": lambda found: found.assignee,
    "updated": lambda found: found.updated_date,
}


@click.group()
def job() -> None:
    """List, change, import and export jobs."""


job.add_command(import_command("job"))
job.add_command(export_command("job"))
job.add_command(preview_command("job"))


@job.command("ls")
@options.list_options("task_id", "project_id", "assignee", "stage", "state", "type")
@options.as_json
@click.pass_context
def list_(context: click.Context, conditions: dict[str, Any], as_json: bool) -> None:
    """List jobs."""
    with client_of(context) as client:
        echo_page(client.jobs.list(**conditions), as_json, COLUMNS)


@job.command()
@options.identified("job")
@options.as_json
@click.pass_context
def show(context: click.Context, job_id: int, as_json: bool) -> None:
    """Show a job."""
    with client_of(context) as client:
        found = client.jobs.retrieve(job_id)
    if as_json:
        echo_json(found.to_dict())
        return
    echo_fields(found.value)


@job.command()
@options.identified("job")
@click.option("--assignee", metavar="USER", help="User name; '' for nobody.")
@click.option("--stage", help="annotation, validation or acceptance.")
@click.option("--state", help="new, 'in progress', completed or rejected.")
@click.pass_context
def update(context: click.Context, /, job_id: int, **given: str | None) -> None:
    """Change a job's assignee, stage or state."""
    with client_of(context) as client:
        client.jobs.retrieve(job_id).update(changes(client, **given))
