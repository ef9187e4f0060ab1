"""CVAT XML read: every `*.xml` of a source, images streaming, tracks held (section 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.geometry.tracks import end_track, last_keyframe, stop_frames
from localcvat.model import (
    DEFAULT_SUBSET,
    AttributeSpec,
    Dataset,
    Header,
    Item,
    Label,
    TaskInfo,
    Track,
    flat_labels,
    frame_offsets,
    named_subset,
)
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.cvat_xml_glance import Glance, glance, xml_names
from localcvat_formats.cvat_xml_header import header_of
from localcvat_formats.cvat_xml_media import MediaIndex
from localcvat_formats.cvat_xml_parse import (
    Place,
    TrackReader,
    attributes_of,
    kind_of,
    local_name,
    shape_of,
    tag_of,
    top_elements,
)
from localcvat_formats.cvat_xml_unknown import (
    report_unknown_image,
    report_unknown_meta,
    report_unknown_parts,
    report_unknown_top,
    report_unknown_track,
)

VIDEO_NAME = "frame_{:06d}"


class _File(msgspec.Struct):
    """One XML file: what its meta says, and where its tasks are among those of all files."""

    name: str
    header: Header
    seen: Glance
    first_task: int = 0

    def task(self, element: Any) -> int:
        """Index of the task an image or track belongs to, by its task_id."""
        number = element.get("task_id")
        for index, info in enumerate(self.header.tasks):
            if number is not None and str(info.id) == number:
                return self.first_task + index
        return self.first_task


class CvatXmlReader:
    """Reads one source."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._skip = options.on_error == "skip"
        self._media = MediaIndex(source, options.media, report)
        self._files: list[_File] = []
        self._header = Header()
        self._tracks: list[Track] = []

    def read(self) -> Dataset:
        """The dataset; raises DatasetError where the XML breaks the format."""
        for name in xml_names(self._source):
            self._open(name)
        if not self._files:
            raise DatasetError(
                "no CVAT XML found",
                where=self._source.display,
                hint="a file with <annotations> as its root is needed",
            )
        self._join_headers()
        for file in self._files:
            if file.seen.tracks:
                self._tracks += self._read_tracks(file)
        return Dataset(self._header, self._items(), self._tracks)

    # Headers

    def _open(self, name: str) -> None:
        where = self._source.where(name)
        with self._source.open(name) as stream:
            seen = glance(stream, where)
        if seen is None:
            self._report.assumed("file", "not CVAT XML: left out", where)
            return
        header = Header()
        with self._source.open(name) as stream:
            for element in top_elements(stream, where):
                if local_name(element) == "meta":
                    header = header_of(element)
                    report_unknown_meta(element, self._report, where)
                break
        known = {label.name for label, _ in flat_labels(header.labels)}
        if seen.labels - known or (seen.images and seen.tracks and not seen.labels):
            self._add_labels(name, header, known)
        file = _File(name, header, seen)
        if header.kind == "project":
            for info, offset in zip(header.tasks, frame_offsets(header.tasks), strict=True):
                info.frame_offset = offset
        self._files.append(file)

    def _add_labels(self, name: str, header: Header, known: set[str]) -> None:
        """Labels and attributes that are used but not declared."""
        roots = {label.name: label for label in header.labels}
        with self._source.open(name) as stream:
            for element in top_elements(stream, self._source.where(name)):
                kind = local_name(element)
                used = [element] if kind == "track" else list(element) if kind == "image" else []
                for each in used:
                    self._add_label(each, roots, kind == "track")
        fresh = [label for label in roots.values() if label.name not in known]
        if fresh:
            reason = "used but not declared in <labels>: added"
            self._report.assumed("label", reason, fresh[0].name, count=len(fresh))
        header.labels = list(roots.values())

    def _add_label(self, element: Any, roots: dict[str, Label], track: bool) -> None:
        name = element.get("label")
        if name is None or (not track and not kind_of(element) and local_name(element) != "tag"):
            return
        shapes = list(element) if track else [element]
        label = roots.setdefault(name, Label(name=name))
        for shape in shapes:
            _declare(label, attributes_of(shape))
            for part in shape:
                if kind_of(part) and part.get("label") is not None:
                    label.type = "skeleton"
                    subs = {each.name: each for each in label.sublabels}
                    if part.get("label") not in subs:
                        label.sublabels.append(Label(name=part.get("label"), type=kind_of(part)))
                        subs = {each.name: each for each in label.sublabels}
                    _declare(subs[part.get("label")], attributes_of(part))

    def _join_headers(self) -> None:
        """One header of all files: of one file its own, else a dataset of all their tasks."""
        if len(self._files) == 1:
            self._header = self._files[0].header
        labels: dict[str, Label] = {}
        for file in self._files:
            file.first_task = len(self._header.tasks) if len(self._files) > 1 else 0
            if len(self._files) > 1:
                self._header.tasks += file.header.tasks
            for label in file.header.labels:
                labels.setdefault(label.name, label)
        self._header.labels = list(labels.values())
        taken = {info.subset for info in self._header.tasks}
        subsets = [named_subset(info.subset, taken) for info in self._header.tasks]
        self._header.subsets = list(dict.fromkeys(subsets)) or [DEFAULT_SUBSET]

    def _others(self, file: _File, kind: str) -> Callable[[Any], None] | None:
        """What counts strange elements on the one pass for tracks, or for images if there are."""
        if kind == "track" and file.seen.images:
            return None
        where = self._source.where(file.name)
        return lambda element: report_unknown_top(element, self._report, where)

    # Tracks

    def _read_tracks(self, file: _File) -> list[Track]:
        where = self._source.where(file.name)
        reader = TrackReader(file.header.labels, where, self._relative)
        tracks = []
        with self._source.open(file.name) as stream:
            for element in top_elements(stream, where, self._others(file, "track")):
                if local_name(element) != "track":
                    continue
                report_unknown_track(element, self._report, where)
                try:
                    tracks.append(reader.track(element, file.task(element)))
                except DatasetError as error:
                    self._lose("track", error)
        self._note_deleted(reader, file)
        for track, last in zip(tracks, reader.ends, strict=True):
            self._close(track, last, reader.every_frame)
        return tracks

    def _close(self, track: Track, last: int, every_frame: bool) -> None:
        """Let a track end where its shapes do.

        CVAT writes still shapes as tracks of one frame, and on the last two frames without an end.
        Ends on deleted frames move to the next one that is there.
        """
        info = self._header.tasks[track.task] if track.task < len(self._header.tasks) else None
        if info is None:
            return
        stop = stop_frames(self._header)[track.task]
        still = len(track.shapes) == 1 and last == stop - 1
        if last < stop and (every_frame or still) and not _is_gone(track):
            end_track(track, last + 1)
        deleted = set(info.deleted_frames)
        for part in (track, *track.elements) if deleted else ():
            taken = {shape.frame for shape in part.shapes}
            for shape in part.shapes:
                while shape.outside and shape.frame in deleted and shape.frame + 1 not in taken:
                    shape.frame += 1

    def _note_deleted(self, reader: TrackReader, file: _File) -> None:
        for index, info in enumerate(file.header.tasks, file.first_task):
            info.deleted_frames = reader.deleted(index)
            if info.deleted_frames:
                reason = "no track mentions it: taken as deleted"
                count = len(info.deleted_frames)
                self._report.assumed("frame", reason, f"{info.deleted_frames[0]}", count=count)

    def _relative(self, task: int, absolute: int) -> int:
        """The task-relative frame; raises ValueError for a frame the task does not have."""
        if task >= len(self._header.tasks):
            return absolute
        info = self._header.tasks[task]
        frame, remainder = divmod(absolute - info.start_frame - info.frame_offset, info.step)
        if remainder or frame < 0:
            raise ValueError(absolute)
        return frame

    def _lose(self, kind: str, error: DatasetError) -> None:
        if not self._skip:
            raise error
        self._report.dropped(kind, error.what, error.where)

    # Items

    def _items(self) -> Iterator[Item]:
        for file in self._files:
            if file.seen.images:
                yield from self._images(file)
            else:
                yield from self._frames(file)

    def _images(self, file: _File) -> Iterator[Item]:
        where = self._source.where(file.name)
        count = 0
        with self._source.open(file.name) as stream:
            for element in top_elements(stream, where, self._others(file, "image")):
                if local_name(element) != "image":
                    continue
                report_unknown_image(element, self._report, where)
                try:
                    yield self._image(element, file, count)
                except DatasetError as error:
                    self._lose("image", error)
                count += 1

    def _image(self, element: Any, file: _File, count: int) -> Item:
        where = self._source.where(file.name)
        place = Place(element, where)
        task = file.task(element)
        info = self._header.tasks[task] if task < len(self._header.tasks) else None
        number = place.integer("id", count)
        frame: int | None = number
        try:
            frame = self._relative(task, number)
        except ValueError:
            frame = None
        subset = element.get("subset") or (info.subset if info is not None else "")
        item = Item(
            path=place.text("name").replace("\\", "/"),
            subset=subset or DEFAULT_SUBSET,
            width=place.integer("width", 0),
            height=place.integer("height", 0),
            frame=frame,
            source_frame=number,
            task=task,
        )
        self._annotate(item, element, where)
        self._add_media(item, file.name, info)
        return item

    def _annotate(self, item: Item, element: Any, where: str) -> None:
        for child in element:
            try:
                report_unknown_parts(child, self._report, where)
                if kind_of(child):
                    item.shapes.append(shape_of(child, where, item.frame or 0))
                elif local_name(child) == "tag":
                    item.tags.append(tag_of(child, where, item.frame or 0))
            except DatasetError as error:
                self._lose(kind_of(child) or "tag", error)

    def _add_media(self, item: Item, xml: str, info: TaskInfo | None) -> None:
        is_video = info is not None and info.mode == "interpolation"
        found = self._media.find(item, xml, is_video)
        if is_video and item.stem == item.path:
            item.path += f".{found.rpartition('.')[2]}" if found else ".PNG"
        if found is not None and self._options.media:
            item.media = self._source.media(found)
        self._set_size(item, found)

    def _set_size(self, item: Item, found: str | None) -> None:
        """The size from the picture, or as it was told, where the XML does not say it."""
        if item.width and item.height:
            return
        stated = self._options.stated_size(item.path)
        if found is not None:
            item.width, item.height = self._source.media(found).image_size()
        elif stated is not None:
            item.width, item.height = stated
            self._report.assumed("image size", "as it was told", item.path)
        else:
            self._report.assumed("image size", "not known", item.path)

    def _frames(self, file: _File) -> Iterator[Item]:
        """Items of a file of tracks alone: its frames have no names in the XML."""
        tasks = file.header.tasks or [TaskInfo()]
        taken = {info.subset for info in tasks}
        for index, info in enumerate(tasks):
            task = file.first_task + index
            names = self._media.frame_names(file.name, file.header, info)
            deleted = set(info.deleted_frames)
            for frame in self._frame_numbers(file, info, task):
                if frame in deleted:
                    continue
                source = info.start_frame + info.frame_offset + frame * info.step
                name = VIDEO_NAME.format(source)
                path = names.get(frame) if names is not None else f"{name}.PNG"
                if path is None:
                    continue
                item = Item(
                    path=path,
                    subset=named_subset(info.subset, taken),
                    width=info.width,
                    height=info.height,
                    frame=frame,
                    source_frame=source,
                    task=task,
                )
                if names is not None or info.mode == "interpolation":
                    self._add_media(item, file.name, info)
                else:
                    self._set_size(item, None)
                yield item

    def _frame_numbers(self, file: _File, info: TaskInfo, task: int) -> range:
        if file.header.kind == "job" and info.jobs:
            return range(info.jobs[0].start_frame, info.jobs[0].stop_frame + 1)
        if info.size:
            return range(info.size)
        last = [last_keyframe(track) for track in self._tracks if track.task == task]
        if last:
            reason = "the XML does not say how many frames there are: up to the last keyframe"
            self._report.assumed("frame", reason, self._source.where(file.name))
        return range(max(last) + 1 if last else 0)


def _is_gone(track: Track) -> bool:
    """Whether a track ends outside, or all elements of a skeleton do."""
    ends = [part.shapes[-1].outside for part in track.elements if part.shapes]
    return track.shapes[-1].outside or (bool(ends) and all(ends))


def _declare(label: Label, attributes: dict[str, str]) -> None:
    known = {spec.name for spec in label.attributes}
    for name in attributes.keys() - known:
        label.attributes.append(AttributeSpec(name=name, mutable=True))
