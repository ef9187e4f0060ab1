"""Rows of tasks: data, files, frames, segments and jobs, written exactly as they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.backup.frame_plan import PlannedFrame
from localcvat.store.engine import now, raw
from localcvat.store.tables import DataRow, JobRow, SegmentRow, TaskRow

BATCH = 5_000


class FileDraft(msgspec.Struct, kw_only=True):
    """A file of the task's ``data/`` folder as it was uploaded."""

    path: str
    kind: str = "media"
    media_id: int | None = None
    extras: dict[str, Any] | None = None


class FrameDraft(msgspec.Struct, kw_only=True):
    """A used frame: its path under ``data/`` and its size in pixels as displayed.

    `extras` may be JSON text.
    """

    path: str
    width: int = 0
    height: int = 0
    media_id: int | None = None
    extras: dict[str, Any] | str | None = None


class JobDraft(msgspec.Struct, kw_only=True):
    """A job and its segment; `frames` are the chosen frames (task-relative) of a ground-truth job.

    `replica` jobs share the segment of the job before them.
    """

    start_frame: int
    stop_frame: int
    type: str = "annotation"
    frames: list[int] = []
    files: list[str] | None = None
    stage: str = "annotation"
    state: str = "new"
    status: str = "annotation"
    replica: bool = False
    extras: dict[str, Any] | None = None


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


class FrameWriter:
    """Streams the files and frames of one task's data into the store."""

    def __init__(self, session: Session, data_id: int) -> None:
        self._db = raw(session)
        self._data_id = data_id
        self._files: list[tuple[Any, ...]] = []
        self._frames: list[tuple[Any, ...]] = []
        self.file_count = 0
        self.frame_count = 0

    def file(self, draft: FileDraft) -> None:
        """Add one file of ``data/``."""
        self._files.append(
            (self._data_id, self.file_count, draft.path, draft.kind)
            + (draft.media_id, _json(draft.extras))
        )
        self.file_count += 1
        if len(self._files) >= BATCH:
            self.flush()

    def frame(self, draft: FrameDraft) -> int:
        """Add the next frame; returns its number."""
        number = self.frame_count
        self._frames.append(
            (self._data_id, number, draft.path, draft.width, draft.height)
            + (draft.media_id, _json(draft.extras))
        )
        self.frame_count += 1
        if len(self._frames) >= BATCH:
            self.flush()
        return number

    def image(self, draft: FrameDraft) -> int:
        """Add the next frame and its file, which has the same path; returns its number."""
        self._files.append(
            (self._data_id, self.file_count, draft.path, "media", draft.media_id, None)
        )
        self.file_count += 1
        return self.frame(draft)

    def planned(self, frames: Iterable[PlannedFrame], media_ids: Mapping[str, int | None]) -> None:
        """Add frames as planned, each with the media of its path if there are any."""
        for frame in frames:
            self.frame(
                FrameDraft(
                    path=frame.path,
                    width=frame.width,
                    height=frame.height,
                    media_id=media_ids.get(frame.path),
                    extras={"related": frame.related} if frame.related else None,
                )
            )

    def flush(self) -> None:
        """Send what is buffered to the database."""
        self._db.executemany(
            "INSERT INTO data_file (data_id, position, path, kind, media_id, extras) "
            "VALUES (?,?,?,?,?,?)",
            self._files,
        )
        self._db.executemany(
            "INSERT INTO frame (data_id, number, path, width, height, media_id, extras) "
            "VALUES (?,?,?,?,?,?,?)",
            self._frames,
        )
        self._files.clear()
        self._frames.clear()


def insert_task(session: Session, task: TaskRow, data: DataRow | None) -> int:
    """Write a task with its data row; dates are set when empty; returns the task's id."""
    moment = now()
    task.created_date = task.created_date or moment
    task.updated_date = task.updated_date or moment
    if data is not None:
        session.add(data)
        session.flush()
        task.data_id = data.id
    session.add(task)
    session.flush()
    return int(task.id or 0)


def insert_jobs(session: Session, task_id: int, drafts: Iterable[JobDraft]) -> list[int]:
    """Write segments and jobs in order; returns the ids of the jobs."""
    ids: list[int] = []
    segment_id = parent_id = 0
    for draft in drafts:
        if not draft.replica:
            segment = SegmentRow(
                task_id=task_id,
                start_frame=draft.start_frame,
                stop_frame=draft.stop_frame,
                type="specific_frames" if draft.type == "ground_truth" else "range",
                frames=orjson.dumps(draft.frames).decode(),
                files=_json(draft.files),
            )
            session.add(segment)
            session.flush()
            segment_id = int(segment.id or 0)
        moment = now()
        job = JobRow(
            segment_id=segment_id,
            task_id=task_id,
            parent_job_id=parent_id if draft.replica else None,
            type=draft.type,
            stage=draft.stage,
            state=draft.state,
            status=draft.status,
            created_date=moment,
            updated_date=moment,
            extras=_json(draft.extras),
        )
        session.add(job)
        session.flush()
        ids.append(int(job.id or 0))
        if not draft.replica:
            parent_id = ids[-1]
    return ids


def segment_grid(size: int, segment_size: int, overlap: int) -> list[tuple[int, int]]:
    """(start, stop) of each segment, inclusive, as CVAT cuts them.

    `segment_size` 0 or more than `size` means one segment; `overlap` is clipped to half of it.
    """
    if size <= 0:
        return []
    length = min(segment_size, size) if segment_size > 0 else size
    overlap = min(overlap, length // 2)
    return [
        (start, min(start + length - 1, size - 1))
        for start in range(0, max(size - overlap, 1), max(length - overlap, 1))
    ]
