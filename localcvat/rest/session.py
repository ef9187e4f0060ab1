"""`Session`: what a script written with `requests` calls, answered in the process.

``import localcvat.rest as requests`` is the one line to change in a script against CVAT: URLs of
any host are answered by the store, headers for authentication are taken and ignored.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from localcvat.rest.calls import Answer, Call, Upload
from localcvat.rest.exceptions import http_error
from localcvat.rest.multipart import form_of
from localcvat.rest.router import answer
from localcvat.store.engine import Store, find_store
from localcvat.users import user_id_of, user_name, user_named

DEFAULT_BASE = "http://localhost"
CHUNK = 1 << 16


class Headers(dict[str, str]):
    """Headers, found in any case."""

    def __init__(self, values: Mapping[str, str] = {}) -> None:
        super().__init__()
        for name, value in values.items():
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        for known in self:
            if known.lower() == name.lower():
                super().__delitem__(known)
                break
        super().__setitem__(name, value)

    def __getitem__(self, name: str) -> str:
        for known, value in self.items():
            if known.lower() == name.lower():
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(known.lower() == name.lower() for known in self)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class Response:
    """An answer with the shape of `requests.Response`."""

    encoding = "utf-8"

    def __init__(self, answered: Answer, method: str, url: str) -> None:
        self._answered = answered
        self._content: bytes | None = None
        self.method = method
        self.url = url
        self.status_code = answered.status
        self.reason = HTTPStatus(answered.status).phrase
        self.history: list[Response] = []
        self.headers = Headers(answered.headers)
        if answered.file is None and answered.content is None:
            self.headers.setdefault("Content-Type", "application/json")

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    def __bool__(self) -> bool:
        return self.ok

    @property
    def content(self) -> bytes:
        """The whole body."""
        if self._content is None:
            self._content = self._answered.bytes()
        return self._content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def raw(self) -> IO[bytes]:
        """A binary stream over the body."""
        if self._answered.file is not None:
            return open(self._answered.file, "rb")
        return io.BytesIO(self.content)

    def json(self, **_: Any) -> Any:
        """The body as a value; raises ValueError when it is no JSON."""
        return orjson.loads(self.content)

    def iter_content(self, chunk_size: int | None = CHUNK, **_: Any) -> Iterator[bytes]:
        """The body in pieces."""
        with self.raw as stream:
            while piece := stream.read(chunk_size or CHUNK):
                yield piece

    def iter_lines(self, **_: Any) -> Iterator[bytes]:
        """The body line by line."""
        with self.raw as stream:
            for line in stream:
                yield line.rstrip(b"\r\n")

    def raise_for_status(self) -> None:
        """Raise HTTPError for a status of 400 or more."""
        if self.ok:
            return
        side = "Client" if self.status_code < 500 else "Server"
        text = f"{self.status_code} {side} Error: {self.reason} for url: {self.url}"
        raise http_error(text, self)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class Session:
    """Calls of the API on a store: an open one, its directory, or the one of this folder.

    `user` names the requester (made if needed); without it that is the user of this machine.
    """

    def __init__(
        self, store: Store | str | os.PathLike[str] | None = None, *, user: str | None = None
    ) -> None:
        self._own = not isinstance(store, Store)
        self.store = store if isinstance(store, Store) else Store.open(find_store(store))
        self.headers = Headers()
        self.params: dict[str, Any] = {}
        self.auth: Any = None
        self.verify = True
        self.cookies: dict[str, str] = {}
        self._user = user
        self._user_id: int | None = None

    @property
    def user_id(self) -> int:
        """The id of the requester; 0 in a store that can't be written and does not know them."""
        if self._user_id is None:
            name = self._user or user_name()
            with self.store.read() as session:
                self._user_id = user_id_of(session, name)
        if self._user_id is None and self.store.readonly:
            return 0
        if self._user_id is None:
            with self.store.write() as session:
                self._user_id = int(user_named(session, name).id or 0)
        return self._user_id

    def request(
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Mapping[str, Any] | None = None,
        cookies: Any = None,
        files: Any = None,
        auth: Any = None,
        timeout: Any = None,
        allow_redirects: bool = True,
        proxies: Any = None,
        hooks: Any = None,
        stream: bool | None = None,
        verify: Any = None,
        cert: Any = None,
        json: Any = None,
    ) -> Response:
        """One call, with the arguments of `requests`; those about the network mean nothing here."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        query |= _query(self.params) | _query(params)
        sent = {name.lower(): str(value) for name, value in self.headers.items()}
        sent |= {name.lower(): str(value) for name, value in (headers or {}).items()}
        call = Call(
            store=self.store,
            user_id=self.user_id,
            method=method.upper(),
            path=_path(parts.path),
            base=f"{parts.scheme}://{parts.netloc}" if parts.netloc else DEFAULT_BASE,
            params=query,
            headers=sent,
        )
        _fill_body(call, data, files, json)
        return Response(answer(call), method.upper(), url)

    def get(self, url: str, params: Any = None, **kwargs: Any) -> Response:
        """GET."""
        return self.request("GET", url, params=params, **kwargs)

    def head(self, url: str, **kwargs: Any) -> Response:
        """HEAD."""
        return self.request("HEAD", url, **kwargs)

    def options(self, url: str, **kwargs: Any) -> Response:
        """OPTIONS."""
        return self.request("OPTIONS", url, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Response:
        """POST."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, **kwargs: Any) -> Response:
        """PUT."""
        return self.request("PUT", url, data=data, **kwargs)

    def patch(self, url: str, data: Any = None, **kwargs: Any) -> Response:
        """PATCH."""
        return self.request("PATCH", url, data=data, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> Response:
        """DELETE."""
        return self.request("DELETE", url, **kwargs)

    def close(self) -> None:
        """Close the store, if the session opened it."""
        if self._own:
            self.store.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _path(path: str) -> str:
    """The path from ``/api/`` on; a missing leading part is added."""
    whole = "/" + unquote(path).lstrip("/")
    found = whole.find("/api/")
    return whole[found:] if found >= 0 else whole


def _query(params: Any) -> dict[str, str]:
    if params is None:
        return {}
    if isinstance(params, (str, bytes)):
        text = params.decode() if isinstance(params, bytes) else params
        return dict(parse_qsl(text, keep_blank_values=True))
    pairs: Iterable[tuple[Any, Any]] = params.items() if isinstance(params, Mapping) else params
    found: dict[str, str] = {}
    for name, value in pairs:
        if isinstance(value, (list, tuple)):
            value = value[-1] if value else None
        if value is not None:
            found[str(name)] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def _fill_body(call: Call, data: Any, files: Any, json: Any) -> None:
    if files:
        call.form = form_of(data)
        call.uploads = list(_uploads(files))
    elif json is not None and not data:
        call.body = json if isinstance(json, bytes) else _json_bytes(json)
    elif isinstance(data, (str, bytes)):
        call.stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    elif hasattr(data, "read"):
        content = data.read()
        call.stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    elif data:
        call.form = form_of(data)


def _json_bytes(value: Any) -> bytes:
    import json

    # Python's writer, as `requests` uses: it takes any key and NaN, which the reader then judges.
    return json.dumps(value).encode()


def _uploads(files: Any) -> Iterator[Upload]:
    pairs: Iterable[tuple[str, Any]] = files.items() if isinstance(files, Mapping) else files
    for field, value in pairs:
        name: str | None = None
        if isinstance(value, tuple):
            name, value = value[0], value[1]
        if isinstance(value, str):
            value = value.encode()
        stream = io.BytesIO(value) if isinstance(value, (bytes, bytearray)) else value
        own = getattr(stream, "name", None)
        if name is None:
            name = os.path.basename(own) if isinstance(own, str) else field
        yield Upload(field, name, stream)
