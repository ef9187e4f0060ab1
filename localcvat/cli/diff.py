"""`localcvat diff`."""

from __future__ import annotations

import sys

import click

from localcvat.cli import options


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--from-a", metavar="FORMAT", help="Format of A; detected if left out.")
@click.option("--from-b", metavar="FORMAT", help="Format of B; detected if left out.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.5,
    show_default=True,
    help="Pixels by which coordinates may differ.",
)
@click.option("--boxes", is_flag=True, help="Compare bounding boxes and labels alone.")
@click.option("--image-size", metavar="WxH", help="Size of images whose file is missing.")
@options.as_json
def diff(
    first: str,
    second: str,
    from_a: str | None,
    from_b: str | None,
    tolerance: float,
    boxes: bool,
    image_size: str | None,
    as_json: bool,
) -> None:
    """Compare two datasets, of one format or two; exit code 1 if they differ.

    Images are matched by path without extension, annotations by label, kind and place.
    """
    from localcvat.cli.tables import echo_json
    from localcvat.cli.transforms import parse_size
    from localcvat.comparison import differences
    from localcvat.plugin import ReadOptions
    from localcvat.reading import opened_dataset

    reading = ReadOptions(image_size=parse_size(image_size))
    with (
        opened_dataset(first, from_a, reading) as (one, _),
        opened_dataset(second, from_b, reading) as (other, _),
    ):
        found = list(differences(one, other, tolerance, boxes))
    if as_json:
        echo_json(found)
    else:
        for each in found:
            sign = {"a": "-", "b": "+", "both": "~"}[each.side]
            click.echo(f"{sign} {each.image}: {each.what} {each.detail}".rstrip())
        click.echo(f"{len(found)} differences" if found else "no differences", err=True)
    sys.exit(1 if found else 0)
