"""CVAT XML 1.1: `CVAT for images` and `CVAT for video` (formats specification, section 1)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.model import SHAPE_TYPES, Dataset
from localcvat.plugin import (
    Capabilities,
    Detection,
    Dialect,
    Format,
    ReadOptions,
    WriteOptions,
)
from localcvat.report import Report
from localcvat_formats.cvat_xml_glance import glance, xml_names
from localcvat_formats.cvat_xml_reader import CvatXmlReader
from localcvat_formats.cvat_xml_writer import CvatXmlWriter

SHAPES = frozenset(SHAPE_TYPES)
LOOKED_AT = 20
LIMIT = 16 << 20
HELD = Capabilities(
    kinds=SHAPES | {"tag"},
    rotation=True,
    attributes=True,
    tag_attributes=True,
    group=True,
    occluded=True,
    outside=True,
    z_order=True,
    source=True,
    tracks="native",
    label_colors=True,
    label_types=True,
    label_attributes=True,
)
NO_OCCLUDED_SKELETONS = {"skeleton.occluded": ""}


class CvatImages(Format):
    """`CVAT for images 1.1`: one `<image>` a frame with its shapes and tags.

    CVAT flattens tracks here and loses which shapes were one object; the plain dialect writes them
    behind the images as `<track>` elements, which CVAT reads as well.
    """

    name: ClassVar[str] = "cvat-images"
    cvat_names: ClassVar[tuple[str, ...]] = ("CVAT for images 1.1", "CVAT 1.1")
    aliases: ClassVar[tuple[str, ...]] = ("cvat", "cvat-xml")
    summary: ClassVar[str] = "CVAT XML, one <image> a frame"
    extensions: ClassVar[tuple[str, ...]] = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if dialect == "plain":
            return HELD
        return msgspec.structs.replace(HELD, tracks="none", limits=NO_OCCLUDED_SKELETONS)

    def detect(self, source: Source) -> Detection:
        return detected(source, ("image", ""))

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return CvatXmlReader(source, options, report).read()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        CvatXmlWriter(dataset, sink, options, report).images()


class CvatVideo(Format):
    """`CVAT for video 1.1`: one `<track>` an object with a shape a frame; no tags."""

    name: ClassVar[str] = "cvat-video"
    cvat_names: ClassVar[tuple[str, ...]] = ("CVAT for video 1.1",)
    summary: ClassVar[str] = "CVAT XML, one <track> an object"
    extensions: ClassVar[tuple[str, ...]] = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        limits = {"shapes": "become tracks of one frame", "images": "by number, without a name"}
        if dialect == "cvat":
            limits |= NO_OCCLUDED_SKELETONS
        return msgspec.structs.replace(HELD, kinds=SHAPES, limits=limits)

    def detect(self, source: Source) -> Detection:
        return detected(source, ("track",))

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return CvatXmlReader(source, options, report).read()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        CvatXmlWriter(dataset, sink, options, report).video()


def detected(source: Source, first: tuple[str, ...]) -> Detection:
    """Sure when an XML file has `<annotations>` as root and `first` as what comes first in it."""
    names = xml_names(source)
    for name in names[:LOOKED_AT]:
        try:
            with source.open(name) as stream:
                seen = glance(stream, name, LIMIT)
        except DatasetError as error:
            return Detection(score=0, reason=str(error))
        if seen is not None:
            found = seen.first in first
            what = f"{name} has <annotations>, <{seen.first or 'nothing'}> first"
            return Detection(score=100 if found else 0, reason=what)
    return Detection(score=0, reason="no XML file with <annotations> as its root")
