"""The jobs a restore makes from task.json's list (backup specification, section 6)."""

from __future__ import annotations

import msgspec

from localcvat.backup.task_records import (
    ANNOTATION,
    GROUND_TRUTH,
    REPLICAS,
    DataRecord,
    JobRecord,
    TaskRecord,
)
from localcvat.errors import BackupError
from localcvat.task_rows import JobDraft, segment_grid


class JobPlan(msgspec.Struct, kw_only=True):
    """The jobs to make; object i of annotations.json belongs to job `pairs[i]` of `drafts`.

    `recut` is True when the stated ranges did not fit the frames and were cut anew as CVAT does.
    """

    drafts: list[JobDraft]
    pairs: list[int]
    segment_size: int
    overlap: int
    recut: bool = False


def plan_jobs(record: TaskRecord, size: int, where: str) -> JobPlan:
    """Jobs and segments over `size` frames; raises BackupError for what CVAT refuses.

    The stated ranges are kept wherever they lie inside the frames, also irregular ones, which
    CVAT would cut anew.
    """
    ranges = [job for job in record.jobs if job.type == ANNOTATION]
    if not ranges:
        raise BackupError("a task needs at least one annotation job", where=f"{where}.jobs")
    custom = record.data.custom_segments
    segment_size, overlap = (0, 0) if custom else _grid(ranges, where)
    segment_size = min(segment_size, size)
    overlap = min(overlap, segment_size // 2)
    if all(_fits(job, size) for job in ranges):
        drafts = [_draft(job, record.data, size, where) for job in record.jobs]
        return JobPlan(
            drafts=drafts,
            pairs=list(range(len(drafts))),
            segment_size=segment_size,
            overlap=overlap,
        )
    if custom or any(job.type in REPLICAS for job in record.jobs):
        raise BackupError(
            "segment files do not match segment size",
            where=f"{where}.jobs",
            hint=f"the jobs reach past the {size} frames",
        )
    return _recut(record, ranges, size, segment_size, overlap, where)


def _grid(ranges: list[JobRecord], where: str) -> tuple[int, int]:
    """Segment size and overlap as CVAT derives them from the first two jobs."""
    first = ranges[0]
    if first.start_frame is None or first.stop_frame is None:
        key = "start_frame" if first.start_frame is None else "stop_frame"
        raise BackupError("This field is required.", where=f"{where}.jobs[0].{key}")
    length = first.stop_frame - first.start_frame + 1
    if length < 1:
        raise BackupError("a job ends before it starts", where=f"{where}.jobs[0]")
    overlap = 0
    if len(ranges) > 1 and ranges[1].start_frame is not None:
        overlap = first.stop_frame - ranges[1].start_frame + 1
    if overlap < 0:
        raise BackupError(
            f"the frames {first.stop_frame + 1} to {first.stop_frame - overlap} are in no job",
            where=f"{where}.jobs[1]",
            hint="CVAT refuses a gap between the first two jobs",
        )
    return length, overlap


def _fits(job: JobRecord, size: int) -> bool:
    start, stop = job.start_frame, job.stop_frame
    return start is not None and stop is not None and start <= stop < size


def _draft(job: JobRecord, data: DataRecord, size: int, where: str) -> JobDraft:
    start, stop = job.start_frame, job.stop_frame
    if job.type == GROUND_TRUTH:
        start, stop = (start or 0), (size - 1 if stop is None else min(stop, size - 1))
    return JobDraft(
        start_frame=start if start is not None else 0,
        stop_frame=stop if stop is not None else size - 1,
        type=job.type,
        frames=_relative(job, data, size, where) if job.type == GROUND_TRUTH else [],
        files=job.files,
        status=job.status,
        replica=job.type in REPLICAS,
        extras={"backup": job.unknown} if job.unknown else None,
    )


def _relative(job: JobRecord, data: DataRecord, size: int, where: str) -> list[int]:
    """A ground-truth job's frames, absolute in the file, as task-relative numbers."""
    if len(set(job.frames)) != len(job.frames):
        raise BackupError("Frames must not repeat", where=f"{where}.jobs")
    step, start = data.step, data.start_frame
    numbers = [(frame - start) // step for frame in job.frames]
    wrong = [
        frame
        for frame, number in zip(job.frames, numbers, strict=True)
        if (frame - start) % step or not 0 <= number < size
    ]
    if wrong:
        raise BackupError(
            f"The following frames are not included in the task: {', '.join(map(str, wrong))}",
            where=f"{where}.jobs",
        )
    return numbers


def _recut(
    record: TaskRecord,
    ranges: list[JobRecord],
    size: int,
    segment_size: int,
    overlap: int,
    where: str,
) -> JobPlan:
    """CVAT's grid with the stated statuses in order; ground-truth jobs follow.

    Annotations of jobs that are no more go to the last one, where CVAT would drop them.
    """
    drafts = []
    for index, (start, stop) in enumerate(segment_grid(size, segment_size, overlap)):
        status = ranges[index].status if index < len(ranges) else ANNOTATION
        drafts.append(JobDraft(start_frame=start, stop_frame=stop, status=status))
    last, seen, pairs = len(drafts) - 1, 0, []
    for job in record.jobs:
        if job.type == GROUND_TRUTH:
            drafts.append(_draft(job, record.data, size, where))
            pairs.append(len(drafts) - 1)
        else:
            pairs.append(min(seen, last))
            seen += 1
    return JobPlan(
        drafts=drafts, pairs=pairs, segment_size=segment_size, overlap=overlap, recut=True
    )
