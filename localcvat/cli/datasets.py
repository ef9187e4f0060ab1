"""`import-dataset`, `export-dataset` and `preview` of projects, tasks and jobs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import click

from localcvat.cli import options
from localcvat.cli.limits import limit_options
from localcvat.cli.store import client_of, retrieve
from localcvat.cli.tables import echo_report
from localcvat.cli.transforms import transform_options

# cvat-cli's option of these commands for projects and tasks; it has no commands for jobs.
WAITING = "completion_verification_period"


def project_import_command() -> click.Command:
    """The command that reads a dataset into a project as new tasks."""

    @click.command(
        "import-dataset", help="Read the dataset at PATH into a project, one task a subset."
    )
    @click.argument("number", type=options.ID, metavar="ID")
    @click.argument("path")
    @options.read_format
    @options.media
    @options.jobs
    @_import_options
    @options.ignored(WAITING)
    @click.pass_context
    def import_dataset(
        context: click.Context, /, number: int, image_size: str | None, as_json: bool, **how: Any
    ) -> None:
        from localcvat.cli.transforms import parse_size

        import_into(context, number, as_json, how | {"image_size": parse_size(image_size)})

    return import_dataset


def import_into(context: click.Context, number: int, as_json: bool, how: dict[str, Any]) -> None:
    """Read a dataset into a project and print the report; `how` are the options by name."""
    from localcvat.cli.progress import item_progress

    with (
        _begun(context, how) as how["ahead"],  # before what takes long to import is
        client_of(context) as client,
        item_progress("images") as how["progress"],
    ):
        found = client.projects.retrieve(number)
        before = set(found.get_tasks())
        report = found.import_dataset(how.pop("format_name"), how.pop("path"), **how)
        made = [task.id for task in found.get_tasks() if task not in before]
    echo_report(report, as_json, tasks=made)


def _begun(context: click.Context, how: dict[str, Any]) -> AbstractContextManager[Any]:
    """The reading of the dataset, begun if it is large (see `localcvat.reading_process`)."""
    from localcvat.ordered import all_cores
    from localcvat.reading_process import DatasetReading, begun

    shared = ("path", "format_name", "image_size", "on_error", "transforms", "limits")
    order = DatasetReading(
        media=how["media"] != "none", **{name: how[name] for name in shared if name in how}
    )
    return begun(order, context.obj.get("jobs") or all_cores())


def import_command(noun: str, *ignored: str) -> click.Command:
    """The command that reads annotations into a task or job; takes the `ignored` options too."""

    @click.command(
        "import-dataset", help=f"Read annotations into a {noun}; images are matched by name."
    )
    @click.argument("number", type=options.ID, metavar="ID")
    @click.argument("path", metavar="FILE")
    @options.read_format
    @options.import_mode
    @options.iou
    @_import_options
    @options.ignored(*ignored)
    @click.pass_context
    def import_dataset(
        context: click.Context, /, number: int, image_size: str | None, as_json: bool, **how: Any
    ) -> None:
        from localcvat.cli.progress import item_progress
        from localcvat.cli.transforms import parse_size

        how["image_size"] = parse_size(image_size)
        with client_of(context) as client:
            found = retrieve(client, noun, number)
            how["mode"] = how["mode"] or _asked_mode(found)
            with item_progress("images") as how["progress"]:
                report = found.import_annotations(how.pop("format_name"), how.pop("path"), **how)
        echo_report(report, as_json)

    return import_dataset


def _asked_mode(found: Any) -> str:
    """What to do with annotations that are there: asked on a terminal; scripts replace them."""
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "replace"
    there = found.get_annotations()
    count = len(there.tags) + len(there.shapes) + len(there.tracks)
    if not count:
        return "replace"
    question = f"There are {count} annotations already. What is to become of them?"
    modes = click.Choice(["replace", "append", "merge"])
    answer: str = click.prompt(question, type=modes, err=True)
    return answer


def export_command(noun: str, *ignored: str) -> click.Command:
    """The command that writes a project, task or job as a dataset; takes `ignored` options too."""

    @click.command(
        "export-dataset",
        help=f"Write a {noun} as a dataset to FILE: a zip if it ends in .zip, else a folder.",
    )
    @click.argument("number", type=options.ID, metavar="ID")
    @click.argument("path", metavar="FILE")
    @click.option("--format", "format_name", default="CVAT for images 1.1", show_default=True)
    @options.with_images
    @options.strict
    @options.dry_run
    @options.overwrite
    @options.jobs
    @transform_options
    @options.report_json
    @options.ignored(*ignored)
    @click.pass_context
    def export_dataset(
        context: click.Context,
        /,
        number: int,
        path: str,
        format_name: str,
        with_images: bool,
        as_json: bool,
        **how: Any,
    ) -> None:
        from localcvat.cli.progress import item_progress

        with client_of(context) as client, item_progress("images") as how["progress"]:
            found = retrieve(client, noun, number)
            report = found.export_dataset(format_name, path, include_images=with_images, **how)
        echo_report(report, as_json)

    return export_dataset


def preview_command(noun: str, shown: str = "its first frame") -> click.Command:
    """The command that writes a picture of a project, task or job."""

    @click.command("preview", help=f"Write a picture of the {noun}: {shown}.")
    @click.argument("number", type=options.ID, metavar="ID")
    @click.option("-o", "--output", required=True, help="Image file to write (.png or .jpg).")
    @click.option("--annotations", is_flag=True, help="Draw the annotations, at full size.")
    @click.pass_context
    def preview(context: click.Context, number: int, output: str, annotations: bool) -> None:
        from localcvat.preview import write_preview

        with client_of(context) as client:
            write_preview(client.store, noun, number, output, annotations)

    return preview


def _import_options(command: options.Command) -> options.Command:
    """The options of every import but the format and where things go."""
    decorated: Any = command
    for option in (
        *(options.report_json, limit_options, transform_options),
        *(options.image_size, options.on_error, options.dry_run, options.strict),
    ):
        decorated = option(decorated)
    result: options.Command = decorated
    return result
