"""`localcvat detect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from localcvat.cli import options
from localcvat.cli.limits import limit_options

if TYPE_CHECKING:
    from localcvat.archive import Limits


@click.command()
@click.argument("path")
@click.option("--explain", is_flag=True, help="Say for every format why or why not.")
@options.as_json
@limit_options
def detect(path: str, explain: bool, as_json: bool, limits: Limits) -> None:
    """Say which format the dataset at PATH is in."""
    from localcvat.archive import open_source
    from localcvat.plugin import detect_format, detections, refuse_backup

    with open_source(path, limits) as source:
        refuse_backup(source)
        found = detections(source)
        rows = [
            {"name": plugin.name, "score": detection.score, "reason": detection.reason}
            for plugin, detection in found
        ]
        if as_json:
            click.echo(orjson.dumps(rows).decode())
        elif explain:
            for row in rows:
                click.echo(f"{row['score']:>4} {row['name']!s:28} {row['reason']}")
        else:
            click.echo(detect_format(source).name)
