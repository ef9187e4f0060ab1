"""The data of a new task: which files are its frames, how they are cut into segments and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import msgspec
from sqlmodel import Session, col, select

from localcvat.backup.frame_plan import FramePlan
from localcvat.backup.task_records import DataRecord
from localcvat.errors import SourceError, ValidationError
from localcvat.ordered import ordered_map
from localcvat.related import file_kinds
from localcvat.store.engine import Store
from localcvat.store.media import (
    Batch,
    Blob,
    MediaMode,
    Reference,
    media_of,
    media_row,
    take_media,
)
from localcvat.store.tables import DataRow, TaskRow
from localcvat.task_media import TaskFile, TaskMedia
from localcvat.task_rows import (
    FileDraft,
    FrameWriter,
    JobDraft,
    insert_jobs,
    segment_grid,
)
from localcvat.video import VideoInfo, read_video_info

CHUNK_PIXELS = 36 * 1920 * 1080
VIDEO_CHUNK = 36
VIDEO_OVERLAP = 5


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


def check_mapping(options: TaskOptions) -> None:
    """Raise ValidationError for a job_file_mapping that is empty or beside other ways to cut."""
    if options.job_file_mapping is None:
        return
    cut = (options.segment_size, options.overlap, options.start_frame, options.stop_frame)
    if any(cut) or options.step > 1 or options.sorting_method != "lexicographical":
        raise ValidationError(
            ["job_file_mapping allows no segment size, overlap, sorting, start, stop and step"]
        )
    if not options.job_file_mapping or not all(options.job_file_mapping):
        raise ValidationError({"job_file_mapping": ["each job needs at least one file"]})


def fill_task(
    store: Store,
    session: Session,
    batch: Batch,
    task: TaskRow,
    media: TaskMedia,
    plan: FramePlan | None,
    options: TaskOptions,
) -> None:
    """Write the data, frames, segments and jobs of a task that has none.

    `plan` None is made here, of media that must be decoded. Raises ValidationError and SourceError.
    """
    ids: dict[str, int | None] = {}

    def take(file: TaskFile) -> Blob | Reference | None:
        return take_media(batch, file.media, options.media)

    with closing(ordered_map(take, media.files, store.jobs)) as files:
        for done, (file, taken) in enumerate(files, 1):
            ids[file.path] = media_row(session, taken)
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
    writer.planned(plan.frames, ids)
    writer.flush()
