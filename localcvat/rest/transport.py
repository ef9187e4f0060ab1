"""An httpx transport: ``httpx.Client(transport=Transport(store))`` talks to the store."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from localcvat.rest.calls import Call
from localcvat.rest.router import answer
from localcvat.rest.session import Session

CHUNK = 1 << 16


class _File(httpx.SyncByteStream):  # type: ignore[misc]
    """A result read from the disk piece by piece."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with open(self._path, "rb") as stream:
            while piece := stream.read(CHUNK):
                yield piece


class _Body(io.RawIOBase):
    """The pieces of a request body as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = piece
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size


class Transport(httpx.BaseTransport):  # type: ignore[misc]
    """Answers httpx requests from a store; takes what `Session` takes."""

    def __init__(self, store: Any = None, *, user: str | None = None) -> None:
        self._session = Session(store, user=user)

    def handle_request(self, request: Any) -> Any:
        """The response to a request; no socket is opened."""
        url = request.url
        call = Call(
            store=self._session.store,
            user_id=self._session.user_id,
            method=request.method,
            path=url.path,
            base=f"{url.scheme}://{url.netloc.decode('ascii')}",
            params=dict(url.params.multi_items()),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        call.stream = io.BufferedReader(_Body(iter(request.stream)))
        answered = answer(call)
        if answered.file is not None:
            return httpx.Response(
                answered.status, headers=answered.headers, stream=_File(answered.file)
            )
        headers = dict(answered.headers)
        headers.setdefault("Content-Type", "application/json")
        return httpx.Response(answered.status, headers=headers, content=answered.bytes())

    def close(self) -> None:
        """Close the store, if it was opened here."""
        self._session.close()
