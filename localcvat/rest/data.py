"""The data of tasks and jobs: uploaded, described, shown."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from localcvat.errors import LocalCvatError, NotFoundError, ValidationError
from localcvat.fields import Choice, Field, Flag, Integer, ListOf, Record, Refused, Text, checked
from localcvat.frames import DataMeta, frame_bytes, job_meta, set_deleted_frames, task_meta
from localcvat.jobs import get_job
from localcvat.listing import ListQuery
from localcvat.preview import preview
from localcvat.requests import (
    Outcome,
    Request,
    RequestSpec,
    list_requests,
    perform,
    queue_request,
    read_request,
)
from localcvat.rest import tus
from localcvat.rest.calls import Answer, ApiError, Call, Upload, keep, row_id, save
from localcvat.results import UPLOADS, scratch
from localcvat.schemas import MAX_FRAME, SORTING_METHODS
from localcvat.store.engine import raw
from localcvat.task_media import TaskFile, local_files
from localcvat.task_views import read_task_view
from localcvat.tasks import TaskOptions, attach_data

_STEP = re.compile(r"step\s*=\s*([1-9]\d{0,9})", re.ASCII)
_INDEXED = re.compile(r"(\w+)\[(\d*)\]", re.ASCII)
SERVER_FILES = "{} are on a server, which is not here: send the files themselves as client_files"


class FrameFilter(Text, kw_only=True):
    """``step=N``, anywhere in the text."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text and _STEP.search(text) is None:
            raise Refused(["Invalid frame filter expression"])
        return text


def _ordered_frames(body: dict[str, Any]) -> None:
    start, stop = body.get("start_frame") or 0, body.get("stop_frame")
    if stop is not None and stop < start:
        raise Refused({"non_field_errors": ["Stop frame must be more or equal start frame"]})


_NAMES = ListOf(child=Text(max_length=1024))
_FLAGS: dict[str, Field] = {name: Flag() for name in ("use_zip_chunks", "use_cache", "copy_data")}
DATA = Record(
    fields={
        "image_quality": Integer(required=True, minimum=0, maximum=100),
        "chunk_size": Integer(null=True, minimum=1, maximum=MAX_FRAME),
        "start_frame": Integer(minimum=0, maximum=MAX_FRAME),
        "stop_frame": Integer(minimum=0, maximum=MAX_FRAME),
        "frame_filter": FrameFilter(blank=True, max_length=256),
        "sorting_method": Choice(choices=SORTING_METHODS),
        "server_files": _NAMES,
        "remote_files": _NAMES,
        "job_file_mapping": ListOf(child=_NAMES),
        **_FLAGS,
    },
    rule=_ordered_frames,
)

_META = Record(fields={"deleted_frames": ListOf(child=Integer(minimum=0))})
PLACEHOLDER = "placeholder.jpg"


def upload(call: Call, task_id: str) -> Answer:
    """POST: the files and how to cut them; a failure shows in the task's status, as in CVAT.

    Files may come in several calls, the first with a header Upload-Start, the others with
    Upload-Multiple, the last with Upload-Finish and the rest of the fields.
    """
    number = row_id(task_id)
    task = read_task_view(call.store, number)
    if "upload-start" in call.headers and "upload-finish" not in call.headers:
        shutil.rmtree(_pending(call, number), ignore_errors=True)
        return Answer(status=202, body={})
    if "upload-length" in call.headers:
        return tus.begin(call)
    if "upload-multiple" in call.headers:
        _pending(call, number).mkdir(exist_ok=True)
        for sent in call.uploads:
            keep(sent, _pending(call, number))
        return Answer(status=200, body={})
    if "upload-finish" in call.headers:
        tus.collect(call, _pending(call, number))
    body = checked(DATA, _gathered(call.record()))
    if task.data is not None:
        raise ValidationError(["Adding more data is not supported"])
    spec = RequestSpec(
        action="create",
        target="task",
        subresource="task",
        task_id=number,
        owner_id=call.user_id,
    )
    rq_id = queue_request(call.store, spec)
    with suppress(Exception):  # recorded: the status tells
        perform(call.store, rq_id, lambda _: _attach(call, number, body))
    sent_any = call.uploads or _pending(call, number).exists()
    shutil.rmtree(_pending(call, number), ignore_errors=True)
    shown = _shown(call, body)
    return Answer(status=202, body=shown | ({"rq_id": rq_id} if sent_any else {}))


def _pending(call: Call, task_id: int) -> Path:
    """Where the files of an upload in several calls wait."""
    return call.store.path / "exports" / f"{UPLOADS}{task_id}"


def _attach(call: Call, task_id: int, body: dict[str, Any]) -> Outcome:
    with scratch(call.store, "upload") as folder:
        try:
            files = _files(call, task_id, body, folder)
            attach_data(call.store, task_id, files, _options(body))
        except LocalCvatError as error:
            # The user sent a file by its name, and knows nothing of where it lies meanwhile.
            error.where = error.where.replace(f"{folder}/", "").partition("/")[2] or error.where
            raise
    return Outcome(result_id=task_id)


def _files(call: Call, task_id: int, body: dict[str, Any], folder: Path) -> list[TaskFile]:
    waiting = sorted(_pending(call, task_id).glob("*/*"), key=lambda path: int(path.parent.name))
    files = [file for path in waiting for file in local_files([str(path)])]
    files += [file for sent in call.uploads for file in _sent_files(sent, folder)]
    for name in ("server_files", "remote_files"):
        if body.get(name) and not files:
            raise ValidationError({name: [SERVER_FILES.format(name)]})
    if not files:
        raise ValidationError(["No media data found"])
    return files


def _sent_files(sent: Upload, folder: Path) -> list[TaskFile]:
    """The media of one upload; a single file keeps the name it was sent under."""
    path = save(sent, folder)
    files = local_files([path])
    if len(files) == 1 and files[0].path == os.path.basename(path):
        files[0].path = sent.filename.replace("\\", "/").rpartition("/")[2]
    return files


def _options(body: dict[str, Any]) -> TaskOptions:
    step = _STEP.search(body.get("frame_filter", ""))
    return TaskOptions(
        start_frame=body.get("start_frame", 0),
        stop_frame=body.get("stop_frame"),
        step=int(step[1]) if step else 1,
        sorting_method=body.get("sorting_method", "lexicographical"),
        image_quality=body["image_quality"],
        chunk_size=body.get("chunk_size"),
        use_zip_chunks=body.get("use_zip_chunks", False),
        job_file_mapping=body.get("job_file_mapping"),
    )


def _gathered(body: dict[str, Any]) -> dict[str, Any]:
    """Form fields ``name[0]``, ``name[1]`` as lists."""
    gathered: dict[str, Any] = {}
    for name, value in body.items():
        indexed = _INDEXED.fullmatch(name)
        if indexed is None:
            gathered[name] = value
        else:
            known = gathered.setdefault(indexed[1], [])
            if isinstance(known, list):
                known.extend(value if isinstance(value, list) else [value])
    return gathered


def _shown(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "chunk_size": body.get("chunk_size"),
        "image_quality": body["image_quality"],
        "start_frame": body.get("start_frame", 0),
        "stop_frame": body.get("stop_frame", 0),
        "frame_filter": body.get("frame_filter", ""),
        "client_files": [{"file": sent.filename} for sent in call.uploads],
        "server_files": body.get("server_files", []),
        "remote_files": body.get("remote_files", []),
        "use_zip_chunks": body.get("use_zip_chunks", False),
        "server_files_exclude": [],
        "use_cache": body.get("use_cache", False),
        "copy_data": body.get("copy_data", False),
        "storage_method": "file_system",
        "storage": "local",
        "sorting_method": body.get("sorting_method", "lexicographical"),
        "filename_pattern": None,
    }


def status(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID/status: how the upload ended."""
    task = read_task_view(call.store, row_id(task_id))
    found = _creation(call, task.id)
    if task.data is None and found is not None and found.status == "failed":
        body = {"state": "Failed", "message": found.message, "progress": 0.0}
    elif task.data is None:
        body = {"state": "Unknown", "message": "", "progress": 0.0}
    else:
        body = {"state": "Finished", "message": "", "progress": 1.0}
    return Answer(body=body)


def _creation(call: Call, task_id: int) -> Request | None:
    wanted = ListQuery(where={"action": "create", "task_id": task_id}, page_size=1)
    found = list_requests(call.store, wanted).results
    return read_request(call.store, found[0].id) if found else None


def of_task(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID/data?type=frame|preview&number=N&quality=original|compressed."""
    number = row_id(task_id)
    kind = call.params.get("type", "")
    if kind == "preview":
        return task_preview(call, task_id)
    if kind != "frame":
        raise ApiError(400, [f"{kind!r} data are not kept: ask for type=frame"])
    frame = call.number("number")
    if frame is None:
        raise ApiError(400, ["The parameter 'number' should be specified"])
    quality = call.params.get("quality", "compressed")
    if quality == "original":
        data = frame_bytes(call.store, number, frame, "original")
        return Answer(content=data, headers={"Content-Type": _picture_type(data)})
    data = frame_bytes(call.store, number, frame, "compressed")
    return Answer(content=data, headers={"Content-Type": "image/jpeg"})


def of_job(call: Call, job_id: str) -> Answer:
    """GET /jobs/ID/data."""
    return of_task(call, str(get_job(call.store, row_id(job_id)).task_id))


def _picture_type(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def meta_of_task(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID/data/meta."""
    number = row_id(task_id)
    return Answer(body=_meta(task_meta(call.store, number), _video(call, number)))


def meta_of_job(call: Call, job_id: str) -> Answer:
    """GET /jobs/ID/data/meta."""
    number = row_id(job_id)
    meta = job_meta(call.store, number)
    job = get_job(call.store, number)
    if meta.included_frames is not None:
        # A ground-truth job: CVAT keeps the places of the frames it leaves out.
        chosen = set(meta.included_frames)
        meta.size = len(chosen)
        for frame, info in enumerate(meta.frames, job.start_frame):
            if frame not in chosen:
                info.name, info.related_files = PLACEHOLDER, 0
    return Answer(body=_meta(meta, _video(call, job.task_id)))


def change_meta(call: Call, task_id: str) -> Answer:
    """PATCH /tasks/ID/data/meta: which frames are deleted."""
    body = checked(_META, call.record())
    if "deleted_frames" in body:
        set_deleted_frames(call.store, row_id(task_id), body["deleted_frames"])
    return meta_of_task(call, task_id)


def change_job_meta(call: Call, job_id: str) -> Answer:
    """PATCH /jobs/ID/data/meta: which frames of the job are deleted; the task's others stay."""
    body = checked(_META, call.record())
    job = get_job(call.store, row_id(job_id))
    if "deleted_frames" in body:
        mine = range(job.start_frame, job.stop_frame + 1)
        known = task_meta(call.store, job.task_id).deleted_frames
        kept = [frame for frame in known if frame not in mine]
        new = [frame for frame in body["deleted_frames"] if frame in mine]
        set_deleted_frames(call.store, job.task_id, kept + new)
    return meta_of_job(call, job_id)


def _video(call: Call, task_id: int) -> str | None:
    """The name of the video that a task is of, None for images."""
    with call.store.read() as session:
        row = (
            raw(session)
            .execute(
                "SELECT f.path FROM task t JOIN data d ON d.id = t.data_id JOIN data_file f"
                " ON f.data_id = d.id WHERE t.id = ? AND t.mode = 'interpolation'"
                " AND d.original_chunk_type = 'video' AND f.kind = 'media' LIMIT 1",
                (task_id,),
            )
            .fetchone()
        )
    return None if row is None else str(row[0])


def _meta(meta: DataMeta, video: str | None) -> dict[str, Any]:
    """``data/meta``; a video is one file, whatever the number of its frames."""
    frames = [
        {
            "name": video or frame.name,
            "width": frame.width,
            "height": frame.height,
            "related_files": frame.related_files,
            "has_related_context": frame.related_files > 0,
        }
        for frame in (meta.frames if video is None else meta.frames[:1])
    ]
    return {
        "chunk_size": meta.chunk_size,
        "size": meta.size,
        "image_quality": meta.image_quality,
        "start_frame": meta.start_frame,
        "stop_frame": meta.stop_frame,
        "frame_filter": meta.frame_filter,
        "frames": frames,
        "deleted_frames": meta.deleted_frames,
        "included_frames": meta.included_frames,
    }


def project_preview(call: Call, project_id: str) -> Answer:
    """GET /projects/ID/preview."""
    return _preview(call, "project", project_id, "Project image preview not found")


def task_preview(call: Call, task_id: str) -> Answer:
    """GET /tasks/ID/preview."""
    return _preview(call, "task", task_id, "Not found.")


def job_preview(call: Call, job_id: str) -> Answer:
    """GET /jobs/ID/preview."""
    return _preview(call, "job", job_id, "Not found.")


def _preview(call: Call, noun: str, text: str, missing: str) -> Answer:
    try:
        data = preview(call.store, noun, row_id(text))
    except NotFoundError as error:
        raise ApiError(404, {"detail": missing}) from error
    return Answer(content=data, headers={"Content-Type": "image/jpeg"})
