"""Restoring CVAT's backups into the store (backup specification).

What the files say is checked first, then the media are copied, then one transaction writes the
rows; a refusal leaves nothing in the store or on disk.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.archive import DEFAULT_LIMITS, Limits, open_source
from localcvat.backup.conflicts import label_conflicts
from localcvat.backup.frame_plan import FramePlan, plan_frames
from localcvat.backup.job_plan import plan_jobs
from localcvat.backup.layout import Layout
from localcvat.backup.manifest import Manifest, parse_manifest
from localcvat.backup.records import Labels, read_shape, read_tag, read_track
from localcvat.backup.stream import read_annotation_stream
from localcvat.backup.task_records import (
    DataRecord,
    TaskRecord,
    read_project_record,
    read_task_record,
)
from localcvat.errors import BackupError
from localcvat.guides import ASSET_URL, Asset, Guide, check_assets, insert_guide
from localcvat.images import image_size
from localcvat.label_rows import insert_labels, read_labels
from localcvat.model import Label
from localcvat.projects import project_row
from localcvat.related import INDEX_NAME, MediaFiles, file_kinds, sort_media
from localcvat.report import Report
from localcvat.store.annotations import AnnotationWriter, label_map
from localcvat.store.engine import Store, now, raw
from localcvat.store.media import Batch, Blob, copied
from localcvat.store.tables import DataRow, ProjectRow, TaskRow
from localcvat.task_media import Undecoded, later
from localcvat.task_rows import FileDraft, FrameDraft, FrameWriter, insert_jobs, insert_task
from localcvat.tasks import VIDEO_CHUNK, chunk_size_for
from localcvat.users import current_user
from localcvat.video import VideoInfo, read_video_info

Progress = Callable[[int], None]
GUIDE = "annotation_guide.md"
ASSETS = "assets/"


def restore_project(
    store: Store,
    path: str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    report: Report | None = None,
) -> int:
    """Make a project of a project backup (zip or unpacked folder); returns its id.

    `report` gets what was assumed or changed; `progress` is called with the number of media files
    copied. Raises BackupError with CVAT's words, naming the entry.
    """
    with open_source(path, limits) as source:
        layout = Layout(source)
        layout.require("project")
        record = read_project_record(layout)
        restorer = _Restorer(store, layout, progress, report or Report())
        tasks = [restorer.read(folder) for folder in layout.task_folders()]
        _one_dimension([task.dimension for task in tasks], "")
        with store.media.batch() as batch:
            for task in tasks:
                restorer.copy(batch, task)
            guide = restorer.read_guide(batch, "")
            with store.write() as session:
                moment, owner = now(), current_user(session).id
                row = ProjectRow(
                    name=record.name,
                    bug_tracker=record.bug_tracker,
                    status=record.status,
                    owner_id=owner,
                    created_date=moment,
                    updated_date=moment,
                    extras=_extras(record.unknown),
                )
                session.add(row)
                session.flush()
                project_id = int(row.id or 0)
                insert_labels(session, record.labels, project_id=project_id)
                if guide is not None:
                    _insert_guide(session, guide, owner, project_id=project_id)
                for task in tasks:
                    restorer.write(session, task, record.labels, project_id)
                batch.sync()
    return project_id


def restore_task(
    store: Store,
    path: str | os.PathLike[str],
    *,
    project_id: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    report: Report | None = None,
) -> int:
    """Make a task of a task backup, in a project when given; returns its id.

    In a project labels go by name: BackupError lists those that the project lacks or has otherwise.
    A project without labels gets the backup's. See `restore_project`.
    """
    with open_source(path, limits) as source:
        layout = Layout(source)
        layout.require("task")
        restorer = _Restorer(store, layout, progress, report or Report())
        task = restorer.read("")
        with store.read() as session:
            labels = _labels_for(session, task.record, project_id)
            if project_id is not None:
                _one_dimension([task.dimension], *_dimensions(session, project_id))
        with store.media.batch() as batch:
            restorer.copy(batch, task)
            with store.write() as session:
                if project_id is not None:
                    labels = _labels_for(session, task.record, project_id)
                    project_row(session, project_id).updated_date = now()
                    if labels is task.record.labels:
                        insert_labels(session, labels, project_id=project_id)
                task_id = restorer.write(session, task, labels, project_id)
                batch.sync()
    return task_id


def _labels_for(session: Session, record: TaskRecord, project_id: int | None) -> list[Label]:
    """The labels that annotations refer to: the task's own, or the project's if it has some."""
    if project_id is None:
        return record.labels
    project_row(session, project_id)
    labels = read_labels(session, project_id=project_id)
    if not labels:
        return record.labels
    conflicts = label_conflicts(record.labels, labels)
    if conflicts:
        raise BackupError(
            f"the labels do not match those of project #{project_id}: {'; '.join(conflicts)}",
            hint="add or change labels of the project, or restore without a project",
        )
    return labels


def _dimensions(session: Session, project_id: int) -> list[str]:
    rows = raw(session).execute(
        "SELECT DISTINCT dimension FROM task WHERE project_id = ? AND deleted_date IS NULL",
        (project_id,),
    )
    return [row[0] for row in rows]


def _one_dimension(found: Sequence[str], *known: str) -> None:
    dimensions = [dimension for dimension in (*known, *found) if dimension]
    if len(set(dimensions)) > 1:
        other = next(each for each in dimensions if each != dimensions[0])
        raise BackupError(
            f"Dimension ({other}) of the task must be the same as other tasks in project"
            f" ({dimensions[0]})"
        )


def _extras(unknown: dict[str, Any], **more: Any) -> str | None:
    kept = unknown | {key: value for key, value in more.items() if value is not None}
    return orjson.dumps({"backup": kept}).decode() if kept else None


class _GuideDraft(msgspec.Struct):
    """A guide whose assets are on disk but have no rows yet."""

    markdown: str
    assets: list[tuple[str, str, Blob]]


class _TaskDraft(msgspec.Struct, kw_only=True):
    """A task on its way into the store."""

    folder: str
    record: TaskRecord
    media: MediaFiles
    names: list[str]
    manifest: Manifest | None
    blobs: dict[str, Blob] = {}
    plan: FramePlan | None = None
    guide: _GuideDraft | None = None

    @property
    def dimension(self) -> str:
        return "3d" if self.media.clouds else "2d"


def _insert_guide(
    session: Session,
    draft: _GuideDraft,
    owner_id: int | None,
    project_id: int | None = None,
    task_id: int | None = None,
) -> None:
    assets = [
        Asset(filename=name, media_id=copied(session, blob), uuid=key)
        for name, key, blob in draft.assets
    ]
    guide = Guide(markdown=draft.markdown, assets=assets)
    insert_guide(session, guide, project_id=project_id, task_id=task_id, owner_id=owner_id)


class _Restorer:
    """Reads tasks of a backup, copies their media, writes their rows."""

    def __init__(
        self, store: Store, layout: Layout, progress: Progress | None, report: Report
    ) -> None:
        self._store = store
        self._layout = layout
        self._progress = progress
        self._report = report
        self._copied = 0

    def read(self, folder: str) -> _TaskDraft:
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
        draft = _TaskDraft(
            folder=folder, record=record, media=media, names=names, manifest=manifest
        )
        with suppress(Undecoded):
            draft.plan = self._plan(draft, later)
        return draft

    def _plan(self, draft: _TaskDraft, probe: Callable[[str], VideoInfo]) -> FramePlan:
        where = self._layout.where(f"{draft.folder}data")
        plan = plan_frames(draft.record, draft.media, draft.manifest, where, probe)
        plan_jobs(draft.record, len(plan.frames), self._layout.where(f"{draft.folder}task.json"))
        return plan

    def copy(self, batch: Batch, draft: _TaskDraft) -> None:
        """Copy the media of a task into the store's folder; find what only they can tell."""
        data = f"{draft.folder}data/"
        for name in draft.names:
            draft.blobs[name] = batch.add(self._layout.media(data + name))
            self._copied += 1
            if self._progress is not None:
                self._progress(self._copied)
        draft.guide = self.read_guide(batch, draft.folder)

        def probe(name: str) -> VideoInfo:
            file = self._store.media.path(draft.blobs[name].sha256)
            return read_video_info(file, self._layout.where(data + name))

        if draft.plan is None:
            draft.plan = self._plan(draft, probe)
        if draft.plan.kind == "images":
            self._read_sizes(draft)

    def _read_sizes(self, draft: _TaskDraft) -> None:
        sizes: dict[str, tuple[int, int]] = {}
        for frame in draft.plan.frames if draft.plan else ():
            if (frame.width and frame.height) or frame.path not in draft.blobs:
                continue
            if frame.path not in sizes:
                media = self._layout.media(f"{draft.folder}data/{frame.path}")
                sizes[frame.path] = image_size(media)
            frame.width, frame.height = sizes[frame.path]

    def read_guide(self, batch: Batch, folder: str) -> _GuideDraft | None:
        """The guide of a project or task, its links turned to the store's; assets are copied."""
        entries = self._layout.under(f"{folder}{ASSETS}")
        name = f"{folder}{GUIDE}"
        if name not in self._layout.entries:
            if entries:
                self._report.dropped("asset", "there is no guide", entries[0], count=len(entries))
            return None
        where = self._layout.where(name)
        try:
            markdown = self._layout.bytes(name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BackupError(f"not UTF-8: {error}", where=where) from error
        media = {entry: self._layout.media(entry) for entry in entries}
        check_assets(
            [(entry, found.byte_size()) for entry, found in media.items()],
            f"{self._layout.source.display}/",
        )
        assets = []
        # The longest name first: one may be the start of another.
        for entry in sorted(entries, key=lambda entry: (-len(entry), entry)):
            key = str(uuid.uuid4())
            markdown = markdown.replace(entry, ASSET_URL + key)
            filename = entry[len(folder) + len(ASSETS) :]
            assets.append((filename, key, batch.add(media[entry])))
        return _GuideDraft(markdown, assets)

    def write(
        self, session: Session, draft: _TaskDraft, labels: list[Label], project_id: int | None
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
            extras=_extras(record.unknown, folder=number),
        )
        data = _data_row(record.data, plan)
        task_id = insert_task(session, task, data)
        if project_id is None:
            insert_labels(session, record.labels, task_id=task_id)
        self._write_files(session, int(data.id or 0), draft)
        if draft.guide is not None:
            _insert_guide(session, draft.guide, task.owner_id, task_id=task_id)
        if jobs.recut:
            self._report.changed(
                "job", "the stated ranges do not fit the frames; cut anew as CVAT does", where
            )
        job_ids = insert_jobs(session, task_id, jobs.drafts)
        paired = [job_ids[index] for index in jobs.pairs]
        self._write_annotations(session, draft, labels, task_id, paired)
        self._tell(draft, where)
        return task_id

    def _tell(self, draft: _TaskDraft, where: str) -> None:
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

    def _write_files(self, session: Session, data_id: int, draft: _TaskDraft) -> None:
        writer = FrameWriter(session, data_id)
        ids = {name: copied(session, blob) for name, blob in draft.blobs.items()}
        kinds = file_kinds(draft.media) | {INDEX_NAME: "index"}
        for name in draft.names:
            writer.file(FileDraft(path=name, kind=kinds[name], media_id=ids[name]))
        for frame in draft.plan.frames if draft.plan else ():
            writer.frame(
                FrameDraft(
                    path=frame.path,
                    width=frame.width,
                    height=frame.height,
                    media_id=ids.get(frame.path),
                    extras={"related": frame.related} if frame.related else None,
                )
            )
        writer.flush()

    def _write_annotations(
        self,
        session: Session,
        draft: _TaskDraft,
        labels: list[Label],
        task_id: int,
        job_ids: list[int],
    ) -> None:
        name = f"{draft.folder}annotations.json"
        where = self._layout.where(name)
        known = Labels(labels)
        writer = AnnotationWriter(session, label_map(session, task_id=task_id))

        def each(job: int, kind: str, value: Any, place: str) -> None:
            if job >= len(job_ids):
                self._report.dropped("annotation", "of no job: CVAT ignores it", place)
            elif kind == "tags":
                writer.add_tags(job_ids[job], (read_tag(value, known, place),))
            elif kind == "shapes":
                writer.add_shapes(job_ids[job], (read_shape(value, known, place),))
            else:
                writer.add_track(job_ids[job], read_track(value, known, place))

        def other(job: int, key: str, value: Any) -> None:
            if key == "version" and value and job < len(job_ids):
                _remember_version(session, job_ids[job], value)

        with self._layout.open(name) as stream:
            read_annotation_stream(stream, where, each, other)
        writer.flush()


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
