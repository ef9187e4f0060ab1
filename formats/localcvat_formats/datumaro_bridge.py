"""Every other format Datumaro knows, through Datumaro itself (the extra `all-formats`).

Datumaro is imported when one of them is read or written, never to list them. It works on folders
and holds the whole dataset: a zip is unpacked beside, and what it writes is copied into the sink.
"""

from __future__ import annotations

import re
from typing import Any

from localcvat.archive import Sink, Source
from localcvat.errors import MissingExtraError
from localcvat.model import Dataset
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.datumaro_calls import quiet
from localcvat_formats.datumaro_clouds import CloudReader, CloudWriter
from localcvat_formats.datumaro_export import Writer
from localcvat_formats.datumaro_import import Reader
from localcvat_formats.datumaro_names import (
    ANY,
    CLOUD_DECIMALS,
    CVAT_DECIMALS,
    FORMATS,
    Bridged,
)

INSTALL = "install it with: pip install 'localcvat[all-formats]'"
SIZED = ("arrow", "coco", "datumaro")
"""How the names of formats begin that write the sizes of images."""
BOX_SOURCES = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")


def bridged_formats() -> tuple[Format, ...]:
    """The formats read and written by Datumaro."""
    return tuple(DatumaroFormat(name, bridged) for name, bridged in FORMATS.items())


class DatumaroFormat(Format):
    """One format of Datumaro's."""

    origin = "datumaro"

    def __init__(self, name: str, bridged: Bridged) -> None:
        self.name = name  # type: ignore[misc]
        self.cvat_names = bridged.cvat_names  # type: ignore[misc]
        self.summary = bridged.summary  # type: ignore[misc]
        self.can_read = bool(bridged.reads)  # type: ignore[misc]
        self.can_write = bool(bridged.writes)  # type: ignore[misc]
        self.bridged = bridged

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if self.bridged.clouds:
            return _cloud_capabilities(self.bridged, dialect)
        kinds = self.bridged.kinds
        converts: dict[str, str] = {}
        if "mask" in kinds:
            sources = ("polygon", "ellipse", "rectangle")
            converts = {kind: "mask" for kind in sources if kind not in kinds}
        elif "rectangle" in kinds and dialect == "plain":
            converts = {kind: "rectangle" for kind in BOX_SOURCES if kind not in kinds}
        whole = self.bridged.attributes == ANY
        return Capabilities(
            kinds=kinds,
            converts=converts,
            rotation=whole and "rectangle" in kinds,
            attributes=bool(self.bridged.attributes),
            tag_attributes=bool(self.bridged.attributes),
            occluded=whole or "occluded" in self.bridged.attributes,
            group=self.bridged.group,
            z_order=self.bridged.z_order,
            score=whole,
            subsets=self.bridged.writes != "segment_anything",
            image_sizes=self.bridged.writes.startswith(SIZED),
            tracks="flattened" if self.bridged.tracks or whole else "none",
        )

    def detect(self, source: Source) -> Detection:
        if not self.bridged.mark:
            return Detection(score=0, reason="known by its name alone: give it with --from")
        pattern = re.compile(self.bridged.mark)
        found = next((name for name in source.names if pattern.search(name)), None)
        if found is None:
            return Detection(score=0, reason=f"no file like {self.bridged.mark}")
        return Detection(score=70, reason=f"{found} is there; read through Datumaro")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        _imported()
        reader = CloudReader if self.bridged.clouds else Reader
        return reader(self.name, self.bridged, source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _imported()
        writer = CloudWriter if self.bridged.clouds else Writer
        writer(self.name, self.bridged, dataset, options, report).write(sink)


def _cloud_capabilities(bridged: Bridged, dialect: Dialect) -> Capabilities:
    """Point clouds have 3D cuboids alone; CVAT takes tracks apart for KITTI's raw recordings."""
    apart = dialect == "cvat" and bridged.writes == "kitti_raw"
    return Capabilities(
        kinds=bridged.kinds,
        attributes=not apart,
        occluded=True,
        tracks="none" if apart else "flattened",
        subsets=False,
        decimals=CVAT_DECIMALS if dialect == "cvat" else CLOUD_DECIMALS,
        limits={"cuboid": "3D ones alone"},
    )


def _imported() -> Any:
    """Datumaro; raises MissingExtraError with one line on how to install it."""
    try:
        with quiet():
            import datumaro
    except ImportError as error:
        raise MissingExtraError(f"this format needs Datumaro ({error})", hint=INSTALL) from error
    return datumaro
