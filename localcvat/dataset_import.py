"""Datasets into a project: one new task a subset, labels made where there are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing

import msgspec
import orjson
from sqlmodel import Session

from localcvat.annotation_import import masks_of
from localcvat.dry_run import DryRun
from localcvat.errors import DatasetError
from localcvat.geometry.slicing import keyframes, renumbered
from localcvat.geometry.tracks import end_track, track_from_shapes
from localcvat.label_rows import insert_labels, read_labels, spec_row
from localcvat.labels import fill_colors
from localcvat.model import (
    DEFAULT_SUBSET,
    AttributeSpec,
    Dataset,
    Header,
    Label,
    Shape,
    Track,
)
from localcvat.object_labels import part_attributes
from localcvat.ordered import ordered_map
from localcvat.packed_dataset import PackedDataset, PackedItem, packed
from localcvat.projects import project_row
from localcvat.related import extension
from localcvat.report import Report
from localcvat.store.annotation_rows import AnnotationWriter
from localcvat.store.engine import Store, now, raw
from localcvat.store.label_map import LabelEntry, label_map
from localcvat.store.media import Blob, MediaMode, Reference, media_row, take_media
from localcvat.store.packed_shapes import PackedShape
from localcvat.store.tables import DataRow, JobRow, ProjectRow, SegmentRow, TaskRow
from localcvat.task_data import chunk_size_for
from localcvat.task_rows import (
    FrameDraft,
    FrameWriter,
    JobDraft,
    insert_jobs,
    insert_task,
)
from localcvat.users import current_user

CLOUD = ".pcd"


def import_dataset(
    store: Store,
    project_id: int,
    dataset: Dataset | PackedDataset,
    report: Report,
    media: MediaMode = "copy",
    *,
    strict: bool = False,
    dry_run: bool = False,
) -> list[int]:
    """Add a dataset to a project, one new task a subset; returns the ids of the tasks.

    A project without labels gets the dataset's. One transaction; items stream. Raises DatasetError
    for a label the project does not have, DryRun at the end of a dry run.
    """
    if isinstance(dataset, Dataset):
        dataset = packed(dataset, report)
    with store.media.batch() as batch, store.write() as session:
        project = project_row(session, project_id)
        created = not _label_count(session, project_id)
        if created:
            labels = [msgspec.structs.replace(label) for label in dataset.header.labels]
            fill_colors(labels)
            insert_labels(session, labels, project_id=project_id)
        else:
            _tell_labels_apart(session, project_id, dataset.header.labels, report)
        _remember_info(project, dataset.header)
        importer = _Importer(session, project_id, dataset.header, report)

        def take(item: PackedItem) -> Blob | Reference | None:
            return take_media(batch, item.media, media)

        jobs = store.jobs if media != "none" else 1
        with closing(ordered_map(take, dataset.items, jobs)) as items:
            for item, taken in items:
                importer.add(item, taken)
        for track in dataset.tracks:
            importer.add_track(track)
        task_ids = importer.finish()
        if not task_ids:
            raise DatasetError("the dataset has no images")
        report.refuse_no_match()
        if strict:
            report.refuse_losses()
        if dry_run:
            raise DryRun
        project.updated_date = now()
        batch.sync()
    return task_ids


def _label_count(session: Session, project_id: int) -> int:
    row = raw(session).execute("SELECT count(*) FROM label WHERE project_id = ?", (project_id,))
    return int(row.fetchone()[0])


def _tell_labels_apart(
    session: Session, project_id: int, labels: Sequence[Label], report: Report
) -> None:
    """Count what the dataset says of labels that the project, having its own, does not take."""
    own = {label.name: label for label in read_labels(session, project_id=project_id)}
    for label in labels:
        mine = own.get(label.name)
        if mine is None:
            report.dropped("label", "the project has its own labels, not this one", label.name)
            continue
        missing = {spec.name for spec in label.attributes} - {spec.name for spec in mine.attributes}
        if missing:
            where = f"{label.name}.{min(missing)}"
            why = "the project's label has no such attribute"
            report.dropped("label attribute", why, where, count=len(missing))
        points = {sub.name for sub in label.sublabels} - {sub.name for sub in mine.sublabels}
        if points:
            where = f"{label.name}.{min(points)}"
            why = "the project's label has no such point"
            report.dropped("sublabel", why, where, count=len(points))
        if label.color and label.color.lower() != mine.color.lower():
            why = "the project's own is kept"
            report.changed("label colour", why, label.name, lossy=False)


def _remember_info(project: ProjectRow, header: Header) -> None:
    """Keep what only the format has (licences, info), for an export in the same format."""
    if header.info:
        extras = orjson.loads(project.extras) if project.extras else {}
        extras["info"] = {**extras.get("info", {}), **header.info}
        project.extras = orjson.dumps(extras).decode()


class _TaskUnderway(msgspec.Struct):
    """A task whose frames are still coming in.

    `paths` has for each path how often it came, `numbers` the frames' numbers by the dataset's task
    and frame.
    """

    task: TaskRow
    data: DataRow
    job_id: int
    segment_id: int
    frames: FrameWriter
    paths: dict[str, int]
    numbers: dict[int, dict[int, int]]


class _Importer:
    """Writes items to new tasks, one a subset."""

    def __init__(
        self,
        session: Session,
        project_id: int,
        header: Header,
        report: Report,
    ) -> None:
        self._session = session
        self._project_id = project_id
        self._header = header
        self._report = report
        self._owner = current_user(session).id
        self._tasks: dict[str, _TaskUnderway] = {}
        self._labels = label_map(session, project_id=project_id)
        self._writer = AnnotationWriter(session, self._labels)
        self._kept: defaultdict[str, int] = defaultdict(int)
        self._tracked: dict[tuple[int, int, int | None], list[Shape]] = {}
        self._owners: dict[int, list[_TaskUnderway]] = {}
        self._numbers: dict[tuple[int, int], tuple[dict[int, int], int]] = {}

    def add(self, item: PackedItem, taken: Blob | Reference | None) -> None:
        """Write one frame with its annotations and the media that were taken into the store."""
        underway = self._task(item)
        path = self._free_path(item.path, underway)
        media_id = media_row(self._session, taken)
        number = underway.frames.image(
            FrameDraft(
                path=path,
                width=item.width,
                height=item.height,
                media_id=media_id,
                extras=item.extras,
            )
        )
        if item.frame is not None:
            if item.task not in underway.numbers:
                underway.numbers[item.task] = {}
                owners = self._owners.setdefault(item.task, [])
                owners.append(underway)
                owners.sort(key=lambda each: each.job_id)
            underway.numbers[item.task][item.frame] = number
        if number == 0 and item.width and item.height:
            underway.data.chunk_size = chunk_size_for(item.width, item.height)
        if extension(path) == CLOUD:
            underway.task.dimension = "3d"
        if item.related:
            why = "images taken with a point cloud are not taken into a project"
            self._report.dropped("related image", why, item.path, count=item.related)
        self._annotate(underway, item, number)
        self._kept["image"] += 1

    def _annotate(self, underway: _TaskUnderway, item: PackedItem, number: int) -> None:
        writer, kept, job_id = self._writer, self._kept, underway.job_id
        known = self._labels.roots
        for shape in item.shapes:
            kept[shape.values[0]] += 1
            if shape.attributes or shape.elements or shape.label not in known:
                self._declare_parts(shape)
        writer.add_packed(job_id, number, item.shapes)
        for tag in item.tags:
            kept["tag"] += 1
            self._declare(tag.label, tag.attributes)
            writer.add_tag(job_id, number, tag)
        for tracked in item.tracked:
            kept[tracked.type] += 1
            self._declare_parts(tracked)
            tracked.frame = number
            for element in tracked.elements:
                element.frame = number
            key = (job_id, item.task, tracked.track_id)
            self._tracked.setdefault(key, []).append(tracked)

    def _declare_parts(self, shape: PackedShape | Shape) -> None:
        entry = self._declare(shape.label, shape.attributes)
        for element in shape.elements or ():
            self._declare(element.label, element.attributes, entry)

    def _declare(
        self, label: str, attributes: dict[str, str] | None, parent: LabelEntry | None = None
    ) -> LabelEntry:
        """The label, with attributes made known that it does not declare, as text.

        Raises DatasetError in CVAT's words for a label the project lacks.
        """
        entry = (self._labels.roots if parent is None else parent.sublabels).get(label)
        if entry is None:
            raise DatasetError(
                f'Target project does not have label with name "{label}"',
                hint="add it to the project, or rename it with --labels-map",
            )
        for name in attributes or ():
            if name not in entry.specs:
                row = spec_row(entry.id, AttributeSpec(name=name, mutable=True))
                self._session.add(row)
                self._session.flush()
                entry.specs[name] = int(row.id or 0)
                entry.mutable |= {name}
                self._labels.spec_names[str(row.id)] = name
                where = f"{entry.name}.{name}"
                self._report.assumed("attribute", "not declared: added as text", where)
        return entry

    def _free_path(self, path: str, underway: _TaskUnderway) -> str:
        if path in underway.paths:
            stem, dot, extension = path.rpartition(".")
            number = underway.paths[path]
            while f"{stem}_{number}{dot}{extension}" in underway.paths:
                number += 1
            underway.paths[path] = number + 1
            free = f"{stem}_{number}{dot}{extension}"
            self._report.changed("image", "renamed: another has this path", f"{path} -> {free}")
            path = free
        underway.paths[path] = 1
        return path

    def _task(self, item: PackedItem) -> _TaskUnderway:
        if item.subset not in self._tasks:
            self._tasks[item.subset] = self._new_task(item.subset)
        return self._tasks[item.subset]

    def _new_task(self, subset: str) -> _TaskUnderway:
        data = DataRow()
        task = TaskRow(
            project_id=self._project_id,
            name=subset or DEFAULT_SUBSET,
            subset="" if subset == DEFAULT_SUBSET else subset,
            mode="annotation",
            overlap=0,
            owner_id=self._owner,
            created_date="",
            updated_date="",
        )
        task_id = insert_task(self._session, task, data)
        (job_id,) = insert_jobs(self._session, task_id, [JobDraft(start_frame=0, stop_frame=0)])
        job = self._session.get_one(JobRow, job_id)
        frames = FrameWriter(self._session, int(data.id or 0))
        return _TaskUnderway(task, data, job_id, job.segment_id, frames, {}, {})

    def add_track(self, track: Track) -> None:
        """Write a keyframe track to the task its frames went to."""
        underway = self._track_task(track)
        placed = self._renumber(track, track.task, underway)
        there = underway.numbers.get(track.task, {})
        elsewhere = sum(frame not in there for frame in keyframes(track))
        if placed.shapes and elsewhere:
            why = "their image is not there, or in another subset than the track's first"
            self._report.dropped("keyframe", why, track.label, count=elsewhere)
        if placed.shapes:
            self._write_track(placed, underway.job_id)
        else:
            self._report.dropped("track", "no image of it is there", track.label)

    def _write_track(self, track: Track, job_id: int) -> None:
        self._part(track, None)
        if track.shapes[0].type == "mask":
            self._writer.add_shapes(job_id, masks_of(track, self._report))
        else:
            self._writer.add_track(job_id, track)
            self._report.kept("track")

    def _part(self, track: Track, parent: LabelEntry | None) -> None:
        entry = self._declare(track.label, track.attributes, parent)
        for shape in track.shapes:
            self._declare(track.label, shape.attributes, parent)
        part_attributes(track, entry.mutable, self._report)
        for element in track.elements:
            self._part(element, entry)

    def _track_task(self, track: Track) -> _TaskUnderway:
        owners = self._owners.get(track.task, [])
        for underway in owners:
            numbers = underway.numbers[track.task]
            if any(shape.frame in numbers for shape in track.shapes):
                return underway
        if not owners:
            raise DatasetError(f"a track of {track.label!r} belongs to no image of the dataset")
        return owners[0]

    def _renumber(self, track: Track, task: int, underway: _TaskUnderway) -> Track:
        key = (underway.job_id, task)
        if key not in self._numbers:
            ordered = dict(sorted(underway.numbers.get(task, {}).items()))
            self._numbers[key] = (ordered, max(ordered.values(), default=-1) + 1)
        numbers, end = self._numbers[key]
        placed = renumbered(track, numbers)
        if end < underway.frames.frame_count:
            # Another task of the subset follows: the track must not go on there.
            end_track(placed, end)
        return placed

    def finish(self) -> list[int]:
        """Close every task; returns their ids in order of appearance."""
        self._write_tracked()
        self._writer.flush()
        for kind, count in self._kept.items():
            self._report.kept(kind, count)
        task_ids = []
        for underway in self._tasks.values():
            underway.frames.flush()
            size = underway.frames.frame_count
            underway.data.size, underway.data.stop_frame = size, size - 1
            underway.task.segment_size = size
            segment = self._session.get_one(SegmentRow, underway.segment_id)
            segment.stop_frame = size - 1
            task_ids.append(int(underway.task.id or 0))
        self._session.flush()
        self._check_dimension()
        return task_ids

    def _check_dimension(self) -> None:
        """Tasks of one project are all 2D or all 3D, or CVAT refuses its backup."""
        found = raw(self._session).execute(
            "SELECT DISTINCT dimension FROM task WHERE project_id = ? AND deleted_date IS NULL",
            (self._project_id,),
        )
        if len(found.fetchall()) > 1:
            raise DatasetError(
                "a project holds images or point clouds, not both",
                hint="import the point clouds into a project of their own",
            )

    def _write_tracked(self) -> None:
        last = {
            underway.job_id: underway.frames.frame_count - 1 for underway in self._tasks.values()
        }
        for (job_id, _, _), shapes in self._tracked.items():
            self._write_track(track_from_shapes(shapes, last[job_id]), job_id)
