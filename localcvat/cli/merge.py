"""`localcvat merge`."""

from __future__ import annotations

import click

from localcvat.cli import options
from localcvat.cli.transforms import transform_options
from localcvat.transforms import Transforms


@click.command()
@click.argument("sources", metavar="SRC...", nargs=-1, required=True)
@click.argument("target", metavar="DST")
@click.option("--to", required=True, metavar="FORMAT", help="Format of DST.")
@click.option("--from", "from_", metavar="FORMAT", help="Format of all SRC; detected if left out.")
@click.option(
    "--iou",
    type=click.FloatRange(0, 1, min_open=True),
    help="Join images of one name, and objects of one label that cover each other by this much.",
)
@options.with_images
@options.strict
@options.dry_run
@options.overwrite
@transform_options
@options.report_json
def merge(
    sources: tuple[str, ...],
    target: str,
    to: str,
    from_: str | None,
    iou: float | None,
    with_images: bool,
    strict: bool,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
    transforms: Transforms,
) -> None:
    """Write the datasets at SRC, of any formats, as one dataset at DST.

    Labels are one if their names are. Images whose names collide are an error without
    --rename-duplicates or --iou. --dry-run shows what would become of them.
    """
    from localcvat.cli.tables import echo_report
    from localcvat.convert import ConvertOptions
    from localcvat.merging import merge_datasets

    chosen = ConvertOptions(
        with_images=with_images,
        strict=strict,
        dry_run=dry_run,
        overwrite=overwrite,
        transforms=transforms,
    )
    echo_report(merge_datasets(sources, target, to, from_, chosen, iou), as_json)
