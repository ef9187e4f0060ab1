"""Local files for a new task: images, a video, point clouds, context images, a manifest."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, NoReturn

import msgspec

from localcvat.archive import FileMedia, open_source
from localcvat.backup.frame_plan import FramePlan, PlannedFrame, plan_frames
from localcvat.backup.layout import is_junk
from localcvat.backup.manifest import Manifest, parse_manifest
from localcvat.backup.task_records import SORTING_METHODS, DataRecord, JobRecord, TaskRecord
from localcvat.errors import BackupError, SourceError, UsageError, ValidationError
from localcvat.model import Media
from localcvat.ordered import ordered_map
from localcvat.related import sort_media
from localcvat.video import VideoInfo


class TaskFile(msgspec.Struct):
    """A media file of a new task and the path it gets."""

    path: str
    media: Media


class Undecoded(Exception):
    """A video has to be decoded first, which waits until it is in the store."""


def later(name: str) -> NoReturn:
    """A probe that puts decoding off."""
    raise Undecoded(name)


def local_files(paths: Iterable[str]) -> list[TaskFile]:
    """Media files named by paths, folders and zips; raises SourceError when there are none."""
    files = [file for path in paths for file in _files_of(path)]
    media = sort_media(file.path for file in files)
    if not (media.images or media.videos or media.clouds):
        raise SourceError(
            "no images found", hint="name images, a video, point clouds, or folders or zips of them"
        )
    unknown = set(media.others)
    return [file for file in files if file.path not in unknown]


def _files_of(path: str) -> Iterator[TaskFile]:
    base = os.path.basename(path)
    if os.path.isfile(path) and sort_media([base]).others != [base]:
        yield TaskFile(base, FileMedia(path))
        return
    source = open_source(path)
    for name in source.names:
        if not is_junk(name):
            yield TaskFile(name, source.media(name))


def read_mapping(stream: IO[bytes]) -> list[list[str]]:
    """A job_file_mapping from JSON: a list of lists of paths; raises UsageError."""
    try:
        return msgspec.json.decode(stream.read(), type=list[list[str]])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"job_file_mapping: {error}", hint='for instance [["a.jpg", "b.jpg"], ["c.jpg"]]'
        ) from error


class TaskMedia:
    """The files of a new task, sorted by what they are."""

    def __init__(self, files: Sequence[TaskFile], jobs: int) -> None:
        self.files = files
        self._jobs = jobs
        self._by_path = {file.path: file for file in files}
        if len(self._by_path) < len(files):
            ((twice, _),) = Counter(file.path for file in files).most_common(1)
            raise SourceError("two files would get the same path", where=twice)
        self.kinds = sort_media(file.path for file in files)

    def plan(
        self,
        data: DataRecord,
        mapping: Sequence[Sequence[str]] | None,
        probe: Callable[[str], VideoInfo],
    ) -> FramePlan:
        """The frames in order with their sizes; raises ValidationError with CVAT's words."""
        jobs = [JobRecord(status="annotation", files=list(files)) for files in mapping or ()]
        record = TaskRecord(name="", labels=[], data=data, jobs=jobs)
        manifest = self._manifest(data.sorting_method)
        try:
            plan = plan_frames(record, self.kinds, manifest, "", probe)
        except BackupError as error:
            raise ValidationError([error.what]) from error
        if mapping is not None:
            self._check_mapping(plan)
        if plan.kind == "images":
            unknown = [frame for frame in plan.frames if not (frame.width and frame.height)]
            for frame, size in ordered_map(self._size, unknown, self._jobs):
                frame.width, frame.height = size
        return plan

    def _size(self, frame: PlannedFrame) -> tuple[int, int]:
        return self._by_path[frame.path].media.image_size()

    def _check_mapping(self, plan: FramePlan) -> None:
        if plan.kind == "video":
            raise ValidationError(["job_file_mapping can't be used with a video"])
        used = {frame.path for frame in plan.frames}
        left = [path for path in self.kinds.clouds or self.kinds.images if path not in used]
        if left:
            raise ValidationError({"job_file_mapping": [f"{left[0]} is in no job"]})

    def _manifest(self, sorting_method: str) -> Manifest | None:
        """The given manifest, else one that holds the wanted order of the frames."""
        if sorting_method not in SORTING_METHODS:
            raise UsageError(
                f"unknown sorting method {sorting_method!r}", hint=", ".join(SORTING_METHODS)
            )
        for name in self.kinds.manifests:
            with self._by_path[name].media.open() as stream:
                return parse_manifest(stream, name)
        paths = self.kinds.clouds or self.kinds.images
        if sorting_method not in ("predefined", "random") or self.kinds.videos:
            return None
        if sorting_method == "random":
            paths = sorted(paths)
            random.Random(0).shuffle(paths)
        return Manifest(type="images", images=[(path, 0, 0, ()) for path in paths])
