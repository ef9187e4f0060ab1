"""Options that several commands share, spelled as cvat-cli spells them.

Underscores and hyphens are the same to the command line (see `main`), so each is declared once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from localcvat.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


class _Id(click.types.IntParamType):
    """The number of something in the store."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = int(super().convert(value, param, ctx))
        if not 0 <= number <= MAX_ID:
            self.fail(f"there is no number {value} in a store.", param, ctx)
        return number


MAX_ID = (1 << 63) - 1
ID = _Id()
as_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
report_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
strict = click.option("--strict", is_flag=True, help="Do nothing if anything would be lost.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
with_images = click.option(
    "--with-images",
    type=click.BOOL,
    default=False,
    metavar="yes|no",
    help="Write the images too. Default: no.",
)
media = click.option(
    "--media",
    type=click.Choice(["copy", "reference", "none"]),
    default="copy",
    help="Copy the images into the store, leave them where they are, or do without.",
)
read_format = click.option("--format", "format_name", help="Format name; detected if left out.")
import_mode = click.option(
    "--mode",
    type=click.Choice(["replace", "append", "merge"]),
    help="Replace the annotations that are there, add to them, or add what is not there already. "
    "Without it a terminal is asked, and a script replaces them.",
)
iou = click.option(
    "--iou",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="How much objects of one label cover each other to be one.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Do all of it, print the report, and keep nothing."
)
_on_error = click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    help="Stop at a bad object or an unknown image, or skip and report it.",
)
_lenient = click.option(
    "--lenient", "on_error", flag_value="skip", help="The same as --on-error skip."
)
image_size = click.option(
    "--image-size", metavar="WxH", help="Size of images whose file is missing."
)


def on_error(command: Command) -> Command:
    """What becomes of bad objects and unknown images."""
    decorated: Command = _on_error(_lenient(command))
    return decorated


def _keep_jobs(context: click.Context, _: click.Parameter, value: int | None) -> None:
    context.obj["jobs"] = value


jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    expose_value=False,
    callback=_keep_jobs,
    help="Cores to use; all by default. What is done does not depend on it.",
)


def identified(noun: str) -> Callable[[Command], Command]:
    """The argument ID of one object, passed as ``<noun>_id``."""
    return click.argument(f"{noun}_id", type=ID, metavar="ID")


def ignored(*names: str) -> Callable[[Command], Command]:
    """Options of cvat-cli that mean nothing without a server: taken, so that scripts still run."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def without(*args: Any, **kwargs: Any) -> Any:
            for name in names:
                kwargs.pop(name)
            return command(*args, **kwargs)

        decorated: Any = without
        for name in names:
            flag = name not in ("completion_verification_period",)
            decorated = click.option(f"--{name}", name, is_flag=flag, hidden=True)(decorated)
        result: Command = decorated
        return result

    return decorate


def list_options(*simple: str) -> Callable[[Command], Command]:
    """The options of a list; the command gets them as one argument, `conditions`.

    `simple` are the fields that can be compared plainly, as ``--name TEXT``.
    """
    shared = [
        click.option("--search", metavar="WORDS", help="Words that must all be found."),
        click.option("--filter", metavar="RULE", help="A JSON Logic rule."),
        click.option("--sort", metavar="FIELDS", help="Comma-separated, - for descending."),
        click.option("--org", metavar="SLUG", help="Only of this organization; '' for of none."),
        click.option("--page", type=click.IntRange(min=1), default=1, help="Which page."),
        click.option("--page_size", default="all", metavar="N", help="Rows a page. Default: all."),
    ]
    plain = [click.option(f"--{name}", metavar="VALUE", help=f"Exact {name}.") for name in simple]
    names = ("search", "filter", "sort", "org", *simple)

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_conditions(*args: Any, **kwargs: Any) -> Any:
            given = {name: kwargs.pop(name) for name in names}
            conditions = {name: value for name, value in given.items() if value is not None}
            conditions["page"] = kwargs.pop("page")
            conditions["page_size"] = parse_page_size(kwargs.pop("page_size"))
            return command(*args, conditions=conditions, **kwargs)

        decorated: Any = with_conditions
        for option in reversed([*plain, *shared]):
            decorated = option(decorated)
        result: Command = decorated
        return result

    return decorate


def parse_page_size(text: str) -> int | None:
    """A number of rows, None for ``all``; raises UsageError."""
    if text == "all":
        return None
    if not text.isdigit() or not int(text):
        raise UsageError(f"--page_size: {text!r} is neither a positive number nor 'all'")
    return int(text)
