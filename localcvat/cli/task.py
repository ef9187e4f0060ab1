"""`localcvat task …`."""

from __future__ import annotations

from typing import BinaryIO

import click

from localcvat.cli.backup import task_backup, task_create_from_backup
from localcvat.cli.store import opened
from localcvat.cli.tables import echo_json, echo_table

COLUMNS = ("id", "name", "project", "subset", "status", "frames", "jobs")


@click.group()
def task() -> None:
    """Create, list, show, export and delete tasks."""


task.add_command(task_backup)
task.add_command(task_create_from_backup)


@task.command()
@click.argument("name")
@click.argument("resource_type", type=click.Choice(["local"]))
@click.argument("resources", nargs=-1, required=True, metavar="PATH...")
@click.option("--project_id", "--project-id", type=int, help="Project of the task.")
@click.option("--labels", help="Labels of a task without a project: JSON or a file of it.")
@click.option("--subset", default="", help="Subset in the project.")
@click.option("--bug_tracker", "--bug-tracker", "--bt", default="")
@click.option("--segment_size", "--segment-size", type=click.IntRange(min=0), default=0)
@click.option("--overlap", type=click.IntRange(min=0), help="Default: 5 in videos, else 0.")
@click.option("--start_frame", "--start-frame", type=click.IntRange(min=0), default=0)
@click.option("--stop_frame", "--stop-frame", type=click.IntRange(min=0))
@click.option("--frame_step", "--frame-step", type=click.IntRange(min=1), default=1)
@click.option("--image_quality", "--image-quality", type=click.IntRange(0, 100), default=70)
@click.option("--chunk_size", "--chunk-size", type=click.IntRange(min=1), help="Frames a chunk.")
@click.option("--use_zip_chunks", "--use-zip-chunks", is_flag=True, help="Images for a video.")
@click.option(
    "--job_file_mapping",
    "--job-file-mapping",
    type=click.File("rb"),
    help="JSON file: the list of files of each job, instead of --segment_size.",
)
@click.option(
    "--sorting-method",
    type=click.Choice(["lexicographical", "natural", "predefined", "random"]),
    default="lexicographical",
)
@click.option("--media", type=click.Choice(["copy", "reference", "none"]), default="copy")
@click.pass_context
def create(
    context: click.Context,
    name: str,
    resource_type: str,
    resources: tuple[str, ...],
    project_id: int | None,
    labels: str | None,
    subset: str,
    bug_tracker: str,
    segment_size: int,
    overlap: int | None,
    start_frame: int,
    stop_frame: int | None,
    frame_step: int,
    image_quality: int,
    chunk_size: int | None,
    use_zip_chunks: bool,
    job_file_mapping: BinaryIO | None,
    sorting_method: str,
    media: str,
) -> None:
    """Make a task from local images, a video, point clouds, folders or zips; print its id."""
    from typing import cast

    from localcvat.labelspec import parse_labels
    from localcvat.store.media import MediaMode
    from localcvat.task_media import read_mapping
    from localcvat.tasks import TaskOptions, create_task, local_files

    options = TaskOptions(
        subset=subset,
        bug_tracker=bug_tracker,
        segment_size=segment_size,
        overlap=overlap,
        start_frame=start_frame,
        stop_frame=stop_frame,
        step=frame_step,
        sorting_method=sorting_method,
        image_quality=image_quality,
        chunk_size=chunk_size,
        use_zip_chunks=use_zip_chunks,
        job_file_mapping=read_mapping(job_file_mapping) if job_file_mapping else None,
        media=cast(MediaMode, media),
    )
    made = parse_labels(labels) if labels is not None else []
    with opened(context) as store:
        files = local_files(resources)
        click.echo(
            create_task(store, name, files, project_id=project_id, labels=made, options=options)
        )


@task.command("ls")
@click.option("--project_id", "--project-id", type=int, help="Only tasks of this project.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def list_(context: click.Context, project_id: int | None, as_json: bool) -> None:
    """List tasks."""
    from localcvat.tasks import list_tasks

    with opened(context) as store:
        tasks = list_tasks(store, project_id)
    if as_json:
        echo_json({"count": len(tasks), "results": tasks})
        return
    echo_table(
        COLUMNS,
        [(t.id, t.name, t.project_id, t.subset, t.status, t.size, t.job_count) for t in tasks],
    )


@task.command()
@click.argument("task_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def show(context: click.Context, task_id: int, as_json: bool) -> None:
    """Show a task."""
    import msgspec

    from localcvat.tasks import get_task

    with opened(context) as store:
        found = get_task(store, task_id)
    if as_json:
        echo_json(found)
        return
    for field, value in msgspec.structs.asdict(found).items():
        click.echo(f"{field}: {'' if value is None else value}")


@task.command()
@click.argument("task_ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def delete(context: click.Context, task_ids: tuple[int, ...]) -> None:
    """Move tasks to the trash; `gc` frees what they hold."""
    from localcvat.tasks import delete_tasks

    with opened(context) as store:
        delete_tasks(store, task_ids)


@task.command("export-dataset")
@click.argument("task_id", type=int, metavar="ID")
@click.argument("path")
@click.option("--format", "format_name", required=True, help="Format name.")
@click.option("--with-images", type=click.Choice(["yes", "no"]), default="no")
@click.option("--strict", is_flag=True, help="Write nothing if anything would be lost.")
@click.option("--overwrite", is_flag=True, help="Replace PATH if it is an existing zip.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def export_dataset(
    context: click.Context,
    task_id: int,
    path: str,
    format_name: str,
    with_images: str,
    strict: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a task as a dataset to PATH."""
    from localcvat.cli.convert import echo_report
    from localcvat.convert import ConvertOptions
    from localcvat.exchange import export_from_task

    options = ConvertOptions(with_images=with_images == "yes", strict=strict, overwrite=overwrite)
    with opened(context) as store:
        report = export_from_task(store, task_id, path, format_name, options)
    if as_json:
        echo_json({"report": report.to_dict()})
    else:
        echo_report(report)
