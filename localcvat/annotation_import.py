"""Annotations of a dataset into a task or job that is there already.

Items are matched to frames, labels and attributes to those of the task, objects cut to its jobs:
one on a frame that two jobs share goes to both (formats specification, section 0.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal

import msgspec
import orjson
from sqlmodel import Session

from localcvat.annotations import Scope
from localcvat.errors import DatasetError, ValidationError
from localcvat.geometry.slicing import keyframes, track_parts
from localcvat.geometry.tracks import track_from_shapes
from localcvat.honeypots import has_pool, honeypots
from localcvat.jobs import touch_annotations
from localcvat.known_objects import KnownObjects
from localcvat.label_rows import read_labels
from localcvat.matching import FrameMatcher
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag, TaskInfo, Track
from localcvat.object_groups import join_parts, renumber_groups
from localcvat.object_labels import ObjectLabels
from localcvat.packed_dataset import still_shapes
from localcvat.report import Report
from localcvat.store.annotation_rows import AnnotationWriter, clear_annotations
from localcvat.store.engine import raw
from localcvat.store.label_map import label_map
from localcvat.store.tables import DataRow, TaskRow

Mode = Literal["replace", "append", "merge"]
NOT_IN_JOB = "its frame is not in the job"
TABLES = (("tag", ""), ("shape", " AND parent_id IS NULL"), ("track", " AND parent_id IS NULL"))


class ImportRules(msgspec.Struct, frozen=True, kw_only=True):
    """`replace` removes what is there first. `merge` adds what is not there already: objects that
    one of their label and kind covers by `iou` or more are. `skip` counts what can't be placed or
    read.

    `keep_groups` leaves group numbers as they are; else groups of one are dropped and the rest
    numbered from 1 on each frame. `source` is what the report calls the dataset.
    """

    mode: Mode = "replace"
    iou: float = 0.5
    skip: bool = False
    keep_groups: bool = False
    source: str = ""


class JobSlice(msgspec.Struct):
    """A job that takes its part; `chosen` are the frames of a ground-truth job."""

    id: int
    start: int
    stop: int
    chosen: frozenset[int] | None = None

    def takes(self, frame: int) -> bool:
        """Whether objects on this task-relative frame belong to the job."""
        if not self.start <= frame <= self.stop:
            return False
        return self.chosen is None or frame in self.chosen


def target_jobs(session: Session, task: TaskRow, job_id: int | None = None) -> list[JobSlice]:
    """The one job, or a task's annotation jobs; with a validation pool its ground truth too."""
    types = "('annotation', 'ground_truth')" if has_pool(session, task) else "('annotation')"
    rows = raw(session).execute(
        "SELECT j.id, s.start_frame, s.stop_frame, s.type, s.frames FROM job j"
        " JOIN segment s ON s.id = j.segment_id WHERE j.task_id = ?"
        f" AND (j.id = ? OR ? IS NULL AND j.type IN {types} AND j.parent_job_id IS NULL)"
        " ORDER BY j.id",
        (task.id, job_id, job_id),
    )
    return [
        JobSlice(
            id=row[0],
            start=row[1],
            stop=row[2],
            chosen=frozenset(orjson.loads(row[4])) if row[3] == "specific_frames" else None,
        )
        for row in rows
    ]


def task_labels(session: Session, task: TaskRow) -> list[Label]:
    """The labels of a task: those of its project if it is in one."""
    if task.project_id is not None:
        return read_labels(session, project_id=task.project_id)
    return read_labels(session, task_id=task.id)


def frame_sizes(session: Session, task: TaskRow) -> Callable[[str], tuple[int, int] | None]:
    """A function that tells the size of an item of a dataset by the frame it will match."""
    rows = raw(session).execute(
        "SELECT number, path, width, height FROM frame WHERE data_id = ? ORDER BY number",
        (task.data_id,),
    )
    found = rows.fetchall()
    matcher = FrameMatcher(((row[0], row[1]) for row in found), Report())
    sizes = {row[0]: (row[2], row[3]) for row in found if row[2] and row[3]}

    def size_of(path: str) -> tuple[int, int] | None:
        frame = matcher.find(Item(path=path))
        return sizes.get(frame) if frame is not None else None

    return size_of


def import_annotations(
    session: Session,
    task: TaskRow,
    jobs: Sequence[JobSlice],
    dataset: Dataset,
    report: Report,
    rules: ImportRules,
) -> None:
    """Write a dataset's annotations into jobs of a task, in the session's transaction.

    Raises DatasetError for an item without a frame, an unknown label, a bad attribute value, and
    where annotations would be replaced by nothing because all that is new was left out.
    """
    importer = _Importer(session, task, jobs, dataset.header, report, rules)
    before = count_annotations(session, jobs)
    replaces = rules.mode == "replace" and bool(before)
    if replaces:
        for job in jobs:
            clear_annotations(session, job.id)
    importer.run(dataset)
    if replaces and report.losses and not count_annotations(session, jobs):
        lost = report.losses[0]
        raise DatasetError(
            "nothing of it could be taken, so the annotations there were not replaced:"
            f" {lost.count} {lost.kind} {lost.outcome}: {lost.reason}",
            where=lost.example,
            hint="--mode append leaves what is there",
        )
    if replaces:
        report.dropped("annotation", "was there before: replaced", count=before, lossy=False)
    elif before:
        report.kept("annotation that was there before", before)
    touch_annotations(session, [job.id for job in jobs])


def count_annotations(session: Session, jobs: Sequence[JobSlice]) -> int:
    """How many tags, shapes and tracks jobs have, those that two jobs share in each of them."""
    return sum(
        raw(session)
        .execute(f"SELECT count(*) FROM {table} WHERE job_id = ?{roots}", (job.id,))
        .fetchone()[0]
        for table, roots in TABLES
        for job in jobs
    )


class _Importer:
    """One import; items stream, tracks and tracked shapes are held."""

    def __init__(
        self,
        session: Session,
        task: TaskRow,
        jobs: Sequence[JobSlice],
        header: Header,
        report: Report,
        rules: ImportRules,
    ) -> None:
        self._jobs = jobs
        self._header = header
        self._report = report
        self._rules = rules
        self._info = _numbering(session, task)
        self._labels = ObjectLabels(task_labels(session, task), report)
        self._writer = AnnotationWriter(session, label_map(session, task_id=task.id))
        self._known: KnownObjects | None = None
        if rules.mode == "merge" and jobs:
            scope = Scope(job_id=jobs[0].id) if len(jobs) == 1 else Scope(task_id=task.id)
            stop = max(job.stop for job in jobs)
            self._known = KnownObjects(session, scope, stop, rules.iou, report)
        self._matcher = FrameMatcher(
            _frames(session, task, jobs),
            report,
            start_frame=self._info.start_frame,
            step=self._info.step,
        )
        self._tracked: dict[tuple[int, int], list[Shape]] = {}
        self._frames_of: dict[tuple[int, int], int] = {}

    def run(self, dataset: Dataset) -> None:
        """Read the dataset to its end and write all of it."""
        open_items: list[Item] = []
        for item in dataset.items:
            if self._matcher.is_open(item):
                self._matcher.find(item)
                open_items.append(item)
            else:
                self._place(item, self._matcher.find(item))
        for item in open_items:
            self._place(item, self._matcher.find_late(item))
        for track in dataset.tracks:
            done = self._attempt(partial(self._track, track), "track")
            self._report.matched(self._rules.source, "object", done, not done)
        for shapes in self._tracked.values():
            self._write_track(self._rebuilt(shapes))
        self._writer.flush()

    def _attempt(self, work: Callable[[], None], kind: str) -> bool:
        """Do it; with `skip` a failure is counted instead of raised, and False is returned."""
        try:
            work()
            return True
        except DatasetError as error:
            if not self._rules.skip:
                raise
            self._report.dropped(kind, error.what, error.where)
            return False

    # Items

    def _place(self, item: Item, frame: int | None) -> None:
        objects = len(item.shapes) + len(item.tags)
        if frame is None:
            self._attempt(partial(_no_frame, item), "image")
            self._report.matched(self._rules.source, "object", 0, objects)
            return
        if item.frame is not None:
            self._frames_of[item.task, item.frame] = frame
        if item.extras or item.attributes:
            why = "a task's import takes annotations, not what is said of images"
            self._report.dropped("image fields", why, item.path, lossy=False)
        if not item.shapes and not item.tags:
            return
        join_parts(item)
        if not self._rules.keep_groups:
            renumber_groups(item, self._report)
        shapes = list(self._checked(item, item.shapes, frame))
        tags = list(self._checked_tags(item, frame))
        fitting = len(shapes) + len(tags)
        self._report.matched(self._rules.source, "object", fitting, objects - fitting)
        still = still_shapes(item, shapes, self._report)
        for shape in shapes:
            if shape.track_id is not None:
                self._tracked.setdefault((item.task, shape.track_id), []).append(shape)
        self._write(item, frame, still, tags)

    def _checked(self, item: Item, shapes: Iterable[Shape], frame: int) -> Iterator[Shape]:
        for index, shape in enumerate(shapes):
            shape.frame = frame
            for element in shape.elements:
                element.frame = frame
            if self._fits(item, index, shape.type, partial(self._labels.shape, shape)):
                yield shape

    def _checked_tags(self, item: Item, frame: int) -> Iterator[Tag]:
        for index, tag in enumerate(item.tags):
            tag.frame = frame
            if self._fits(item, index, "tag", partial(self._labels.tag, tag)):
                yield tag

    def _fits(self, item: Item, index: int, kind: str, check: Callable[[], None]) -> bool:
        try:
            check()
        except ValueError as error:
            what = f"Image {item.stem}: can't import annotation #{index} ({kind}): {error}"
            if not self._rules.skip:
                raise DatasetError(what) from error
            self._report.dropped(kind, str(error), item.path)
            return False
        return True

    def _write(self, item: Item, frame: int, shapes: list[Shape], tags: list[Tag]) -> None:
        takers = [job for job in self._jobs if job.takes(frame)]
        if not takers:
            for kind in (*(shape.type for shape in shapes), *("tag" for _ in tags)):
                self._report.dropped(kind, NOT_IN_JOB, item.path)
            return
        if self._known is not None:
            shapes, tags = self._known.left(item, frame, shapes, tags)
        for job in takers:
            try:
                self._writer.add_shapes(job.id, shapes)
                self._writer.add_tags(job.id, tags)
            except ValidationError as error:
                raise DatasetError(str(error), where=item.path) from error
        for kind in (*(shape.type for shape in shapes), *("tag" for _ in tags)):
            self._report.kept(kind)

    # Tracks

    def _track(self, track: Track) -> None:
        self._renumber(track, track.task)
        track.frame = track.shapes[0].frame
        try:
            self._labels.track(track)
        except ValueError as error:
            raise DatasetError(f"can't import a track: {error}") from error
        if track.shapes[0].type == "mask":
            self._mask_track(track)
        else:
            self._write_track(track)

    def _renumber(self, track: Track, task: int) -> None:
        for shape in track.shapes:
            shape.frame = self._frame_of(shape.frame, task)
        track.shapes.sort(key=lambda shape: shape.frame)
        for element in track.elements:
            self._renumber(element, task)
            if element.shapes:
                element.frame = element.shapes[0].frame

    def _frame_of(self, frame: int, task: int) -> int:
        """The frame here of a track's frame there: by its item, else by its source frame."""
        if (task, frame) in self._frames_of:
            return self._frames_of[task, frame]
        source = frame
        if task < len(self._header.tasks):
            info = self._header.tasks[task]
            source = info.start_frame + frame * info.step
        number, remainder = divmod(source - self._info.start_frame, self._info.step)
        if remainder or not 0 <= number < self._info.size:
            raise DatasetError(f"Unknown frame {source}")
        return number

    def _mask_track(self, track: Track) -> None:
        for mask in masks_of(track, self._report):
            takers = [job for job in self._jobs if job.takes(mask.frame)]
            for job in takers:
                self._writer.add_shapes(job.id, [mask])
            if not takers:
                self._report.dropped("mask", NOT_IN_JOB, track.label)

    def _rebuilt(self, shapes: list[Shape]) -> Track:
        last = max(job.stop for job in self._jobs)
        track = track_from_shapes(shapes, last, frozenset(self._info.deleted_frames))
        self._labels.track(track)
        return track

    def _write_track(self, track: Track) -> None:
        if self._known is not None and self._known.has_track(track):
            return
        parts = track_parts(track, [(job.start, job.stop) for job in self._jobs])
        taken = False
        for job, part in zip(self._jobs, parts, strict=True):
            if part is not None:
                taken = True
                self._writer.add_track(job.id, part)
        if not taken:
            reason = "it is nowhere visible on the frames of the job"
            self._report.dropped("track", reason, track.label)
            return
        self._report.kept("track")
        frames = set(keyframes(track))
        if any(not self._has(frame) for frame in frames):
            self._report.changed("track", "cut to the frames of the job", track.label)
        unseen = sum(self._has(frame) and not self._shows(frame) for frame in frames)
        if unseen:
            how = "kept on a frame that the ground-truth job did not choose: not seen there"
            self._report.changed("keyframe", how, track.label, count=unseen, lossy=False)

    def _has(self, frame: int) -> bool:
        return any(job.start <= frame <= job.stop for job in self._jobs)

    def _shows(self, frame: int) -> bool:
        return any(job.takes(frame) for job in self._jobs)


def masks_of(track: Track, report: Report) -> Iterator[Shape]:
    """CVAT has no tracks of masks: each visible keyframe becomes a mask of its own."""
    report.changed("track", "of masks: written as masks on its keyframes", track.label)
    for shape in track.shapes:
        if not shape.outside:
            yield Shape(
                type="mask",
                label=track.label,
                points=shape.points,
                frame=shape.frame,
                occluded=shape.occluded,
                z_order=shape.z_order,
                group=track.group,
                source=track.source,
                attributes={**shape.attributes, **track.attributes},
            )


def _no_frame(item: Item) -> None:
    raise DatasetError(
        f"Could not match item id: {item.stem!r} with any task frame",
        hint="names and folders must be those of the task's frames",
    )


def _numbering(session: Session, task: TaskRow) -> TaskInfo:
    data = session.get(DataRow, task.data_id) if task.data_id is not None else None
    if data is None:
        raise DatasetError(f"task #{task.id} has no data to annotate")
    step = int(data.frame_filter.rpartition("=")[2]) if data.frame_filter else 1
    return TaskInfo(
        size=data.size,
        start_frame=data.start_frame,
        step=step,
        deleted_frames=orjson.loads(data.deleted_frames),
    )


def _frames(session: Session, task: TaskRow, jobs: Sequence[JobSlice]) -> list[tuple[int, str]]:
    """The frames that items may be, by number and path: each path once.

    Of a task with a validation pool those of the pool, not their copies; of one job of it its own.
    """
    rows = raw(session).execute(
        "SELECT number, path FROM frame WHERE data_id = ? ORDER BY number", (task.data_id,)
    )
    frames = [(row[0], row[1]) for row in rows]
    copies = honeypots(session, task)
    if copies and len(jobs) == 1:
        job = jobs[0]
        own = job.chosen if job.chosen is not None else range(job.start, job.stop + 1)
        return [frame for frame in frames if frame[0] in own]
    return [frame for frame in frames if frame[0] not in copies]
