"""`check_backup`: everything a real restore would refuse, change or lose, without a store.

The truth is what a real CVAT 2.15 answered to over 300 backups changed in one place. For newer
versions, which nobody could ask, it is what the backup specification says of them.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any, Literal

import msgspec

from localcvat.archive import DEFAULT_LIMITS, Limits, Source, open_source
from localcvat.backup.check_annotations import AnnotationRules
from localcvat.backup.check_data import DataRules, FrameRules, check_data_fields
from localcvat.backup.check_jobs import JobRules
from localcvat.backup.check_labels import KnownLabel, check_labels
from localcvat.backup.check_manifest import (
    ManifestLines,
    check_index,
    check_mapping,
    read_manifest,
)
from localcvat.backup.field_rules import FieldRules
from localcvat.backup.findings import Finding, Findings
from localcvat.backup.layout import TASK_FOLDER, VERSION, is_junk
from localcvat.backup.target import OBSERVED, is_newer
from localcvat.backup.task_records import PROJECT_KEYS, TASK_KEYS
from localcvat.errors import LocalCvatError, SourceError
from localcvat.guides import ASSET_EXTENSIONS, MAX_ASSET_BYTES, MAX_ASSETS
from localcvat.images import image_size
from localcvat.model import STATUSES

GUIDE, ASSETS = "annotation_guide.md", "assets/"
MAX_STATUS, MAX_SUBSET, MAX_BUG_TRACKER, MAX_NAME = 32, 64, 2000, 256
COPY_CHUNK = 1 << 20
NOT_KEPT = frozenset(
    "id owner assignee organization created_date updated_date mode dimension size segment_size "
    "overlap url project_id".split()
)
REPAIR = "`localcvat backup repair` mends it"

MediaDepth = Literal["all", "headers", "none"]

__all__ = ["Finding", "check_backup"]


def check_backup(
    path: str | os.PathLike[str],
    limits: Limits = DEFAULT_LIMITS,
    *,
    kind: str | None = None,
    media: bool = True,
    target: str = OBSERVED,
) -> list[Finding]:
    """All findings about a project or task backup (zip or unpacked folder), errors first.

    A finding of severity ``error`` is what makes a real restore fail; a ``warning`` is what it
    changes or loses. `kind` is ``project`` or ``task`` when it must be one of them. `media` False
    leaves out reading the media through. `target` is the version of CVAT that is asked, ``2.15`` or
    a newer one (``newest``). Raises nothing for a bad backup: that is a finding.
    """
    newer = is_newer(target)
    found = Findings(newer)
    try:
        with open_source(path, limits) as source:
            return check_source(source, kind, media="all" if media else "none", newer=newer)
    except LocalCvatError as error:
        found.error(error.where or str(path), error.what, hint=error.hint)
    return found.all


def check_source(
    source: Source, kind: str | None = None, *, media: MediaDepth, newer: bool = False
) -> list[Finding]:
    """The findings about an open backup; `media` is how much of the images is read."""
    found = Findings(newer)
    _Checker(source, found, media).check(kind)
    return found.all


class _Checker:
    def __init__(self, source: Source, found: Findings, media: MediaDepth) -> None:
        self._source = source
        self._names = source.names
        self._there = frozenset(self._names)
        self._found = found
        self._media = media

    def check(self, kind: str | None) -> None:
        """Check the backup from its root; a wrong root is all that is found."""
        kinds = [each for each in ("project", "task") if f"{each}.json" in self._there]
        if kind is not None and kind not in kinds and kinds:
            self._found.error(
                self._source.display,
                f"There is no item named '{kind}.json' in the archive",
                hint=f"this is a {kinds[0]} backup",
            )
            return
        if not kinds:
            self._explain_root()
            return
        self._check_names()
        if (kind or kinds[0]) == "project":
            self._check_project()
        else:
            self._check_task("", None)
            self._check_guide("")

    def _explain_root(self) -> None:
        found, display = self._found, self._source.display
        inner = [
            name
            for name in self._names
            if posixpath.basename(name) in ("project.json", "task.json") and not is_junk(name)
        ]
        reason = "There is no item named 'project.json' or 'task.json' in the archive"
        if any(TASK_FOLDER.match(name) for name in inner):
            found.error(display, reason, hint="there are tasks, but project.json is missing")
            return
        if inner:
            top = min(inner, key=lambda name: name.count("/"))
            folder = posixpath.dirname(top)
            hint = f"everything is under the folder {folder!r}: {REPAIR}"
            found.error(top, f"{reason}: it is in a top folder", hint=hint)
            return
        found.error(display, reason, hint=self._other_kind())

    def _other_kind(self) -> str:
        """What a source without project.json and task.json is, in words."""
        from localcvat.plugin import detections

        if not self._names:
            return "it is empty"
        try:
            best = max(detections(self._source), key=lambda pair: pair[1].score)
        except (LocalCvatError, ValueError):
            return "it is no CVAT backup"
        if best[1].score <= 0:
            return "it is no CVAT backup"
        return (
            f"it looks like a dataset ({best[0].name}), not a backup: import it with import-dataset"
        )

    def _check_names(self) -> None:
        spelt: dict[str, list[str]] = {}
        for name in self._names:
            given = self._source.raw_name(name)
            if "\\" in given:
                spelt.setdefault("Windows separators in the names of entries", []).append(given)
            elif given != name:
                spelt.setdefault("names are not plain: no item is found", []).append(given)
            if is_junk(name):
                self._found.warning(name, "a file of the operating system, ignored", hint=REPAIR)
        for reason, names in spelt.items():
            self._found.error(names[0], reason, hint=f"{len(names)} entries: {REPAIR}")

    def _check_project(self) -> None:
        record = self._record("project.json")
        labels: dict[str, KnownLabel] = {}
        if record is not None:
            rules = FieldRules(self._found, "project.json")
            self._check_texts(rules, record)
            if "deimension" in record and not self._found.newer:
                rules.error(
                    "Project() got unexpected keyword arguments: 'deimension'", "deimension"
                )
            rules.ignored(record, PROJECT_KEYS | NOT_KEPT, "")
            if "labels" not in record:
                rules.error("KeyError: 'labels'", "labels")
            else:
                labels = check_labels(rules, record["labels"], "labels")
        folders = {match.group(0) for match in map(TASK_FOLDER.match, self._names) if match}
        dimensions: dict[str, str] = {}
        for folder in sorted(folders, key=lambda folder: int(folder[5:-1])):
            dimension = self._check_task(folder, labels if record is not None else None)
            first = next(iter(dimensions), dimension)
            if dimension not in (None, first):
                self._found.error(
                    f"{folder}task.json",
                    f"Dimension ({dimension}) of the task must be the same as other tasks in "
                    f"project ({first})",
                )
            elif dimension:
                dimensions[dimension] = folder
        self._check_guide("")
        if not folders:
            self._found.warning("project.json", "the project has no tasks")

    def _record(self, entry: str) -> dict[str, Any] | None:
        """A JSON object of the known version, None when it can't be used."""
        value = self._json(entry, Any)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._found.error(entry, "TypeError: a JSON object is expected")
            return None
        if "version" not in value:
            self._found.error(entry, "KeyError: 'version'", "version", 'it must be "1.0"')
        elif value["version"] != VERSION:
            self._found.error(
                entry,
                f"ValueError: {value['version']} version is not supported",
                "version",
                'it must be the text "1.0"',
            )
        return value

    def _json(self, entry: str, type_: Any) -> Any:
        if entry not in self._there:
            self._found.error(entry, f"KeyError: There is no item named '{entry}' in the archive")
            return None
        try:
            data = self._source.read(entry)
            if data.startswith(b"\xef\xbb\xbf"):
                self._found.error(entry, "JSON parse error - Unexpected UTF-8 BOM", hint=REPAIR)
                data = data[3:]
            value = msgspec.json.decode(data, type=type_)
        except RecursionError:
            self._found.error(entry, "JSON parse error - nested too deeply")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._found.error(entry, f"JSON parse error - {error}")
        except LocalCvatError as error:
            self._found.error(entry, error.what, hint=error.hint)
        else:
            if value is None:
                self._found.error(entry, "TypeError: the file holds null")
            return value
        return None

    def _check_texts(self, rules: FieldRules, record: dict[str, Any]) -> None:
        rules.column(record, "name", "")
        rules.column(record, "bug_tracker", "", MAX_BUG_TRACKER)
        rules.column(record, "status", "", MAX_STATUS)
        name, status = record.get("name", ""), record.get("status", STATUSES[0])
        if not name:
            rules.warning("there is no name", "name")
        elif len(str(name)) > MAX_NAME:
            rules.warning(f"a name of more than {MAX_NAME} characters", "name")
        if isinstance(status, str) and status not in STATUSES:
            rules.warning(f"CVAT has no status {status!r}", "status")

    def _check_task(self, folder: str, project: dict[str, KnownLabel] | None) -> str | None:
        """Check one task; returns its dimension. `project` is None for a task backup."""
        entry = f"{folder}task.json"
        record = self._record(entry)
        annotations = self._json(f"{folder}annotations.json", list[msgspec.Raw])
        if record is None:
            return None
        rules = FieldRules(self._found, entry)
        self._check_texts(rules, record)
        rules.column(record, "subset", "", MAX_SUBSET)
        rules.ignored(record, TASK_KEYS | NOT_KEPT, "")
        labels = project
        if "labels" not in record:
            rules.error("KeyError: 'labels'", "labels")
            labels = project or {}
        elif not project:
            own = check_labels(rules, record["labels"], "labels")
            labels = own if project is None else {}
        data: Any = record.get("data")
        if "data" not in record:
            rules.error("KeyError: 'data'", "data")
        jobs = rules.list_of(record, "jobs", "", required=True)
        if record.get("jobs") == []:
            rules.error("IndexError: a task needs at least one annotation job", "jobs")
        frames = FrameRules(self._found, folder, self._data_names(folder))
        ranges = None
        if "data" in record and rules.is_object(data, "data"):
            facts = check_data_fields(rules, data, "data")
            if self._found.newer and "consensus_replicas" in record:
                facts.replicas = rules.integer(record, "consensus_replicas", "", low=0) or 0
            job_rules = JobRules(rules, jobs, facts)
            can_cut = bool(jobs) and job_rules.check_fields()
            self._check_frames(folder, frames, facts, job_rules.custom_files())
            if can_cut and frames.size:
                ranges = job_rules.ranges(frames.size)
            self._warn_deleted(rules, facts, frames.size)
        if annotations is not None:
            inner = FieldRules(self._found, f"{folder}annotations.json")
            AnnotationRules(inner, labels or {}, frames.size).check(annotations, ranges)
        if folder and f"{folder}{GUIDE}" in self._there:
            self._found.warning(f"{folder}{GUIDE}", "the guide of a task inside a project is lost")
        return frames.dimension

    def _data_names(self, folder: str) -> list[str]:
        prefix = f"{folder}data/"
        return [name[len(prefix) :] for name in self._source.under(prefix.rstrip("/"))]

    def _warn_deleted(self, rules: FieldRules, facts: DataRules, size: int | None) -> None:
        if size and any(not 0 <= frame < size for frame in facts.deleted):
            rules.warning("a deleted frame is not one of the task's", "data.deleted_frames")

    def _check_frames(
        self, folder: str, frames: FrameRules, facts: DataRules, custom: list[str] | None
    ) -> None:
        prefix = f"{folder}data/"
        manifest = None
        usable = not facts.in_cloud and frames.check_kinds()
        if frames.manifest_name is not None:
            entry = prefix + frames.manifest_name
            manifest = read_manifest(self._found, entry, self._source.read(entry))
        if facts.in_cloud:
            frames.plan_cloud(facts, manifest)
        if not usable:
            return
        if frames.files.videos:
            length = manifest.video["length"] if manifest and manifest.video else None
            frames.plan_video(facts, length)
            self._read_through(prefix, frames.files.videos)
            return
        if manifest is not None and manifest.video is not None:
            self._found.error(manifest.entry, "a manifest of a video, but data/ holds images")
            manifest = None
        indices = frames.plan_images(facts, manifest, custom)
        by_manifest = manifest if facts.cached and facts.pool is None else None
        if by_manifest is not None:
            check_mapping(self._found, by_manifest, frames.frames, indices)
            index = posixpath.join(prefix, posixpath.dirname(frames.manifest_name or ""))
            index = posixpath.join(index, "index.json")
            if index in self._there:
                data = self._source.read(index)
                check_index(self._found, index, data, by_manifest, indices)
        self._check_images(prefix, frames, by_manifest, indices)

    def _check_images(
        self,
        prefix: str,
        frames: FrameRules,
        manifest: ManifestLines | None,
        indices: list[int],
    ) -> None:
        if self._media == "none":
            return
        if not frames.files.clouds:
            for path, index in zip(frames.frames, indices, strict=True):
                if prefix + path not in self._there:
                    continue
                row = manifest.row(index) if manifest is not None else None
                sized = bool(row and row.get("width") and row.get("height"))
                self._check_image(prefix + path, row if sized else None)
        rest = [*frames.files.images, *frames.files.clouds, *frames.files.related]
        self._read_through(prefix, rest)

    def _check_image(self, entry: str, row: dict[str, Any] | None) -> None:
        try:
            width, height = image_size(self._source.media(entry))
        except SourceError as error:
            if row is None:
                self._found.error(entry, f"the image is damaged: {error.what}")
            else:
                self._found.warning(
                    entry, "the image is damaged; CVAT takes the manifest's word for its size"
                )
            return
        if row is not None and (row["width"], row["height"]) != (width, height):
            self._found.warning(
                entry,
                "the manifest gives the image another size",
                hint=f"{row['width']}x{row['height']}, the image has {width}x{height}",
            )

    def _read_through(self, prefix: str, paths: list[str]) -> None:
        """Every byte of the media, so that damage in the archive shows."""
        if self._media != "all":
            return
        for path in paths:
            try:
                with self._source.open(prefix + path) as stream:
                    while stream.read(COPY_CHUNK):
                        pass
            except SourceError as error:
                self._found.error(prefix + path, error.what, hint=error.hint)

    def _check_guide(self, folder: str) -> None:
        entry = f"{folder}{GUIDE}"
        assets = self._source.under(f"{folder}{ASSETS}".rstrip("/"))
        if entry not in self._there:
            if assets:
                self._found.warning(assets[0], "assets without a guide are lost")
            return
        try:
            self._source.read(entry).decode()
        except UnicodeDecodeError as error:
            self._found.error(entry, f"UnicodeDecodeError: {error}", hint="save it as UTF-8")
        if len(assets) > MAX_ASSETS:
            self._found.error(
                f"{folder}{ASSETS}",
                "Maximum number of assets per guide reached",
                hint=f"{len(assets)} of at most {MAX_ASSETS}",
            )
        for name in assets:
            if self._source.byte_size(name) > MAX_ASSET_BYTES:
                self._found.error(name, "Maximum size of asset is 10 MB")
            if not name.lower().endswith(ASSET_EXTENSIONS):
                self._found.error(
                    name,
                    "File is not supported as an asset",
                    hint="images (jpeg, png, webp, gif) and pdf are",
                )
