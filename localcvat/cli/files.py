"""`localcvat info` and `import`: whatever a file is, a backup or a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from localcvat.cli import options
from localcvat.cli.limits import limit_options
from localcvat.cli.tables import echo_json
from localcvat.errors import UsageError

if TYPE_CHECKING:
    from localcvat.archive import Limits


@click.command()
@click.argument("path")
@options.as_json
@limit_options
def info(path: str, as_json: bool, limits: Limits) -> None:
    """Say in a line what the file or folder at PATH is: a backup or a dataset, and of what size."""
    kind = _backup_kind(path, limits)
    told = _of_dataset(path, limits) if kind is None else _of_backup(path, kind, limits)
    if as_json:
        echo_json(told)
        return
    counts = [f"{n} {_plural(noun, n)}" for noun, n in told.items() if isinstance(n, int)]
    click.echo(", ".join([f"{told['kind']} {told['name']!r}".removesuffix(" ''"), *counts]))


@click.command("import")
@click.argument("path", metavar="FILE")
@click.option("--into", type=options.ID, metavar="PROJECT", help="The project it goes into.")
@options.read_format
@options.media
@options.on_error
@options.strict
@limit_options
@options.jobs
@options.report_json
@click.pass_context
def import_file(
    context: click.Context,
    /,
    path: str,
    into: int | None,
    format_name: str | None,
    limits: Limits,
    as_json: bool,
    **how: Any,
) -> None:
    """Import FILE as what it is: a project backup, a task backup or a dataset.

    A task backup goes into PROJECT by the names of its labels, and is refused with all that
    differ. A dataset needs a project, and becomes one task a subset there.
    """
    from localcvat.cli.backup import restore
    from localcvat.cli.datasets import import_into

    kind = None if format_name else _backup_kind(path, limits)
    if kind == "project":
        if into is not None:
            raise UsageError("a project backup becomes a project of its own; leave --into out")
        restore(context, "project", path, as_json, limits)
    elif kind == "task":
        restore(context, "task", path, as_json, limits, into)
    elif into is None:
        raise UsageError("a dataset goes into a project: name it with --into")
    else:
        how |= {"path": path, "format_name": format_name, "limits": limits}
        import_into(context, into, as_json, how)


def _plural(noun: str, count: int) -> str:
    return noun.removesuffix("s") if count == 1 else noun


def _backup_kind(path: str, limits: Limits) -> Literal["project", "task"] | None:
    from localcvat.archive import open_source
    from localcvat.plugin import backup_kind

    with open_source(path, limits) as source:
        return backup_kind(source)


def _of_backup(path: str, kind: str, limits: Limits) -> dict[str, Any]:
    from localcvat.backup.inspect import inspect_backup

    found = inspect_backup(path, limits)
    return {
        "kind": f"CVAT {kind} backup",
        "name": found.name,
        "tasks": len(found.tasks),
        "jobs": found.jobs,
        "frames": found.frames,
        "labels": len(found.labels),
        "annotations": sum(found.annotations.values()),
        "media files": found.media_files,
        "bytes of media": found.media_bytes,
    }


def _of_dataset(path: str, limits: Limits) -> dict[str, Any]:
    from localcvat.reading import opened_dataset
    from localcvat.statistics import dataset_stats

    with opened_dataset(path, limits=limits) as (dataset, plugin):
        found = dataset_stats(dataset)
    return {
        "kind": f"{plugin.name} dataset",
        "name": "",
        "subsets": len(found.subsets),
        "images": found.images,
        "labels": len(found.labels),
        "objects": found.objects,
    }
