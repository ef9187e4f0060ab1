"""A task's data as a restore takes it: which files become which frames (section 8)."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import msgspec

from localcvat.backup.check_manifest import REMAKE, ManifestLines
from localcvat.backup.field_rules import NO_NULL, FieldRules, as_integer, kind
from localcvat.backup.findings import Findings
from localcvat.backup.frame_plan import MAX_FRAMES
from localcvat.backup.task_records import (
    DATA_KEYS,
    FRAME_FILTER,
    SORTING_METHODS,
    STORAGE_METHODS,
    STORAGES,
)
from localcvat.natural import natural_key
from localcvat.related import MediaFiles, is_image, is_video, sort_media

BY_MANIFEST = ("predefined", "random")
POOL = "gt_pool"
MANIFEST = "manifest.jsonl"
ARCHIVES = frozenset(
    "application/zip application/pdf application/x-rar-compressed application/x-tar "
    "application/x-7z-compressed application/x-cpio application/gzip application/x-bzip".split()
)
ARCHIVE_ENCODINGS = ("gzip", "bzip2", "xz")
UNCACHED = (
    "It isn't supported to import the task that was created without cache but with "
    "random/predefined sorting"
)
Json = dict[str, Any]


class DataRules(msgspec.Struct, kw_only=True):
    """What task.json's `data` says, by CVAT's defaults where it says nothing."""

    start: int = 0
    stop: int | None = None
    step: int = 1
    sorting: str = "lexicographical"
    cached: bool = False
    custom: bool = False
    deleted: list[int] = []
    in_cloud: bool = False
    pool: Json | None = None
    replicas: int = 0


def check_data_fields(rules: FieldRules, data: Json, place: str) -> DataRules:
    """Check the fields of `data`; returns what the frames depend on."""
    rules.integer(data, "image_quality", place, low=0, high=100, required=True)
    size = rules.integer(data, "chunk_size", place, low=0)
    if size == 0:
        rules.error("Chunk size must be a positive integer", f"{place}.chunk_size")
    if "chunk_type" not in data:
        rules.error("KeyError: 'chunk_type'", f"{place}.chunk_type", "imageset or video")
    elif data["chunk_type"] not in ("imageset", "video"):
        rules.warning("a chunk_type that CVAT does not have", f"{place}.chunk_type")
    storage = rules.choice(data, "storage", place, STORAGES)
    newer = rules.found.newer
    in_cloud = newer and storage == "cloud_storage"
    if newer and "storage" not in data:
        rules.error("KeyError: 'storage'", f"{place}.storage", "local or cloud_storage")
    elif newer and storage == "share":
        hint = "local or cloud_storage; `localcvat backup repair` sets it"
        rules.error("Unexpected storage type in the backup files", f"{place}.storage", hint)
    elif storage in ("share", "cloud_storage") and not in_cloud:
        rules.error(
            f"the storage {storage!r} is not that of the backup's own media",
            f"{place}.storage",
            "the media must be in data/ and the storage local; `localcvat backup repair` sets it",
        )
    elif "storage" not in data:
        rules.warning("newer versions of CVAT require a storage", f"{place}.storage")
    method = rules.choice(data, "storage_method", place, STORAGE_METHODS)
    sorting = rules.choice(data, "sorting_method", place, SORTING_METHODS)
    found = DataRules(
        start=rules.integer(data, "start_frame", place, low=0) or 0,
        stop=rules.integer(data, "stop_frame", place, low=0),
        step=_step(rules, data, place),
        sorting=sorting or "lexicographical",
        cached=method == "cache",
        custom=bool(data.get("custom_segments")),
        deleted=_deleted(rules, data, place),
        in_cloud=in_cloud,
        pool=_pool(rules, data, place) if newer else None,
    )
    if found.sorting in BY_MANIFEST and not found.cached:
        rules.error(UNCACHED, f"{place}.sorting_method", "set storage_method to cache")
    if "stop_frame" not in data and not newer:
        rules.warning("without stop_frame CVAT uses all frames but stores 0", f"{place}.stop_frame")
    rules.ignored(data, DATA_KEYS | {"job_file_mapping"}, place)
    return found


def _pool(rules: FieldRules, data: Json, place: str) -> Json | None:
    """The validation pool, as newer versions have it."""
    layout = data.get("validation_layout")
    where = f"{place}.validation_layout"
    if layout is None or not rules.is_object(layout, where):
        return None
    if layout.get("mode") != POOL:
        rules.error(f"Unexpected validation mode {layout.get('mode')!r}", f"{where}.mode", POOL)
        return None
    for key, sort in (("frames_per_job_count", int), ("frames", list)):
        if key not in layout:
            rules.error(f"KeyError: {key!r}", f"{where}.{key}")
        elif not isinstance(layout[key], sort) or isinstance(layout[key], bool):
            rules.error(f"not of the type {sort.__name__}", f"{where}.{key}")
    if not data.get("custom_segments"):
        rules.error("Expected segment info in the backup files", f"{place}.custom_segments")
    frames = layout.get("frames")
    return layout if isinstance(frames, list) else None


def _step(rules: FieldRules, data: Json, place: str) -> int:
    text = data.get("frame_filter")
    if not text:
        return 1
    match = FRAME_FILTER.search(text) if isinstance(text, str) else None
    if match is None:
        hint = 'it is written "step=N"'
        rules.error("Invalid frame filter expression", f"{place}.frame_filter", hint)
        return 1
    if len(text) > 256:
        rules.text(data, "frame_filter", place, 256)
    return int(match.group(1))


def _deleted(rules: FieldRules, data: Json, place: str) -> list[int]:
    if "deleted_frames" not in data:
        return []
    where = f"{place}.deleted_frames"
    value = data["deleted_frames"]
    if not isinstance(value, list):
        reason = NO_NULL if value is None else f"a list is expected, not {kind(value)}"
        rules.error(reason, where)
        return []
    numbers = [as_integer(item) for item in value]
    if None in numbers:
        rules.error("A valid integer is required.", where)
    return [number for number in numbers if number is not None]


class FrameRules:
    """Works out the frames of one task from its files and manifest, as CVAT's task creation does.

    `paths` are relative to data/; `folder` is the task's prefix in the backup.
    """

    def __init__(self, found: Findings, folder: str, paths: Sequence[str]) -> None:
        self._found = found
        self._data = f"{folder}data/"
        self._paths = list(paths)
        self.files: MediaFiles = sort_media(paths)
        self._archives = [path for path in self.files.others if _is_archive(path)]
        self.size: int | None = None
        self.frames: list[str] = []

    @property
    def dimension(self) -> str:
        """2d or 3d."""
        return "3d" if self.files.clouds else "2d"

    @property
    def manifest_name(self) -> str | None:
        """The manifest's path under data/, None when there is none."""
        return self.files.manifests[0] if self.files.manifests else None

    def check_kinds(self) -> bool:
        """Whether the files can make a task at all."""
        files = self.files
        unique = len(files.videos) + len(self._archives)
        many = len(files.images) + len(files.clouds)
        if len(files.manifests) > 1:
            self._found.error(
                self._data + files.manifests[1],
                "Only one manifest file can be attached to data",
                hint=f"{len(files.manifests)} files end in .jsonl",
            )
        if not unique and not many:
            hint = "a lightweight backup, or one of a truncated zip, has no media"
            if files.manifests:
                hint += "; only the manifest is there"
            self._found.error(self._data, "No media data found", hint=hint)
            return False
        if unique > 1 or (unique and many):
            self._found.error(
                self._data,
                "Only one video, archive or pdf, or many images can be used simultaneously",
                hint=f"{len(files.videos)} videos, {len(self._archives)} archives or pdfs and "
                f"{many} images found",
            )
            return False
        for path in files.others:
            if path != "index.json" and not _is_archive(path):
                self._found.warning(self._data + path, "not media: a restore skips it")
        return not self._archives

    def plan_cloud(self, data: DataRules, manifest: ManifestLines | None) -> None:
        """Frames that lie in a cloud storage: the manifest, and nothing else, is there."""
        if self._paths != [MANIFEST]:
            hint = f"data/ holds {', '.join(self._paths[:3]) or 'nothing'}"
            self._found.error(self._data, "Expected manifest.jsonl in backup files", hint=hint)
            return
        why = "the frames are in a cloud storage, which must be attached to the restored task"
        self._found.warning(self._data + MANIFEST, why)
        if manifest is not None and manifest.video is not None:
            self.plan_video(data, manifest.video["length"])
        elif manifest is not None:
            last = len(manifest.rows) - 1
            stop = last if not data.stop else min(data.stop, last)
            self.size = len(range(data.start, stop + 1, data.step))
            self._check_size(data)

    def plan_video(self, data: DataRules, length: int | None) -> None:
        """Frames of a video of `length` frames, None when only decoding would tell."""
        if length is None:
            return
        stop = length - 1 if not data.stop else min(data.stop, length - 1)
        count = max(0, stop + data.step - data.start) // data.step
        if count > MAX_FRAMES:
            self._found.error(
                self._data,
                f"a video of more than {MAX_FRAMES} frames",
                hint=f"the manifest says {length}",
            )
            return
        self.size = count
        self._check_size(data)

    def plan_images(
        self,
        data: DataRules,
        manifest: ManifestLines | None,
        custom: list[str] | None,
    ) -> list[int]:
        """Frames of images in order; returns their indices in the manifest."""
        present = self.files.clouds or self.files.images
        ordered = self._ordered(data, present, manifest, custom)
        if custom is not None:
            indices = list(range(len(ordered)))
        else:
            last = len(ordered) - 1
            stop = last if not data.stop else min(data.stop, last)
            indices = list(range(data.start, stop + 1, data.step))
        self.frames = [ordered[index] for index in indices]
        self.size = len(self.frames)
        self._check_size(data)
        if custom is None:
            self._warn_stop(data, len(ordered), manifest)
        return indices

    def _check_size(self, data: DataRules) -> None:
        if not self.size:
            self._found.error(
                f"{self._data[:-5]}task.json",
                "No media data found: start_frame and stop_frame leave no frame",
                "data.start_frame",
            )

    def _warn_stop(self, data: DataRules, count: int, manifest: ManifestLines | None) -> None:
        entry = f"{self._data[:-5]}task.json"
        if data.stop is not None and data.stop >= count:
            self._found.warning(
                entry,
                "stop_frame is past the last image: images are missing from data/",
                "data.stop_frame",
                f"{count} images, stop_frame {data.stop}",
            )
        elif data.stop == 0 and count > 1:
            self._found.warning(entry, "stop_frame 0 means all frames", "data.stop_frame")
        if manifest is not None and len(manifest.rows) > count:
            listed = [manifest.path(index) for index in range(len(manifest.rows))]
            there = set(self.files.images) | set(self.files.clouds)
            gone = next((path for path in listed if path and path not in there), "")
            self._found.warning(
                manifest.entry,
                "the manifest lists more images than data/ holds",
                hint=f"{len(manifest.rows)} lines, {count} images; {gone!r} is missing",
            )

    def _ordered(
        self,
        data: DataRules,
        present: Sequence[str],
        manifest: ManifestLines | None,
        custom: list[str] | None,
    ) -> list[str]:
        there = set(present)
        if custom is not None:
            for path in custom:
                if path not in there:
                    self._missing(path)
            return custom
        if data.sorting in BY_MANIFEST and data.cached and not self.files.clouds:
            return self._manifest_order(data, present, manifest)
        if data.sorting == "natural":
            ordered = sorted(present, key=os_sort_key)
            return self._accepted_natural(ordered, manifest)
        return sorted(present)

    def _accepted_natural(self, ordered: list[str], manifest: ManifestLines | None) -> list[str]:
        """Natural order has dialects; the manifest's is taken when it is one of them."""
        plain = sorted(ordered, key=natural_key)
        if manifest is not None and plain != ordered:
            listed = [manifest.path(index) for index in range(len(manifest.rows))]
            if listed == plain:
                return plain
        return ordered

    def _manifest_order(
        self, data: DataRules, present: Sequence[str], manifest: ManifestLines | None
    ) -> list[str]:
        if manifest is None:
            self._found.error(
                self._data,
                "Can't find upload manifest file 'manifest.jsonl' in the uploaded files",
                hint=f"the {data.sorting!r} order of the frames is in it",
            )
            return sorted(present)
        listed = [manifest.path(index) or "" for index in range(len(manifest.rows))]
        there = set(present)
        for path in listed:
            if path and path not in there:
                self._missing(path)
        extra = sorted(there - set(listed))
        if extra:
            self._found.error(
                manifest.entry,
                "Uploaded files do not match the manifest's contents",
                hint=f"{extra[0]!r} is not in it; {REMAKE}",
            )
        return [path for path in listed if path in there]

    def _missing(self, path: str) -> None:
        self._found.error(
            self._data + path,
            f"Can't find file '{path}' in the input files",
            hint="the manifest or a job lists it",
        )


def _is_archive(path: str) -> bool:
    if is_image(path) or is_video(path):
        return False
    mime, encoding = mimetypes.guess_type(path)
    return mime in ARCHIVES or encoding in ARCHIVE_ENCODINGS


def os_sort_key(path: str) -> list[tuple[str | int, ...]]:
    """Natural order as CVAT's server sorts: folder by folder, extension apart, case ignored."""
    pure = PurePosixPath(path)
    *folders, base = pure.parts
    suffixes: list[str] = []
    for count, suffix in enumerate(reversed(PurePosixPath(base).suffixes)):
        if re.match(r"\.\d", suffix) or count > 1 or len(suffix) > 5:
            break
        suffixes.insert(0, suffix)
    stem = base[: len(base) - len("".join(suffixes))]
    return [_component(part) for part in chain(folders, [stem], suffixes)]


def _component(text: str) -> tuple[str | int, ...]:
    """Text and numbers by turns, text first, so that like compares with like."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))
