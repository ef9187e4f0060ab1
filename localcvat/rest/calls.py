"""A call of the API and its answer, whatever front end they come from and go to."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import orjson

from localcvat.errors import LocalCvatError, NotFoundError, ValidationError
from localcvat.results import scratch
from localcvat.store.engine import Store

_UNSAFE = re.compile(r'[\x00-\x1f/:*?"<>|]')
MAX_ID = (1 << 63) - 1
TRUE = frozenset(("1", "true", "yes", "on", "t", "y"))


class ApiError(LocalCvatError):
    """An answer other than success: its status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Upload(msgspec.Struct):
    """A file of a multipart body: the form field, its file name, and an open binary stream."""

    field: str
    filename: str
    stream: IO[bytes]

    def local_path(self) -> str | None:
        """The path of the file on this disk if the stream is just that, whole; else None."""
        name = getattr(self.stream, "name", None)
        if not isinstance(name, str) or not os.path.isfile(name):
            return None
        try:
            return os.path.abspath(name) if self.stream.tell() == 0 else None
        except (OSError, ValueError):
            return None


class Call(msgspec.Struct, kw_only=True):
    """One request to the API.

    `base` is scheme and host of the URL, `params` the query (last value of each name), `form` the
    fields of a form body, `body` the bytes of any other one; a `stream` is yet to become either.
    """

    store: Store
    user_id: int
    method: str
    path: str
    base: str
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    form: dict[str, Any] | None = None
    uploads: list[Upload] = []
    body: bytes = b""
    stream: IO[bytes] | None = None

    def json(self) -> Any:
        """The body as a value: JSON, or the fields of a form; raises ApiError for bad JSON."""
        if self.form is not None:
            return dict(self.form)
        if not self.body:
            return {}
        try:
            return orjson.loads(self.body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise ApiError(400, {"detail": f"JSON parse error - {error}"}) from error

    def record(self) -> dict[str, Any]:
        """The body as an object; raises ValidationError for anything else."""
        value = self.json()
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise ValidationError(
                {"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}
            )
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the query."""
        text = self.params.get(name)
        return default if text is None else text.strip().lower() in TRUE

    def number(self, name: str) -> int | None:
        """An id of the query, None when absent; raises ValidationError for what is no id."""
        text = self.params.get(name)
        if not text:
            return None
        if not text.isascii() or not text.isdecimal() or int(text[:20]) > MAX_ID:
            raise ValidationError({name: ["A valid integer is required."]})
        return int(text)

    @property
    def organization(self) -> str | None:
        """The slug that `org` or X-Organization names, "" for none, None when not said."""
        named = self.params.get("org", self.headers.get("x-organization"))
        return named

    def url(self, path: str) -> str:
        """An absolute URL of the API."""
        return f"{self.base}/api/{path}"

    @contextmanager
    def saved(self, *fields: str) -> Iterator[tuple[str, str]]:
        """The uploaded file as (path, file name), copied to disk only if it is not there already.

        Raises ValidationError when no file came, in any of `fields` or at all.
        """
        named = [upload for upload in self.uploads if upload.field in fields] or self.uploads
        if not named:
            raise ValidationError({fields[0]: ["No file was submitted."]})
        with scratch(self.store, "upload") as folder:
            yield save(named[0], folder), named[0].filename


def save(upload: Upload, folder: Path) -> str:
    """The path of an upload on disk: where it is, or a copy in `folder`."""
    return upload.local_path() or keep(upload, folder)


def keep(upload: Upload, folder: Path) -> str:
    """The path of a copy of an upload in `folder`, under its own name, after those before it."""
    place = folder / str(len(os.listdir(folder)))
    place.mkdir()
    target = place / plain_name(upload.filename)
    with open(target, "xb") as stream:
        shutil.copyfileobj(upload.stream, stream)
    return str(target)


def plain_name(filename: str) -> str:
    """The last part of a file name that a client sent, as one that every file system takes."""
    name = _UNSAFE.sub("_", filename.replace("\\", "/").rpartition("/")[2]).strip(". ")
    return name[-100:] or "file"


class Answer(msgspec.Struct, kw_only=True):
    """What the API says: a JSON `body`, raw `content`, or a `file` of this machine."""

    status: int = 200
    body: Any = msgspec.UNSET
    content: bytes | None = None
    file: Path | None = None
    headers: dict[str, str] = {}

    def bytes(self) -> bytes:
        """The whole content."""
        if self.file is not None:
            return self.file.read_bytes()
        if self.content is not None:
            return self.content
        return b"" if self.body is msgspec.UNSET else encoded(self.body)


def encoded(value: Any) -> bytes:
    """JSON as the API sends it."""
    return orjson.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def row_id(text: str) -> int:
    """An id in a path; raises NotFoundError for numbers no row can have."""
    if len(text) > 18:
        raise NotFoundError(f"no #{text[:20]}…")
    return int(text)
