"""The frames of a task from its data's files and manifest (backup specification, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from localcvat.backup.manifest import Manifest
from localcvat.backup.task_records import ANNOTATION, GROUND_TRUTH, DataRecord, TaskRecord
from localcvat.errors import BackupError
from localcvat.natural import natural_key
from localcvat.related import CLOUD_EXTENSIONS, MediaFiles, extension, related_of
from localcvat.video import VideoInfo

VIDEO_FRAME = "frame_{:06d}"
# Days of video: a manifest that says more means to fill the memory.
MAX_FRAMES = 10_000_000
MAPPING = "Incorrect file mapping to manifest content"


class PlannedFrame(msgspec.Struct):
    """A used frame: its path under data/ and its size in pixels, 0 when it is yet to be read."""

    path: str
    width: int = 0
    height: int = 0
    related: Sequence[str] = ()


class FramePlan(msgspec.Struct, kw_only=True):
    """`kind` is images, video or clouds; `missing` are frames whose media are not there."""

    kind: str
    frames: list[PlannedFrame]
    video: str = ""
    missing: list[str] = []


def plan_frames(
    record: TaskRecord,
    files: MediaFiles,
    manifest: Manifest | None,
    where: str,
    probe: Callable[[str], VideoInfo],
) -> FramePlan:
    """The used frames in order; raises BackupError in CVAT's words.

    `probe` decodes a video of the data folder; it is called only when no manifest knows it.
    """
    if len(files.manifests) > 1:
        raise BackupError("Only one manifest file can be attached to data", where=where)
    if files.videos or (manifest is not None and manifest.type == "video"):
        return _plan_video(record.data, files, manifest, where, probe)
    present = files.clouds or files.images
    wanted = manifest.images if manifest is not None else []
    light = record.data.storage == "cloud_storage" and bool(wanted)
    if not present and not light:
        raise BackupError(
            "No media data found",
            where=where,
            hint="is the zip truncated, or a lightweight backup?",
        )
    if record.data.custom_segments:
        paths = _custom_paths(record, where)
        if not light:
            _refuse_missing(paths, present, where)
    else:
        paths = _used(_ordered(record.data, present, manifest, light, where), record.data)
    if not paths:
        raise BackupError("No media data found", where=where)
    if not light:
        _check_mapping(record.data, paths, manifest, where)
        paths += _missing_at_the_end(record, paths, manifest)
    return _with_sizes(paths, present, files, manifest)


def _plan_video(
    data: DataRecord,
    files: MediaFiles,
    manifest: Manifest | None,
    where: str,
    probe: Callable[[str], VideoInfo],
) -> FramePlan:
    if len(files.videos) > 1 or files.images or files.clouds:
        raise BackupError(
            "Only one video or many images can be used simultaneously",
            where=where,
            hint=f"found {len(files.videos)} videos and {len(files.images)} images",
        )
    light = data.storage == "cloud_storage"
    if manifest is not None and manifest.type == "video":
        length, width, height = manifest.length, manifest.width, manifest.height
        video = files.videos[0] if files.videos else manifest.video
    else:
        video = files.videos[0]
        info = probe(video)
        length, width, height = info.frames, info.width, info.height
    if not files.videos and not light:
        raise BackupError("No media data found", where=where, hint=f"{video} is missing")
    stop = length - 1 if data.stop_frame is None else min(data.stop_frame, length - 1)
    if (stop - data.start_frame) // data.step >= MAX_FRAMES:
        raise BackupError(f"a video of more than {MAX_FRAMES} frames", where=where)
    frames = [
        PlannedFrame(VIDEO_FRAME.format(number), width, height)
        for number in range(data.start_frame, stop + 1, data.step)
    ]
    if not frames:
        raise BackupError("No media data found", where=where, hint="start and stop leave no frame")
    return FramePlan(
        kind="video", frames=frames, video=video, missing=[] if files.videos else [video]
    )


def _ordered(
    data: DataRecord,
    present: Sequence[str],
    manifest: Manifest | None,
    light: bool,
    where: str,
) -> list[str]:
    """All frames in the order of the sorting method, before start, stop and step."""
    listed = [image[0] for image in manifest.images] if manifest is not None else []
    if light:
        return listed
    if data.sorting_method in ("predefined", "random"):
        if manifest is None:
            raise BackupError(
                "Can't find upload manifest file 'manifest.jsonl' in the uploaded files",
                where=where,
                hint=f"the {data.sorting_method!r} order of the frames is in it",
            )
        _refuse_missing(listed, present, where)
        return listed
    if data.sorting_method == "natural":
        # The manifest was written in CVAT's own natural order, which depends on its platform.
        if len(listed) == len(present) and set(listed) == set(present):
            return listed
        return sorted(present, key=natural_key)
    return sorted(present)


def _refuse_missing(paths: Sequence[str], present: Sequence[str], where: str) -> None:
    known = set(present)
    gone = next((path for path in paths if path and path not in known), None)
    if gone is not None:
        raise BackupError(f"Can't find file '{gone}' in the input files", where=where)


def _used(ordered: list[str], data: DataRecord) -> list[str]:
    stop = len(ordered) if data.stop_frame is None else data.stop_frame + 1
    # A manifest may hold placeholders for frames that are not used.
    return [path for path in ordered[data.start_frame : stop : data.step] if path]


def _check_mapping(
    data: DataRecord, used: Sequence[str], manifest: Manifest | None, where: str
) -> None:
    """Each used file is the manifest's line at its index, where CVAT reads by the manifest."""
    if manifest is None or data.storage_method != "cache" or data.validation_layout is not None:
        return
    for index, path in enumerate(used):
        line = data.start_frame + index * data.step
        named = manifest.images[line][0] if line < len(manifest.images) else ""
        if not named or not path.endswith(named):
            raise BackupError(
                MAPPING,
                where=where,
                hint=f"frame {index} is {path!r}, the manifest says {named!r}; "
                "`localcvat backup repair` re-makes it",
            )


def _missing_at_the_end(
    record: TaskRecord, used: Sequence[str], manifest: Manifest | None
) -> list[str]:
    """Frames the manifest and the jobs know but whose files are gone; CVAT drops them silently."""
    if manifest is None or record.data.custom_segments:
        return []
    listed = _used([image[0] for image in manifest.images], record.data)
    stops = [job.stop_frame or 0 for job in record.jobs if job.type == ANNOTATION]
    return [path for path in listed[len(used) : max(stops, default=-1) + 1] if path]


def _custom_paths(record: TaskRecord, where: str) -> list[str]:
    """The frames of jobs with their own lists of files, by frame number."""
    pool = record.data.validation_layout is not None
    paths: dict[int, str] = {}
    for index, job in enumerate(record.jobs):
        if job.type not in (ANNOTATION, GROUND_TRUTH) or job.files is None:
            continue
        numbers: Sequence[int] = job.frames
        if job.type == ANNOTATION:
            start = len(paths) if job.start_frame is None else job.start_frame
            stop = start + len(job.files) - 1 if job.stop_frame is None else job.stop_frame
            numbers = range(start, stop + 1)
        if len(numbers) != len(job.files):
            raise BackupError(
                f"segment {index}: segment files do not match segment size",
                where=f"{where}.jobs[{index}]",
            )
        paths.update(zip(numbers, job.files, strict=True))
    if not paths or sorted(paths) != list(range(len(paths))):
        raise BackupError("Expected segment info in the backup files", where=f"{where}.jobs")
    ordered = [paths[number] for number in range(len(paths))]
    if not pool and len(set(ordered)) != len(ordered):
        twice = next(path for path in ordered if ordered.count(path) > 1)
        raise BackupError(
            f"The same file {twice!r} cannot be used multiple times in the job file mapping",
            where=f"{where}.jobs",
        )
    return ordered


def _with_sizes(
    paths: Sequence[str],
    present: Sequence[str],
    files: MediaFiles,
    manifest: Manifest | None,
) -> FramePlan:
    known = {image[0]: image for image in manifest.images} if manifest is not None else {}
    context = related_of(dict.fromkeys(paths), files.related)
    frames = []
    for path in paths:
        _, width, height, related = known.get(path, (path, 0, 0, ()))
        frames.append(PlannedFrame(path, width, height, related or context.get(path, ())))
    there = set(present)
    return FramePlan(
        kind="clouds" if extension(paths[0]) in CLOUD_EXTENSIONS else "images",
        frames=frames,
        missing=[path for path in dict.fromkeys(paths) if path not in there],
    )
