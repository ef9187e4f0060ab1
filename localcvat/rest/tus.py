"""Files sent in pieces, as cvat-sdk sends datasets, annotations, backups and data (tus 1.0).

A call with Upload-Start; a POST with Upload-Length, which names the place of the file; a PATCH with
Upload-Offset for each piece, a HEAD to ask how far it is; a call with Upload-Finish, which is
answered as if the file had come with it. Files that nobody finishes go after a day.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from localcvat.rest.calls import Answer, ApiError, Call, Upload, plain_name
from localcvat.results import UPLOADS

VERSION = {"Tus-Resumable": "1.0.0"}
TOKEN = "([0-9a-f]{32})"
NOTE, CONTENT = "note.json", "content"
LARGEST = 1 << 50
Handler = Callable[..., Answer]


class Note(msgspec.Struct):
    """What is known of a file under way: where it was announced, by whom, its name and length."""

    path: str
    user_id: int
    filename: str
    length: int


def resumable(handler: Handler) -> Handler:
    """A handler of uploaded files that takes them in pieces as well."""

    def answer(call: Call, *parts: str) -> Answer:
        if "upload-length" in call.headers:
            return begin(call)
        if "upload-start" in call.headers:
            return Answer(status=202, body={})
        if "upload-finish" not in call.headers:
            return handler(call, *parts)
        wanted = call.params.pop("filename", None)
        sent = [f for f in _sent(call) if wanted in (None, _note(f).filename)]
        if not sent:
            raise ApiError(400, [f"no file {wanted!r} was sent"])
        newest = max(sent, key=lambda folder: folder.stat().st_mtime_ns)
        with open(_content(newest), "rb") as stream:
            call.uploads = [Upload("file", _note(newest).filename, stream)]
            answered = handler(call, *parts)
        for folder in sent:
            shutil.rmtree(folder, ignore_errors=True)
        return answered

    return answer


def begin(call: Call) -> Answer:
    """POST with Upload-Length and Upload-Metadata: where the pieces go."""
    length = _number(call, "upload-length")
    filename = plain_name(_metadata(call).get("filename", "file"))
    token = uuid.uuid4().hex
    folder = _folder(call, token)
    (folder / CONTENT).mkdir(parents=True)
    _content(folder, filename).touch()
    note = Note(call.path.rstrip("/"), call.user_id, filename, length)
    (folder / NOTE).write_bytes(msgspec.json.encode(note))
    headers = {"Location": f"{call.base}{call.path.rstrip('/')}/{token}"}
    return Answer(status=201, headers={**headers, "Upload-Filename": filename, **VERSION})


def state(call: Call, *parts: str) -> Answer:
    """HEAD: how much has come."""
    folder = _known(call, parts[-1])
    return Answer(status=200, headers=_offset(folder), content=b"")


def append(call: Call, *parts: str) -> Answer:
    """PATCH with Upload-Offset: the next piece; another offset is a conflict and says which."""
    folder = _known(call, parts[-1])
    note, content = _note(folder), _content(folder)
    size = content.stat().st_size
    if _number(call, "upload-offset") != size:
        return Answer(status=409, headers=_offset(folder), body=["another offset is awaited"])
    if size + len(call.body) > note.length:
        raise ApiError(413, ["more bytes than Upload-Length said"])
    with open(content, "ab") as stream:
        stream.write(call.body)
    return Answer(status=204, headers=_offset(folder), content=b"")


def collect(call: Call, folder: Path) -> None:
    """Move the files that were sent whole to the path of `call` into `folder`, in their order."""
    for sent in sorted(_sent(call), key=lambda each: (each / NOTE).stat().st_mtime_ns):
        folder.mkdir(exist_ok=True)
        place = folder / str(len(os.listdir(folder)))
        place.mkdir()
        os.replace(_content(sent), place / _note(sent).filename)
        shutil.rmtree(sent, ignore_errors=True)


def _sent(call: Call) -> list[Path]:
    """The files that came whole for this path, of this user."""
    return [
        folder
        for folder in _folders(call)
        if (note := _note(folder)).path == call.path.rstrip("/")
        and note.user_id == call.user_id
        and _content(folder).stat().st_size == note.length
    ]


def _folders(call: Call) -> Iterator[Path]:
    found = (call.store.path / "exports").glob(f"{UPLOADS}tus-*")
    return (folder for folder in found if (folder / NOTE).exists())


def _folder(call: Call, token: str) -> Path:
    return call.store.path / "exports" / f"{UPLOADS}tus-{token}"


def _known(call: Call, token: str) -> Path:
    folder = _folder(call, token)
    path = call.path.rstrip("/").rpartition("/")[0]
    if not (folder / NOTE).exists() or _note(folder).path != path:
        raise ApiError(404, {"detail": "Not found."})
    return folder


def _note(folder: Path) -> Note:
    return msgspec.json.decode((folder / NOTE).read_bytes(), type=Note)


def _content(folder: Path, filename: str | None = None) -> Path:
    return folder / CONTENT / (filename if filename is not None else _note(folder).filename)


def _offset(folder: Path) -> dict[str, str]:
    length, size = _note(folder).length, _content(folder).stat().st_size
    return {"Upload-Offset": str(size), "Upload-Length": str(length), **VERSION}


def _number(call: Call, header: str) -> int:
    text = call.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and int(text[:20]) < LARGEST):
        raise ApiError(400, [f"{header} is no number of bytes"])
    return int(text)


def _metadata(call: Call) -> dict[str, str]:
    """Upload-Metadata: names, each with a value in base64."""
    found: dict[str, str] = {}
    for pair in call.headers.get("upload-metadata", "").split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ApiError(400, [f"Upload-Metadata: {name[:40]!r} is not in base64"]) from error
    return found
