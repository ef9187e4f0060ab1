"""Pascal VOC: XML files, ImageSets, label pictures (formats specification, section 7)."""

from __future__ import annotations

from localcvat.archive import Sink, Source
from localcvat.model import Dataset
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.voc_reader import VocReader
from localcvat_formats.voc_writer import VocWriter

SNIFFED = 1 << 13
LOOKED_AT = 20


class Voc(Format):
    """Boxes with pose, truncated, occluded, difficult and free attributes; masks; tags."""

    name = "voc"
    cvat_names = ("PASCAL VOC 1.1",)
    aliases = ("pascal-voc", "pascal_voc", "voc-detection")
    summary = "Pascal VOC: an XML file an image, ImageSets, labelmap.txt, label pictures"
    extensions = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "cuboid", "skeleton", "polyline", "points")
        cvat = dialect == "cvat"
        return Capabilities(
            kinds=frozenset(("rectangle", "mask", "tag")),
            converts={"ellipse": "mask"} if cvat else dict.fromkeys(shapes, "rectangle"),
            rotation=True,
            attributes=True,
            occluded=True,
            multipart=not cvat,
            tracks="flattened",
            extras=frozenset() if cvat else frozenset(["voc"]),
            decimals=2 if cvat else None,
            reserved={} if cvat else dict.fromkeys(("rotation", "track_id", "keyframe"), ""),
            flags={} if cvat else dict.fromkeys(("truncated", "difficult"), True),
        )

    def detect(self, source: Source) -> Detection:
        xmls = [name for name in source.names if name.lower().endswith(".xml")]
        if not xmls:
            return Detection(score=0, reason="no .xml files")
        for name in xmls[:LOOKED_AT]:
            with source.open(name) as stream:
                head = stream.read(SNIFFED).replace(b"\0", b"")
            if b"<annotation>" not in head and b"<annotation " not in head:
                return Detection(score=0, reason=f"{name} has no <annotation>")
            if b"bndbox" in head:
                return Detection(score=90, reason=f"{name} is an <annotation> with a <bndbox>")
            if b"<imagesize" in head or b"<polygon" in head:
                return Detection(score=0, reason=f"{name} is LabelMe's <annotation>")
        return Detection(score=70, reason=f"{xmls[0]} is an <annotation>")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return VocReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        VocWriter(dataset, sink, options, report).write()
