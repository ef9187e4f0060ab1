"""`localcvat project …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localcvat.cli import options
from localcvat.cli.backup import backup_command, project_create_from_backup
from localcvat.cli.datasets import WAITING, export_command, preview_command, project_import_command
from localcvat.cli.guide import guide_command
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page, parse_json

if TYPE_CHECKING:
    from localcvat.client import Client

COLUMNS = {
    "id": lambda found: found.id,
    "name": lambda found: found.name,
    "status": lambda found: found.status,
    "owner": lambda found: found.owner,
    "assignee": lambda found: found.assignee,
    "tasks": lambda found: found.task_count,
    "updated": lambda found: found.updated_date,
}


@click.group()
def project() -> None:
    """Create, list, change, import, export and delete projects."""


project.add_command(backup_command("project"))
project.add_command(project_create_from_backup)
project.add_command(guide_command("project"))
project.add_command(project_import_command())
project.add_command(export_command("project", WAITING))
project.add_command(preview_command("project", "the first frame of its newest task"))


def user_id(client: Client, name: str | None) -> int | None:
    """The id of the user called `name`, None for an empty name; raises NotFoundError."""
    from localcvat.errors import NotFoundError

    if not name:
        return None
    found = client.users.list(username=name)
    if not found:
        raise NotFoundError(f"no user {name!r}", hint="make one: localcvat user create NAME")
    return found[0].id


def changes(client: Client, **given: Any) -> dict[str, Any]:
    """The fields that options give, users by name; what was left out is not there."""
    fields = {name: value for name, value in given.items() if value is not None}
    for name in ("owner", "assignee"):
        if name in fields:
            fields[f"{name}_id"] = user_id(client, fields.pop(name))
    return fields


@project.command()
@click.argument("name")
@click.option("--labels", default="[]", help="Labels: JSON as CVAT's, or a file of it.")
@click.option("--bug_tracker", "--bug", "--bt", help="URL of the bug tracker.")
@click.option("--owner", metavar="USER", help="User name; else whoever runs this.")
@click.option("--assignee", metavar="USER", help="User name.")
@click.option("--status", help="annotation, validation or completed.")
@click.option("--org", "organization", metavar="SLUG", help="Organization of the project.")
@click.option("--dataset_path", metavar="PATH", help="Dataset to import.")
@click.option("--dataset_format", metavar="FORMAT", help="Its format; detected if left out.")
@options.ignored("completion_verification_period")
@click.pass_context
def create(
    context: click.Context,
    /,
    name: str,
    labels: str,
    dataset_path: str | None,
    dataset_format: str | None,
    **given: str | None,
) -> None:
    """Make a project and print its id."""
    with client_of(context) as client:
        spec = {"name": name, **changes(client, **given)}
        made = client.projects.create_from_dataset(
            spec, labels=labels, dataset_path=dataset_path or "", dataset_format=dataset_format
        )
        click.echo(made.id)


@project.command("ls")
@options.list_options("name", "owner", "assignee", "status")
@options.as_json
@click.pass_context
def list_(context: click.Context, conditions: dict[str, Any], as_json: bool) -> None:
    """List projects."""
    with client_of(context) as client:
        echo_page(client.projects.list(**conditions), as_json, COLUMNS)


@project.command()
@options.identified("project")
@options.as_json
@click.pass_context
def show(context: click.Context, project_id: int, as_json: bool) -> None:
    """Show a project with its labels and tasks."""
    with client_of(context) as client:
        found = client.projects.retrieve(project_id)
        labels, tasks = found.get_labels(), found.get_tasks()
    if as_json:
        body = {**found.to_dict(), "labels": labels, "tasks": [task.to_dict() for task in tasks]}
        echo_json(body)
        return
    echo_fields(found.value)
    for label in labels:
        names = ", ".join(spec.name for spec in label.attributes)
        click.echo(f"label: {label.name} {label.color} {label.type or 'any'} {names}".rstrip())
    for task in tasks:
        click.echo(f"task: {task.id} {task.name} ({task.size} frames)")


@project.command()
@options.identified("project")
@click.option("--name", help="New name.")
@click.option("--status", help="annotation, validation or completed.")
@click.option("--owner", metavar="USER", help="User name; '' for nobody.")
@click.option("--assignee", metavar="USER", help="User name; '' for nobody.")
@click.option("--bug_tracker", "--bug", "--bt", help="URL of the bug tracker.")
@click.option(
    "--labels",
    metavar="JSON",
    help="Changes as CVAT's PATCH: with an id changed, with deleted removed, without an id made.",
)
@click.pass_context
def update(
    context: click.Context, /, project_id: int, labels: str | None, **given: str | None
) -> None:
    """Change a project."""
    with client_of(context) as client:
        fields = changes(client, labels=parse_json(labels, "--labels"), **given)
        client.projects.retrieve(project_id).update(fields)


@project.command()
@click.argument("project_ids", type=options.ID, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def delete(context: click.Context, project_ids: tuple[int, ...]) -> None:
    """Move projects to the trash; `project restore` brings them back, `gc` frees them."""
    from localcvat.projects import delete_projects

    with client_of(context) as client:
        delete_projects(client.store, project_ids)


@project.command()
@options.identified("project")
@click.pass_context
def restore(context: click.Context, project_id: int) -> None:
    """Bring a deleted project back."""
    with client_of(context) as client:
        client.projects.restore(project_id)
