"""`localcvat project …`."""

from __future__ import annotations

import click

from localcvat.cli.backup import project_backup, project_create_from_backup
from localcvat.cli.store import opened
from localcvat.cli.tables import echo_json, echo_table

COLUMNS = ("id", "name", "status", "owner", "assignee", "tasks", "updated")


@click.group()
def project() -> None:
    """Create, list, show, import, export and delete projects."""


project.add_command(project_backup)
project.add_command(project_create_from_backup)


@project.command()
@click.argument("name")
@click.option("--labels", default="[]", help="Labels: JSON as CVAT's, or a file of it.")
@click.option("--bug_tracker", "--bug-tracker", "--bt", default="", help="URL of the bug tracker.")
@click.option("--status", default="annotation", help="annotation, validation or completed.")
@click.pass_context
def create(context: click.Context, name: str, labels: str, bug_tracker: str, status: str) -> None:
    """Make a project and print its id."""
    from localcvat.labelspec import parse_labels
    from localcvat.projects import create_project

    made = parse_labels(labels)
    with opened(context) as store:
        click.echo(create_project(store, name, made, bug_tracker=bug_tracker, status=status))


@project.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print {count, results} as JSON.")
@click.option("--name", help="Exact name.")
@click.option("--owner", help="Exact user name of the owner.")
@click.option("--assignee", help="Exact user name of the assignee.")
@click.option("--status", help="annotation, validation or completed.")
@click.option("--search", default="", help="Words in name, owner, assignee or status.")
@click.option("--filter", "rule", default="", help="JSON Logic rule.")
@click.option("--sort", default="-id", help="Fields, comma-separated, - for descending.")
@click.option("--page", type=int, default=1)
@click.option("--page-size", default="all", help="Rows a page, or all.")
@click.pass_context
def list_(
    context: click.Context,
    as_json: bool,
    name: str | None,
    owner: str | None,
    assignee: str | None,
    status: str | None,
    search: str,
    rule: str,
    sort: str,
    page: int,
    page_size: str,
) -> None:
    """List projects."""
    from localcvat.listing import ListQuery
    from localcvat.projects import list_projects
    from localcvat.query import page_size as size_of

    wanted = ListQuery(
        name=name,
        owner=owner,
        assignee=assignee,
        status=status,
        search=search,
        filter=rule,
        sort=sort,
        page=page,
        page_size=size_of(page_size),
    )
    with opened(context) as store:
        found = list_projects(store, wanted)
    if as_json:
        echo_json({"count": found.count, "results": found.results})
        return
    echo_table(
        COLUMNS,
        [
            (p.id, p.name, p.status, p.owner, p.assignee, p.task_count, p.updated_date)
            for p in found.results
        ],
    )


@project.command()
@click.argument("project_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def show(context: click.Context, project_id: int, as_json: bool) -> None:
    """Show a project with its labels and tasks."""
    import msgspec

    from localcvat.projects import get_project, project_labels
    from localcvat.tasks import list_tasks

    with opened(context) as store:
        found = get_project(store, project_id)
        labels = project_labels(store, project_id)
        tasks = list_tasks(store, project_id)
    if as_json:
        body = msgspec.to_builtins(found)
        body["labels"] = msgspec.to_builtins(labels)
        body["tasks"] = msgspec.to_builtins(tasks)
        echo_json(body)
        return
    for field, value in msgspec.structs.asdict(found).items():
        click.echo(f"{field}: {'' if value is None else value}")
    for label in labels:
        names = ", ".join(spec.name for spec in label.attributes)
        click.echo(f"label: {label.name} {label.color} {label.type} {names}".rstrip())
    for task in tasks:
        click.echo(f"task: {task.id} {task.name} ({task.size} frames)")


@project.command()
@click.argument("project_ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def delete(context: click.Context, project_ids: tuple[int, ...]) -> None:
    """Move projects to the trash; `project restore` brings them back, `gc` frees them."""
    from localcvat.projects import delete_projects

    with opened(context) as store:
        delete_projects(store, project_ids)


@project.command()
@click.argument("project_id", type=int, metavar="ID")
@click.pass_context
def restore(context: click.Context, project_id: int) -> None:
    """Bring a deleted project back."""
    from localcvat.projects import restore_project

    with opened(context) as store:
        restore_project(store, project_id)


@project.command("import-dataset")
@click.argument("project_id", type=int, metavar="ID")
@click.argument("path")
@click.option("--format", "format_name", help="Format name; detected if left out.")
@click.option(
    "--media",
    type=click.Choice(["copy", "reference", "none"]),
    default="copy",
    help="Copy the images into the store, leave them where they are, or do without.",
)
@click.option("--strict", is_flag=True, help="Import nothing if anything would be lost.")
@click.option("--image-size", metavar="WxH", help="Size of images whose file is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def import_dataset(
    context: click.Context,
    project_id: int,
    path: str,
    format_name: str | None,
    media: str,
    strict: bool,
    image_size: str | None,
    as_json: bool,
) -> None:
    """Read the dataset at PATH into a project, one task a subset."""
    from typing import cast

    from localcvat.cli.convert import echo_report, parse_size
    from localcvat.exchange import import_into_project
    from localcvat.store.media import MediaMode

    with opened(context) as store:
        task_ids, report = import_into_project(
            store,
            project_id,
            path,
            format_name,
            media=cast(MediaMode, media),
            strict=strict,
            image_size=parse_size(image_size),
        )
    if as_json:
        echo_json({"tasks": task_ids, "report": report.to_dict()})
    else:
        echo_report(report)


@project.command("export-dataset")
@click.argument("project_id", type=int, metavar="ID")
@click.argument("path")
@click.option("--format", "format_name", required=True, help="Format name.")
@click.option("--with-images", type=click.Choice(["yes", "no"]), default="no")
@click.option("--strict", is_flag=True, help="Write nothing if anything would be lost.")
@click.option("--overwrite", is_flag=True, help="Replace PATH if it is an existing zip.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def export_dataset(
    context: click.Context,
    project_id: int,
    path: str,
    format_name: str,
    with_images: str,
    strict: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a project as a dataset to PATH (a zip if it ends in .zip, else a folder)."""
    from localcvat.cli.convert import echo_report
    from localcvat.convert import ConvertOptions
    from localcvat.exchange import export_from_project

    options = ConvertOptions(with_images=with_images == "yes", strict=strict, overwrite=overwrite)
    with opened(context) as store:
        report = export_from_project(store, project_id, path, format_name, options)
    if as_json:
        echo_json({"report": report.to_dict()})
    else:
        echo_report(report)


@project.command()
@click.argument("project_id", type=int, metavar="ID")
@click.option("-o", "--output", required=True, help="Image file to write (.png or .jpg).")
@click.option("--annotations", is_flag=True, help="Draw the annotations, at full size.")
@click.pass_context
def preview(context: click.Context, project_id: int, output: str, annotations: bool) -> None:
    """Write a picture of the project: the first frame of its newest task."""
    from localcvat.preview import write_preview

    with opened(context) as store:
        write_preview(store, "project", project_id, output, annotations)
