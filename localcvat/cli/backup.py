"""`localcvat backup …`, and the backup commands of projects and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from localcvat.cli import options
from localcvat.cli.limits import ByteSize, limit_options
from localcvat.cli.progress import item_progress
from localcvat.cli.store import client_of, opened, retrieve
from localcvat.cli.tables import echo_json, echo_report, echo_table
from localcvat.errors import BackupError

if TYPE_CHECKING:
    from localcvat.archive import Limits

LIGHTWEIGHT = "Annotations and manifest, no media."
target_cvat = click.option(
    "--target-cvat",
    default="2.15",
    show_default=True,
    metavar="VERSION",
    help="The CVAT that is to restore it: a version, or newest.",
)
COLUMNS = ("folder", "name", "subset", "mode", "frames", "jobs", "annotations", "media", "bytes")


SYNONYMS = {"validate": "check", "--all": "all"}


class BackupGroup(click.Group):
    """The group, whose commands may also be called as SYNONYMS say."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [SYNONYMS.get(word, word) for word in args[:1]] + args[1:])


@click.group(cls=BackupGroup)
def backup() -> None:
    """Inspect, check and repair CVAT backups."""


@backup.command()
@click.argument("file")
@options.as_json
@limit_options
def inspect(file: str, as_json: bool, limits: Limits) -> None:
    """Say what a backup holds, without a store."""
    from localcvat.backup.inspect import inspect_backup

    found = inspect_backup(file, limits)
    if as_json:
        echo_json(found)
        return
    click.echo(f"{found.kind} backup: {found.name}")
    click.echo(f"labels: {', '.join(found.labels) or 'none'}")
    for kind, count in found.annotations.items():
        click.echo(f"{kind}: {count}")
    click.echo(f"guide: {'yes' if found.guide else 'no'}")
    rows = [
        (
            task.folder or "-",
            task.name,
            task.subset,
            task.mode,
            task.frames,
            sum(task.jobs.values()),
            sum(task.annotations.values()),
            task.media_files,
            task.media_bytes,
        )
        for task in found.tasks
    ]
    echo_table(COLUMNS, rows)


@backup.command()
@click.argument("file")
@options.as_json
@click.option(
    "--as",
    "kind",
    type=click.Choice(["project", "task"]),
    help="What it is to be restored as; else what it is.",
)
@click.option("--quick", is_flag=True, help="Don't read the media through.")
@target_cvat
@limit_options
def check(
    file: str, as_json: bool, kind: str | None, quick: bool, target_cvat: str, limits: Limits
) -> None:
    """Name everything a real restore would refuse, change or lose.

    Exit code 1 if a restore would fail, 0 with warnings only.
    """
    from localcvat.backup.check import check_backup

    findings = check_backup(file, limits, kind=kind, media=not quick, target=target_cvat)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        echo_json(findings)
    else:
        for finding in findings:
            click.echo(finding)
        if not errors:
            click.echo(f"a restore would succeed, {len(findings)} warnings")
    if errors:
        raise BackupError(
            f"a restore would fail: {errors} errors",
            where=file,
            hint="try `localcvat backup repair`",
        )


@backup.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@target_cvat
@options.report_json
@limit_options
def repair(source: str, target: str, target_cvat: str, as_json: bool, limits: Limits) -> None:
    """Write a backup that restores at OUT, made of the one at IN, which stays as it is.

    Says what was changed; refuses what it can't mend.
    """
    from localcvat.backup.repair import repair_backup

    echo_report(repair_backup(source, target, limits, target_cvat=target_cvat), as_json)


@backup.command()
@click.argument("file")
@click.argument("folder", metavar="OUTDIR")
@click.option(
    "--max-bytes",
    type=ByteSize(),
    required=True,
    metavar="SIZE",
    help="What a part may have at most, for instance 20G.",
)
@limit_options
def split(file: str, folder: str, max_bytes: int, limits: Limits) -> None:
    """Write a project backup as several that restore, with whole tasks in each; prints them."""
    from localcvat.backup.edit import split_backup

    for path in split_backup(file, folder, max_bytes, limits):
        click.echo(path)


@backup.command("rename-label")
@click.argument("file")
@click.argument("target", metavar="OUT")
@click.argument("names", metavar="OLD=NEW")
@options.report_json
@limit_options
def rename_label(file: str, target: str, names: str, as_json: bool, limits: Limits) -> None:
    """Write a copy of a backup with a label under another name.

    If there is a label NEW with the same type and attributes, the two become one.
    """
    from localcvat.backup.edit import rename_label as rename
    from localcvat.errors import UsageError

    old, equals, new = names.partition("=")
    if not (equals and old and new):
        raise UsageError(f"{names!r} is not OLD=NEW")
    echo_report(rename(file, target, old, new, limits), as_json)


@backup.command()
@click.argument("file")
@click.argument("target", metavar="OUT")
@click.argument("name", metavar="NAME")
@options.report_json
@limit_options
def rename(file: str, target: str, name: str, as_json: bool, limits: Limits) -> None:
    """Write a copy of a backup whose project or task has another NAME."""
    from localcvat.backup.edit import rename_backup

    echo_report(rename_backup(file, target, name, limits), as_json)


@backup.command("all")
@click.argument("folder", metavar="OUTDIR")
@click.option("--lightweight", is_flag=True, help=LIGHTWEIGHT)
@click.option("--overwrite", is_flag=True, help="Replace backups that are there.")
@click.pass_context
def everything(context: click.Context, folder: str, lightweight: bool, overwrite: bool) -> None:
    """Back up all projects, and tasks without one, into OUTDIR; print the files.

    Each file is read through as `backup check` does before the next is begun.
    """
    from localcvat.backup.everything import back_up_everything

    with opened(context) as store:
        written = back_up_everything(store, folder, lightweight=lightweight, overwrite=overwrite)
        for path in written:
            click.echo(path)


def backup_command(noun: str) -> click.Command:
    """The command that writes a backup of a project or task."""

    @click.command("backup", help=f"Write a {noun} as a backup zip that CVAT restores.")
    @click.argument("number", type=options.ID, metavar="ID")
    @click.argument("file")
    @click.option("--lightweight", is_flag=True, help=LIGHTWEIGHT)
    @options.overwrite
    @options.report_json
    @click.pass_context
    def written(
        context: click.Context,
        number: int,
        file: str,
        lightweight: bool,
        overwrite: bool,
        as_json: bool,
    ) -> None:
        with client_of(context) as client, item_progress("files") as progress:
            found = retrieve(client, noun, number)
            report = found.download_backup(
                file, lightweight=lightweight, overwrite=overwrite, progress=progress
            )
        echo_report(report, as_json)

    return written


@click.command("create-from-backup")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print {id, report} as JSON.")
@limit_options
@options.jobs
@click.pass_context
def project_create_from_backup(
    context: click.Context, file: str, as_json: bool, limits: Limits
) -> None:
    """Make a project of a backup and print its id."""
    restore(context, "project", file, as_json, limits)


@click.command("create-from-backup")
@click.argument("file")
@click.option("--project_id", "--project-id", type=options.ID, help="Project the task goes into.")
@click.option("--json", "as_json", is_flag=True, help="Print {id, report} as JSON.")
@limit_options
@options.jobs
@click.pass_context
def task_create_from_backup(
    context: click.Context, file: str, project_id: int | None, as_json: bool, limits: Limits
) -> None:
    """Make a task of a backup and print its id; in a project, labels go by name."""
    restore(context, "task", file, as_json, limits, project_id)


def restore(
    context: click.Context,
    kind: Literal["project", "task"],
    file: str,
    as_json: bool,
    limits: Limits,
    project_id: int | None = None,
) -> None:
    """Make a project or task of a backup; print its id, and the report on standard error."""
    from localcvat.report import Report
    from localcvat.transfers import Place, import_backup

    with opened(context) as store, item_progress("files") as progress:
        request = import_backup(
            store, kind, Place(path=file), project_id=project_id, limits=limits, progress=progress
        )

    report = Report.from_dict(request.report or {})
    if as_json:
        echo_json({"id": request.result_id, "report": report.to_dict()})
        return
    for entry, line in zip(report.entries, report.lines(), strict=True):
        if entry.outcome != "kept":
            click.echo(line, err=True)
    click.echo(request.result_id)
