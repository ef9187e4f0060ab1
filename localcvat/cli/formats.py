"""`localcvat formats`."""

from __future__ import annotations

import json

import click

from localcvat.cli import options


@click.command()
@options.as_json
def formats(as_json: bool) -> None:
    """List the dataset formats: what can be read and written, and where it comes from."""
    from localcvat.format_index import listed_formats

    listed = listed_formats()
    if as_json:
        rows = [
            {
                "name": row.name,
                "cvat_names": row.cvat_names,
                "aliases": row.aliases,
                "read": row.read,
                "write": row.write,
                "origin": row.origin,
                "summary": row.summary,
            }
            for row in listed
        ]
        click.echo(json.dumps(rows))
        return
    width = max((len(row.name) for row in listed), default=0)
    for row in listed:
        ways = ("read" if row.read else "    ") + (" write" if row.write else "")
        click.echo(f"{row.name:{width}}  {ways:10}  {row.origin:8}  {row.summary}")
    if any(row.origin == "datumaro" for row in listed):
        click.echo(
            "Formats of origin datumaro need: pip install 'localcvat[all-formats]'", err=True
        )
