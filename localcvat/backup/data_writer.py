"""The data/ folder of a task backup and what task.json says of it (sections 5, 8 and 9).

Data that came from a backup go back as they came. Data of the store's own get the form that every
CVAT restores: used files only, numbered from 0, with a manifest in the order of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import orjson
from sqlmodel import Session

from localcvat.archive import FileMedia, Sink
from localcvat.backup.manifest import image_manifest, index_of, video_manifest
from localcvat.backup.task_records import read_step
from localcvat.errors import BackupError
from localcvat.related import CLOUD_EXTENSIONS, extension
from localcvat.report import Report
from localcvat.store.engine import Store, raw
from localcvat.store.media import stored_media
from localcvat.store.tables import DataRow, TaskRow
from localcvat.task_data import chunk_size_for

MANIFEST = "manifest.jsonl"
INDEX = "index.json"
MAPPED = ("predefined", "random")


class StoredFile(msgspec.Struct):
    """A file of the data; `media` is None when the store has no bytes of it."""

    path: str
    kind: str
    media: FileMedia | None


class DataWriter:
    """Writes one task's data into a sink; `start` and `step` give frames their absolute numbers."""

    def __init__(
        self,
        store: Store,
        session: Session,
        task: TaskRow,
        data: DataRow,
        *,
        lightweight: bool,
        report: Report,
        progress: Callable[[], None],
    ) -> None:
        self._store = store
        self._session = session
        self._task = task
        self._data = data
        self._report = report
        self._progress = progress
        extras = orjson.loads(data.extras) if data.extras else {}
        self._unknown: dict[str, Any] | None = extras.get("backup")
        self._light = lightweight or data.storage == "cloud_storage"
        self._video = task.mode == "interpolation"
        self.own = self._unknown is None
        whole = self.own and not self._video
        self.start = 0 if whole else data.start_frame
        self.step = 1 if whole else read_step(data.frame_filter, "data.frame_filter")

    def record(self) -> dict[str, Any]:
        """The `data` of task.json."""
        data = self._data
        stop = data.size - 1 if self.own and not self._video else data.stop_frame
        record: dict[str, Any] = {
            "chunk_size": data.chunk_size or self._chunk_size(),
            "image_quality": data.image_quality,
            "start_frame": self.start,
            "stop_frame": stop,
        }
        if data.frame_filter and self.step > 1:
            record["frame_filter"] = data.frame_filter
        sorting = self._sorting_method()
        method = "cache" if self.own or sorting in MAPPED else data.storage_method
        record |= {
            "storage_method": method,
            "storage": "cloud_storage" if self._light else "local",
            "sorting_method": sorting,
            "chunk_type": data.chunk_type,
            "deleted_frames": orjson.loads(data.deleted_frames),
        }
        if data.custom_segments:
            record["custom_segments"] = True
        if data.validation_layout:
            record["validation_layout"] = orjson.loads(data.validation_layout)
        return record | (self._unknown or {})

    def _chunk_size(self) -> int:
        row = raw(self._session).execute(
            "SELECT width, height FROM frame WHERE data_id = ? AND number = 0", (self._data.id,)
        )
        return chunk_size_for(*(row.fetchone() or (0, 0)))

    def _sorting_method(self) -> str:
        if not self.own or self._data.custom_segments:
            return self._data.sorting_method
        if self._video:
            return "lexicographical"
        previous = ""
        for path in self._frame_paths():
            if path < previous:
                return "predefined"
            previous = path
        return "lexicographical"

    def _frame_paths(self) -> Iterator[str]:
        rows = raw(self._session).execute(
            "SELECT path FROM frame WHERE data_id = ? ORDER BY number", (self._data.id,)
        )
        return (row[0] for row in rows)

    def write(self, sink: Sink, folder: str) -> None:
        """Write ``data/`` below `folder`; raises BackupError when media are missing."""
        if self._light:
            self._write_manifest_only(sink, folder)
        elif self.own:
            self._write_used(sink, folder)
        else:
            self._write_as_they_came(sink, folder)

    def _files(self) -> Iterator[StoredFile]:
        rows = raw(self._session).execute(
            "SELECT f.path, f.kind, m.kind, m.sha256, m.path FROM data_file f"
            " LEFT JOIN media m ON m.id = f.media_id WHERE f.data_id = ? ORDER BY f.position",
            (self._data.id,),
        )
        for path, kind, media_kind, sha256, reference in rows:
            media = None
            if media_kind is not None:
                media = stored_media(self._store, media_kind, sha256, reference, path)
            yield StoredFile(path, kind, media)

    def _write_as_they_came(self, sink: Sink, folder: str) -> None:
        manifest = self._stored_manifest()
        for file in self._files():
            if file.kind != "index":
                self._add(sink, folder, file)
            elif manifest is not None:
                sink.write(f"{folder}data/{file.path}", index_of(manifest))

    def _stored_manifest(self) -> bytes | None:
        for file in self._files():
            if file.kind == "manifest" and file.media is not None:
                with file.media.open() as stream:
                    return stream.read()
        return None

    def _add(self, sink: Sink, folder: str, file: StoredFile) -> None:
        where = f"task #{self._task.id}: {file.path}"
        if file.media is None:
            raise BackupError(
                "the store has no bytes of it",
                where=where,
                hint="--lightweight backs up annotations and manifest without media",
            )
        try:
            sink.add_media(f"{folder}data/{file.path}", file.media)
        except FileNotFoundError as error:
            raise BackupError(
                "the file is gone", where=f"{where}: {error.filename}", hint="put it back"
            ) from error
        self._progress()

    def _write_used(self, sink: Sink, folder: str) -> None:
        used = dict.fromkeys(self._frame_paths())
        unused, manifest = 0, False
        for file in self._files():
            if self._video or file.kind == "related" or file.path in used:
                manifest = manifest or file.kind == "manifest"
                self._add(sink, folder, file)
            elif file.kind == "media":
                unused += 1
        if unused:
            self._report.dropped(
                "file", "outside start, stop and step", f"task #{self._task.id}", count=unused
            )
        if not self._video:
            sink.write(f"{folder}data/{MANIFEST}", self._made_manifest())

    def _write_manifest_only(self, sink: Sink, folder: str) -> None:
        manifest = self._stored_manifest()
        if manifest is None or (self.own and not self._video):
            manifest = self._made_manifest()
        sink.write(f"{folder}data/{MANIFEST}", manifest)
        left = sum(file.kind in ("media", "related") for file in self._files())
        if left:
            self._report.dropped(
                "media",
                "lightweight: attach the cloud storage that holds them after the restore",
                f"task #{self._task.id}",
                count=left,
            )

    def _made_manifest(self) -> bytes:
        rows = raw(self._session).execute(
            "SELECT path, width, height, extras FROM frame WHERE data_id = ? ORDER BY number",
            (self._data.id,),
        )
        if self._video:
            name = next((file.path for file in self._files() if file.kind == "media"), "")
            _, width, height, _ = rows.fetchone() or ("", 0, 0, None)
            return video_manifest(name, width, height, self._data.stop_frame + 1)
        frames: dict[str, tuple[str, int, int, list[str]]] = {}
        for path, width, height, extras in rows:
            related = orjson.loads(extras).get("related", []) if extras else []
            if extension(path) in CLOUD_EXTENSIONS:
                width = height = 0
            frames.setdefault(path, (path, width, height, related))
        return image_manifest(frames.values())
