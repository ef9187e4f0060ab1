"""`localcvat validate`."""

from __future__ import annotations

import click

from localcvat.cli import options
from localcvat.errors import UsageError


@click.command()
@click.argument("source", metavar="SRC")
@click.option("--from", "from_", metavar="FORMAT", help="Format of SRC; detected if left out.")
@click.option("--fix", metavar="DST", help="Write a copy at DST in which it is mended.")
@click.option("--to", metavar="FORMAT", help="Format of DST; that of SRC if left out.")
@options.with_images
@options.overwrite
@options.image_size
@options.as_json
@click.pass_context
def validate(
    context: click.Context,
    /,
    source: str,
    from_: str | None,
    fix: str | None,
    to: str | None,
    with_images: bool,
    overwrite: bool,
    image_size: str | None,
    as_json: bool,
) -> None:
    """Name what is wrong or odd with the annotations at SRC; exit code 1 if something is wrong.

    Wrong: shapes without area or outside of their image, unknown labels, labels of another type,
    values an attribute may not have, broken image files. Odd: shapes that reach beyond their image,
    cross themselves or are there twice, images without annotations, of another size or twice,
    labels never used. --fix leaves out and cuts shapes, and reports each.
    """
    import msgspec

    from localcvat.cli.tables import echo_json, echo_report
    from localcvat.cli.transforms import parse_size
    from localcvat.plugin import ReadOptions
    from localcvat.reading import opened_dataset
    from localcvat.validation import findings

    if to and not fix:
        raise UsageError("--to is for --fix")
    size = parse_size(image_size)
    reading = ReadOptions(image_size=size)
    if fix:
        from localcvat.convert import ConvertOptions
        from localcvat.validation import write_mended

        chosen = ConvertOptions(with_images=with_images, overwrite=overwrite, image_size=size)
        echo_report(write_mended(source, fix, from_, to, chosen), as_json)
        return
    with opened_dataset(source, from_, reading) as (dataset, _):
        found = list(findings(dataset))
    errors = sum(finding.is_error for finding in found)
    if as_json:
        rows = [{**msgspec.to_builtins(each), "error": each.is_error} for each in found]
        echo_json({"errors": errors, "warnings": len(found) - errors, "findings": rows})
    else:
        for finding in found:
            mark = "error" if finding.is_error else "warning"
            parts = (finding.image, finding.on, finding.detail)
            click.echo(f"{mark:8}{finding.what}: {': '.join(filter(None, parts))}")
        click.echo(f"{errors} errors, {len(found) - errors} warnings")
    context.exit(1 if errors else 0)
