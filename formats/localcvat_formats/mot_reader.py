"""Reads MOT sequences: `gt/gt.txt`, else `det/det.txt`, of 6 to 10 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, TaskInfo
from localcvat.natural import natural_key
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.finite import finite_number
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.unknown_fields import report_unknown

DIGITS = re.compile(r"\d+")
GROUND_TRUTH, DETECTIONS = "gt/gt.txt", "det/det.txt"
FRAMES = "frames.txt"
INFO = "seqinfo.ini"
INFO_KEYS = ("name", "imDir", "frameRate", "seqLength", "imWidth", "imHeight", "imExt")
COLUMNS = range(6, 11)
LARGEST, LAST_FRAME, LONGEST = 1e9, 10_000_000, 1_000_000
MOT_LABELS = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
)


class _Sequence(msgspec.Struct):
    """A sequence: its folder (with a slash behind), its table, its images by frame from 1."""

    root: str
    table: str
    subset: str
    images: dict[int, str] = {}
    paths: dict[int, str] = {}
    rows: dict[int, list[Shape]] = {}
    width: int = 0
    height: int = 0
    length: int = 0


class MotReader:
    """Reads one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._labels: dict[str, Label] = {}

    def dataset(self) -> Dataset:
        """The dataset; every row is a keyframe of its track."""
        sequences = self._sequences()
        if not sequences:
            raise DatasetError(f"no {GROUND_TRUTH}", where=self._source.display)
        offset = 0
        for sequence in sequences:
            self._read_info(sequence)
            self._find_images(sequence)
            offset = self._read_rows(sequence, self._names(sequence), offset)
        header = Header(
            labels=list(self._labels.values()),
            subsets=list(dict.fromkeys(sequence.subset for sequence in sequences)),
            tasks=[
                TaskInfo(name=sequence.subset, size=max(self._frames(sequence), default=0))
                for sequence in sequences
            ],
        )
        return Dataset(header, self._items(sequences))

    def _sequences(self) -> list[_Sequence]:
        found: dict[str, _Sequence] = {}
        for ending in (GROUND_TRUTH, DETECTIONS):
            for name in self._source.names:
                root = name[: -len(ending)]
                if name.endswith(ending) and (not root or root.endswith("/")) and root not in found:
                    subset = root.rstrip("/").rpartition("/")[2] or DEFAULT_SUBSET
                    found[root] = _Sequence(
                        root=root, table=name, subset=subset, images={}, paths={}, rows={}
                    )
        return list(found.values())

    def _read_info(self, sequence: _Sequence) -> None:
        name = sequence.root + INFO
        if not self._source.exists(name):
            return
        for line in self._source.read_text(name).splitlines():
            key, _, text = line.partition("=")
            if text:
                where = self._source.where(name)
                report_unknown([key.strip()], INFO_KEYS, self._report, where, of="file")
            if text.strip().isdecimal():
                number = int(text)
                if key.strip().lower() == "seqlength":
                    sequence.length = min(number, LONGEST)
                elif key.strip().lower() == "imwidth":
                    sequence.width = number
                elif key.strip().lower() == "imheight":
                    sequence.height = number

    def _find_images(self, sequence: _Sequence) -> None:
        folder = f"{sequence.root}img1/"
        names = [n for n in self._source.names if n.startswith(folder) and is_image_name(n)]
        stems = {name: name[len(folder) :].rpartition(".")[0] for name in names}
        if all(stem.isdecimal() for stem in stems.values()):
            sequence.images = {int(stem): name for name, stem in stems.items()}
        elif len({DIGITS.sub("#", stem) for stem in stems.values()}) == 1:
            ordered = sorted(names, key=natural_key)
            sequence.images = dict(enumerate(ordered, 1))
            self._report.assumed("frame", "images count by the number in their names", folder)
        else:
            why = "their names have no number that says which frame they are"
            self._report.dropped("image file", why, names[0], count=len(names))
        sequence.paths = {frame: n[len(folder) :] for frame, n in sequence.images.items()}
        listed = sequence.root + FRAMES
        if self._source.exists(listed):
            lines = self._source.read_text(listed).splitlines()
            sequence.paths.update({n: line for n, line in enumerate(lines, 1) if line.strip()})
            sequence.length = max(sequence.length, len(lines))

    def _names(self, sequence: _Sequence) -> list[str]:
        """The labels of class numbers from 1."""
        folder = sequence.table.rpartition("/")[0]
        name = f"{folder}/labels.txt"
        if self._source.exists(name):
            lines = self._source.read_text(name).splitlines()
            names = [line.strip() for line in lines if line.strip()]
        elif self._options.labels:
            names = list(self._options.labels)
        else:
            names = list(MOT_LABELS)
            self._report.assumed("label", "no labels.txt: MOT's own classes", sequence.table)
        for label in names:
            self._labels.setdefault(label, Label(name=label))
        return names

    def _read_rows(self, sequence: _Sequence, names: list[str], offset: int) -> int:
        """Read the table; track numbers go on from `offset`, the last one used is returned."""
        tracks: dict[int, int] = {}
        truth = sequence.table.endswith(GROUND_TRUTH)
        for number, line in enumerate(self._source.read_text(sequence.table).splitlines(), 1):
            if not line.strip():
                continue
            where = self._source.where(sequence.table, number)
            try:
                frame, track, shape = self._row(line, names, where, truth)
            except DatasetError as error:
                if not self._skip:
                    raise
                self._report.dropped("box", error.what, where)
                continue
            if track > 0:
                shape.track_id = tracks.setdefault(track, offset + len(tracks))
            shape.frame = frame - 1
            sequence.rows.setdefault(frame, []).append(shape)
        return offset + len(tracks)

    def _row(self, line: str, names: list[str], where: str, truth: bool) -> tuple[int, int, Shape]:
        fields = [field.strip() for field in line.replace(" ", ",").split(",") if field.strip()]
        if len(fields) not in COLUMNS:
            raise DatasetError(f"{len(fields)} columns instead of 6 to 10", where=where)
        numbers = [finite_number(field, where, LARGEST) for field in fields]
        frame, track = int(numbers[0]), int(numbers[1])
        if not 1 <= frame <= LAST_FRAME:
            raise DatasetError(f"the frame {fields[0]} is none; they count from 1", where=where)
        x, y, width, height = numbers[2:6]
        shape = Shape(
            type="rectangle",
            label=self._label(numbers, names, where),
            points=[x, y, x + width, y + height],
            attributes={},
        )
        confidence = numbers[6] if len(numbers) > 6 else 1.0
        if truth:
            self._read_flags(shape, confidence, numbers, fields)
        elif confidence != 1:
            shape.score = confidence
        return frame, track, shape

    def _read_flags(
        self, shape: Shape, confidence: float, numbers: list[float], fields: list[str]
    ) -> None:
        if confidence == 0:
            shape.attributes["ignored"] = "true"
        visibility = numbers[8] if len(numbers) == 9 else 1.0
        shape.occluded = visibility <= 0
        if 0 < visibility < 1:
            shape.attributes["visibility"] = fields[8]

    def _label(self, numbers: list[float], names: list[str], where: str) -> str:
        index = int(numbers[7]) if len(numbers) in (8, 9) else -1
        if index == -1:
            self._report.assumed("label", "no class: the first label", where)
            index = 1
        if not 1 <= index <= len(names):
            raise DatasetError(
                f"the class {index} is of no label", where=where, hint=f"there are {len(names)}"
            )
        return names[index - 1]

    def _frames(self, sequence: _Sequence) -> list[int]:
        frames = {*sequence.images, *sequence.paths, *sequence.rows}
        return sorted({*frames, *range(1, sequence.length + 1)})

    def _items(self, sequences: list[_Sequence]) -> Iterator[Item]:
        for task, sequence in enumerate(sequences):
            for frame in self._frames(sequence):
                item = Item(
                    path=sequence.paths.get(frame, f"{frame:06d}.jpg"),
                    subset=sequence.subset,
                    width=sequence.width,
                    height=sequence.height,
                    shapes=sequence.rows.get(frame, []),
                    tags=[],
                    frame=frame - 1,
                    task=task,
                )
                if frame in sequence.images:
                    item.media = self._source.media(sequence.images[frame])
                settle_size(item, self._options, self._report, item.path)
                yield item
