"""Bodies of ``multipart/form-data``, taken apart from a stream; files go to temporary files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import IO, Any
from urllib.parse import parse_qsl

from localcvat.rest.calls import ApiError, Call, Upload

SPOOLED = 1 << 20
CHUNK = 1 << 18
MAX_HEADERS = 1 << 16
_UNSAFE = re.compile(r"[\x00-\x1f]")


def read_body(call: Call) -> None:
    """Take the body's stream: a form as its Content-Type says, anything else as bytes.

    Raises ApiError for a broken form.
    """
    if call.stream is None:
        return
    kind = call.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        call.form, call.uploads = read_multipart(call.stream, kind)
    elif kind.startswith("application/x-www-form-urlencoded"):
        text = call.stream.read().decode("utf-8", "replace")
        call.form = form_of(parse_qsl(text, keep_blank_values=True))
    else:
        call.body = call.stream.read()


def form_of(data: Any) -> dict[str, Any]:
    """Form fields of pairs or a mapping; a name that comes several times is a list."""
    if isinstance(data, (str, bytes)):
        data = parse_qsl(data if isinstance(data, str) else data.decode("utf-8", "replace"))
    pairs: Iterable[tuple[Any, Any]] = data.items() if isinstance(data, Mapping) else data or ()
    form: dict[str, Any] = {}
    for name, value in pairs:
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is None:
                continue
            text = each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
            form[name] = [*_listed(form[name]), text] if name in form else text
    return form


def read_multipart(stream: IO[bytes], content_type: str) -> tuple[dict[str, Any], list[Upload]]:
    """The fields and the files of a body; raises ApiError for a broken one."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise _broken("Invalid boundary")
    parts = _Parts(stream, boundary.encode("latin-1"))
    form: dict[str, Any] = {}
    uploads: list[Upload] = []
    while parts.more():
        name, filename = _names(parts.headers())
        if filename is None:
            text = (
                parts.read(tempfile.SpooledTemporaryFile(SPOOLED)).read().decode("utf-8", "replace")
            )
            known = form.get(name)
            form[name] = text if known is None else [*_listed(known), text]
        else:
            content = parts.read(tempfile.SpooledTemporaryFile(SPOOLED))
            uploads.append(Upload(name, filename, content))
    return form, uploads


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _broken(why: str) -> ApiError:
    return ApiError(400, {"detail": f"Multipart form parse error - {why}"})


def _names(headers: bytes) -> tuple[str, str | None]:
    for line in headers.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            message = Message()
            message["Content-Disposition"] = _UNSAFE.sub("", value.strip())
            name = message.get_param("name", header="Content-Disposition")
            filename = message.get_filename()
            if isinstance(name, str):
                return name, filename
    raise _broken("a part without a name")


class _Parts:
    """Reads the parts of a body one after the other, holding a piece of it at a time."""

    def __init__(self, stream: IO[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._delimiter = b"\r\n--" + boundary
        self._held = b"\r\n"
        self.read(None)

    def _fill(self) -> bool:
        piece = self._stream.read(CHUNK)
        self._held += piece
        return bool(piece)

    def more(self) -> bool:
        """Whether a part follows the delimiter just read."""
        while len(self._held) < 2 and self._fill():
            pass
        if self._held.startswith(b"--"):
            return False
        if not self._held.startswith(b"\r\n"):
            raise _broken("a delimiter without a line end")
        self._held = self._held[2:]
        return True

    def headers(self) -> bytes:
        """The header lines of the part."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > MAX_HEADERS or not self._fill():
                raise _broken("headers without an end")
        found, self._held = self._held[:end], self._held[end + 2 :]
        return found

    def read(self, target: Any) -> Any:
        """Copy what comes before the next delimiter to `target`, skip it when None."""
        # The line end after the headers was left, so that an empty part ends like any other.
        self._skipped = 2 if target is not None else 0
        while (end := self._held.find(self._delimiter)) < 0:
            keep = len(self._delimiter)
            if len(self._held) > keep:
                self._write(target, self._held[:-keep])
                self._held = self._held[-keep:]
            if not self._fill():
                raise _broken("a part without an end")
        self._write(target, self._held[:end])
        self._held = self._held[end + len(self._delimiter) :]
        if target is not None:
            target.seek(0)
        return target

    def _write(self, target: Any, piece: bytes) -> None:
        if target is not None:
            target.write(piece[self._skipped :])
            self._skipped = max(0, self._skipped - len(piece))
