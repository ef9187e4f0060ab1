"""Mends a task's data: the manifest and its index are made again where they don't fit the files."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from localcvat.backup.check_data import BY_MANIFEST, DataRules, FrameRules, check_data_fields
from localcvat.backup.check_jobs import JobRules
from localcvat.backup.check_manifest import (
    ManifestLines,
    check_index,
    check_mapping,
    has_possible_size,
    read_manifest,
)
from localcvat.backup.field_rules import FieldRules
from localcvat.backup.findings import Findings
from localcvat.backup.manifest import image_manifest, index_of
from localcvat.backup.mend_records import Mender
from localcvat.backup.overlay import Overlay
from localcvat.errors import BackupError, SourceError
from localcvat.related import related_of
from localcvat.report import Report

MANIFEST, INDEX = "manifest.jsonl", "index.json"
Json = dict[str, Any]


class DataMender:
    """Mends `data` of one task.json and the files that go with it."""

    def __init__(
        self, overlay: Overlay, report: Report, folder: str, task: Json, mender: Mender
    ) -> None:
        self._overlay = overlay
        self._report = report
        self._prefix = f"{folder}data/"
        self._folder = folder
        self._task = task
        self._data: Json = task["data"]
        self._mender = mender

    def mend(self) -> int | None:
        """Mend fields, manifest and index; returns the count of frames, None when unknown."""
        names = self._names()
        frames = FrameRules(Findings(), self._folder, names)
        self._keep_one_manifest(frames.files.manifests)
        has_media = bool(frames.files.images or frames.files.videos or frames.files.clouds)
        self._mender.data(self._data, has_media, bool(frames.files.videos))
        frames = FrameRules(Findings(), self._folder, self._names())
        manifest = self._read_manifest(frames)
        if not has_media:
            return None
        if frames.files.videos:
            return self._mend_video(frames, manifest)
        return self._mend_images(frames, manifest)

    def _names(self) -> list[str]:
        under = self._overlay.under(self._prefix.rstrip("/"))
        return [name[len(self._prefix) :] for name in under]

    def _facts(self) -> DataRules:
        return check_data_fields(FieldRules(Findings(), ""), self._data, "data")

    def _keep_one_manifest(self, manifests: Sequence[str]) -> None:
        ordered = sorted(manifests, key=lambda name: (name.count("/"), name != MANIFEST, name))
        for name in ordered[1:]:
            self._overlay.drop(self._prefix + name)
            self._report.dropped("manifest", "only one may be in data/", self._prefix + name)

    def _read_manifest(self, frames: FrameRules) -> ManifestLines | None:
        """The manifest, None when there is none; one that CVAT can't read is left out."""
        if frames.manifest_name is None:
            return None
        entry = self._prefix + frames.manifest_name
        manifest = read_manifest(Findings(), entry, self._overlay.read(entry))
        if manifest is None:
            self._overlay.drop(entry)
            self._report.changed("manifest", "unreadable: left out", entry, lossy=False)
            self._drop_index(entry)
        return manifest

    def _index_of(self, manifest_entry: str) -> str:
        return posixpath.join(posixpath.dirname(manifest_entry), INDEX)

    def _drop_index(self, manifest_entry: str) -> None:
        index = self._index_of(manifest_entry)
        if self._overlay.exists(index):
            self._overlay.drop(index)
            self._report.changed("index", "of no use: left out", index, lossy=False)

    def _mend_video(self, frames: FrameRules, manifest: ManifestLines | None) -> int | None:
        length = manifest.video["length"] if manifest and manifest.video else None
        facts = self._facts()
        frames.plan_video(facts, length)
        if frames.size and "stop_frame" not in self._data:
            last = facts.start + (frames.size - 1) * facts.step
            self._mender.fill(self._data, "stop_frame", last, "data")
        return frames.size

    def _mend_images(self, frames: FrameRules, manifest: ManifestLines | None) -> int | None:
        if manifest is not None and manifest.video is not None:
            self._overlay.drop(manifest.entry)
            self._report.changed("manifest", "one of a video: left out", manifest.entry)
            manifest = None
        facts = self._facts()
        if facts.sorting in BY_MANIFEST and not facts.cached and manifest is not None:
            self._data["storage_method"] = "cache"
            self._mender.note("storage_method", "by manifest means cache", "data.storage_method")
            facts = self._facts()
        if facts.sorting in BY_MANIFEST and manifest is None:
            raise BackupError(
                f"can't be mended: the {facts.sorting} order of the frames was in manifest.jsonl",
                where=self._overlay.where(self._prefix),
            )
        jobs = self._task.get("jobs")
        rules = FieldRules(Findings(), "")
        custom = JobRules(rules, jobs if isinstance(jobs, list) else [], facts).custom_files()
        if manifest is not None and custom is None:
            self._refuse_shift(frames, facts, manifest)
        found = Findings()
        planned = FrameRules(found, self._folder, self._names())
        indices = planned.plan_images(facts, manifest, custom)
        if facts.cached:
            self._mend_manifest(planned, facts, manifest, custom, indices, found)
        if planned.size and "stop_frame" not in self._data and custom is None:
            self._mender.fill(self._data, "stop_frame", indices[-1], "data")
        return planned.size

    def _refuse_shift(self, frames: FrameRules, facts: DataRules, manifest: ManifestLines) -> None:
        """A missing image may only be one at the end, else frame numbers mean other images."""
        present = frames.files.clouds or frames.files.images
        there = set(present)
        paths = (manifest.path(index) for index in range(len(manifest.rows)))
        listed = [path for path in paths if path]
        gone = [path for path in listed if path not in there]
        if not gone:
            return
        whole = [*present, *gone]
        complete = FrameRules(Findings(), self._folder, whole)
        complete.plan_images(facts, manifest, None)
        kept = FrameRules(Findings(), self._folder, present)
        kept.plan_images(facts, manifest, None)
        if facts.sorting in BY_MANIFEST:
            complete.frames = _used(listed, facts)
            kept.frames = _used([path for path in listed if path in there], facts)
        if complete.frames[: len(kept.frames)] != kept.frames:
            first = next((path for path in complete.frames if path not in there), gone[0])
            raise BackupError(
                f"can't be mended: {first!r} is missing from data/, and the frames after it "
                "would get other numbers",
                where=manifest.entry,
                hint="put the image back into data/",
            )
        lost = len(complete.frames) - len(kept.frames)
        if lost:
            self._report.dropped("frame", "its image is missing", complete.frames[-1], count=lost)

    def _mend_manifest(
        self,
        frames: FrameRules,
        facts: DataRules,
        manifest: ManifestLines | None,
        custom: list[str] | None,
        indices: list[int],
        found: Findings,
    ) -> None:
        entry = manifest.entry if manifest is not None else self._prefix + MANIFEST
        if manifest is not None:
            check_mapping(found, manifest, frames.frames, indices)
            present = frames.files.clouds or frames.files.images
            fits = len(manifest.rows) <= len(present)
            if fits and not any(each.is_error for each in found.all):
                self._mend_index(manifest, indices)
                return
        order = self._order(frames, facts, manifest, custom)
        data = self._manifest_of(order, frames, manifest)
        self._overlay.put(entry, data)
        self._overlay.put(self._index_of(entry), index_of(data))
        reason = "made again" if manifest is not None else "made"
        self._report.changed("manifest", f"{reason} from the files in data/", entry, lossy=False)
        if manifest is not None and custom is None and facts.sorting not in BY_MANIFEST:
            reason = f"frames are in {facts.sorting} order, as sorting_method says"
            self._report.assumed("order", reason, entry)

    def _mend_index(self, manifest: ManifestLines, indices: list[int]) -> None:
        index = self._index_of(manifest.entry)
        if not self._overlay.exists(index):
            return
        found = Findings()
        check_index(found, index, self._overlay.read(index), manifest, indices)
        if found.all:
            offsets = dict(enumerate(manifest.offsets))
            self._overlay.put(index, json.dumps(offsets, separators=(",", ":")).encode())
            self._report.changed("index", "made again from the manifest", index, lossy=False)

    def _order(
        self,
        frames: FrameRules,
        facts: DataRules,
        manifest: ManifestLines | None,
        custom: list[str] | None,
    ) -> list[str]:
        """All images of data/ in the order of the manifest to be made."""
        present = frames.files.clouds or frames.files.images
        there = set(present)
        if custom is not None:
            first = custom
        elif facts.sorting in BY_MANIFEST and manifest is not None:
            paths = (manifest.path(index) for index in range(len(manifest.rows)))
            first = [path for path in paths if path is not None and path in there]
        else:
            whole = DataRules(sorting=facts.sorting)
            every = FrameRules(Findings(), self._folder, self._names())
            every.plan_images(whole, None, None)
            first = every.frames
        seen = set(first)
        return [*first, *sorted(path for path in there if path not in seen)]

    def _manifest_of(
        self, order: Sequence[str], frames: FrameRules, manifest: ManifestLines | None
    ) -> bytes:
        """Lines that the old manifest has are kept, others are made from the images' headers."""
        known: dict[str, Json] = {}
        if manifest is not None:
            for index in range(len(manifest.rows)):
                path, row = manifest.path(index), manifest.row(index)
                if path and row and has_possible_size(row):
                    known[path] = row
        context = related_of(order, frames.files.related)
        head = image_manifest([])
        lines = [head]
        for path in order:
            row = known.get(path)
            if row is not None:
                text = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
                lines.append(text.encode())
                continue
            width, height = 0, 0
            if not frames.files.clouds:
                width, height = self._image_size(path)
            made = image_manifest([(path, width, height, context.get(path, []))])
            lines.append(made[len(head) :])
        return b"".join(lines)

    def _image_size(self, path: str) -> tuple[int, int]:
        try:
            return self._overlay.media(self._prefix + path).image_size()
        except SourceError as error:
            raise BackupError(
                f"can't be mended: {error.what}", where=self._overlay.where(self._prefix + path)
            ) from error


def _used(ordered: list[str], facts: DataRules) -> list[str]:
    stop = len(ordered) if not facts.stop else facts.stop + 1
    return ordered[facts.start : stop : facts.step]
