"""The jobs a restore makes anew from task.json's list (backup specification, section 6)."""

from __future__ import annotations

from typing import Any

from localcvat.backup.check_annotations import JobRange
from localcvat.backup.check_data import DataRules
from localcvat.backup.check_newer_jobs import check_replicas, custom_files
from localcvat.backup.field_rules import INT_LIMIT, FieldRules, as_integer
from localcvat.backup.task_records import ANNOTATION, GROUND_TRUTH, JOB_KEYS, REPLICAS
from localcvat.model import STATUSES

HARMLESS = frozenset(("stage", "state", "assignee", "id"))
Json = dict[str, Any]


class JobRules:
    """Checks `jobs` of a task.json and works out what a restore makes of them."""

    def __init__(self, rules: FieldRules, jobs: list[Any], data: DataRules) -> None:
        self._rules = rules
        self._data = data
        self._jobs = jobs
        self._given = [
            (f"jobs[{index}]", job)
            for index, job in enumerate(jobs)
            if rules.is_object(job, f"jobs[{index}]")
        ]

    def _of_type(self, *types: str) -> list[tuple[str, Json]]:
        return [(at, job) for at, job in self._given if job.get("type", ANNOTATION) in types]

    def check_fields(self) -> bool:
        """Check each job by itself; whether the jobs can be cut."""
        rules = self._rules
        for place, job in self._given:
            if "status" not in job:
                rules.error(
                    "KeyError: 'status'", f"{place}.status", "one of " + ", ".join(STATUSES)
                )
            elif job["status"] not in STATUSES:
                rules.error(f"Value {job['status']!r} is not a valid choice.", f"{place}.status")
            type_ = job.get("type", ANNOTATION)
            if isinstance(type_, str) and type_ in REPLICAS:
                if not rules.found.newer:
                    rules.warning("only CVAT with consensus restores replicas", f"{place}.type")
            elif type_ not in (ANNOTATION, GROUND_TRUTH):
                rules.error(f"Unexpected job type {type_}", f"{place}.type")
            if job.get("frames") and type_ == ANNOTATION:
                rules.warning("frames of a job that is no ground truth are ignored", place)
            for key in ("stage", "state"):
                if key in job:
                    rules.warning(f"a restore ignores the {key} of a job", f"{place}.{key}")
            rules.ignored(job, JOB_KEYS | HARMLESS, place)
        cut = self._of_type(ANNOTATION)
        if not cut:
            rules.error("IndexError: a task needs at least one annotation job", "jobs")
            return False
        return self._check_ends(cut)

    def _check_ends(self, cut: list[tuple[str, Json]]) -> bool:
        """The first job's ends and the second one's start are what a restore goes by."""
        if self._data.custom:
            return True
        found = True
        for place, job, keys in (
            (*cut[0], ("start_frame", "stop_frame")),
            *((*second, ("start_frame",)) for second in cut[1:2]),
        ):
            for key in keys:
                if key not in job:
                    self._rules.error(f"KeyError: {key!r}", f"{place}.{key}")
                    found = False
                elif type(job[key]) is not int:
                    self._rules.error("an integer is required", f"{place}.{key}")
                    found = False
        return found

    def custom_files(self) -> list[str] | None:
        """The frames in order of the jobs' own lists, None when there are no such lists."""
        if not self._data.custom:
            return None
        if self._rules.found.newer:
            return custom_files(self._rules, self._given, self._data.pool)
        ordered: list[str] = []
        for place, job in self._given:
            files = job.get("files")
            if not isinstance(files, list) or not all(isinstance(path, str) for path in files):
                self._rules.error(
                    "KeyError: 'files'",
                    f"{place}.files",
                    "custom_segments need a list of files in every job",
                )
                continue
            start, stop = as_integer(job.get("start_frame")), as_integer(job.get("stop_frame"))
            if start is None or stop is None or stop - start + 1 != len(files):
                self._rules.error("segment files do not match segment size", f"{place}.files")
            ordered += files
        seen: set[str] = set()
        for path in ordered:
            if path in seen:
                self._rules.error(
                    f"The same file {path!r} cannot be used multiple times in the job file mapping",
                    "jobs",
                )
                break
            seen.add(path)
        return ordered

    def ranges(self, size: int) -> list[JobRange] | None:
        """The jobs a restore makes over `size` frames, ground truth last; None if it can't."""
        cut = [job for _, job in self._of_type(ANNOTATION)]
        if self._data.custom:
            made, at = [], 0
            for _, job in self._given:
                if self._rules.found.newer and job.get("type", ANNOTATION) != ANNOTATION:
                    made.append(JobRange(0, size - 1))
                    continue
                count = len(job.get("files") or ())
                made.append(JobRange(at, at + count - 1))
                at += count
            return made
        segment_size = cut[0]["stop_frame"] - cut[0]["start_frame"] + 1
        overlap = cut[0]["stop_frame"] - cut[1]["start_frame"] + 1 if len(cut) > 1 else 0
        if max(segment_size, overlap) > INT_LIMIT:
            self._rules.error("integer out of range", "jobs[0].stop_frame")
            return None
        if segment_size < 0:
            self._rules.error("the first job ends before it starts", "jobs[0].stop_frame")
            return None
        if overlap < 0:
            self._rules.error(
                "a gap between the first two jobs violates the check constraint task_overlap_check",
                "jobs[1].start_frame",
                f"the overlap would be {overlap}",
            )
            return None
        made = _cut(size, segment_size, overlap)
        self._warn_cut(cut, made)
        if self._rules.found.newer:
            check_replicas(self._rules, self._given, self._data.replicas)
            made = [job for job in made for _ in range(self._data.replicas + 1)]
        made += self._ground_truth(size)
        return made

    def _warn_cut(self, cut: list[Json], made: list[JobRange]) -> None:
        stated = [(job.get("start_frame"), job.get("stop_frame")) for job in cut]
        if stated != [(job.start, job.stop) for job in made]:
            self._rules.warning(
                "the jobs are cut anew by the first one's length and overlap",
                "jobs",
                f"{len(cut)} stated, {len(made)} made: "
                + ", ".join(f"{job.start}-{job.stop}" for job in made[:8]),
            )
        told = self._given if not self._rules.found.newer else cut
        if len(told) > len(made) + len(self._of_type(GROUND_TRUTH)):
            self._rules.warning("jobs beyond the last one made are lost", "jobs")

    def _ground_truth(self, size: int) -> list[JobRange]:
        truth = self._of_type(GROUND_TRUTH)
        newer = self._rules.found.newer
        allowed = (
            set(range(size))
            if newer
            else set(
                range(self._data.start, self._data.start + size * self._data.step, self._data.step)
            )
        )
        for place, job in truth:
            frames = job.get("frames")
            if not isinstance(frames, list):
                self._rules.error("KeyError: 'frames'", f"{place}.frames", "the selected frames")
                continue
            numbers = [as_integer(frame) for frame in frames]
            if None in numbers:
                self._rules.error("A valid integer is required.", f"{place}.frames")
            elif len(set(numbers)) < len(numbers):
                self._rules.error("Frames must not repeat", f"{place}.frames")
            alien = [number for number in numbers if number is not None and number not in allowed]
            if alien:
                self._rules.error(
                    "The following frames are not included in the task: "
                    + ", ".join(map(str, alien[:10])),
                    f"{place}.frames",
                    "they are numbers from 0 to the last frame of the task"
                    if newer
                    else "they are frames of the source, by start_frame and step",
                )
            if not newer and (self._data.start or self._data.step > 1):
                self._rules.warning(
                    "newer versions of CVAT read a ground truth job's frames as task-relative",
                    f"{place}.frames",
                    "start_frame is not 0 or there is a step: move the used frames into data/",
                )
        if len(truth) > 1:
            self._rules.error("A task can have only one ground truth job", truth[1][0])
        last = [job.get("type", ANNOTATION) for _, job in self._given]
        if truth and last[-len(truth) :] != [GROUND_TRUTH] * len(truth):
            self._rules.warning(
                "the ground truth job is not the last: statuses and annotations shift", truth[0][0]
            )
        return [JobRange(0, size - 1) for _ in truth]


def _cut(size: int, segment_size: int, overlap: int) -> list[JobRange]:
    if segment_size == 0 or segment_size >= size:
        return [JobRange(0, size - 1)]
    overlap = min(overlap, segment_size // 2)
    return [
        JobRange(start, min(start + segment_size, size) - 1)
        for start in range(0, size - overlap, segment_size - overlap)
    ]
