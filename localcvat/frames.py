"""The frames of tasks and jobs: what is known of them, and their pictures.

Frame numbers are task-relative; `start_frame` and `stop_frame` of the data are absolute.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
import orjson
from sqlmodel import Session

from localcvat.archive import open_sink
from localcvat.drawing import encoded, open_image
from localcvat.errors import NotFoundError, UsageError
from localcvat.model import Media
from localcvat.store.engine import Store, now, raw
from localcvat.store.media import stored_media
from localcvat.store.tables import DataRow, JobRow, SegmentRow, TaskRow
from localcvat.tasks import task_row
from localcvat.video_frames import VideoFrames

Quality = Literal["original", "compressed"]


class FrameInfo(msgspec.Struct, kw_only=True):
    """A frame: its path under ``data/`` and its size in pixels as displayed."""

    name: str
    width: int
    height: int
    related_files: int = 0


class DataMeta(msgspec.Struct, kw_only=True):
    """What is known of a task's or a job's data, fields as CVAT's ``data/meta``.

    `start_frame` and `stop_frame` are absolute and inclusive; `deleted_frames` and
    `included_frames` (the frames of a ground-truth job, else None) task-relative.
    """

    size: int
    image_quality: int
    start_frame: int
    stop_frame: int
    frame_filter: str
    frames: list[FrameInfo]
    deleted_frames: list[int]
    included_frames: list[int] | None = None
    chunk_size: int | None = None
    storage: str = "local"
    storage_method: str = "cache"


def task_meta(store: Store, task_id: int) -> DataMeta:
    """The data of a task; raises NotFoundError, also for a task without data."""
    with store.read() as session:
        return _meta(session, _data(session, task_row(session, task_id)))


def job_meta(store: Store, job_id: int) -> DataMeta:
    """The data of a job: its segment's frames only; raises NotFoundError."""
    with store.read() as session:
        task, segment = _segment(session, job_id)
        meta = _meta(session, _data(session, task))
    first, last = segment.start_frame, segment.stop_frame
    step = int(meta.frame_filter.rpartition("=")[2] or 1)
    meta.frames = meta.frames[first : last + 1]
    meta.size = len(meta.frames)
    meta.stop_frame = meta.start_frame + last * step
    meta.start_frame += first * step
    meta.deleted_frames = [frame for frame in meta.deleted_frames if first <= frame <= last]
    if segment.type != "range":
        meta.included_frames = orjson.loads(segment.frames)
    return meta


def job_frames(session: Session, job_id: int) -> list[int]:
    """The task-relative frames of a job, in order; raises NotFoundError."""
    _, segment = _segment(session, job_id)
    if segment.type != "range":
        return sorted(orjson.loads(segment.frames))
    return list(range(segment.start_frame, segment.stop_frame + 1))


def frame_bytes(store: Store, task_id: int, number: int, quality: Quality = "original") -> bytes:
    """The picture of a frame: the file as it is, or a JPEG as displayed at the task's quality.

    Raises NotFoundError when there is no such frame or its image is not in the store.
    """
    return _picture(store, task_id, number, quality)[0]


def _picture(store: Store, task_id: int, number: int, quality: Quality) -> tuple[bytes, str]:
    if quality not in ("original", "compressed"):
        raise UsageError(f"unknown quality {quality!r}", hint="original or compressed")
    with store.read() as session:
        data = _data(session, task_row(session, task_id))
        media = frame_media(store, session, int(data.id or 0), number)
    if quality == "compressed":
        return encoded(open_image(media), "JPEG", data.image_quality), ".jpg"
    with media.open() as stream:
        return stream.read(), Path(media.name).suffix


def frame_media(store: Store, session: Session, data_id: int, number: int) -> Media:
    """The image of a frame, unopened; raises NotFoundError."""
    row = (
        raw(session)
        .execute(
            "SELECT f.path, m.kind, m.sha256, m.path FROM frame f"
            " LEFT JOIN media m ON m.id = f.media_id WHERE f.data_id = ? AND f.number = ?",
            (data_id, number),
        )
        .fetchone()
    )
    if row is None:
        raise NotFoundError(f"no frame {number}")
    if row[1] is not None:
        return stored_media(store, row[1], row[2], row[3], row[0])
    video = task_video(store, session, data_id)
    if video is None:
        raise NotFoundError("the frame has no image in the store", where=row[0])
    data = session.get_one(DataRow, data_id)
    step = int(data.frame_filter.rpartition("=")[2] or 1)
    return video.frame(data.start_frame + number * step, f"{row[0]}.png")


def task_video(store: Store, session: Session, data_id: int) -> VideoFrames | None:
    """The video that a task's frames come from, if its file is in the store."""
    row = (
        raw(session)
        .execute(
            "SELECT m.kind, m.sha256, m.path, f.path FROM data d"
            " JOIN data_file f ON f.data_id = d.id AND f.kind = 'media'"
            " JOIN media m ON m.id = f.media_id"
            " WHERE d.id = ? AND d.original_chunk_type = 'video' ORDER BY f.position",
            (data_id,),
        )
        .fetchone()
    )
    if row is None:
        return None
    return VideoFrames(stored_media(store, row[0], row[1], row[2], row[3]).path or "", row[3])


def delete_frames(store: Store, task_id: int, numbers: Iterable[int]) -> None:
    """Mark frames of a task as deleted, as CVAT's client does; they stay in the store."""
    with store.write() as session:
        task = task_row(session, task_id)
        data = _data(session, task)
        wanted = set(numbers)
        unknown = sorted(number for number in wanted if not 0 <= number < data.size)
        if unknown:
            raise NotFoundError(f"no frame {unknown[0]}")
        data.deleted_frames = orjson.dumps(
            sorted(wanted | set(orjson.loads(data.deleted_frames)))
        ).decode()
        task.updated_date = now()


def set_deleted_frames(store: Store, task_id: int, numbers: Iterable[int]) -> None:
    """Say which frames of a task are deleted, and no others; numbers past the end are dropped."""
    with store.write() as session:
        task = task_row(session, task_id)
        data = _data(session, task)
        kept = sorted({number for number in numbers if 0 <= number < data.size})
        data.deleted_frames = orjson.dumps(kept).decode()
        task.updated_date = now()


def _data(session: Session, task: TaskRow) -> DataRow:
    data = session.get(DataRow, task.data_id) if task.data_id is not None else None
    if data is None:
        raise NotFoundError(f"task #{task.id} has no data")
    return data


def _segment(session: Session, job_id: int) -> tuple[TaskRow, SegmentRow]:
    job = session.get(JobRow, job_id)
    if job is None:
        raise NotFoundError(f"no job #{job_id}", hint="see `localcvat job ls`")
    return task_row(session, job.task_id), session.get_one(SegmentRow, job.segment_id)


def _meta(session: Session, data: DataRow) -> DataMeta:
    rows = raw(session).execute(
        "SELECT path, width, height, extras FROM frame WHERE data_id = ? ORDER BY number",
        (data.id,),
    )
    return DataMeta(
        size=data.size,
        image_quality=data.image_quality,
        start_frame=data.start_frame,
        stop_frame=data.stop_frame,
        frame_filter=data.frame_filter,
        frames=[FrameInfo(name=row[0], width=row[1], height=row[2]) for row in rows],
        deleted_frames=orjson.loads(data.deleted_frames),
        chunk_size=data.chunk_size,
        storage=data.storage,
        storage_method=data.storage_method,
    )


def write_frames(
    store: Store,
    task_id: int,
    numbers: Iterable[int],
    folder: Path,
    quality: Quality = "original",
    pattern: str = "frame_{frame_id:06d}{frame_ext}",
) -> list[Path]:
    """Write the pictures of frames into `folder`, made if needed; returns their paths.

    The extension is the file's own, ``.jpg`` for compressed ones.
    """
    written = []
    for number in numbers:
        data, extension = _picture(store, task_id, number, quality)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / pattern.format(frame_id=number, frame_ext=extension)
        write_whole(target, data)
        written.append(target)
    return written


def write_whole(target: Path, data: bytes) -> None:
    """Write a file that appears complete or not at all, over one that is there.

    Raises OutputError.
    """
    with open_sink(target, overwrite=True, single=True) as sink:
        sink.write("output", data)
