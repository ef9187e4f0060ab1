"""CVAT XML written: images with their shapes, tracks with a shape a frame (1.2 and 1.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from localcvat.archive import Sink
from localcvat.geometry.slicing import renumbered
from localcvat.geometry.tracks import (
    interpolate,
    last_keyframe,
    stated_id,
    stop_frames,
    track_ids,
)
from localcvat.model import (
    DEFAULT_SUBSET,
    Dataset,
    Header,
    Item,
    Media,
    Shape,
    Tag,
    Track,
    TrackedShape,
    named_subset,
)
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_xml_geometry import Pairs, exact, geometry_of
from localcvat_formats.cvat_xml_meta import job_stop, written_meta
from localcvat_formats.cvat_xml_text import XmlText

XML_NAME = "annotations.xml"
ELEMENTS = {"rectangle": "box"}


class CvatXmlWriter:
    """Writes one `annotations.xml`, then the images."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        self._dataset = dataset
        self._header = dataset.header
        self._sink = sink
        self._with_images = options.with_images
        self._report = report
        self._number = self._two_decimals if options.dialect == "cvat" else exact
        self._rounded = 0
        self._exactly = options.dialect == "cvat"
        self._media: list[tuple[str, Media]] = []
        self._stops = stop_frames(dataset.header)

    def images(self) -> None:
        """`<image>` elements, then `<track>` elements for tracks that were not flattened."""
        with self._sink.stream(XML_NAME) as stream:
            xml = self._start(stream)
            numbers = _Numbers()
            for item in self._dataset.items:
                self._image(xml, item, numbers.of(item))
                self._keep_media(item)
            tracks = list(self._dataset.tracks)
            for number, track in zip(self._numbered(tracks), tracks, strict=True):
                self._track(xml, number, track, all_frames=True)
            self._finish(xml)
        self._write_media()

    def video(self) -> None:
        """`<track>` elements: the tracks, then each still shape as a track of one frame."""
        with self._sink.stream(XML_NAME) as stream:
            xml = self._start(stream)
            tracks = self._ordered(self._dataset.tracks)
            numbers = self._numbered(tracks)
            for number, track in zip(numbers, tracks, strict=True):
                self._track(xml, number, track)
            number = max(numbers, default=-1) + 1
            for item, frame, gone in self._ordered_items():
                for shape in item.shapes:
                    self._still(xml, number, shape, item, (frame, gone))
                    number += 1
            self._finish(xml)
        self._write_media()

    def _start(self, stream: object) -> XmlText:
        xml = XmlText(stream)  # type: ignore[arg-type]
        xml.open("annotations")
        xml.text("version", "1.1")
        xml.tree([("meta", written_meta(self._header))])
        return xml

    def _two_decimals(self, value: float) -> str:
        """A coordinate as CVAT writes it."""
        text = f"{value:.2f}"
        self._rounded += float(text) != value
        return text

    def _finish(self, xml: XmlText) -> None:
        xml.close("annotations")
        xml.finish()
        if xml.replaced:
            why = "control characters are not allowed in XML: replaced by U+FFFD"
            self._report.changed("text", why, count=xml.replaced)
        if self._rounded:
            how = "rounded to 2 decimals"
            self._report.changed("coordinate", how, count=self._rounded, lossy=False)

    def _keep_media(self, item: Item) -> None:
        if self._with_images and item.media is not None:
            self._media.append((self._entry(item), item.media))

    def _entry(self, item: Item) -> str:
        grouped = self._header.kind == "project" or len(self._header.subsets) > 1
        return f"images/{item.subset}/{item.path}" if grouped else f"images/{item.path}"

    def _write_media(self) -> None:
        for name, media in self._media:
            self._sink.add_media(name, media)

    # Images

    def _image(self, xml: XmlText, item: Item, number: int) -> None:
        pairs = [("id", str(number)), ("name", self._name(item))]
        if self._header.kind == "project":
            task = self._header.tasks[item.task]
            pairs += [("subset", item.subset), ("task_id", str(task.id))]
        elif len(self._header.subsets) > 1 or self._has_own_subset(item):
            pairs.append(("subset", item.subset))
        pairs += [("width", str(item.width)), ("height", str(item.height))]
        xml.open("image", pairs)
        for shape in item.shapes:
            self._shape(xml, shape)
        for tag in item.tags:
            self._tag(xml, tag)
        xml.close("image")

    def _has_own_subset(self, item: Item) -> bool:
        """Whether nothing but the image can say its subset, which no task has said."""
        tasks = self._header.tasks
        told = tasks[item.task].subset if item.task < len(tasks) else ""
        return not self._exactly and item.subset not in (told, DEFAULT_SUBSET)

    def _name(self, item: Item) -> str:
        """The path; of a frame of a video without its extension, as CVAT names those."""
        tasks = self._header.tasks
        is_video = item.task < len(tasks) and tasks[item.task].mode == "interpolation"
        return item.stem if is_video else item.path

    def _shape(self, xml: XmlText, shape: Shape, element: bool = False) -> None:
        pairs = [("label", shape.label), ("source", shape.source)]
        if element:
            pairs.append(("outside", _flag(shape.outside)))
        if shape.type != "skeleton" or (shape.occluded and not self._exactly):
            pairs.append(("occluded", _flag(shape.occluded)))
        pairs += geometry_of(shape, self._number)
        if not element:
            pairs.append(("z_order", str(shape.z_order)))
        if shape.group:
            pairs.append(("group_id", str(shape.group)))
        name = ELEMENTS.get(shape.type, shape.type)
        xml.open(name, pairs)
        for child in shape.elements:
            self._shape(xml, child, element=True)
        _attributes(xml, shape.attributes)
        xml.close(name)

    def _tag(self, xml: XmlText, tag: Tag) -> None:
        pairs = [("label", tag.label), ("source", tag.source)]
        if tag.group:
            pairs.append(("group_id", str(tag.group)))
        xml.open("tag", pairs)
        _attributes(xml, tag.attributes)
        xml.close("tag")

    # Tracks

    def _order(self) -> list[int]:
        """CVAT's order of a project's tasks here: by subset, then by id."""
        tasks = self._header.tasks
        if self._header.kind != "project":
            return list(range(len(tasks)))
        return sorted(range(len(tasks)), key=lambda index: (tasks[index].subset, index))

    def _ordered(self, tracks: Iterable[Track]) -> list[Track]:
        rank = {task: place for place, task in enumerate(self._order())}
        return sorted(tracks, key=lambda track: rank.get(track.task, 0))

    def _ordered_items(self) -> Iterator[tuple[Item, int, int | None]]:
        """(item, its number, the number of the frame after it or None) by `_order`.

        Only items of tasks that come out of turn are held back.
        """
        waiting: dict[int, list[tuple[Item, int, int | None]]] = {}
        order = self._order()
        for found in self._numbered_items():
            self._keep_media(found[0])
            if order and found[0].task != order[0]:
                if found[0].shapes:
                    waiting.setdefault(found[0].task, []).append(found)
                continue
            yield found
        for task in order[1:]:
            yield from waiting.get(task, ())

    def _numbered(self, tracks: Sequence[Track]) -> list[int]:
        """The id of each track: the one it came with; CVAT counts from 0."""
        numbers = list(range(len(tracks))) if self._exactly else track_ids(tracks)
        for number, track in zip(numbers, tracks, strict=True):
            stated = stated_id(track)
            if stated is not None and stated != number:
                why = "numbered again: CVAT counts from 0" if self._exactly else "another has it"
                self._report.changed("track id", why, f"{stated} -> {number}", lossy=False)
        return numbers

    def _tell_names(self, item: Item) -> None:
        tasks = self._header.tasks
        if (item.frame is None and item.source_frame is None) or not tasks:
            reason = "frames go by number in this format: its name is not kept"
            self._report.changed("image", reason, item.path)
        elif item.task < len(tasks) and not tasks[item.task].video:
            reason = "frames go by number in this format: only their task knows their names"
            self._report.changed("image", reason, item.path, lossy=False)

    def _numbered_items(self) -> Iterator[tuple[Item, int, int | None]]:
        numbers = _Numbers()
        held: tuple[Item, int] | None = None
        for item in self._dataset.items:
            self._tell_names(item)
            number = numbers.of(item)
            if held is not None:
                following = number if held[0].task == item.task else None
                yield (*held, self._after(*held, following))
            held = item, number
        if held is not None:
            yield (*held, self._after(*held, None))

    def _after(self, item: Item, number: int, following: int | None) -> int | None:
        """The frame on which a still shape of this item has gone."""
        tasks = self._header.tasks
        if item.task >= len(tasks) or item.source_frame is None:
            return following
        info = tasks[item.task]
        stop = job_stop(info) if self._header.kind == "job" else info.stop_frame
        after = number + info.step
        # CVAT leaves it out on the last but one frame, too.
        return after if after < stop or (after == stop and not self._exactly) else None

    def _head(self, number: int, label: str, source: str, task: int, group: int) -> Pairs:
        pairs = [("id", str(number)), ("label", label), ("source", source)]
        if self._header.kind == "project":
            info = self._header.tasks[task]
            taken = {each.subset for each in self._header.tasks}
            pairs += [("task_id", str(info.id)), ("subset", named_subset(info.subset, taken))]
        if group:
            pairs.append(("group_id", str(group)))
        return pairs

    def _track(self, xml: XmlText, number: int, track: Track, *, all_frames: bool = False) -> None:
        frames = _Frames(self._header, track, self._stops, self._exactly, all_frames)
        elements: dict[int, list[tuple[str, TrackedShape, bool]]] = {}
        for element in track.elements:
            for shape, keyframe in frames.shapes(element):
                elements.setdefault(shape.frame, []).append((element.label, shape, keyframe))
        xml.open("track", self._head(number, track.label, track.source, track.task, track.group))
        for shape, keyframe in frames.shapes(track):
            children = elements.get(shape.frame, [])
            if shape.type == "skeleton" and not children:
                continue
            self._tracked(
                xml,
                shape,
                keyframe,
                ("frame", str(frames.source(shape.frame))),
                track.attributes,
                children,
                track,
            )
        xml.close("track")

    def _tracked(
        self,
        xml: XmlText,
        shape: TrackedShape,
        keyframe: bool,
        name: tuple[str, str],
        attributes: dict[str, str],
        children: Sequence[tuple[str, TrackedShape, bool]] = (),
        track: Track | None = None,
    ) -> None:
        pairs = [name, ("keyframe", _flag(keyframe))]
        states = [("outside", shape.outside), ("occluded", shape.occluded)]
        if shape.type != "skeleton":
            pairs += [(state, _flag(value)) for state, value in states]
        elif not self._exactly:
            # CVAT writes neither for skeletons, yet reads them.
            pairs += [(state, "1") for state, value in states if value]
        elif shape.occluded and keyframe:
            self._report.dropped("occluded", "CVAT writes none for skeletons")
        pairs += geometry_of(shape, self._number)
        if name[0] == "frame":
            pairs.append(("z_order", str(shape.z_order)))
        element = ELEMENTS.get(shape.type, shape.type)
        xml.open(element, pairs)
        immutable = {each.label: each.attributes for each in track.elements} if track else {}
        for label, child, is_key in children:
            self._tracked(xml, child, is_key, ("label", label), immutable.get(label, {}))
        _attributes(xml, {**shape.attributes, **attributes})
        xml.close(element)

    def _still(
        self, xml: XmlText, number: int, shape: Shape, item: Item, frames: tuple[int, int | None]
    ) -> None:
        """A shape as a track: there on its frame, gone on the next."""
        xml.open("track", self._head(number, shape.label, shape.source, item.task, shape.group))
        for frame in frames:
            if frame is None:
                continue
            gone = frame != frames[0]
            children = [
                (element.label, _keyframe(element, gone), True) for element in shape.elements
            ]
            name = ("frame", str(frame))
            if children or shape.type != "skeleton":
                self._tracked(xml, _keyframe(shape, gone), True, name, {}, children)
        xml.close("track")
        if shape.type != "skeleton" or shape.elements:
            reason = "written as a track of one frame"
            self._report.changed(shape.type, reason, item.path)
        else:
            self._report.dropped(shape.type, "it has no points", item.path)


class _Numbers:
    """The number of each item: its source frame, else its frame, else a count of its own."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, item: Item) -> int:
        known = item.source_frame if item.source_frame is not None else item.frame
        number = known if known is not None else self._count
        self._count = max(self._count, number) + 1 if known is None else self._count + 1
        return number


class _Frames(msgspec.Struct):
    """The frames of one track.

    Deleted frames are left out. CVAT forgets the keyframes on them as well; `exactly` False makes
    keyframes of what is left beside them. `all_frames` writes the deleted ones, too.
    """

    header: Header
    track: Track
    stops: list[int]
    exactly: bool
    all_frames: bool

    def shapes(self, track: Track) -> Iterator[tuple[TrackedShape, bool]]:
        """(shape, is a keyframe) on each frame until the last of the task or job."""
        task = self.track.task
        stop = self.stops[task] if task < len(self.stops) else -1
        tasks = self.header.tasks
        deleted = frozenset(tasks[task].deleted_frames) if task < len(tasks) else frozenset[int]()
        last = stop if stop >= 0 else last_keyframe(self.track)
        if self.all_frames or not deleted:
            return interpolate(track, last)
        if not self.exactly:
            left = {frame: frame for frame in range(last + 1) if frame not in deleted}
            track = renumbered(track, left)
        return (
            found for found in interpolate(track, last, deleted) if found[0].frame not in deleted
        )

    def source(self, frame: int) -> int:
        """The source frame of a task-relative one."""
        if self.track.task >= len(self.header.tasks):
            return frame
        info = self.header.tasks[self.track.task]
        return info.start_frame + frame * info.step + info.frame_offset


def _keyframe(shape: Shape, gone: bool) -> TrackedShape:
    return TrackedShape(
        type=shape.type,
        frame=shape.frame,
        points=shape.points,
        occluded=shape.occluded,
        outside=gone or shape.outside,
        z_order=shape.z_order,
        rotation=shape.rotation,
        attributes=shape.attributes,
    )


def _attributes(xml: XmlText, attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        xml.text("attribute", value, (("name", name),))


def _flag(value: bool) -> str:
    return "1" if value else "0"
