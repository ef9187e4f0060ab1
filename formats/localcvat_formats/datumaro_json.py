"""Datumaro 1.0 JSON (formats specification, section 10): one file a subset, images beside it."""

from __future__ import annotations

import re
from typing import ClassVar

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.model import Dataset
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import MORE_RESERVED, RESERVED_BY_CVAT

SNIFFED = 1 << 16
CATEGORIES = re.compile(rb'"categories"\s*:\s*\{')


class DatumaroJson(Format):
    """Datumaro's own format: `annotations/<subset>.json` and `images/`."""

    name: ClassVar[str] = "datumaro"
    cvat_names: ClassVar[tuple[str, ...]] = ("Datumaro 1.0", "Datumaro 3D 1.0")
    aliases: ClassVar[tuple[str, ...]] = ("datumaro-json", "datum")
    summary: ClassVar[str] = "Datumaro JSON: every kind of shape, attributes, groups, skeletons"
    extensions: ClassVar[tuple[str, ...]] = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        cvat = dialect == "cvat"
        kinds = ("tag", "rectangle", "polygon", "polyline", "points", "mask", "skeleton", "cuboid")
        return Capabilities(
            kinds=frozenset(kinds if cvat else (*kinds, "ellipse")),
            converts={"ellipse": "mask"} if cvat else {},
            rotation=True,
            attributes=True,
            tag_attributes=True,
            group=True,
            occluded=True,
            z_order=True,
            source=not cvat,
            score=not cvat,
            tracks="flattened",
            label_colors=not cvat,
            image_attributes=not cvat,
            extras=frozenset() if cvat else frozenset(["datumaro"]),
            reserved=RESERVED_BY_CVAT if cvat else MORE_RESERVED,
            limits={"cuboid": "3D ones alone"} if cvat else {},
        )

    def detect(self, source: Source) -> Detection:
        files = annotation_files(source)
        if files:
            return Detection(score=95, reason=f"{files[0]} has Datumaro's categories and items")
        return Detection(score=0, reason="no JSON file with Datumaro's categories and items")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        from localcvat_formats.datumaro_reader import read_datumaro

        files = annotation_files(source) or [
            name for name in source.names if name.lower().endswith(".json")
        ]
        if not files:
            raise DatasetError(
                "no Datumaro annotations found",
                where=source.display,
                hint="looked for annotations/*.json",
            )
        return read_datumaro(source, files, options, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        from localcvat_formats.datumaro_writer import write_datumaro

        write_datumaro(dataset, sink, options, report)


def annotation_files(source: Source) -> list[str]:
    """The JSON files of a source that begin as Datumaro's do."""
    found = []
    for name in source.names:
        if name.lower().endswith(".json") and not name.rpartition("/")[2].startswith("."):
            with source.peek(name) as stream:
                head = stream.read(SNIFFED).lstrip(b"\xef\xbb\xbf \t\r\n")
            if head.startswith(b"{") and CATEGORIES.search(head):
                found.append(name)
    return found
