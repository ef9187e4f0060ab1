"""Bodies of ``multipart/form-data``, taken apart from a stream; files go to temporary files."""

from __future__ import annotations

import re
import tempfile
from email.message import Message
from typing import IO, Any

from localcvat.rest.calls import ApiError, Upload

SPOOLED = 1 << 20
CHUNK = 1 << 18
MAX_HEADERS = 1 << 16
_UNSAFE = re.compile(r"[\x00-\x1f]")


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
            text = parts.read(tempfile.SpooledTemporaryFile(SPOOLED)).read().decode("utf-8")
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
        first = target is not None
        while (end := self._held.find(self._delimiter)) < 0:
            keep = len(self._delimiter)
            if len(self._held) > keep:
                first = self._write(target, self._held[:-keep], first)
                self._held = self._held[-keep:]
            if not self._fill():
                raise _broken("a part without an end")
        self._write(target, self._held[:end], first)
        self._held = self._held[end + len(self._delimiter) :]
        if target is not None:
            target.seek(0)
        return target

    def _write(self, target: Any, piece: bytes, first: bool) -> bool:
        if target is not None and piece:
            # The line end after the headers was left, so that an empty part ends like any other.
            target.write(piece[2:] if first else piece)
            return False
        return first
