"""`localcvat convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localcvat.cli.limits import limit_options
from localcvat.cli.options import dry_run, on_error, report_json
from localcvat.cli.tables import echo_report
from localcvat.cli.transforms import parse_size, transform_options
from localcvat.errors import LocalCvatError
from localcvat.transforms import Transforms

if TYPE_CHECKING:
    from localcvat.archive import Limits


def read_names(path: str | None) -> list[str] | None:
    """Label names of a file, one a line; raises LocalCvatError when it can't be read."""
    if path is None:
        return None
    from localcvat.text import decode

    try:
        with open(path, "rb") as stream:
            text = decode(stream.read(), path)
    except OSError as error:
        raise LocalCvatError(error.strerror or str(error), where=path) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--to", required=True, metavar="FORMAT", help="Format to write; see `formats`.")
@click.option("--from", "from_", metavar="FORMAT", help="Format of SRC; detected if left out.")
@click.option(
    "--with-images",
    type=click.Choice(["yes", "no"]),
    default="no",
    help="Copy the images too. Default: no.",
)
@click.option("--strict", is_flag=True, help="Write nothing if anything would be lost.")
@dry_run
@report_json
@click.option("--image-size", metavar="WxH", help="Size of images whose file is missing.")
@click.option(
    "--names",
    metavar="FILE",
    help="Label names, one a line: the classes of SRC if it names none, their order in DST.",
)
@click.option(
    "--multipart",
    type=click.Choice(["split", "bridge", "largest"]),
    help="Ultralytics segmentation: an object of several polygons becomes a line each (the "
    "default), one line along bridges of no width, or its largest polygon alone.",
)
@on_error
@click.option(
    "--fix",
    is_flag=True,
    help="COCO: mend polygons of an odd count or of less than six numbers; each is reported.",
)
@click.option(
    "--category-id-start",
    type=click.IntRange(min=0),
    help="COCO: count the categories of DST from here. Default: the ids of SRC, else from 1.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes to use; all cores by default.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it is an existing zip.")
@limit_options
@transform_options
def convert(
    source: str,
    target: str,
    to: str,
    from_: str | None,
    with_images: str,
    strict: bool,
    dry_run: bool,
    as_json: bool,
    image_size: str | None,
    names: str | None,
    multipart: str | None,
    on_error: str,
    fix: bool,
    category_id_start: int | None,
    jobs: int | None,
    overwrite: bool,
    limits: Limits,
    transforms: Transforms,
) -> None:
    """Turn the dataset at SRC into another format at DST.

    SRC is a folder, a zip or a bare .json; DST becomes a folder, a zip if it ends in
    .zip, one file if it ends as the format's files do (.json, .csv). The
    report says what was kept, changed and dropped.
    """
    from localcvat.cli.progress import item_progress
    from localcvat.convert import ConvertOptions
    from localcvat.convert import convert as run

    params = {"fix": fix, "multipart": multipart, "category_id_start": category_id_start}
    with item_progress("images") as progress:
        options = ConvertOptions(
            with_images=with_images == "yes",
            strict=strict,
            dry_run=dry_run,
            overwrite=overwrite,
            jobs=jobs,
            image_size=parse_size(image_size),
            labels=read_names(names),
            params={name: value for name, value in params.items() if value is not None},
            on_error=on_error,
            limits=limits,
            transforms=transforms,
            progress=progress,
        )
        report = run(source, target, to, from_, options)
    echo_report(report, as_json)
