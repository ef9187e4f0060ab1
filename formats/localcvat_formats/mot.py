"""MOT: tracked boxes of an image sequence in `gt/gt.txt` (formats specification, section 11).

A row is ``frame,id,x,y,w,h,not_ignored,class,visibility``: frames and classes count from 1, the id
of a box that is on no track is -1.
"""

from __future__ import annotations

from typing import Any

from localcvat.archive import Sink, Source
from localcvat.model import DEFAULT_SUBSET, Dataset, Item, Shape
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import LabelIndex, datumaro_attributes
from localcvat_formats.cvat_values import box_of
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.mot_reader import DETECTIONS, FRAMES, GROUND_TRUTH, MotReader

WRITTEN = frozenset(("ignored", "visibility"))
LINE = "\r\n"
FRAME_RATE = 30


class Mot(Format):
    """MOT challenge ground truth and CVAT's MOT 1.1."""

    name = "mot"
    cvat_names = ("MOT 1.1",)
    aliases = ("mot-challenge", "mot_seq", "mot-seq-gt")
    summary = "MOT challenge: gt/gt.txt with a row a box and frame"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        cvat = dialect == "cvat"
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            kinds=frozenset(["rectangle"]),
            converts={} if cvat else dict.fromkeys(shapes, "rectangle"),
            # CVAT writes a rotated box as if it were not; the writer reports what that loses.
            rotation=cvat,
            attributes=True,
            occluded=True,
            tracks="flattened",
            decimals=2 if cvat else None,
            limits={"attributes": "`visibility` and `ignored`"},
        )

    def detect(self, source: Source) -> Detection:
        for name in source.names:
            if name == GROUND_TRUTH or name.endswith("/" + GROUND_TRUTH):
                return Detection(score=95, reason=f"{name} is there")
            if name == DETECTIONS or name.endswith("/" + DETECTIONS):
                return Detection(score=80, reason=f"{name} is there")
        return Detection(score=0, reason=f"no {GROUND_TRUTH}")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return MotReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


class _Sequence:
    """What is written of one sequence."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.rows: list[str] = []
        self.paths: list[str] = []
        self.size = (0, 0)
        self.tracks: dict[int, int] = {}


class _Writer(DatasetWriter):
    """Writes one dataset: CVAT puts all in one sequence, plain files have one a subset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        self._index = LabelIndex(dataset.header.labels)
        self._sequences: dict[str, _Sequence] = {}

    def write(self) -> None:
        """Write everything."""
        subsets = self._dataset.header.subsets
        several = not self._cvat and any(subset != DEFAULT_SUBSET for subset in subsets)
        for subset in subsets:
            self._sequence(subset, several)
        for item in self._dataset.items:
            self._item(item, self._sequence(item.subset, several))
        names = "\n".join(label.name for label, _ in self._index.flat)
        for sequence in self._sequences.values():
            self._sink.write(f"{sequence.prefix}{GROUND_TRUTH}", "".join(sequence.rows).encode())
            self._sink.write(f"{sequence.prefix}gt/labels.txt", names.encode())
            if not self._cvat:
                self._write_info(sequence)

    def _sequence(self, subset: str, several: bool) -> _Sequence:
        key = subset if several else ""
        if key not in self._sequences:
            self._sequences[key] = _Sequence(f"{subset}/" if several else "")
        return self._sequences[key]

    def _write_info(self, sequence: _Sequence) -> None:
        extensions = {path.rpartition(".")[2] for path in sequence.paths} or {"jpg"}
        width, height = sequence.size
        lines = [
            "[Sequence]",
            f"name={sequence.prefix.rstrip('/') or 'sequence'}",
            "imDir=img1",
            f"frameRate={FRAME_RATE}",
            f"seqLength={len(sequence.paths)}",
            f"imWidth={width}",
            f"imHeight={height}",
            f"imExt=.{min(extensions)}",
        ]
        text = "\n".join(lines) + "\n"
        self._sink.write(f"{sequence.prefix}seqinfo.ini", text.encode())
        paths = "".join(f"{path}\n" for path in sequence.paths)
        self._sink.write(f"{sequence.prefix}{FRAMES}", paths.encode())

    def _item(self, item: Item, sequence: _Sequence) -> None:
        sequence.paths.append(item.path)
        if not sequence.size[0]:
            sequence.size = (item.width, item.height)
        frame = len(sequence.paths)
        if self._cvat and item.stem.lstrip("+-").isdecimal():
            frame = int(item.stem)
        if item.shapes and self._is_shifted(item, frame):
            why = "CVAT counts the frames that are there: it takes these for an earlier frame"
            self._report.changed("frame", why, item.path, count=1)
        for shape in item.shapes:
            sequence.rows.append(self._row(frame, shape, item, sequence))
        if self._with_images and item.media is not None:
            name = item.path if self._cvat else f"{frame:06d}.{item.path.rpartition('.')[2]}"
            self._sink.add_media(f"{sequence.prefix}img1/{name}", item.media)

    def _is_shifted(self, item: Item, frame: int) -> bool:
        """Whether CVAT would put the rows on another frame of the task, behind deleted ones."""
        header = self._dataset.header
        if not self._cvat or header.kind not in ("task", "job") or item.frame is None:
            return False
        job = header.tasks[0].jobs[0] if header.kind == "job" and header.tasks[0].jobs else None
        return item.frame - (job.start_frame if job is not None else 0) != frame - 1

    def _row(self, frame: int, shape: Shape, item: Item, sequence: _Sequence) -> str:
        values = datumaro_attributes(shape, self._index.find(shape.label))
        self._lose(shape, item)
        track = -1
        if shape.track_id is not None:
            # Numbers count from 1 in the order in which the tracks appear.
            new = shape.track_id not in sequence.tracks
            track = sequence.tracks.setdefault(shape.track_id, len(sequence.tracks) + 1)
            if new and track != shape.track_id:
                why, where = "counted from 1 by appearance", f"{shape.track_id} -> {track}"
                self._report.changed("track id", why, where, lossy=False)
        fields: list[Any] = [
            frame,
            track,
            *box_of(shape),
            int(values.get("ignored") not in ((True,) if self._cvat else (True, "true"))),
            self._index.number(shape.label) + 1,
            self._visibility(shape, values),
        ]
        return ",".join(map(str, fields)) + LINE

    def _visibility(self, shape: Shape, values: dict[str, Any]) -> float:
        stated = values.get("visibility", 1 - float(shape.occluded))
        try:
            return float(stated)
        except ValueError:
            return 1 - float(shape.occluded)

    def _lose(self, shape: Shape, item: Item) -> None:
        lost = [name for name in shape.attributes if name not in WRITTEN]
        if lost:
            self._report.dropped("attribute", "MOT has no column", item.path, count=len(lost))
        if shape.rotation:
            self._report.dropped("rotation", "written as the un-rotated box", item.path)
