"""Write docs/cli.md from the commands themselves; a test compares the two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from localcvat.cli.main import COMMANDS, cli

HEAD = """# Command line

Made from the commands themselves by `make docs`; do not edit.

- Options and commands are spelled with hyphens or underscores: `--bug-tracker` is `--bug_tracker`.
- Reading commands take `--json`. Tables on a terminal are tab-separated lines when piped, uncut.
- `create` prints the new id alone. Reports and results go to standard output, errors and progress
  to standard error.
- Exit codes: 0 done, 1 failed (the reason is on standard error) or something is wrong with what was
  checked, 2 wrong usage.
- The store is `--store DIR`, else `$LOCALCVAT_STORE`, else `.localcvat` in this folder or above it.
"""


def reference() -> str:
    """The text of docs/cli.md."""
    root = click.Context(cli, info_name="localcvat")
    parts = [HEAD]
    for name in COMMANDS:
        command = cli.get_command(root, name)
        if command is not None:
            parts += _described(command, f"localcvat {name}", root)
    return "\n".join(parts)


def _described(command: click.Command, title: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=title, parent=None)
    context.help_option_names = []
    level = "##" if title.count(" ") == 1 else "###"
    if isinstance(command, click.Group):
        yield f"{level} {title}\n\n{_help(command)}\n"
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _described(inner, f"{title} {name}", context)
        return
    usage = " ".join([title, *command.collect_usage_pieces(context)])
    yield f"{level} {title}\n\n```\n{usage}\n```\n\n{_help(command)}\n"
    rows = [
        record
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
        for record in [option.get_help_record(context)]
        if record is not None
    ]
    if rows:
        lines = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in rows]
        yield "\n".join(["| option | |", "|---|---|", *lines]) + "\n"


def _help(command: click.Command) -> str:
    return re.sub(r"\x08\n((?:.+\n?)+)", r"```\n\1```\n", f"{command.help or ''}\n").strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(reference(), encoding="utf-8")
