"""An example of a plugin outside of localcvat: one text file, one box a line.

name.jpg 640 480 car 1.0 2.0 30.5 40.0
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.model import Dataset, Header, Item, Label, Shape
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report

FILE = "boxes.boxlines"
COLUMNS = 8


class BoxLines(Format):
    """One line a box; images without a box are not in the file."""

    name = "boxlines"
    summary = "example: one box a line"
    extensions = (".boxlines",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset(["rectangle"]), subsets=False)

    def detect(self, source: Source) -> Detection:
        found = any(name.endswith(".boxlines") for name in source.names)
        return Detection(score=100 if found else 0, reason="a .boxlines file")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        name = next(name for name in source.names if name.endswith(".boxlines"))
        rows = [
            _row(line, source.where(name, number))
            for number, line in enumerate(source.read_text(name).splitlines(), 1)
        ]
        labels = list(dict.fromkeys(row[3] for row in rows))
        header = Header(labels=[Label(name=label) for label in labels], subsets=["default"])
        return Dataset(header, _items(rows))

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        with sink.stream(FILE) as out:
            for item in dataset.items:
                if not item.shapes:
                    report.dropped("image", "images without boxes are not in the file", item.path)
                for shape in item.shapes:
                    numbers = "\t".join(f"{value:.2f}" for value in shape.points)
                    line = f"{item.path}\t{item.width}\t{item.height}\t{shape.label}\t{numbers}\n"
                    out.write(line.encode())


def _row(line: str, where: str) -> list[str]:
    row = line.split("\t")
    if len(row) != COLUMNS:
        raise DatasetError(f"{len(row)} columns instead of {COLUMNS}", where=where)
    return row


def _items(rows: list[list[str]]) -> Iterator[Item]:
    for path, group in groupby(rows, key=lambda row: row[0]):
        lines = list(group)
        shapes = [
            Shape(type="rectangle", label=row[3], points=[float(value) for value in row[4:]])
            for row in lines
        ]
        yield Item(path=path, width=int(lines[0][1]), height=int(lines[0][2]), shapes=shapes)
