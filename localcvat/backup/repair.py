"""`repair_backup`: a backup that restores, made of one that doesn't; the original stays as it is.

Only what has one obvious meaning is mended, and each change is reported. The result must pass the
check, else nothing is written and the error names what is in the way.
"""

from __future__ import annotations

import json
import os
import posixpath
from pathlib import Path
from typing import Any

import msgspec

from localcvat.archive import DEFAULT_LIMITS, Limits, Source, open_sink, open_source
from localcvat.backup.check import check_source
from localcvat.backup.check_labels import KnownLabel, check_labels
from localcvat.backup.field_rules import FieldRules
from localcvat.backup.findings import Finding, Findings
from localcvat.backup.layout import TASK_FOLDER, is_junk
from localcvat.backup.mend_annotations import mend_annotations
from localcvat.backup.mend_data import DataMender
from localcvat.backup.mend_records import Mender
from localcvat.backup.overlay import Overlay
from localcvat.backup.target import OBSERVED, is_newer
from localcvat.errors import BackupError, OutputError, SourceError
from localcvat.report import Report

SHOWN = 5
Json = dict[str, Any]


def repair_backup(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    limits: Limits = DEFAULT_LIMITS,
    *,
    target_cvat: str = OBSERVED,
) -> Report:
    """Write a mended copy of the backup `source` at `target` (a zip, or a folder).

    `target_cvat` is the version of CVAT that is to restore it, as of `check_backup`. Media are
    copied without decoding. Raises BackupError naming what can't be mended; then nothing is
    written.
    """
    report = Report()
    _refuse_inside(Path(source), Path(target))
    with open_source(source, limits) as base:
        overlay = Overlay(base)
        newer = is_newer(target_cvat)
        _Repairer(overlay, base, report, newer).repair()
        _refuse(check_source(overlay, media="headers", newer=newer), base.display)
        report.kept("entry", len(overlay.names))
        with open_sink(target) as sink:
            overlay.write(sink)
    return report


def _refuse_inside(source: Path, target: Path) -> None:
    """Writing into the source would modify it."""
    inside, outside = target.absolute().resolve(), source.absolute().resolve()
    if inside == outside or outside in inside.parents:
        raise OutputError("the output lies in the backup itself", where=str(target))


def _refuse(findings: list[Finding], where: str) -> None:
    errors = [str(each).removeprefix("error").strip() for each in findings if each.is_error]
    if errors:
        more = f" and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise BackupError(f"can't be mended: {'; '.join(errors[:SHOWN])}{more}", where=where)


class _Repairer:
    def __init__(self, overlay: Overlay, base: Source, report: Report, newer: bool) -> None:
        self._overlay = overlay
        self._base = base
        self._report = report
        self._newer = newer

    def repair(self) -> None:
        """Mend names, then records and data, then annotations."""
        self._mend_names()
        self._move_to_root()
        names = self._overlay.names
        is_project = self._overlay.exists("project.json")
        folders = {match.group(0) for match in map(TASK_FOLDER.match, names) if match}
        ordered = sorted(folders, key=lambda folder: int(folder[5:-1])) if is_project else [""]
        tasks = {folder: self._record(f"{folder}task.json") for folder in ordered}
        project = self._record("project.json") if is_project else None
        if project is not None:
            mender = Mender(self._report, "project.json")
            mender.head(project)
            if project.get("labels") == [] and _first_labels(tasks):
                project["labels"] = None
            mender.fill(project, "labels", lambda: _first_labels(tasks), "")
            mender.labels(project["labels"])
            self._put("project.json", project, mender)
        for folder, task in tasks.items():
            if task is not None:
                self._mend_task(folder, task, project)
        self._mend_guides(["", *folders])
        self._mend_annotations(project, tasks)

    def _mend_names(self) -> None:
        for name in self._overlay.names:
            if is_junk(name):
                self._overlay.drop(name)
                self._report.dropped("entry", "a file of the operating system", name)
                continue
            given = self._base.raw_name(name)
            if given != name:
                reason = "Windows separators" if "\\" in given else "not a plain path"
                self._report.changed("name", reason, given, lossy=False)

    def _move_to_root(self) -> None:
        """Leave out the folders around the backup."""
        roots = [
            posixpath.split(name)
            for name in self._overlay.names
            if posixpath.basename(name) in ("project.json", "task.json")
        ]
        if not roots:
            _refuse(check_source(self._overlay, media="none"), self._base.display)
        depth = min(folder.count("/") + bool(folder) for folder, _ in roots)
        shallow = [root for root in roots if root[0].count("/") + bool(root[0]) == depth]
        top, document = min(shallow, key=lambda root: (root[1], root[0]))
        inside_project = document == "task.json" and TASK_FOLDER.fullmatch(
            posixpath.basename(top) + "/"
        )
        if inside_project:
            _refuse(check_source(self._overlay, media="none"), self._base.display)
        if not top:
            return
        if len({folder for folder, _ in shallow}) > 1:
            raise BackupError(
                f"there are several backups, in {', '.join(sorted({f for f, _ in shallow}))}",
                where=self._base.display,
                hint="repair them one by one",
            )
        prefix = top + "/"
        for name in self._overlay.names:
            if not name.startswith(prefix):
                self._overlay.drop(name)
                self._report.dropped("entry", f"outside of the backup in {prefix}", name)
        self._overlay.rename_all({name: name[len(prefix) :] for name in self._overlay.names})
        self._report.changed("name", "a top folder removed", prefix, lossy=False)

    def _decode(self, entry: str) -> Any:
        """The JSON of an entry, without BOM; raises BackupError when it is none."""
        if not self._overlay.exists(entry):
            raise BackupError(
                f"There is no item named '{entry}' in the archive",
                where=self._base.display,
                hint="nothing can stand for it",
            )
        data = self._overlay.read(entry)
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
            self._overlay.put(entry, data)
            self._report.changed("entry", "byte-order mark removed", entry, lossy=False)
        try:
            return msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BackupError(f"not JSON: {error}", where=self._overlay.where(entry)) from error

    def _record(self, entry: str) -> Json | None:
        value = self._decode(entry)
        return value if isinstance(value, dict) else None

    def _put(self, entry: str, value: Any, mender: Mender) -> None:
        if mender.changed:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            self._overlay.put(entry, text.encode())

    def _mend_task(self, folder: str, task: Json, project: Json | None) -> None:
        entry = f"{folder}task.json"
        mender = Mender(self._report, entry)
        mender.head(task)
        mender.fill(task, "labels", lambda: list(project["labels"]) if project else [], "")
        if not project:
            mender.labels(task["labels"])
        mender.fill(task, "data", dict, "")
        if self._newer and _is_as_newer(task):
            mender.fill(task["data"], "storage", "local", ".data")
        elif isinstance(task["data"], dict):
            data = DataMender(self._overlay, self._report, folder, task, mender)
            size = data.mend()
            lists = self._decode(f"{folder}annotations.json")
            mender.jobs(task, size, len(lists) if isinstance(lists, list) else None)
        self._put(entry, task, mender)

    def _mend_guides(self, folders: list[str]) -> None:
        for folder in folders:
            entry = f"{folder}annotation_guide.md"
            if not self._overlay.exists(entry):
                continue
            data = self._overlay.read(entry)
            try:
                data.decode()
            except UnicodeDecodeError:
                try:
                    text = self._overlay.read_text(entry)
                except SourceError:
                    continue
                self._overlay.put(entry, text.encode())
                self._report.changed("guide", "UTF-16 becomes UTF-8", entry, lossy=False)

    def _mend_annotations(self, project: Json | None, tasks: dict[str, Json | None]) -> None:
        """Only those that the check finds at fault, for the others need not be taken apart."""
        wrong = {
            finding.entry
            for finding in check_source(self._overlay, media="none", newer=self._newer)
            if finding.is_error
        }
        for folder, task in tasks.items():
            entry = f"{folder}annotations.json"
            if entry not in wrong or not self._overlay.exists(entry):
                continue
            owner = project or task or {}
            value = self._decode(entry)
            mender = Mender(self._report, entry)
            mend_annotations(mender, value, _known(owner.get("labels")))
            self._put(entry, value, mender)


def _is_as_newer(task: Json) -> bool:
    """Whether 2.15 has no such task: its frames in a cloud, a validation pool, replicas."""
    data = task["data"]
    if not isinstance(data, dict):
        return False
    in_cloud = data.get("storage") == "cloud_storage"
    return in_cloud or bool(data.get("validation_layout") or task.get("consensus_replicas"))


def _known(labels: Any) -> dict[str, KnownLabel]:
    return check_labels(FieldRules(Findings(), ""), labels, "labels")


def _first_labels(tasks: dict[str, Json | None]) -> list[Any]:
    """The labels that the tasks repeat of their project."""
    found = (task["labels"] for task in tasks.values() if task and task.get("labels"))
    return list(next(found, []))
