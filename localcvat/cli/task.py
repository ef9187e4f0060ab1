"""`localcvat task …`."""

from __future__ import annotations

from typing import Any, BinaryIO

import click

from localcvat.cli import options
from localcvat.cli.backup import backup_command, task_create_from_backup
from localcvat.cli.datasets import WAITING, export_command, import_command, preview_command
from localcvat.cli.guide import guide_command
from localcvat.cli.project import changes
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page, parse_json
from localcvat.errors import UsageError

COLUMNS = {
    "id": lambda found: found.id,
    "name": lambda found: found.name,
    "project": lambda found: found.project_id,
    "subset": lambda found: found.subset,
    "status": lambda found: found.status,
    "frames": lambda found: found.size,
    "jobs": lambda found: found.job_count,
    "assignee": lambda found: found.assignee,
    "updated": lambda found: found.updated_date,
}
DATA = (
    *("chunk_size", "start_frame", "stop_frame", "frame_step", "image_quality"),
    *("sorting_method", "use_zip_chunks", "media"),
)


@click.group()
def task() -> None:
    """Create, list, change, import, export and delete tasks."""


task.add_command(backup_command("task"))
task.add_command(task_create_from_backup)
task.add_command(guide_command("task"))
task.add_command(import_command("task", WAITING))
task.add_command(export_command("task", WAITING))
task.add_command(preview_command("task"))


@task.command()
@click.argument("name")
@click.argument("resource_type", type=click.Choice(["local", "share", "remote"]))
@click.argument("resources", nargs=-1, required=True, metavar="PATH...")
@click.option("--project_id", type=options.ID, help="Project of the task.")
@click.option("--labels", help="Labels of a task without a project: JSON or a file of it.")
@click.option("--subset", help="Subset in the project.")
@click.option("--bug_tracker", "--bug", "--bt", help="URL of the bug tracker.")
@click.option("--assignee", metavar="USER", help="User name.")
@click.option("--segment_size", type=click.IntRange(min=0), help="Frames a job; 0 for all.")
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    help="Frames two jobs share; 5 in videos, else 0.",
)
@click.option("--chunk_size", type=click.IntRange(min=1), help="Frames a chunk.")
@click.option("--start_frame", type=click.IntRange(min=0), help="First file to use.")
@click.option("--stop_frame", type=click.IntRange(min=0), help="Last file to use.")
@click.option("--frame_step", type=click.IntRange(min=1), help="Use each nth file.")
@click.option("--image_quality", type=click.IntRange(0, 100), help="Of compressed frames.")
@click.option("--use_zip_chunks", is_flag=True, default=None, help="Images for a video.")
@click.option(
    "--job_file_mapping",
    type=click.File("rb"),
    help="JSON file: the list of files of each job, instead of --segment_size.",
)
@click.option(
    "--sorting-method",
    type=click.Choice(["lexicographical", "natural", "predefined", "random"]),
    help="Order of the frames.",
)
@options.media
@click.option("--annotation_path", metavar="PATH", help="Annotations to import.")
@click.option("--annotation_format", metavar="FORMAT", help="Their format; else detected.")
@options.ignored("completion_verification_period", "copy_data", "use_cache")
@options.jobs
@click.pass_context
def create(
    context: click.Context,
    /,
    resource_type: str,
    resources: tuple[str, ...],
    annotation_path: str | None,
    annotation_format: str | None,
    job_file_mapping: BinaryIO | None,
    **given: Any,
) -> None:
    """Make a task from local images, a video, point clouds, folders or zips; print its id."""
    from localcvat.cli.progress import item_progress
    from localcvat.task_media import read_mapping

    if resource_type != "local":
        raise UsageError(f"there is no {resource_type} storage without a server", hint="use local")
    data = {name: given.pop(name) for name in DATA}
    if job_file_mapping is not None:
        data["job_file_mapping"] = read_mapping(job_file_mapping)
    with client_of(context) as client, item_progress("files") as data["progress"]:
        spec = changes(client, **given)
        made = client.tasks.create_from_data(
            spec,
            resources,
            data_params=data,
            annotation_path=annotation_path or "",
            annotation_format=annotation_format,
        )
        click.echo(made.id)


@task.command("ls")
@options.list_options("name", "project_id", "owner", "assignee", "status", "subset", "mode")
@options.as_json
@click.pass_context
def list_(context: click.Context, conditions: dict[str, Any], as_json: bool) -> None:
    """List tasks."""
    with client_of(context) as client:
        echo_page(client.tasks.list(**conditions), as_json, COLUMNS)


@task.command()
@options.identified("task")
@options.as_json
@click.pass_context
def show(context: click.Context, task_id: int, as_json: bool) -> None:
    """Show a task with its jobs."""
    with client_of(context) as client:
        found = client.tasks.retrieve(task_id)
        jobs = found.get_jobs()
    if as_json:
        echo_json({**found.to_dict(), "jobs": [job.to_dict() for job in jobs]})
        return
    echo_fields(found.value)
    for job in jobs:
        frames = f"frames {job.start_frame} to {job.stop_frame}"
        click.echo(f"job: {job.id} {job.type} {frames} {job.stage} {job.state}")


@task.command()
@options.identified("task")
@click.option("--name", help="New name.")
@click.option("--subset", help="Subset in the project.")
@click.option("--project_id", type=options.ID, help="Move the task into this project.")
@click.option("--owner", metavar="USER", help="User name; '' for nobody.")
@click.option("--assignee", metavar="USER", help="User name; '' for nobody.")
@click.option("--bug_tracker", "--bug", "--bt", help="URL of the bug tracker.")
@click.option("--labels", metavar="JSON", help="Changes of labels, as CVAT's PATCH.")
@click.pass_context
def update(context: click.Context, /, task_id: int, labels: str | None, **given: Any) -> None:
    """Change a task, or move it into another project."""
    with client_of(context) as client:
        fields = changes(client, labels=parse_json(labels, "--labels"), **given)
        client.tasks.retrieve(task_id).update(fields)


@task.command()
@click.argument("task_ids", type=options.ID, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def delete(context: click.Context, task_ids: tuple[int, ...]) -> None:
    """Move tasks to the trash; `task restore` brings them back, `gc` frees them."""
    from localcvat.tasks import delete_tasks

    with client_of(context) as client:
        delete_tasks(client.store, task_ids)


@task.command()
@options.identified("task")
@click.pass_context
def restore(context: click.Context, task_id: int) -> None:
    """Bring a deleted task back."""
    with client_of(context) as client:
        client.tasks.restore(task_id)


@task.command()
@options.identified("task")
@click.option("--project_id", type=options.ID, required=True, help="Project to move it into.")
@click.pass_context
def move(context: click.Context, task_id: int, project_id: int) -> None:
    """Move a task into another project; labels go by name."""
    with client_of(context) as client:
        client.tasks.retrieve(task_id).update(project_id=project_id)


@task.command()
@options.identified("task")
@click.option("--project_id", type=options.ID, help="Project of the copy; else that of the task.")
@click.option("--name", default="", help="Name of the copy; else that of the task.")
@click.pass_context
def copy(context: click.Context, task_id: int, project_id: int | None, name: str) -> None:
    """Copy a task with its jobs, annotations and media; print the id of the copy."""
    from localcvat.task_copies import copy_task

    with client_of(context) as client:
        made, report = copy_task(client.store, task_id, project_id=project_id, name=name)
    click.echo(made)
    for line in report.lines():
        click.echo(line, err=True)


@task.command()
@click.argument("task_ids", type=options.ID, nargs=-1, required=True, metavar="ID ID...")
@click.option("--name", default="", help="Name of the new task; else that of the first.")
@click.pass_context
def merge(context: click.Context, task_ids: tuple[int, ...], name: str) -> None:
    """Make one new task of several of a project; print its id. Those stay as they are."""
    from localcvat.task_copies import merge_tasks

    with client_of(context) as client:
        made, report = merge_tasks(client.store, task_ids, name=name)
    click.echo(made)
    for line in report.lines():
        click.echo(line, err=True)


@task.command()
@options.identified("task")
@click.pass_context
def undo(context: click.Context, task_id: int) -> None:
    """Put back the annotations that were there before the last import into a task.

    A second time does it again. What is kept for this is removed by `gc`.
    """
    from localcvat.undo import undo_import

    with client_of(context) as client:
        before, after = undo_import(client.store, task_id)
    click.echo(f"{before} annotations before, {after} now")


@task.command("merge-tracks")
@options.identified("task")
@options.iou
@options.dry_run
@options.report_json
@click.pass_context
def merge_tracks(
    context: click.Context, task_id: int, iou: float, dry_run: bool, as_json: bool
) -> None:
    """Join tracks of one object: those that cover each other, or follow each other.

    Tracks are one where label and kind are the same and their boxes cover each other by --iou in
    the mean of the frames both are on, or from the last frame of one to the next of the other.
    """
    from localcvat.cli.tables import echo_report

    with client_of(context) as client:
        report = client.tasks.retrieve(task_id).merge_tracks(iou, dry_run=dry_run)
    echo_report(report, as_json)


@task.command()
@options.identified("task")
@click.argument("frame_ids", type=options.ID, nargs=-1, metavar="[FRAME...]")
@click.option("--frame_ids", "more", metavar="N,…", help="Frames too; all when none is named.")
@click.option("--outdir", default=".", help="Folder for the pictures. Default: this one.")
@click.option(
    "--quality",
    type=click.Choice(["original", "compressed"]),
    default="original",
    help="The files as they are, or JPEGs of the task's image quality.",
)
@click.pass_context
def frames(
    context: click.Context,
    task_id: int,
    frame_ids: tuple[int, ...],
    more: str | None,
    outdir: str,
    quality: Any,
) -> None:
    """Write frames as task_<ID>_frame_<FRAME>, and print their paths."""
    from localcvat.cli.progress import item_progress

    wanted = [*frame_ids, *_numbers(more)]
    with client_of(context) as client, item_progress("frames") as progress:
        found = client.tasks.retrieve(task_id)
        for done, number in enumerate(wanted or range(found.size), 1):
            (path,) = found.download_frames(
                [number],
                outdir=outdir,
                quality=quality,
                filename_pattern=f"task_{task_id}_frame_{{frame_id:06d}}{{frame_ext}}",
            )
            click.echo(path)
            if progress is not None:
                progress(done)


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").replace(",", " ").split()]
    except ValueError as error:
        raise UsageError(f"--frame_ids: {text!r} is no list of numbers") from error
