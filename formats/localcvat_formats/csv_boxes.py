"""CSV: a row a box with the image's path and the label, in the spellings found in the wild.

Read: any delimiter of ``, ; tab |``, quoted or not, with BOM; corners, corner and size, centre and
size, or a list in one column; pixels or fractions of the image. A row without a box is a tag; one
without a label, an image without annotations. Written: one table of corners in pixels.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import COPY_CHUNK, Sink, Source
from localcvat.model import Dataset, Item
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.csv_reader import CsvReader, sniffed_columns, tables_in

FILE = "annotations.csv"
WRITTEN = (
    *("path", "label", "xmin", "ymin", "xmax", "ymax", "image_width", "image_height", "subset"),
    *("rotation", "occluded", "group", "z_order", "score", "track_id", "attributes"),
)


class CsvBoxes(Format):
    """Boxes in a table."""

    name = "csv"
    aliases = ("csv-boxes", "tsv")
    extensions = (".csv", ".tsv")
    summary = "CSV: path, label and box in columns"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            kinds=frozenset(("rectangle", "tag")),
            converts=dict.fromkeys(shapes, "rectangle"),
            rotation=True,
            attributes=True,
            tag_attributes=True,
            group=True,
            occluded=True,
            z_order=True,
            score=True,
            tracks="flattened",
            label_list=False,
            limits={"tag.group": "", "tag.score": ""},
        )

    def detect(self, source: Source) -> Detection:
        names = tables_in(source)
        if not names:
            return Detection(score=0, reason="no .csv or .tsv file")
        for name in names:
            columns = sniffed_columns(source, name)
            if columns is not None:
                what = columns.layout or ", ".join(sorted(columns.at))
                return Detection(score=60, reason=f"{name} has the columns {what}")
        return Detection(score=0, reason=f"{names[0]} has no columns of path and label or box")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return CsvReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _write(dataset, sink, options, report)


def _write(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    """The table comes last, for a zip takes one file at a time; it waits in a temporary file."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(WRITTEN)
    unused = {label.name: None for label in dataset.header.labels}
    with tempfile.TemporaryFile() as table:
        for item in dataset.items:
            writer.writerows(_written(item))
            for name in [tag.label for tag in item.tags] + [shape.label for shape in item.shapes]:
                unused.pop(name, None)
            table.write(line.getvalue().encode())
            line.seek(0)
            line.truncate()
            if options.with_images and item.media is not None:
                sink.add_media(f"images/{item.path}", item.media)
        table.write(line.getvalue().encode())
        table.seek(0)
        with sink.stream(FILE) as out:
            shutil.copyfileobj(table, out, COPY_CHUNK)
    for name in unused:
        report.dropped("label", "no annotation has it, and a table lists no others", name)


def _written(item: Item) -> Iterator[list[Any]]:
    """The rows of an image; one without a label when it has no annotations."""
    image = [item.width or "", item.height or "", item.subset]
    for tag in item.tags:
        yield [item.path, tag.label, *[""] * 4, *image, *[""] * 6, _json(tag.attributes)]
    for shape in item.shapes:
        yield [
            *(item.path, shape.label, *map(_number, shape.points), *image),
            _number(shape.rotation) if shape.rotation else "",
            1 if shape.occluded else "",
            shape.group or "",
            shape.z_order or "",
            "" if shape.score is None else _number(shape.score),
            "" if shape.track_id is None else shape.track_id,
            _json(shape.attributes),
        ]
    if not item.tags and not item.shapes:
        yield [item.path, *[""] * 5, *image, *[""] * 7]


def _json(values: dict[str, str]) -> str:
    return msgspec.json.encode(values).decode() if values else ""


def _number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return str(int(value)) if value == int(value) else repr(float(value))
