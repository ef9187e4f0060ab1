"""Project and task backups as CVAT writes them (backup specification)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import orjson
from sqlmodel import Session, col, select

from localcvat.archive import Sink, open_sink
from localcvat.backup.annotation_writer import AnnotationsFile
from localcvat.backup.data_writer import DataWriter
from localcvat.backup.label_records import label_record, refuse_long_names
from localcvat.backup.layout import VERSION
from localcvat.backup.task_records import GROUND_TRUTH
from localcvat.errors import BackupError
from localcvat.guides import ASSET_URL, read_guide
from localcvat.label_rows import read_labels
from localcvat.model import Label
from localcvat.projects import project_row
from localcvat.report import Report
from localcvat.space import refuse_without_space
from localcvat.store.engine import Store, raw
from localcvat.store.label_map import label_map
from localcvat.store.media import media_of
from localcvat.store.tables import DataRow, JobRow, ProjectRow, SegmentRow, TaskRow
from localcvat.tasks import task_row

Progress = Callable[[int], None]


def write_project_backup(
    store: Store,
    project_id: int,
    path: str | os.PathLike[str],
    *,
    lightweight: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a project as a zip that CVAT's "create from backup" takes; returns what was kept.

    `lightweight` leaves the media out. Tasks without data are skipped, as CVAT does. Raises
    BackupError when media are missing, OutputError when `path` is taken.
    """
    with store.read() as session, open_sink(path, overwrite=overwrite, zipped=True) as sink:
        project = project_row(session, project_id)
        if not lightweight:
            refuse_without_space(session, "project", project_id, path, files=True)
        writer = _Writer(store, session, sink, lightweight, progress)
        writer.project(project)
        return writer.report


def write_task_backup(
    store: Store,
    task_id: int,
    path: str | os.PathLike[str],
    *,
    lightweight: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a task as a zip that CVAT's "create from backup" takes; see `write_project_backup`."""
    with store.read() as session, open_sink(path, overwrite=overwrite, zipped=True) as sink:
        task = task_row(session, task_id)
        if _data_of(session, task) is None:
            raise BackupError(
                "Backup of a task without data is not allowed", where=f"task #{task_id}"
            )
        if not lightweight:
            refuse_without_space(session, "task", task_id, path, files=True)
        writer = _Writer(store, session, sink, lightweight, progress)
        writer.task(task, "")
        return writer.report


def _data_of(session: Session, task: TaskRow) -> DataRow | None:
    data = session.get(DataRow, task.data_id) if task.data_id is not None else None
    return data if data is not None and data.size else None


def _kept(extras: str | None) -> dict[str, Any]:
    """The keys of a record that the store has no column for."""
    kept: dict[str, Any] = orjson.loads(extras).get("backup", {}) if extras else {}
    return kept


class _Writer:
    """Writes the entries of one backup, in CVAT's order."""

    def __init__(
        self,
        store: Store,
        session: Session,
        sink: Sink,
        lightweight: bool,
        progress: Progress | None,
    ) -> None:
        self._store = store
        self._session = session
        self._sink = sink
        self._lightweight = lightweight
        self._progress = progress
        self._written = 0
        self.report = Report()

    def _file_done(self) -> None:
        self._written += 1
        if self._progress is not None:
            self._progress(self._written)

    def _tell_frame_fields(self, task: TaskRow) -> None:
        """Count frames of which more is known than a backup says: fields of other formats."""
        found = raw(self._session).execute(
            "SELECT count(*) FROM frame WHERE data_id = ? AND"
            " (json_extract(extras, '$.extras') IS NOT NULL"
            " OR json_extract(extras, '$.attributes') IS NOT NULL)",
            (task.data_id,),
        )
        count = int(found.fetchone()[0])
        if count:
            why = "a backup has no place for other formats' fields"
            self.report.dropped("image field", why, f"task #{task.id}", count=count, lossy=False)

    def _write_json(self, name: str, record: dict[str, Any]) -> None:
        self._sink.write(name, orjson.dumps(record))

    def project(self, project: ProjectRow) -> None:
        """Guide, project.json and the tasks by id."""
        self._guide("", project_id=project.id)
        labels = read_labels(self._session, project_id=project.id)
        record = {
            "name": project.name,
            "bug_tracker": project.bug_tracker,
            "status": project.status,
            "labels": [label_record(label) for label in labels],
            "version": VERSION,
        }
        self._write_json("project.json", record | _kept(project.extras))
        if project.extras and "info" in orjson.loads(project.extras):
            self.report.dropped("extras", "a backup has no place for other formats' fields")
        tasks = self._session.exec(
            select(TaskRow)
            .where(TaskRow.project_id == project.id, col(TaskRow.deleted_date).is_(None))
            .order_by(col(TaskRow.id))
        ).all()
        for number, task in zip(_numbers(list(tasks)), tasks, strict=True):
            if _data_of(self._session, task) is None:
                self.report.dropped("task", "it has no data", f"task #{task.id}")
            else:
                self.task(task, f"task_{number}/")

    def task(self, task: TaskRow, folder: str) -> None:
        """Data, task.json, annotations.json and guide below `folder`."""
        data = _data_of(self._session, task)
        assert data is not None
        if task.project_id is not None:
            labels = read_labels(self._session, project_id=task.project_id)
        else:
            labels = read_labels(self._session, task_id=task.id)
        refuse_long_names(labels, f"task #{task.id}")
        writer = DataWriter(
            self._store,
            self._session,
            task,
            data,
            lightweight=self._lightweight,
            report=self.report,
            progress=self._file_done,
        )
        writer.write(self._sink, folder)
        jobs = list(
            self._session.exec(
                select(JobRow).where(JobRow.task_id == task.id).order_by(col(JobRow.id))
            )
        )
        self._write_json(f"{folder}task.json", self._task_record(task, data, labels, jobs, writer))
        known = label_map(self._session, task_id=task.id)
        with self._sink.stream(f"{folder}annotations.json") as stream:
            AnnotationsFile(self._session, labels, known, self.report).write(stream, jobs)
        self._guide(folder, task_id=task.id)
        self.report.kept("task")
        self.report.kept("frame", data.size)
        self._tell_frame_fields(task)

    def _task_record(
        self,
        task: TaskRow,
        data: DataRow,
        labels: list[Label],
        jobs: list[JobRow],
        writer: DataWriter,
    ) -> dict[str, Any]:
        record: dict[str, Any] = {
            "name": task.name,
            "bug_tracker": task.bug_tracker,
            "status": task.status,
            "subset": task.subset,
            "labels": [label_record(label) for label in labels],
        }
        if task.consensus_replicas:
            record["consensus_replicas"] = task.consensus_replicas
        kept = _kept(task.extras)
        kept.pop("folder", None)
        return record | {
            "version": VERSION,
            "data": writer.record(),
            "jobs": [self._job_record(job, data, writer) for job in jobs],
            **kept,
        }

    def _job_record(self, job: JobRow, data: DataRow, writer: DataWriter) -> dict[str, Any]:
        segment = self._session.get_one(SegmentRow, job.segment_id)
        numbers = orjson.loads(segment.frames) if job.type == GROUND_TRUTH else []
        record: dict[str, Any] = {
            "start_frame": segment.start_frame,
            "stop_frame": segment.stop_frame,
            "frames": [writer.start + number * writer.step for number in numbers],
            "status": job.status,
            "type": job.type,
        }
        if segment.files is not None:
            record["files"] = orjson.loads(segment.files)
        elif data.custom_segments and job.type != GROUND_TRUTH:
            record["files"] = self._paths(data, segment)
        if data.custom_segments and not data.validation_layout and job.type == GROUND_TRUTH:
            self.report.changed(
                "ground-truth job",
                "CVAT 2.15 restores none beside jobs of their own files, newer versions do",
                f"job #{job.id}",
                lossy=False,
            )
        if (job.stage, job.state) != ("annotation", "new"):
            self.report.dropped("job stage and state", "a backup keeps the status of jobs only")
        if job.assignee_id is not None:
            self.report.dropped("assignee", "a backup keeps no users", f"job #{job.id}")
        return record | _kept(job.extras)

    def _paths(self, data: DataRow, segment: SegmentRow) -> list[str]:
        rows = raw(self._session).execute(
            "SELECT path FROM frame WHERE data_id = ? AND number BETWEEN ? AND ? ORDER BY number",
            (data.id, segment.start_frame, segment.stop_frame),
        )
        return [row[0] for row in rows]

    def _guide(
        self, folder: str, *, project_id: int | None = None, task_id: int | None = None
    ) -> None:
        guide = read_guide(self._session, project_id=project_id, task_id=task_id)
        if guide is None:
            return
        markdown, taken = guide.markdown, set[str]()
        for asset in guide.assets:
            entry = f"{folder}assets/{_free_name(asset.filename, taken)}"
            media = media_of(self._store, self._session, asset.media_id, asset.filename)
            self._sink.add_media(entry, media)
            markdown = markdown.replace(ASSET_URL + asset.uuid, entry)
        self._sink.write(f"{folder}annotation_guide.md", markdown.encode())


def _free_name(filename: str, taken: set[str]) -> str:
    """The file name, numbered when another asset has it: CVAT would write one over the other."""
    stem, dot, extension = filename.rpartition(".")
    name, number = filename, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}{dot}{extension}"
    taken.add(name)
    return name


def _numbers(tasks: list[TaskRow]) -> list[int]:
    """Folder numbers: as in the backup the tasks came from where that is in order, else counted."""
    kept = [_kept(task.extras).get("folder", -1) for task in tasks]
    if kept == sorted(set(kept)) and -1 not in kept:
        return kept
    return list(range(len(tasks)))
