"""`localcvat job …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localcvat.cli import options
from localcvat.cli.limits import limit_options
from localcvat.cli.project import changes
from localcvat.cli.store import client_of
from localcvat.cli.tables import echo_fields, echo_json, echo_page, echo_report
from localcvat.cli.transforms import transform_options
from localcvat.transforms import Transforms

if TYPE_CHECKING:
    from localcvat.archive import Limits

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


@job.command("import-dataset")
@options.identified("job")
@click.argument("path", metavar="FILE")
@click.option("--format", "format_name", help="Format name; detected if left out.")
@options.import_mode
@options.strict
@options.on_error
@options.image_size
@transform_options
@limit_options
@options.report_json
@click.pass_context
def import_dataset(
    context: click.Context,
    job_id: int,
    path: str,
    format_name: str | None,
    mode: Any,
    strict: bool,
    on_error: str,
    image_size: str | None,
    as_json: bool,
    transforms: Transforms,
    limits: Limits,
) -> None:
    """Read annotations into a job; images are matched by name."""
    from localcvat.cli.convert import parse_size
    from localcvat.cli.progress import item_progress

    size = parse_size(image_size)
    with client_of(context) as client, item_progress("images") as progress:
        report = client.jobs.retrieve(job_id).import_annotations(
            format_name,
            path,
            mode=mode,
            strict=strict,
            on_error=on_error,
            image_size=size,
            transforms=transforms,
            progress=progress,
            limits=limits,
        )
    echo_report(report, as_json)


@job.command("export-dataset")
@options.identified("job")
@click.argument("path", metavar="FILE")
@click.option("--format", "format_name", default="CVAT for images 1.1", show_default=True)
@options.with_images
@options.strict
@options.overwrite
@transform_options
@options.report_json
@click.pass_context
def export_dataset(
    context: click.Context,
    job_id: int,
    path: str,
    format_name: str,
    with_images: bool,
    strict: bool,
    overwrite: bool,
    as_json: bool,
    transforms: Transforms,
) -> None:
    """Write a job as a dataset to FILE: a zip if it ends in .zip, else a folder."""
    from localcvat.cli.progress import item_progress

    with client_of(context) as client, item_progress("images") as progress:
        report = client.jobs.retrieve(job_id).export_dataset(
            format_name,
            path,
            include_images=with_images,
            strict=strict,
            overwrite=overwrite,
            transforms=transforms,
            progress=progress,
        )
    echo_report(report, as_json)


@job.command()
@options.identified("job")
@click.option("-o", "--output", required=True, help="Image file to write (.png or .jpg).")
@click.option("--annotations", is_flag=True, help="Draw the annotations, at full size.")
@click.pass_context
def preview(context: click.Context, job_id: int, output: str, annotations: bool) -> None:
    """Write a picture of the job: its first frame."""
    from localcvat.preview import write_preview

    with client_of(context) as client:
        write_preview(client.store, "job", job_id, output, annotations)
