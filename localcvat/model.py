"""The neutral dataset model: plain typed values, no I/O, no SQL, no format knowledge.

A `Dataset` is a header and a stream. The header (labels, subsets, tasks) is known first; then come
`Item`s, one a frame with its annotations, and, where a format keeps them, `Track`s of keyframes.

Coordinates are pixels, origin top-left, x right, y down, and may lie outside the image. Rotation is
degrees clockwise around the centre, 0 <= r < 360. Frame numbers are task-relative unless a name
says `source_frame` (the absolute number in the uploaded media). Source: CVAT backup specification,
sections 4 to 7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Literal, Protocol

import msgspec

ShapeType = Literal[
    "rectangle", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton"
]
SHAPE_TYPES: tuple[str, ...] = (
    "rectangle",
    "polygon",
    "polyline",
    "points",
    "ellipse",
    "cuboid",
    "mask",
    "skeleton",
)
LABEL_TYPES: tuple[str, ...] = ("any", *SHAPE_TYPES, "tag")
INPUT_TYPES: tuple[str, ...] = ("checkbox", "radio", "number", "text", "select")
STATUSES: tuple[str, ...] = ("annotation", "validation", "completed")
STAGES: tuple[str, ...] = ("annotation", "validation", "acceptance")
STATES: tuple[str, ...] = ("new", "in progress", "completed", "rejected")
DEFAULT_SUBSET = "default"

Extras = dict[str, Any]
"""What only a foreign format has, keyed by the format's own field names under the format's name,
for instance ``{"coco": {"id": 7, "area": 12.5}}``."""


class Media(Protocol):
    """The picture, point cloud or video behind an item; nothing is opened before it is asked."""

    @property
    def name(self) -> str:
        """Base name with extension."""

    @property
    def path(self) -> str | None:
        """A real file to link or copy from, or None when the bytes are inside an archive."""

    def open(self) -> BinaryIO:
        """A new binary stream over the raw bytes; the caller closes it."""

    def byte_size(self) -> int:
        """Length in bytes."""

    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels as displayed, EXIF applied, from the header alone."""


class AttributeSpec(msgspec.Struct, kw_only=True):
    """An attribute a label may carry (backup specification, section 4)."""

    name: str
    mutable: bool = False
    input_type: str = "text"
    default_value: str = ""
    values: list[str] = []


class Label(msgspec.Struct, kw_only=True):
    """A label of a project or task; `sublabels` and `svg` are for skeletons only.

    `svg` holds ``data-label-name`` references (the backup's spelling), never ids.
    """

    name: str
    color: str = ""
    type: str = "any"
    attributes: list[AttributeSpec] = []
    sublabels: list[Label] = []
    svg: str = ""
    extras: Extras | None = None


class Tag(msgspec.Struct, kw_only=True):
    """A label on the whole frame."""

    label: str
    frame: int = 0
    group: int = 0
    source: str = "manual"
    attributes: dict[str, str] = {}
    score: float | None = None
    extras: Extras | None = None


class Shape(msgspec.Struct, kw_only=True):
    """One shape on one frame.

    `points` per type (flat floats, pixels): rectangle ``x1 y1 x2 y2`` of the un-rotated box;
    polygon, polyline, points ``x y …``, polygons not closed; ellipse ``cx cy x_right y_top``;
    cuboid 16 numbers (2D: tl1 bl1 tr1 br1 tl2 bl2 tr2 br2); mask CVAT runs over the tight box in
    row-major order, zeros first, then inclusive ``left top right bottom``; skeleton empty, its
    points are in `elements`. `attributes` values are strings, as CVAT's.

    `instance` joins the parts of one object (a COCO annotation of several polygons): shapes of one
    item with the same non-zero instance are one object; the first of them carries the extras.
    `track_id` and `keyframe` are set on shapes that a track was flattened into; `outside` then
    marks the frame on which the object has gone.
    """

    type: str
    label: str
    points: Sequence[float] = ()
    frame: int = 0
    occluded: bool = False
    outside: bool = False
    z_order: int = 0
    rotation: float = 0.0
    group: int = 0
    source: str = "manual"
    attributes: dict[str, str] = {}
    elements: list[Shape] = []
    score: float | None = None
    instance: int = 0
    track_id: int | None = None
    keyframe: bool = True
    extras: Extras | None = None


class TrackedShape(msgspec.Struct, kw_only=True):
    """A keyframe of a track; `attributes` holds the mutable ones only."""

    type: str
    frame: int
    points: Sequence[float] = ()
    occluded: bool = False
    outside: bool = False
    z_order: int = 0
    rotation: float = 0.0
    attributes: dict[str, str] = {}


class Track(msgspec.Struct, kw_only=True):
    """An object over time: keyframes ordered by frame; `attributes` holds the immutable ones.

    A skeleton track has one element track per sublabel, each with its own keyframes. `task` is an
    index into `Header.tasks`.
    """

    label: str
    frame: int = 0
    group: int = 0
    source: str = "manual"
    attributes: dict[str, str] = {}
    shapes: list[TrackedShape] = []
    elements: list[Track] = []
    score: float | None = None
    task: int = 0
    extras: Extras | None = None


class Annotations(msgspec.Struct, kw_only=True):
    """The annotations of one job, as a backup stores them (section 7)."""

    tags: list[Tag] = []
    shapes: list[Shape] = []
    tracks: list[Track] = []


class Item(msgspec.Struct, kw_only=True):
    """One frame: where it lies, how large it is, what is on it.

    `path` is relative with ``/`` separators and the extension; `width` and `height` are pixels as
    displayed, 0 when unknown. `frame` is task-relative, `source_frame` absolute; both are None
    where a format has no frame numbers. `task` is an index into `Header.tasks`. `emptied` marks an
    image whose annotations are all of kinds the writer can't hold, unlike one that has none.
    """

    path: str
    subset: str = DEFAULT_SUBSET
    width: int = 0
    height: int = 0
    shapes: list[Shape] = []
    tags: list[Tag] = []
    frame: int | None = None
    source_frame: int | None = None
    task: int = 0
    media: Media | None = None
    related: list[str] = []
    attributes: dict[str, Any] = {}
    emptied: bool = False
    extras: Extras | None = None

    @property
    def stem(self) -> str:
        """The path without its extension: the item id of CVAT and Datumaro."""
        head, slash, base = self.path.rpartition("/")
        dot = base.rfind(".")
        return head + slash + (base[:dot] if dot > 0 else base)


class User(msgspec.Struct, kw_only=True):
    """Who owns or works on something; localcvat keeps no passwords."""

    username: str
    email: str = ""


class JobInfo(msgspec.Struct, kw_only=True):
    """A job as exports mention it; `start_frame` and `stop_frame` are task-relative, inclusive."""

    id: int
    segment: int = 0
    start_frame: int
    stop_frame: int
    type: str = "annotation"
    status: str = "annotation"
    assignee: User | None = None
    updated: str = ""


class TaskInfo(msgspec.Struct, kw_only=True):
    """A task as exports mention it (CVAT XML meta); dates are ``YYYY-mm-dd HH:MM:SS.ffffff+00:00``.

    `start_frame`, `stop_frame` are source frames, `step` the frame filter's; `deleted_frames` are
    task-relative. `video` is the file name of a video task, with `width` and `height`.
    `frame_offset` is what CVAT adds to source frames in the export of a project.
    """

    id: int = 0
    name: str = ""
    size: int = 0
    mode: str = "annotation"
    overlap: int = 0
    bug_tracker: str = ""
    created: str = ""
    updated: str = ""
    subset: str = ""
    start_frame: int = 0
    stop_frame: int = 0
    step: int = 1
    frame_filter: str = ""
    jobs: list[JobInfo] = []
    owner: User | None = None
    assignee: User | None = None
    deleted_frames: list[int] = []
    video: str = ""
    width: int = 0
    height: int = 0
    dimension: str = "2d"
    frame_offset: int = 0


class ProjectInfo(msgspec.Struct, kw_only=True):
    """A project as exports mention it (CVAT XML meta)."""

    id: int = 0
    name: str = ""
    bug_tracker: str = ""
    created: str = ""
    updated: str = ""
    owner: User | None = None
    assignee: User | None = None


class Header(msgspec.Struct, kw_only=True):
    """What is known of a dataset before its first item.

    `kind` says what was exported: a project, a task, one job (then `tasks[0].jobs` has just that
    job), or a plain `dataset` read from files. `subsets` lists them in order of appearance.
    `dialect` is `cvat` when items are just as CVAT hands them to its own writers.
    """

    labels: list[Label] = []
    subsets: list[str] = []
    kind: str = "dataset"
    project: ProjectInfo | None = None
    tasks: list[TaskInfo] = []
    dumped: str = ""
    info: Extras = {}
    dialect: Literal["plain", "cvat"] = "plain"


class Dataset:
    """A header and a stream that is read once: `items` in order, then `tracks`.

    `tracks` holds keyframe tracks for writers that keep them; a dataset whose tracks were flattened
    has none and its items hold shapes with a `track_id`.
    """

    def __init__(self, header: Header, items: Iterable[Item], tracks: Iterable[Track] = ()) -> None:
        self.header = header
        self.items: Iterator[Item] = iter(items)
        self.tracks: Iterable[Track] = tracks


def named_subset(subset: str, taken: Collection[str]) -> str:
    """The subset, or for tasks without one `default`, or `default_1` … if a task has that name."""
    if subset:
        return subset
    name, number = DEFAULT_SUBSET, 0
    while name in taken:
        number += 1
        name = f"{DEFAULT_SUBSET}_{number}"
    return name


def frame_offsets(tasks: Sequence[TaskInfo]) -> list[int]:
    """What is added to the source frames of each task, so that those of one subset differ."""
    offsets = [0] * len(tasks)
    reached: dict[str, int] = {}
    for index in sorted(range(len(tasks)), key=lambda index: (tasks[index].subset, index)):
        info = tasks[index]
        offsets[index] = reached.get(info.subset, 0)
        reached[info.subset] = offsets[index] + info.start_frame + info.step * info.size
    return offsets


def label_index(labels: Sequence[Label]) -> dict[str, int]:
    """Class index of each root label, in label order."""
    return {label.name: index for index, label in enumerate(labels)}


def flat_labels(labels: Sequence[Label]) -> list[tuple[Label, str]]:
    """Every label with its parent's name ("" for roots), a skeleton followed by its sublabels.

    This is CVAT's order of class indices (formats specification, section 0.3).
    """
    flat: list[tuple[Label, str]] = []
    for label in labels:
        flat.append((label, ""))
        flat.extend((sublabel, label.name) for sublabel in label.sublabels)
    return flat


def attributes_with_defaults(label: Label, given: Mapping[str, str]) -> dict[str, str]:
    """The label's attributes in order, each as given or else its default; unknown ones follow."""
    filled = {spec.name: given.get(spec.name, spec.default_value) for spec in label.attributes}
    filled.update((name, value) for name, value in given.items() if name not in filled)
    return filled
