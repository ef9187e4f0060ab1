"""`localcvat formats`."""

from __future__ import annotations

import click
import orjson


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def formats(as_json: bool) -> None:
    """List the dataset formats: what can be read and written, and where it comes from."""
    from localcvat.plugin import all_formats

    rows = [
        {
            "name": plugin.name,
            "cvat_names": list(plugin.cvat_names),
            "aliases": list(plugin.aliases),
            "read": plugin.can_read,
            "write": plugin.can_write,
            "origin": plugin.origin,
            "summary": plugin.summary,
        }
        for plugin in all_formats()
    ]
    if as_json:
        click.echo(orjson.dumps(rows).decode())
        return
    for row in rows:
        ways = ("read" if row["read"] else "    ") + (" write" if row["write"] else "")
        click.echo(f"{row['name']!s:28} {ways:10} {row['origin']!s:9} {row['summary']}")
    if any(row["origin"] == "datumaro" for row in rows):
        click.echo(
            "Formats of origin datumaro need: pip install 'localcvat[all-formats]'", err=True
        )
