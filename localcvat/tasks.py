"""Tasks: made from local media, listed, shown, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import func
from sqlmodel import Session, col, select

from localcvat.backup.frame_plan import FramePlan
from localcvat.backup.task_records import DataRecord
from localcvat.errors import NotFoundError, SourceError, ValidationError
from localcvat.label_rows import insert_labels
from localcvat.labels import fill_colors
from localcvat.model import Label
from localcvat.projects import check_labels, project_row
from localcvat.related import file_kinds
from localcvat.store.engine import Store, now
from localcvat.store.media import Batch, MediaMode, keep_media, media_of
from localcvat.store.tables import DataRow, JobRow, TaskRow
from localcvat.task_media import TaskFile, TaskMedia, Undecoded, later, local_files
from localcvat.task_rows import (
    FileDraft,
    FrameDraft,
    FrameWriter,
    JobDraft,
    insert_jobs,
    insert_task,
    segment_grid,
)
from localcvat.users import current_user
from localcvat.video import VideoInfo, read_video_info

__all__ = ["TaskFile", "local_files"]
CHUNK_PIXELS = 36 * 1920 * 1080
VIDEO_CHUNK = 36
VIDEO_OVERLAP = 5


class Task(msgspec.Struct, kw_only=True):
    """A task as listed."""

    id: int
    name: str
    project_id: int | None
    subset: str
    status: str
    size: int
    mode: str
    job_count: int
    updated_date: str = ""


class TaskOptions(msgspec.Struct, kw_only=True):
    """How a task's data are cut and ordered; frames are absolute in the sorted list of files.

    `stop_frame` None means to the end, `segment_size` 0 one job for all, `overlap` None what CVAT
    takes (5 frames in videos, else 0). `job_file_mapping` lists the files of each job instead.
    `progress` is called with the number of files taken.
    """

    subset: str = ""
    bug_tracker: str = ""
    segment_size: int = 0
    overlap: int | None = None
    start_frame: int = 0
    stop_frame: int | None = None
    step: int = 1
    sorting_method: str = "lexicographical"
    image_quality: int = 70
    chunk_size: int | None = None
    use_zip_chunks: bool = False
    job_file_mapping: list[list[str]] | None = None
    media: MediaMode = "copy"
    progress: Callable[[int], None] | None = None

    def data_record(self) -> DataRecord:
        """The same as a task.json says it."""
        return DataRecord(
            image_quality=self.image_quality,
            chunk_type="imageset",
            start_frame=self.start_frame,
            stop_frame=self.stop_frame,
            step=self.step,
            sorting_method=self.sorting_method,
            custom_segments=self.job_file_mapping is not None,
        )


def chunk_size_for(width: int, height: int) -> int:
    """CVAT's default frames per chunk for images of this size."""
    return max(2, min(72, CHUNK_PIXELS // max(width * height, 1)))


def create_task(
    store: Store,
    name: str,
    files: Sequence[TaskFile],
    *,
    project_id: int | None = None,
    labels: Sequence[Label] = (),
    options: TaskOptions | None = None,
) -> int:
    """Make a task with its media, segments and jobs; returns its id.

    Files are images, one video, or point clouds, with their context images and perhaps a
    manifest.jsonl. Raises ValidationError with CVAT's words, SourceError for unreadable media.
    """
    options = options or TaskOptions()
    _check(name, project_id, labels, options)
    media = TaskMedia(files)
    plan = None
    with suppress(Undecoded):
        plan = media.plan(options.data_record(), options.job_file_mapping, later)
    with store.media.batch() as batch, store.write() as session:
        task_id = _insert(store, session, batch, name, media, plan, project_id, labels, options)
        batch.sync()
        return task_id


def attach_data(
    store: Store, task_id: int, files: Sequence[TaskFile], options: TaskOptions | None = None
) -> None:
    """Give a task that was made without data its media, segments and jobs; see `create_task`.

    `segment_size` and `overlap` are the task's own; subset and bug tracker of `options` mean
    nothing here. Raises ValidationError when the task has data already.
    """
    options = options or TaskOptions()
    with store.read() as session:
        task = _empty_task(session, task_id)
        options = msgspec.structs.replace(
            options, segment_size=task.segment_size, overlap=task.overlap
        )
    _check_mapping(options)
    media = TaskMedia(files)
    plan = None
    with suppress(Undecoded):
        plan = media.plan(options.data_record(), options.job_file_mapping, later)
    with store.media.batch() as batch, store.write() as session:
        task = _empty_task(session, task_id)
        _fill(store, session, batch, task, media, plan, options)
        task.updated_date = now()
        if task.project_id is not None:
            project_row(session, task.project_id).updated_date = now()
        batch.sync()


def _empty_task(session: Session, task_id: int) -> TaskRow:
    task = task_row(session, task_id)
    if task.data_id is not None:
        raise ValidationError(["Adding more data is not supported"])
    return task


def _check(
    name: str, project_id: int | None, labels: Sequence[Label], options: TaskOptions
) -> None:
    if not name.strip():
        raise ValidationError({"name": ["This field may not be blank."]})
    if len(name) > 256:
        raise ValidationError({"name": ["Ensure this field has no more than 256 characters."]})
    if project_id is None and not labels:
        raise ValidationError(["Label set or project_id must be present"])
    if project_id is not None and labels:
        raise ValidationError(["Project must have only one of Label set or project_id"])
    if options.stop_frame is not None and options.stop_frame < options.start_frame:
        raise ValidationError(["Stop frame must be more or equal start frame"])
    _check_mapping(options)
    if len(options.subset) > 64:
        raise ValidationError({"subset": ["Ensure this field has no more than 64 characters."]})
    check_labels(labels)


def _check_mapping(options: TaskOptions) -> None:
    if options.job_file_mapping is None:
        return
    cut = (options.segment_size, options.overlap, options.start_frame, options.stop_frame)
    if any(cut) or options.step > 1 or options.sorting_method != "lexicographical":
        raise ValidationError(
            ["job_file_mapping allows no segment size, overlap, sorting, start, stop and step"]
        )
    if not options.job_file_mapping or not all(options.job_file_mapping):
        raise ValidationError({"job_file_mapping": ["each job needs at least one file"]})


def _insert(
    store: Store,
    session: Session,
    batch: Batch,
    name: str,
    media: TaskMedia,
    plan: FramePlan | None,
    project_id: int | None,
    labels: Sequence[Label],
    options: TaskOptions,
) -> int:
    if project_id is not None:
        project_row(session, project_id).updated_date = now()
    task = TaskRow(
        name=name.strip(),
        project_id=project_id,
        subset=options.subset,
        bug_tracker=options.bug_tracker,
        owner_id=current_user(session).id,
        created_date="",
        updated_date="",
    )
    task_id = insert_task(session, task, None)
    if project_id is None:
        made = list(labels)
        fill_colors(made)
        insert_labels(session, made, task_id=task_id)
    _fill(store, session, batch, task, media, plan, options)
    return task_id


def _fill(
    store: Store,
    session: Session,
    batch: Batch,
    task: TaskRow,
    media: TaskMedia,
    plan: FramePlan | None,
    options: TaskOptions,
) -> None:
    """Write the data, frames, segments and jobs of a task."""
    ids: dict[str, int | None] = {}
    for done, file in enumerate(media.files, 1):
        ids[file.path] = keep_media(session, batch, file.media, options.media)
        if options.progress is not None:
            options.progress(done)
    if plan is None:
        plan = media.plan(
            options.data_record(), options.job_file_mapping, _decode(session, store, ids)
        )
    size, video = len(plan.frames), plan.kind == "video"
    segment_size, overlap = _segments(options, size, video)
    data = _data_row(plan, options)
    session.add(data)
    session.flush()
    task.data_id = data.id
    task.mode = "interpolation" if video else "annotation"
    task.dimension = "3d" if plan.kind == "clouds" else "2d"
    _check_dimension(session, task)
    task.segment_size, task.overlap = segment_size, overlap
    session.add(task)
    _write_files(FrameWriter(session, int(data.id or 0)), media, plan, ids)
    drafts = _jobs(options, size, segment_size, overlap)
    insert_jobs(session, int(task.id or 0), _with_replicas(drafts, task.consensus_replicas))


def _check_dimension(session: Session, task: TaskRow) -> None:
    """Tasks of one project are all 2D or all 3D."""
    if task.project_id is None:
        return
    others = select(TaskRow.dimension).where(
        TaskRow.project_id == task.project_id,
        TaskRow.id != task.id,
        col(TaskRow.data_id).is_not(None),
        col(TaskRow.deleted_date).is_(None),
    )
    other = session.exec(others).first()
    if other is not None and other != task.dimension:
        raise ValidationError(
            [
                f"Dimension ({task.dimension}) of the task must be the same as other tasks in"
                f" project ({other})"
            ]
        )


def _decode(
    session: Session, store: Store, ids: dict[str, int | None]
) -> Callable[[str], VideoInfo]:
    """A probe of a video whose media are in the store already."""

    def probe(path: str) -> VideoInfo:
        media_id = ids[path]
        if media_id is None:
            raise SourceError(
                "a video must be decoded to count its frames",
                where=path,
                hint="use --media copy, or put a manifest.jsonl beside it",
            )
        return read_video_info(str(media_of(store, session, media_id, path).path), path)

    return probe


def _segments(options: TaskOptions, size: int, video: bool) -> tuple[int, int]:
    """Segment size and overlap as CVAT takes them: by default 5 frames overlap in videos."""
    if options.job_file_mapping is not None:
        return 0, 0
    segment_size = min(options.segment_size or size, size)
    overlap = options.overlap
    if overlap is None:
        overlap = VIDEO_OVERLAP if video else 0
    return segment_size, min(overlap, segment_size // 2)


def _jobs(options: TaskOptions, size: int, segment_size: int, overlap: int) -> list[JobDraft]:
    if options.job_file_mapping is None:
        grid = segment_grid(size, segment_size, overlap)
        return [JobDraft(start_frame=start, stop_frame=stop) for start, stop in grid]
    drafts, start = [], 0
    for files in options.job_file_mapping:
        stop = start + len(files) - 1
        drafts.append(JobDraft(start_frame=start, stop_frame=stop, files=list(files)))
        start = stop + 1
    return drafts


def _with_replicas(drafts: Iterable[JobDraft], count: int) -> Iterator[JobDraft]:
    """Each job, and as many copies of it as the task wants for consensus."""
    for draft in drafts:
        yield draft
        for _ in range(count):
            yield msgspec.structs.replace(draft, type="consensus_replica", replica=True)


def _data_row(plan: FramePlan, options: TaskOptions) -> DataRow:
    size, video = len(plan.frames), plan.kind == "video"
    first = plan.frames[0]
    default = VIDEO_CHUNK if video else chunk_size_for(first.width, first.height)
    return DataRow(
        size=size,
        chunk_size=options.chunk_size or default,
        image_quality=options.image_quality,
        start_frame=options.start_frame,
        stop_frame=options.start_frame + (size - 1) * options.step,
        frame_filter=f"step={options.step}" if options.step > 1 else "",
        chunk_type="video" if video and not options.use_zip_chunks else "imageset",
        original_chunk_type="video" if video else "imageset",
        sorting_method=options.sorting_method,
        custom_segments=int(options.job_file_mapping is not None),
    )


def _write_files(
    writer: FrameWriter, media: TaskMedia, plan: FramePlan, ids: dict[str, int | None]
) -> None:
    kinds = file_kinds(media.kinds)
    for file in media.files:
        writer.file(FileDraft(path=file.path, kind=kinds[file.path], media_id=ids[file.path]))
    for frame in plan.frames:
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


def task_row(session: Session, task_id: int) -> TaskRow:
    """The row of a task that is not in the trash; raises NotFoundError."""
    row = session.get(TaskRow, task_id)
    if row is None or row.deleted_date is not None:
        raise NotFoundError(f"no task #{task_id}", hint="see `localcvat task ls`")
    return row


def _task(session: Session, row: TaskRow) -> Task:
    data = session.get(DataRow, row.data_id) if row.data_id is not None else None
    jobs = select(func.count()).select_from(JobRow).where(JobRow.task_id == row.id)
    return Task(
        id=int(row.id or 0),
        name=row.name,
        project_id=row.project_id,
        subset=row.subset,
        status=row.status,
        size=data.size if data is not None else 0,
        mode=row.mode,
        job_count=session.exec(jobs).one(),
        updated_date=row.updated_date,
    )


def get_task(store: Store, task_id: int) -> Task:
    """One task; raises NotFoundError."""
    with store.read() as session:
        return _task(session, task_row(session, task_id))


def list_tasks(store: Store, project_id: int | None = None) -> list[Task]:
    """Tasks by id, newest first; of one project when given."""
    chosen = select(TaskRow).where(col(TaskRow.deleted_date).is_(None))
    if project_id is not None:
        chosen = chosen.where(TaskRow.project_id == project_id)
    with store.read() as session:
        return [
            _task(session, row) for row in session.exec(chosen.order_by(col(TaskRow.id).desc()))
        ]


def delete_tasks(store: Store, task_ids: Sequence[int]) -> None:
    """Move tasks to the trash, all or none; `gc` frees what they hold."""
    with store.write() as session:
        for task_id in task_ids:
            row = task_row(session, task_id)
            row.deleted_date = now()
            session.add(row)
            if row.project_id is not None:
                project_row(session, row.project_id).updated_date = now()
