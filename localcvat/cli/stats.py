"""`localcvat stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localcvat.cli import options

if TYPE_CHECKING:
    from localcvat.statistics import DatasetStats


@click.command()
@click.argument("source", metavar="SRC")
@click.option("--from", "from_", metavar="FORMAT", help="Format of SRC; detected if left out.")
@click.option("--html", metavar="FILE", help="Write it as a page to FILE.")
@options.overwrite
@options.as_json
def stats(source: str, from_: str | None, html: str | None, overwrite: bool, as_json: bool) -> None:
    """Count what the dataset at SRC holds: images, objects by label and kind, sizes."""
    import msgspec

    from localcvat.cli.tables import echo_json
    from localcvat.reading import opened_dataset
    from localcvat.statistics import dataset_stats

    with opened_dataset(source, from_) as (dataset, plugin):
        found = dataset_stats(dataset)
    if html is not None:
        from localcvat.pages import statistics_page, write_page

        write_page(html, statistics_page(source, plugin.name, found), overwrite=overwrite)
        return
    if as_json:
        body = {"format": plugin.name, **msgspec.to_builtins(found), "objects": found.objects}
        echo_json(body)
        return
    click.echo(f"{plugin.name}: {found.images} images, {found.objects} objects")
    _echo(found)


def _echo(found: DatasetStats) -> None:
    click.echo(f"images without annotations: {found.empty}; most on one image: {found.most}")
    if found.smallest_image and found.largest_image:
        sizes = (found.smallest_image, found.largest_image)
        click.echo("image sizes: " + " to ".join(f"{w}x{h}" for w, h in sizes))
    rows = [("subsets", found.subsets), ("kinds", found.kinds), ("boxes", found.sizes)]
    for title, counts in rows:
        click.echo(f"{title}: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    if found.tracks:
        click.echo(f"tracks: {found.tracks}")
    width = max((len(name) for name in found.labels), default=0)
    for name, label in sorted(found.labels.items(), key=lambda pair: (-pair[1].objects, pair[0])):
        kinds = ", ".join(f"{kind} {count}" for kind, count in label.kinds.items())
        click.echo(f"  {name:{width}}  {label.objects:>8} on {label.images} images  {kinds}")
