"""Tables for people, plain lines for pipes, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from localcvat.errors import UsageError

if TYPE_CHECKING:
    from localcvat.report import Report

_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def echo_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(msgspec.json.encode(value).decode())


def as_text(value: Any) -> str:
    """A value in one cell: nothing for None, yes and no, an object by its name."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(as_text, value))
    return str(value)


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows: a table on a terminal; tab-separated, uncut and one a line when piped."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns)
        for row in rows:
            table.add_row(*[Text(as_text(value)) for value in row])
        Console().print(table)
        return
    for row in rows:
        click.echo("\t".join(as_text(value).translate(_ESCAPES) for value in row))


def echo_page(page: Any, as_json: bool, columns: Mapping[str, Callable[[Any], Any]]) -> None:
    """Print a page of found objects: as ``{count, next, previous, results}`` or as a table.

    `next` and `previous` are page numbers, null where there is none.
    """
    if as_json:
        size = page.page_size
        last = 1 if size is None else max(1, -(-page.total // size))
        echo_json(
            {
                "count": page.total,
                "next": page.page + 1 if page.page < last else None,
                "previous": page.page - 1 if page.page > 1 else None,
                "results": [
                    found if isinstance(found, msgspec.Struct) else found.to_dict()
                    for found in page
                ],
            }
        )
        return
    echo_table(list(columns), [[read(found) for read in columns.values()] for found in page])


def echo_fields(value: msgspec.Struct) -> None:
    """Print the fields of a value, one a line."""
    for field, content in msgspec.structs.asdict(value).items():
        click.echo(f"{field}: {as_text(content)}".rstrip())


def echo_report(report: Report, as_json: bool, **more: Any) -> None:
    """Print a loss report: JSON with what else is to be told, or lines."""
    if as_json:
        echo_json({**more, "report": report.to_dict()})
        return
    for line in report.lines():
        click.echo(line)


def parse_json(text: str | None, option: str) -> Any:
    """The JSON value of an option, or of the file it names; raises UsageError."""
    import os

    import orjson

    if text is None:
        return None
    data: bytes | str = text
    if not text.lstrip().startswith(("[", "{")) and os.path.isfile(text):
        with open(text, "rb") as stream:
            data = stream.read()
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{option}: not JSON: {error}") from error
