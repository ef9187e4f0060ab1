"""`localcvat project guide` and `localcvat task guide`."""

from __future__ import annotations

import click

from localcvat.cli.options import ID
from localcvat.cli.store import opened


def guide_command(noun: str) -> click.Command:
    """The command that shows or changes the guide of a project or task."""

    @click.command(
        "guide",
        help=f"Print the annotation guide of a {noun}, or make FILE its guide.\n\n"
        "Pictures and pdf that FILE links and that lie beside it become assets.",
    )
    @click.argument("number", type=ID, metavar="ID")
    @click.argument("file", required=False)
    @click.option("-o", "--output", metavar="DIR", help="Write guide.md and assets to a new DIR.")
    @click.pass_context
    def guide(context: click.Context, number: int, file: str | None, output: str | None) -> None:
        from localcvat.errors import NotFoundError, UsageError
        from localcvat.guide_files import set_guide, write_guide
        from localcvat.guides import read_guide

        owner = {f"{noun}_id": number}
        if file is not None and output is not None:
            raise UsageError("FILE sets the guide, --output writes it: not both")
        with opened(context) as store:
            if file is not None:
                click.echo(f"{set_guide(store, file, **owner)} assets")
            elif output is not None:
                write_guide(store, output, **owner)
            else:
                with store.read() as session:
                    found = read_guide(session, **owner)
                if found is None:
                    raise NotFoundError(f"no guide of {noun} #{number}")
                click.echo(found.markdown)

    return guide
