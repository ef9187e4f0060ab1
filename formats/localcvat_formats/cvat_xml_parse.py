"""Elements of CVAT XML as values: shapes, tags, tracks (formats specification, 1.2 to 1.4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from localcvat.errors import DatasetError
from localcvat.model import (
    Label,
    Shape,
    Tag,
    Track,
    TrackedShape,
)
from localcvat_formats.cvat_xml_geometry import BOX, CUBOID

SHAPE_TAGS = frozenset(
    ("box", "ellipse", "polygon", "polyline", "points", "cuboid", "mask", "skeleton")
)
TOP = ("annotations", "meta", "image", "track")
LARGEST_INT = 2**31 - 1


def local_name(element: Any) -> str:
    """The tag without its namespace; "" for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def top_elements(
    stream: IO[bytes], where: str, others: Callable[[Any], None] | None = None
) -> Iterator[Any]:
    """Each `<meta>`, `<image>` and `<track>` whole, one at a time in memory.

    `others` is called with what else stands beside them. No entities, no document type, no
    network. Raises DatasetError with the line, and when the root is not `<annotations>`.
    """
    from lxml import etree

    parser = etree.iterparse(
        stream,
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in TOP],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: Any = None
    try:
        for event, element in parser:
            if root is None:
                root = _checked_root(element, where)
            elif event == "end" and element.getparent() is root:
                yield element
                element.clear()
                while element.getprevious() is not None:
                    _show(root[0], others)
                    del root[0]
    except etree.XMLSyntaxError as error:
        raise DatasetError(f"not XML: {error.msg}", where=f"{where}:{error.lineno or 1}") from error
    if root is None:
        raise DatasetError("no <annotations> in it", where=where)
    for element in root:
        _show(element, others)


def _show(element: Any, others: Callable[[Any], None] | None) -> None:
    if others is not None and local_name(element) not in TOP:
        others(element)


def _checked_root(element: Any, where: str) -> Any:
    tree = element.getroottree()
    if tree.docinfo.doctype:
        raise DatasetError("a document type is not allowed", where=f"{where}:1")
    if local_name(element) != "annotations" or element.getparent() is not None:
        raise DatasetError("the root is not <annotations>", where=f"{where}:1")
    return element


class Place:
    """Reads typed attributes of one element; errors name the file and its line."""

    def __init__(self, element: Any, where: str) -> None:
        self.element = element
        self.where = f"{where}:{element.sourceline or 1}"
        self._values = element.attrib

    def fail(self, what: str) -> DatasetError:
        return DatasetError(f"<{local_name(self.element)}>: {what}", where=self.where)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if value is None:
            raise self.fail(f"no {name!r}")
        return str(value)

    def number(self, name: str, default: float | None = None) -> float:
        if default is not None and name not in self._values:
            return float(default)
        return self.parsed(self.text(name), name)

    def parsed(self, text: str, name: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.fail(f"{name!r} is {text!r}, not a number")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.number(name, default)
        if not value.is_integer() or abs(value) > LARGEST_INT:
            raise self.fail(f"{name!r} is {self.text(name)!r}, not a whole number")
        return int(value)

    def flag(self, name: str) -> bool:
        return self.text(name, "0").strip().lower() in ("1", "true")


def points_of(place: Place, kind: str) -> list[float]:
    """The points of a shape in the model's order; a skeleton has none."""
    if kind == "rectangle":
        return [place.number(name) for name in BOX]
    if kind == "cuboid":
        return [place.number(name) for name in CUBOID]
    if kind == "ellipse":
        return _ellipse(place)
    if kind == "mask":
        return _mask(place)
    if kind == "skeleton":
        return []
    values = [
        place.parsed(value, "points")
        for pair in place.text("points").split(";")
        for value in pair.split(",")
        if pair.strip()
    ]
    if not values or len(values) % 2:
        raise place.fail("'points' are not pairs of numbers")
    return values


def _ellipse(place: Place) -> list[float]:
    values = {name: place.number(name) for name in ("cx", "cy", "rx", "ry")}
    decimals = max(len(place.text(name).rpartition(".")[2]) for name in values)
    right, top = values["cx"] + values["rx"], values["cy"] - values["ry"]
    return [values["cx"], values["cy"], round(right, decimals), round(top, decimals)]


def _mask(place: Place) -> list[float]:
    try:
        runs = [int(run) for run in place.text("rle").split(",")]
    except ValueError as error:
        raise place.fail("'rle' is not a list of whole numbers") from error
    left, top, width, height = (place.integer(name) for name in ("left", "top", "width", "height"))
    if min(runs) < 0 or sum(runs) != width * height or width < 1 or height < 1:
        raise place.fail("the runs of 'rle' do not fill the mask's box")
    return [*map(float, runs), left, top, left + width - 1, top + height - 1]


def kind_of(element: Any) -> str:
    """The shape type of an element; "" when it is no shape."""
    name = local_name(element)
    if name == "box":
        return "rectangle"
    return name if name in SHAPE_TAGS else ""


def attributes_of(element: Any) -> dict[str, str]:
    """The `<attribute>` children, by name, in order."""
    return {
        child.get("name", ""): child.text or ""
        for child in element
        if local_name(child) == "attribute"
    }


def shape_of(element: Any, where: str, frame: int, parent: bool = True) -> Shape:
    """A shape of an image; `parent` False for an element of a skeleton."""
    place = Place(element, where)
    kind = kind_of(element)
    track = element.get("track_id")
    return Shape(
        type=kind,
        label=place.text("label"),
        points=points_of(place, kind),
        frame=frame,
        occluded=place.flag("occluded"),
        outside=place.flag("outside") and not parent,
        z_order=place.integer("z_order", 0),
        rotation=place.number("rotation", 0.0) % 360,
        group=place.integer("group_id", 0),
        source=place.text("source", "manual"),
        attributes=attributes_of(element),
        elements=[
            shape_of(child, where, frame, parent=False) for child in element if kind_of(child)
        ],
        track_id=place.integer("track_id") if track is not None else None,
        keyframe=place.flag("keyframe") if element.get("keyframe") is not None else True,
    )


def tag_of(element: Any, where: str, frame: int) -> Tag:
    """A tag of an image."""
    place = Place(element, where)
    return Tag(
        label=place.text("label"),
        frame=frame,
        group=place.integer("group_id", 0),
        source=place.text("source", "manual"),
        attributes=attributes_of(element),
    )


class TrackReader:
    """Makes tracks of `<track>` elements: keyframes only, attributes parted by what labels say.

    `frames` turns a task and an absolute frame into a task-relative one; it raises ValueError.
    `every_frame` says that shapes between keyframes were seen, `ends` holds the last frame of each
    track read.
    """

    def __init__(
        self, labels: Iterable[Label], where: str, frames: Callable[[int, int], int]
    ) -> None:
        self._where = where
        self._frames = frames
        self._visible: dict[int, set[int]] = {}
        self._skipped: dict[int, set[int]] = {}
        self.every_frame = False
        self.ends: list[int] = []
        self._fixed: dict[tuple[str, str], frozenset[str]] = {}
        for label in labels:
            self._fixed[label.name, ""] = _immutable(label)
            for sublabel in label.sublabels:
                self._fixed[label.name, sublabel.name] = _immutable(sublabel)

    def track(self, element: Any, task: int) -> Track:
        """The track; raises DatasetError when it breaks the format."""
        place = Place(element, self._where)
        track = Track(
            label=place.text("label"),
            group=place.integer("group_id", 0),
            source=place.text("source", "manual"),
            task=task,
        )
        if element.get("id", "").isdecimal():
            track.extras = {"track": {"id": place.integer("id")}}
        parts: dict[str, Track] = {}
        first: TrackedShape | None = None
        for child in element:
            if not kind_of(child):
                continue
            frame = self._frame(child, task)
            shape = self._keyframe(child, frame, track, (track.label, ""))
            if shape.type == "skeleton":
                shape.outside = self._elements(child, frame, track, parts) or shape.outside
            first = first or shape
            if _is_keyframe(child):
                track.shapes.append(shape)
        if first is None:
            raise place.fail("the track has no shapes")
        self.ends.append(self._note_frames(element, task))
        track.shapes = track.shapes or [first]
        track.shapes.sort(key=lambda shape: shape.frame)
        track.frame = track.shapes[0].frame
        track.elements = [part for part in parts.values() if part.shapes]
        return track

    def deleted(self, task: int) -> list[int]:
        """Frames that every track leaves out, in a file that states each frame: deleted ones."""
        if not self.every_frame:
            return []
        return sorted(self._skipped.get(task, set()) - self._visible.get(task, set()))

    def _note_frames(self, element: Any, task: int) -> int:
        visible = self._visible.setdefault(task, set())
        skipped = self._skipped.setdefault(task, set())
        before: int | None = None
        last = 0
        for child in element:
            if not kind_of(child):
                continue
            frame = self._frame(child, task)
            self.every_frame |= not _is_keyframe(child)
            if before is not None:
                skipped.update(range(before + 1, frame))
            gone = child.get("outside", "0") == "1"
            before = None if gone else frame
            last = max(last, frame)
            if not gone:
                visible.add(frame)
        return last

    def _frame(self, element: Any, task: int) -> int:
        place = Place(element, self._where)
        absolute = place.integer("frame")
        try:
            return self._frames(task, absolute)
        except ValueError as error:
            raise place.fail(f"Unknown frame {absolute}") from error

    def _elements(self, element: Any, frame: int, track: Track, parts: dict[str, Track]) -> bool:
        """Add the elements of a skeleton on one frame; whether all of them are outside."""
        gone = []
        for child in element:
            if not kind_of(child):
                continue
            label = Place(child, self._where).text("label")
            part = parts.setdefault(
                label, Track(label=label, frame=frame, source=track.source, task=track.task)
            )
            shape = self._keyframe(child, frame, part, (track.label, label))
            gone.append(shape.outside)
            if _is_keyframe(child):
                part.shapes.append(shape)
                part.frame = min(part.frame, frame)
        return bool(gone) and all(gone)

    def _keyframe(
        self, element: Any, frame: int, track: Track, label: tuple[str, str]
    ) -> TrackedShape:
        """One shape of a track; its immutable attributes go to the track."""
        place = Place(element, self._where)
        kind = kind_of(element)
        fixed = self._fixed.get(label, frozenset())
        changing: dict[str, str] = {}
        for name, value in attributes_of(element).items():
            (track.attributes if name in fixed else changing)[name] = value
        return TrackedShape(
            type=kind,
            frame=frame,
            points=points_of(place, kind),
            occluded=place.flag("occluded"),
            outside=place.flag("outside"),
            z_order=place.integer("z_order", 0),
            rotation=place.number("rotation", 0.0) % 360,
            attributes=changing,
        )


def _immutable(label: Label) -> frozenset[str]:
    return frozenset(spec.name for spec in label.attributes if not spec.mutable)


def _is_keyframe(element: Any) -> bool:
    """Whether a shape is a keyframe; without the attribute each one is."""
    return bool(element.get("keyframe", "1").strip() in ("1", "true", "True"))
