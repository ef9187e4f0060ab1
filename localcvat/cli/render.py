"""`localcvat render`."""

from __future__ import annotations

import click

from localcvat.cli import options


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--from", "from_", metavar="FORMAT", help="Format of SRC; detected if left out.")
@click.option("--limit", type=click.IntRange(min=1), help="Draw the first N images alone.")
@click.option("--png", is_flag=True, help="Write PNG instead of JPEG.")
@click.option("--html", is_flag=True, help="Write index.html too, a page of the pictures.")
@options.overwrite
@options.report_json
def render(
    source: str,
    target: str,
    from_: str | None,
    limit: int | None,
    png: bool,
    html: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the images of SRC with their annotations drawn on them to DST."""
    from localcvat.archive import open_sink
    from localcvat.cli.tables import echo_report
    from localcvat.convert import check_apart
    from localcvat.reading import opened_dataset
    from localcvat.rendering import render_dataset
    from localcvat.report import Report

    report = Report()
    check_apart(source, target)
    with (
        opened_dataset(source, from_, report=report) as (dataset, _),
        open_sink(target, overwrite=overwrite) as sink,
    ):
        render_dataset(dataset, sink, report, limit=limit, page=html, png=png)
    echo_report(report, as_json)
