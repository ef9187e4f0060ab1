"""project.json and task.json as typed records (backup specification, sections 2, 3, 5 and 6)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from localcvat.backup.label_records import read_label_list
from localcvat.backup.layout import Layout
from localcvat.errors import BackupError
from localcvat.model import STATUSES, Label

ANNOTATION, GROUND_TRUTH = "annotation", "ground_truth"
REPLICAS = frozenset(("consensus_replica", "replica"))
CHUNK_TYPES = ("imageset", "video")
STORAGE_METHODS = ("cache", "file_system")
STORAGES = ("local", "share", "cloud_storage")
SORTING_METHODS = ("lexicographical", "natural", "predefined", "random")
FRAME_FILTER = re.compile(r"step\s*=\s*([1-9]\d*)")
PROJECT_KEYS = frozenset(("name", "bug_tracker", "status", "labels", "version"))
TASK_KEYS = PROJECT_KEYS | {"subset", "consensus_replicas", "data", "jobs"}
JOB_KEYS = frozenset(("start_frame", "stop_frame", "frames", "status", "type", "files"))
MAX_SUBSET = 64
MAX_INTEGER = 2**31 - 1
MAX_BUG_TRACKER = 2000

Json = dict[str, Any]


class DataRecord(msgspec.Struct, kw_only=True):
    """The `data` of task.json; `stop_frame` None means to the end, frames are absolute."""

    image_quality: int
    chunk_type: str
    chunk_size: int | None = None
    start_frame: int = 0
    stop_frame: int | None = None
    frame_filter: str = ""
    step: int = 1
    storage_method: str = "file_system"
    storage: str = "local"
    sorting_method: str = "lexicographical"
    deleted_frames: list[int] = []
    custom_segments: bool = False
    validation_layout: Json | None = None
    unknown: Json = {}


DATA_KEYS = frozenset(DataRecord.__struct_fields__) - {"step", "unknown"}


class JobRecord(msgspec.Struct, kw_only=True):
    """One of task.json's `jobs`; start and stop are task-relative, `frames` absolute."""

    status: str
    start_frame: int | None = None
    stop_frame: int | None = None
    type: str = ANNOTATION
    frames: list[int] = []
    files: list[str] | None = None
    unknown: Json = {}


class TaskRecord(msgspec.Struct, kw_only=True):
    """task.json."""

    name: str
    labels: list[Label]
    data: DataRecord
    jobs: list[JobRecord]
    bug_tracker: str = ""
    status: str = ANNOTATION
    subset: str = ""
    consensus_replicas: int = 0
    unknown: Json = {}


class ProjectRecord(msgspec.Struct, kw_only=True):
    """project.json."""

    name: str
    labels: list[Label]
    bug_tracker: str = ""
    status: str = ANNOTATION
    unknown: Json = {}


def _unknown(record: Json, known: frozenset[str]) -> Json:
    # CVAT's own misspelt whitelist entry would crash a restore if it were written.
    return {key: value for key, value in record.items() if key not in known and key != "deimension"}


def _text(record: Json, key: str, where: str, limit: int = 0) -> str:
    value = record.get(key, "")
    if value is None or isinstance(value, (dict, list)):
        raise BackupError("a text is required", where=f"{where}.{key}")
    text = str(value)
    if "\x00" in text or (limit and len(text) > limit):
        raise BackupError(
            f"a text of at most {limit} characters is required", where=f"{where}.{key}"
        )
    return text


def _integer(record: Json, key: str, where: str, default: int | None = 0, low: int = 0) -> Any:
    value = record.get(key, default)
    if value is None and default is None:
        return None
    if type(value) is not int or value < low:
        raise BackupError(f"an integer of at least {low} is required", where=f"{where}.{key}")
    if value > MAX_INTEGER:
        raise BackupError("integer out of range", where=f"{where}.{key}")
    return value


def _choice(record: Json, key: str, choices: tuple[str, ...], default: str, where: str) -> str:
    value = record.get(key, default)
    if value not in choices:
        raise BackupError(f'"{value}" is not a valid choice.', where=f"{where}.{key}")
    return str(value)


def _status(record: Json, where: str) -> str:
    value = record.get("status", ANNOTATION)
    if not isinstance(value, str):
        raise BackupError("a text is required", where=f"{where}.status")
    # CVAT's restore takes any text here; a store has the three statuses only.
    return value if value in STATUSES else ANNOTATION


def _required(record: Json, key: str, where: str) -> Any:
    if key not in record:
        raise BackupError("This field is required.", where=f"{where}.{key}")
    return record[key]


def read_project_record(layout: Layout) -> ProjectRecord:
    """The project.json of a project backup; raises BackupError naming the field."""
    record, where = layout.record("project.json"), layout.where("project.json")
    return ProjectRecord(
        name=_text(record, "name", where),
        labels=read_label_list(_required(record, "labels", where), f"{where}.labels"),
        bug_tracker=_text(record, "bug_tracker", where, MAX_BUG_TRACKER),
        status=_status(record, where),
        unknown=_unknown(record, PROJECT_KEYS),
    )


def read_task_record(layout: Layout, folder: str) -> TaskRecord:
    """The task.json in `folder` of a backup; raises BackupError naming the field."""
    name = f"{folder}task.json"
    record, where = layout.record(name), layout.where(name)
    jobs = _required(record, "jobs", where)
    if not isinstance(jobs, list) or not jobs:
        raise BackupError("a task needs at least one job", where=f"{where}.jobs")
    return TaskRecord(
        name=_text(record, "name", where),
        labels=read_label_list(_required(record, "labels", where), f"{where}.labels"),
        data=_data(_required(record, "data", where), f"{where}.data"),
        jobs=[_job(job, f"{where}.jobs[{index}]") for index, job in enumerate(jobs)],
        bug_tracker=_text(record, "bug_tracker", where, MAX_BUG_TRACKER),
        status=_status(record, where),
        subset=_text(record, "subset", where, MAX_SUBSET),
        consensus_replicas=_integer(record, "consensus_replicas", where),
        unknown=_unknown(record, TASK_KEYS),
    )


def _data(record: Any, where: str) -> DataRecord:
    if not isinstance(record, dict):
        raise BackupError("must be a JSON object", where=where)
    for key in ("image_quality", "chunk_type"):
        _required(record, key, where)
    chunk_type = str(record["chunk_type"])
    layout = record.get("validation_layout")
    frame_filter = _text(record, "frame_filter", where) if "frame_filter" in record else ""
    if _integer(record, "image_quality", where) > 100:
        raise BackupError("at most 100 is allowed", where=f"{where}.image_quality")
    return DataRecord(
        image_quality=record["image_quality"],
        chunk_type=chunk_type if chunk_type in CHUNK_TYPES else "imageset",
        chunk_size=_integer(record, "chunk_size", where, None, 1),
        start_frame=_integer(record, "start_frame", where),
        stop_frame=_integer(record, "stop_frame", where, None),
        frame_filter=frame_filter,
        step=read_step(frame_filter, f"{where}.frame_filter"),
        storage_method=_choice(record, "storage_method", STORAGE_METHODS, "file_system", where),
        storage=_choice(record, "storage", STORAGES, "local", where),
        sorting_method=_choice(record, "sorting_method", SORTING_METHODS, "lexicographical", where),
        deleted_frames=_integers(record, "deleted_frames", where),
        custom_segments=bool(record.get("custom_segments", False)),
        validation_layout=layout if isinstance(layout, dict) else None,
        unknown=_unknown(record, DATA_KEYS),
    )


def read_step(frame_filter: str, where: str) -> int:
    """The step of a frame filter, 1 for none; raises BackupError for what is no filter."""
    if not frame_filter:
        return 1
    match = FRAME_FILTER.search(frame_filter)
    if match is None:
        raise BackupError(
            "Invalid frame filter expression", where=where, hint='it is written "step=N"'
        )
    return int(match.group(1))


def _integers(record: Json, key: str, where: str) -> list[int]:
    value = record.get(key, [])
    if not isinstance(value, list) or any(type(item) is not int for item in value):
        raise BackupError("a list of frame numbers is required", where=f"{where}.{key}")
    if any(abs(item) > MAX_INTEGER for item in value):
        raise BackupError("integer out of range", where=f"{where}.{key}")
    return value


def _job(record: Any, where: str) -> JobRecord:
    if not isinstance(record, dict):
        raise BackupError("must be a JSON object", where=where)
    kind = record.get("type", ANNOTATION)
    if kind not in (ANNOTATION, GROUND_TRUTH, *REPLICAS):
        raise BackupError(f"Unexpected job type {kind}", where=f"{where}.type")
    _required(record, "status", where)
    if kind == GROUND_TRUTH:
        _required(record, "frames", where)
    files = record.get("files")
    if files is not None and not (
        isinstance(files, list) and all(isinstance(item, str) for item in files)
    ):
        raise BackupError("a list of paths is required", where=f"{where}.files")
    return JobRecord(
        status=_choice(record, "status", STATUSES, "", where),
        start_frame=_integer(record, "start_frame", where, None),
        stop_frame=_integer(record, "stop_frame", where, None),
        type=kind,
        frames=_integers(record, "frames", where),
        files=files,
        unknown=_unknown(record, JOB_KEYS),
    )
