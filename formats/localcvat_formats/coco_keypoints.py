"""COCO keypoints (formats specification, section 3): skeletons as x, y, visibility triples."""

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


class CocoKeypoints(Format):
    """COCO person keypoints: skeletons, with the outlines that belong to them."""

    name = "coco-keypoints"
    cvat_names = ("COCO Keypoints 1.0",)
    aliases = ("coco-person-keypoints", "coco_person_keypoints")
    summary = "COCO keypoints: skeletons as points with visibility"
    extensions = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(
            kinds=frozenset(("skeleton", "rectangle", "polygon", "mask")),
            converts={"ellipse": "mask"} if dialect == "cvat" else {"ellipse": "polygon"},
            rotation=True,
            attributes=True,
            group=True,
            occluded=True,
            score=True,
            multipart=True,
            tracks="flattened",
            extras=frozenset() if dialect == "cvat" else OWN,
            reserved=RESERVED_BY_CVAT if dialect == "cvat" else RESERVED,
            limits=dict.fromkeys(
                ("rectangle", "polygon", "mask"), "as the outline of the skeleton in its group"
            ),
        )

    def detect(self, source: Source) -> Detection:
        files = find_files(source)
        if files.keypoints and not files.instances:
            return Detection(score=92, reason=f"{files.keypoints[0]} has keypoints")
        return Detection(score=0, reason="no person_keypoints_*.json")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        files = find_files(source)
        chosen = files.keypoints or files.instances
        if not chosen:
            chosen = [name for name in source.names if name.lower().endswith(".json")]
        if not chosen:
            raise DatasetError(
                "no COCO keypoints found",
                where=source.display,
                hint="looked for person_keypoints_*.json",
            )
        return read_coco(source, CocoFiles(instances=chosen, others=files.others), options, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        if options.dialect == "cvat":
            from localcvat_formats.coco_cvat import write_cvat

            write_cvat(dataset, sink, options, report, keypoints=True)
        else:
            write_coco(dataset, sink, options, report, "person_keypoints")
