"""`localcvat split`."""

from __future__ import annotations

from typing import Any

import click

from localcvat.cli import options
from localcvat.errors import UsageError


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option(
    "--into",
    "parts",
    required=True,
    metavar="NAME=FRACTION,…",
    help="The subsets to make, for instance train=0.8,val=0.2.",
)
@click.option("--subset", "subsets", metavar="NAME,…", help="Deal out these subsets alone.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another split.")
@click.option("--stratify", is_flag=True, help="Deal out the images of rare labels evenly.")
@click.option(
    "--group-by",
    type=click.Choice(["none", "folder", "task"]),
    default="none",
    help="Keep the images of a folder or task (a video) together.",
)
@click.option("--from", "from_", metavar="FORMAT", help="Format of SRC; detected if left out.")
@click.option("--to", metavar="FORMAT", help="Format of DST; that of SRC if left out.")
@options.with_images
@options.dry_run
@options.overwrite
@options.report_json
def split(
    source: str,
    target: str,
    parts: str,
    subsets: str | None,
    seed: int,
    stratify: bool,
    group_by: Any,
    from_: str | None,
    to: str | None,
    with_images: bool,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Deal the images of SRC out to subsets, and write them to DST.

    The same seed gives the same split. Subsets that are not dealt out stay as they are.
    """
    from localcvat.cli.tables import echo_report
    from localcvat.cli.transforms import parse_names
    from localcvat.convert import ConvertOptions
    from localcvat.splitting import split_dataset

    report = split_dataset(
        source,
        target,
        _fractions(parts),
        subsets=parse_names(subsets),
        seed=seed,
        stratify=stratify,
        group_by=group_by,
        from_=from_,
        to=to,
        options=ConvertOptions(with_images=with_images, dry_run=dry_run, overwrite=overwrite),
    )
    echo_report(report, as_json)


def _fractions(text: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for piece in text.split(","):
        name, equals, value = (part.strip() for part in piece.partition("="))
        try:
            parts[name] = float(value)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise UsageError(f"--into: {piece!r} is not NAME=FRACTION")
    return parts
