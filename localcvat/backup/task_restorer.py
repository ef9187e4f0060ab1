"""A backup's task on its way into the store: its records, media and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.backup.frame_plan import FramePlan, plan_frames
from localcvat.backup.guide_restorer import GuideDraft, copy_guide, write_guide_rows
from localcvat.backup.job_plan import plan_jobs
from localcvat.backup.layout import Layout
from localcvat.backup.manifest import Manifest, parse_manifest
from localcvat.backup.records import Labels, read_shape, read_tag, read_track
from localcvat.backup.stream import read_annotation_stream
from localcvat.backup.task_records import (
    DataRecord,
    TaskRecord,
    read_task_record,
)
from localcvat.images import image_size
from localcvat.label_rows import insert_labels
from localcvat.model import Label
from localcvat.ordered import ordered_map
from localcvat.related import INDEX_NAME, MediaFiles, file_kinds, sort_media
from localcvat.report import Report
from localcvat.store.annotation_rows import AnnotationWriter
from localcvat.store.engine import Store, raw
from localcvat.store.label_map import label_map
from localcvat.store.media import Batch, Blob, copied
from localcvat.store.tables import DataRow, TaskRow
from localcvat.task_data import VIDEO_CHUNK, chunk_size_for
from localcvat.task_media import Undecoded, later
from localcvat.task_rows import FileDraft, FrameWriter, insert_jobs, insert_task
from localcvat.users import current_user
from localcvat.video import VideoInfo, read_video_info

Progress = Callable[[int], None]


def backup_extras(unknown: dict[str, Any], **more: Any) -> str | None:
    """The JSON of a row's extras that keeps what has no column."""
    kept = unknown | {key: value for key, value in more.items() if value is not None}
    return orjson.dumps({"backup": kept}).decode() if kept else None


class TaskDraft(msgspec.Struct, kw_only=True):
    """A task on its way into the store."""

    folder: str
    record: TaskRecord
    media: MediaFiles
    names: list[str]
    manifest: Manifest | None
    blobs: dict[str, Blob] = {}
    plan: FramePlan | None = None
    guide: GuideDraft | None = None

    @property
    def dimension(self) -> str:
        """2d or 3d; a video that is yet to be decoded is 2d."""
        return "3d" if self.plan is not None and self.plan.kind == "clouds" else "2d"


class TaskRestorer:
    """Reads tasks of a backup, copies their media, writes their rows."""

    def __init__(
        self, store: Store, layout: Layout, progress: Progress | None, report: Report
    ) -> None:
        self._store = store
        self._layout = layout
        self._progress = progress
        self._report = report
        self._copied = 0

    def read(self, folder: str) -> TaskDraft:
        """What the JSON of a task says; nothing is copied yet."""
        record = read_task_record(self._layout, folder)
        self._layout.require_entry(f"{folder}annotations.json")
        data = f"{folder}data/"
        names = [name[len(data) :] for name in self._layout.under(data)]
        media = sort_media(name for name in names if name != INDEX_NAME)
        manifest = None
        if media.manifests:
            entry = data + media.manifests[0]
            with self._layout.open(entry) as stream:
                manifest = parse_manifest(stream, self._layout.where(entry))
        draft = TaskDraft(folder=folder, record=record, media=media, names=names, manifest=manifest)
        with suppress(Undecoded):
            draft.plan = self._plan(draft, later)
        return draft

    def _plan(self, draft: TaskDraft, probe: Callable[[str], VideoInfo]) -> FramePlan:
        where = self._layout.where(f"{draft.folder}data")
        plan = plan_frames(draft.record, draft.media, draft.manifest, where, probe)
        plan_jobs(draft.record, len(plan.frames), self._layout.where(f"{draft.folder}task.json"))
        return plan

    def copy(self, batch: Batch, draft: TaskDraft) -> None:
        """Copy the media of a task into the store's folder; find what only they can tell."""
        data = f"{draft.folder}data/"

        def add(name: str) -> Blob:
            return batch.add(self._layout.media(data + name))

        with closing(ordered_map(add, draft.names, self._store.jobs)) as files:
            for name, blob in files:
                draft.blobs[name] = blob
                self._copied += 1
                if self._progress is not None:
                    self._progress(self._copied)
        draft.guide = copy_guide(self._layout, batch, draft.folder, self._report)

        def probe(name: str) -> VideoInfo:
            file = self._store.media.path(draft.blobs[name].sha256)
            return read_video_info(file, self._layout.where(data + name))

        if draft.plan is None:
            draft.plan = self._plan(draft, probe)
        if draft.plan.kind == "images":
            self._read_sizes(draft)

    def _read_sizes(self, draft: TaskDraft) -> None:
        unknown = [
            frame
            for frame in (draft.plan.frames if draft.plan else ())
            if not (frame.width and frame.height) and frame.path in draft.blobs
        ]

        def size(path: str) -> tuple[int, int]:
            return image_size(self._layout.media(f"{draft.folder}data/{path}"))

        paths = dict.fromkeys(frame.path for frame in unknown)
        sizes = dict(ordered_map(size, paths, self._store.jobs))
        for frame in unknown:
            frame.width, frame.height = sizes[frame.path]

    def write(
        self, session: Session, draft: TaskDraft, labels: list[Label], project_id: int | None
    ) -> int:
        """Write the rows of a task whose media were copied; returns its id."""
        assert draft.plan is not None
        record, plan, folder = draft.record, draft.plan, draft.folder
        where = self._layout.where(f"{folder}task.json")
        jobs = plan_jobs(record, len(plan.frames), where)
        number = int(folder[len("task_") : -1]) if folder else None
        video = plan.kind == "video"
        task = TaskRow(
            name=record.name,
            project_id=project_id,
            subset=record.subset,
            bug_tracker=record.bug_tracker,
            status=record.status,
            mode="interpolation" if video else "annotation",
            dimension=draft.dimension,
            overlap=jobs.overlap,
            segment_size=jobs.segment_size,
            consensus_replicas=record.consensus_replicas,
            owner_id=current_user(session).id,
            created_date="",
            updated_date="",
            extras=backup_extras(record.unknown, folder=number),
        )
        data = _data_row(record.data, plan)
        task_id = insert_task(session, task, data)
        if project_id is None:
            insert_labels(session, record.labels, task_id=task_id)
        self._write_files(session, int(data.id or 0), draft)
        if draft.guide is not None:
            write_guide_rows(session, draft.guide, task.owner_id, task_id=task_id)
        if jobs.recut:
            self._report.changed(
                "job", "the stated ranges do not fit the frames; cut anew as CVAT does", where
            )
        job_ids = insert_jobs(session, task_id, jobs.drafts)
        paired = [job_ids[index] for index in jobs.pairs]
        self._write_annotations(session, draft, labels, task_id, paired)
        self._tell(draft, where)
        return task_id

    def _tell(self, draft: TaskDraft, where: str) -> None:
        plan = draft.plan
        self._report.kept("task")
        self._report.kept("frame", len(plan.frames) if plan else 0)
        if plan and plan.missing:
            count = len(plan.missing)
            self._report.dropped("media", "not in the backup", plan.missing[0], count=count)
        if draft.record.data.storage == "share":
            self._report.changed(
                "storage", "share became local: the media are in the backup", where, lossy=False
            )
        files = self._layout.under(f"{draft.folder}task/")
        if files:
            reason = "CVAT's own working files of the task are not kept"
            self._report.dropped("file", reason, files[0], count=len(files))

    def _write_files(self, session: Session, data_id: int, draft: TaskDraft) -> None:
        writer = FrameWriter(session, data_id)
        ids = {name: copied(session, blob) for name, blob in draft.blobs.items()}
        kinds = file_kinds(draft.media) | {INDEX_NAME: "index"}
        for name in draft.names:
            writer.file(FileDraft(path=name, kind=kinds[name], media_id=ids[name]))
        writer.planned(draft.plan.frames if draft.plan else (), ids)
        writer.flush()

    def _write_annotations(
        self,
        session: Session,
        draft: TaskDraft,
        labels: list[Label],
        task_id: int,
        job_ids: list[int],
    ) -> None:
        name = f"{draft.folder}annotations.json"
        where = self._layout.where(name)
        known = Labels(labels)
        counts: Counter[str] = Counter()
        writer = AnnotationWriter(session, label_map(session, task_id=task_id))

        def each(job: int, kind: str, value: Any, place: str) -> None:
            if job >= len(job_ids):
                self._report.dropped("annotation", "of no job: CVAT ignores it", place)
            elif kind == "tags":
                writer.add_tags(job_ids[job], (read_tag(value, known, place),))
                counts["tag"] += 1
            elif kind == "shapes":
                shape = read_shape(value, known, place)
                writer.add_shapes(job_ids[job], (shape,))
                counts[shape.type] += 1
            else:
                writer.add_track(job_ids[job], read_track(value, known, place))
                counts["track"] += 1

        def other(job: int, key: str, value: Any) -> None:
            if key == "version" and value and job < len(job_ids):
                _remember_version(session, job_ids[job], value)

        with self._layout.open(name) as stream:
            read_annotation_stream(stream, where, each, other)
        writer.flush()
        for kind, count in counts.items():
            self._report.kept(kind, count)


def _remember_version(session: Session, job_id: int, version: Any) -> None:
    connection = raw(session)
    row = connection.execute("SELECT extras FROM job WHERE id = ?", (job_id,)).fetchone()
    extras = orjson.loads(row[0]) if row[0] else {}
    extras["annotations_version"] = version
    connection.execute(
        "UPDATE job SET extras = ? WHERE id = ?", (orjson.dumps(extras).decode(), job_id)
    )


def _data_row(data: DataRecord, plan: FramePlan) -> DataRow:
    size = len(plan.frames)
    first = plan.frames[0]
    video = plan.kind == "video"
    chunk_size = VIDEO_CHUNK if video else chunk_size_for(first.width, first.height)
    stop = data.stop_frame
    return DataRow(
        size=size,
        chunk_size=data.chunk_size or chunk_size,
        image_quality=data.image_quality,
        start_frame=data.start_frame,
        stop_frame=data.start_frame + (size - 1) * data.step if stop is None else stop,
        frame_filter=data.frame_filter,
        chunk_type=data.chunk_type,
        original_chunk_type="video" if video else "imageset",
        storage_method=data.storage_method,
        storage="cloud_storage" if data.storage == "cloud_storage" else "local",
        sorting_method=data.sorting_method,
        deleted_frames=orjson.dumps(sorted(set(data.deleted_frames))).decode(),
        custom_segments=int(data.custom_segments),
        validation_layout=(
            orjson.dumps(data.validation_layout).decode() if data.validation_layout else None
        ),
        # Marks data whose files are CVAT's own and are written back as they are.
        extras=orjson.dumps({"backup": data.unknown}).decode(),
    )
