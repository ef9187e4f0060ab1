"""The command line: nouns and verbs follow cvat-cli; every command is loaded when it is called."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from importlib import import_module
from types import FrameType

import click

from localcvat.errors import LocalCvatError, UsageError

COMMANDS = {
    "init": ("localcvat.cli.store:init", "Make a store in this folder."),
    "project": ("localcvat.cli.project:project", "Create, list, change, import, export projects."),
    "task": ("localcvat.cli.task:task", "Create, list, change, import, export tasks."),
    "job": ("localcvat.cli.job:job", "List, change, import, export jobs."),
    "label": ("localcvat.cli.label:label", "List, create, change, delete labels."),
    "request": ("localcvat.cli.request:request", "What was exported, imported and backed up."),
    "user": ("localcvat.cli.user:user", "Users: owners and assignees."),
    "org": ("localcvat.cli.user:org", "Organizations."),
    "convert": ("localcvat.cli.convert:convert", "Turn one dataset format into another."),
    "info": ("localcvat.cli.files:info", "Say what a file is."),
    "import": ("localcvat.cli.files:import_file", "Import a backup or a dataset."),
    "formats": ("localcvat.cli.formats:formats", "List the dataset formats."),
    "detect": ("localcvat.cli.detect:detect", "Say which format a dataset is in, and why."),
    "stats": ("localcvat.cli.stats:stats", "Count what a dataset holds."),
    "validate": ("localcvat.cli.validate:validate", "Name what is wrong with annotations."),
    "diff": ("localcvat.cli.diff:diff", "Compare two datasets."),
    "split": ("localcvat.cli.split:split", "Deal images out to subsets."),
    "merge": ("localcvat.cli.merge:merge", "Make one dataset of several."),
    "render": ("localcvat.cli.render:render", "Draw the annotations on the images."),
    "backup": ("localcvat.cli.backup:backup", "Inspect, check and repair CVAT backups."),
    "check": ("localcvat.cli.store:check", "Check the store and its media."),
    "gc": ("localcvat.cli.store:gc", "Free what is in the trash."),
    "snapshot": ("localcvat.cli.store:snapshot", "Copy the store while it is in use."),
    "export-manifest": ("localcvat.cli.store:export_manifest", "Write the sums of an output."),
    "verify": ("localcvat.cli.store:verify", "Compare an output with its sums."),
    "completion": ("localcvat.cli.completion:completion", "Completion for bash, zsh and fish."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that start-up stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def hyphens(token: str) -> str:
    """Options and commands may be spelled with underscores or hyphens: cvat-cli has both."""
    return token.replace("_", "-")


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": hyphens},
)
@click.option(
    "--store",
    metavar="DIR",
    envvar="LOCALCVAT_STORE",
    help="The store; else $LOCALCVAT_STORE, else .localcvat in this folder or above it.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
@click.version_option(package_name="localcvat", prog_name="localcvat")
@click.pass_context
def cli(ctx: click.Context, store: str | None, debug: bool) -> None:
    """CVAT projects without the server.

    Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 130 stopped by
    Ctrl-C.
    """
    ctx.obj = {"store": store, "debug": debug}


def main() -> None:
    """Run the command line; failures become one line on standard error and an exit code.

    Ending and hanging up end it as Ctrl-C does: what it had begun to write is removed.
    """
    _fill_closed_streams()
    # Pillow's word on large photos; it refuses those that are far too large.
    warnings.filterwarnings("ignore", r"Image size .* could be decompression bomb")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)
    sys.exit(run(sys.argv[1:]))


def _fill_closed_streams() -> None:
    """Where a standard stream is closed, the next file opened would stand in its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, closefd=False))


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough: cleaning up is under way
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped."""
    try:
        outcome = cli.main(args=arguments, prog_name="localcvat", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 128 + signal.SIGINT
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UsageError as error:
        click.echo(f"Error: {error}", err=True)
        return 2
    except LocalCvatError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"Error: {error}", err=True)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        if "--debug" in arguments:
            raise
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}", err=True)
        return 1
    except UnicodeEncodeError as error:
        if "--debug" in arguments:
            raise
        text = error.object[error.start : error.end]
        click.echo(f"Error: {text!r} is no text of this locale (use a UTF-8 locale)", err=True)
        return 1
    except Exception as error:  # a bug of ours: still no traceback without --debug
        if "--debug" in arguments:
            raise
        name = type(error).__name__
        click.echo(f"Error: unexpected {name}: {error} (a bug; --debug shows where)", err=True)
        return 1
    return outcome if isinstance(outcome, int) else 0
