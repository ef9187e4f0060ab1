"""`localcvat label …`."""

from __future__ import annotations

from typing import Any

import click

from localcvat.cli import options
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_page, parse_json
from localcvat.errors import UsageError

COLUMNS = {
    "id": lambda found: found.id,
    "name": lambda found: found.name,
    "color": lambda found: found.color,
    "type": lambda found: found.type or "any",
    "project": lambda found: found.project_id,
    "task": lambda found: found.task_id,
    "attributes": lambda found: [spec.name for spec in found.attributes],
    "sublabels": lambda found: [sublabel.name for sublabel in found.sublabels],
}
ATTRIBUTES = "Attributes as CVAT's JSON: new ones, or with an id changed ones."


@click.group()
def label() -> None:
    """List, create, change and delete labels."""


@label.command("ls")
@click.option("--project_id", type=options.ID, help="Only of this project.")
@click.option("--task_id", type=options.ID, help="Only of this task, or of its project.")
@click.option("--job_id", type=options.ID, help="Only of this job's task.")
@options.list_options("name", "type", "color")
@options.as_json
@click.pass_context
def list_(
    context: click.Context,
    project_id: int | None,
    task_id: int | None,
    job_id: int | None,
    conditions: dict[str, Any],
    as_json: bool,
) -> None:
    """List labels, sublabels inside their skeletons."""
    with client_of(context) as client:
        found = client.labels.list(
            project_id=project_id, task_id=task_id, job_id=job_id, **conditions
        )
        echo_page(found, as_json, COLUMNS)


@label.command()
@click.argument("name")
@click.option("--project_id", type=options.ID, help="Project of the label.")
@click.option("--task_id", type=options.ID, help="Task of the label, one without a project.")
@click.option("--color", help="#rrggbb; else the one CVAT gives this name.")
@click.option("--type", help="any, rectangle, polygon, …, skeleton or tag.")
@click.option("--attributes", metavar="JSON", help=ATTRIBUTES)
@click.option("--sublabels", metavar="JSON", help="Of a skeleton.")
@click.option("--svg", help="Of a skeleton.")
@click.pass_context
def create(
    context: click.Context, /, project_id: int | None, task_id: int | None, **given: str | None
) -> None:
    """Add a label to a project or task and print its id."""
    if (project_id is None) == (task_id is None):
        raise UsageError("name the label's owner", hint="--project_id or --task_id")
    with client_of(context) as client:
        made = client.labels.create(_fields(given), project_id=project_id, task_id=task_id)
        click.echo(made.id)


@label.command()
@options.identified("label")
@click.option("--name", help="New name.")
@click.option("--color", help="#rrggbb, or '' for the one CVAT gives this name.")
@click.option("--type", help="any, rectangle, polygon, … or tag.")
@click.option("--attributes", metavar="JSON", help=ATTRIBUTES)
@click.pass_context
def update(context: click.Context, /, label_id: int, **given: str | None) -> None:
    """Change a label; its annotations stay with it."""
    with client_of(context) as client:
        client.labels.update(label_id, **_fields(given))


@label.command()
@click.argument("label_ids", type=options.ID, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def delete(context: click.Context, label_ids: tuple[int, ...]) -> None:
    """Remove labels with all their annotations."""
    with client_of(context) as client:
        for label_id in label_ids:
            client.labels.retrieve(label_id)
        for label_id in label_ids:
            client.labels.remove(label_id)


def _fields(given: dict[str, str | None]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name in ("attributes", "sublabels"):
        if name in fields:
            fields[name] = parse_json(fields[name], f"--{name}")
    return fields
