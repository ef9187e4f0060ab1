"""COCO instances (formats specification, section 2): one JSON file a subset, images beside it."""

from __future__ import annotations

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.model import Dataset
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import RESERVED, RESERVED_BY_CVAT
from localcvat_formats.coco_files import OWN, CocoFiles, find_files
from localcvat_formats.coco_reader import read_coco
from localcvat_formats.coco_writer import write_coco


class Coco(Format):
    """COCO instances: boxes, polygons, masks and keypoints with stable ids."""

    name = "coco"
    cvat_names = ("COCO 1.0",)
    aliases = ("coco-instances", "coco_instances")
    summary = "COCO instances: boxes, polygons of several parts, run-length masks, keypoints"
    extensions = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        kinds = ("rectangle", "polygon", "mask")
        return Capabilities(
            kinds=frozenset(kinds if dialect == "cvat" else (*kinds, "skeleton")),
            converts={"ellipse": "mask"} if dialect == "cvat" else {"ellipse": "polygon"},
            rotation=True,
            attributes=True,
            group=True,
            occluded=True,
            outside=False,
            score=True,
            multipart=True,
            tracks="flattened",
            extras=frozenset() if dialect == "cvat" else OWN,
            reserved=RESERVED_BY_CVAT if dialect == "cvat" else RESERVED,
        )

    def detect(self, source: Source) -> Detection:
        files = find_files(source)
        if files.instances:
            return Detection(score=90, reason=f"{files.instances[0]} has images and annotations")
        if files.results:
            return Detection(score=85, reason=f"{files.results[0]} is a list of results")
        return Detection(score=0, reason="no JSON file with images and annotations")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        files = find_files(source)
        if not files.instances and not files.results:
            given = [name for name in source.names if name.lower().endswith(".json")]
            files = CocoFiles(instances=files.keypoints or given, others=files.others)
        if not files.instances and not files.results:
            raise DatasetError(
                "no COCO annotations found",
                where=source.display,
                hint="looked for annotations/*.json and *.json with images and annotations",
            )
        return read_coco(source, files, options, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        if options.dialect == "cvat":
            from localcvat_formats.coco_cvat import write_cvat

            write_cvat(dataset, sink, options, report, keypoints=False)
        else:
            write_coco(dataset, sink, options, report, "instances")
