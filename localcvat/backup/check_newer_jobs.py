"""Jobs with their own files, validation pools and replicas, as newer CVAT restores them.

Source: backup specification, section 6, what it calls NEW.
"""

from __future__ import annotations

from typing import Any

from localcvat.backup.field_rules import FieldRules, as_integer
from localcvat.backup.task_records import ANNOTATION, GROUND_TRUTH, REPLICAS

Json = dict[str, Any]
Placed = list[tuple[str, Json]]
"""Jobs with their places in task.json."""


def custom_files(rules: FieldRules, jobs: Placed, pool: Json | None) -> list[str]:
    """The frames in order: those of the annotation jobs, then those of the validation pool.

    A file is in one job only, but one of the pool, which any job may show.
    """
    ordered: list[str] = []
    for place, job in jobs:
        if job.get("type", ANNOTATION) == ANNOTATION:
            if "type" not in job:
                rules.error("KeyError: 'type'", f"{place}.type", "custom_segments need it")
            start, stop = as_integer(job.get("start_frame")), as_integer(job.get("stop_frame"))
            count = None if start is None or stop is None else stop - start + 1
            ordered += _files(rules, place, job, count)
    pooled = [str(path) for path in pool["frames"]] if pool is not None else []
    seen: set[str] = set()
    for path in ordered:
        if path in seen and path not in pooled:
            rules.error(
                f"The same file {path!r} cannot be used multiple times in the job file mapping",
                "jobs",
            )
            break
        seen.add(path)
    return ordered + (_pool_files(rules, jobs, pooled) if pool is not None else [])


def _files(rules: FieldRules, place: str, job: Json, count: int | None) -> list[str]:
    files = job.get("files")
    if not isinstance(files, list) or not all(isinstance(path, str) for path in files):
        hint = "custom_segments need a list of files"
        rules.error("KeyError: 'files'", f"{place}.files", hint)
        return []
    if count != len(files):
        rules.error("segment files do not match segment size", f"{place}.files")
    return files


def _pool_files(rules: FieldRules, jobs: Placed, pooled: list[str]) -> list[str]:
    truth = [(place, job) for place, job in jobs if job.get("type") == GROUND_TRUTH]
    if not truth:
        rules.error("Can't find any GT jobs info in the backup files", "jobs")
        return []
    if len(truth) > 1:
        rules.error("A task can have only one GT job info in the backup files", truth[1][0])
    place, job = truth[0]
    frames = job.get("frames")
    files = _files(rules, place, job, len(frames) if isinstance(frames, list) else None)
    if set(files) != set(pooled):
        rules.error("GT job frames do not match validation frames", f"{place}.files")
    return files


def check_replicas(rules: FieldRules, jobs: Placed, replicas: int) -> None:
    """Each annotation job is followed by as many replicas as the task says, else they shift."""
    counts: list[int] = []
    for _, job in jobs:
        type_ = job.get("type", ANNOTATION)
        if type_ == ANNOTATION:
            counts.append(0)
        elif type_ in REPLICAS and counts:
            counts[-1] += 1
    if any(count != replicas for count in counts):
        rules.warning(
            "the replicas behind a job are not as many as consensus_replicas: annotations shift",
            "jobs",
            f"{replicas} are made for each",
        )
