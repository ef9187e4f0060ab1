"""CSV: one row a box, with the image's path and the label."""

from __future__ import annotations

from localcvat.plugin import Format


class CsvBoxes(Format):
    """Boxes in a table."""

    name = "csv"
    aliases = ("csv-boxes",)
    extensions = (".csv", ".tsv")
    summary = "CSV: path, label and box in columns"
