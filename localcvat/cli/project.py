"""`localcvat project …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localcvat.cli import options
from localcvat.cli.backup import project_backup, project_create_from_backup
from localcvat.cli.guide import guide_command
from localcvat.cli.limits import limit_options
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page, echo_report, parse_json
from localcvat.cli.transforms import transform_options
from localcvat.transforms import Transforms

if TYPE_CHECKING:
    from localcvat.archive import Limits
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


project.add_command(project_backup)
project.add_command(project_create_from_backup)
project.add_command(guide_command("project"))


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


@project.command("import-dataset")
@options.identified("project")
@click.argument("path")
@click.option("--format", "format_name", help="Format name; detected if left out.")
@options.media
@options.strict
@options.on_error
@options.image_size
@transform_options
@limit_options
@options.report_json
@options.ignored("completion_verification_period")
@click.pass_context
def import_dataset(
    context: click.Context,
    project_id: int,
    path: str,
    format_name: str | None,
    media: Any,
    strict: bool,
    on_error: str,
    image_size: str | None,
    as_json: bool,
    transforms: Transforms,
    limits: Limits,
) -> None:
    """Read the dataset at PATH into a project, one task a subset."""
    from localcvat.cli.convert import parse_size
    from localcvat.cli.progress import item_progress

    size = parse_size(image_size)
    with client_of(context) as client, item_progress("images") as progress:
        found = client.projects.retrieve(project_id)
        before = set(found.get_tasks())
        report = found.import_dataset(
            format_name,
            path,
            media=media,
            strict=strict,
            on_error=on_error,
            image_size=size,
            transforms=transforms,
            progress=progress,
            limits=limits,
        )
        made = [task.id for task in found.get_tasks() if task not in before]
    echo_report(report, as_json, tasks=made)


@project.command("export-dataset")
@options.identified("project")
@click.argument("path", metavar="FILE")
@click.option("--format", "format_name", default="CVAT for images 1.1", show_default=True)
@options.with_images
@options.strict
@options.overwrite
@transform_options
@options.report_json
@options.ignored("completion_verification_period")
@click.pass_context
def export_dataset(
    context: click.Context,
    project_id: int,
    path: str,
    format_name: str,
    with_images: bool,
    strict: bool,
    overwrite: bool,
    as_json: bool,
    transforms: Transforms,
) -> None:
    """Write a project as a dataset to FILE: a zip if it ends in .zip, else a folder."""
    from localcvat.cli.progress import item_progress

    with client_of(context) as client, item_progress("images") as progress:
        found = client.projects.retrieve(project_id)
        report = found.export_dataset(
            format_name,
            path,
            include_images=with_images,
            strict=strict,
            overwrite=overwrite,
            transforms=transforms,
            progress=progress,
        )
    echo_report(report, as_json)


@project.command()
@options.identified("project")
@click.option("-o", "--output", required=True, help="Image file to write (.png or .jpg).")
@click.option("--annotations", is_flag=True, help="Draw the annotations, at full size.")
@click.pass_context
def preview(context: click.Context, project_id: int, output: str, annotations: bool) -> None:
    """Write a picture of the project: the first frame of its newest task."""
    from localcvat.preview import write_preview

    with client_of(context) as client:
        write_preview(client.store, "project", project_id, output, annotations)
