"""CVAT's REST API in the process: requests answered without a server or a socket.

``Session(store)`` has the methods of `requests.Session`; ``get``, ``post`` and so on use the store
of this folder, so that ``import localcvat.rest as requests`` is all a script needs.
``Transport(store)`` is one for `httpx.Client`.
"""

from __future__ import annotations

from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from localcvat.rest import exceptions
from localcvat.rest.exceptions import ConnectionError, HTTPError, RequestException, Timeout
from localcvat.rest.session import Response, Session

if TYPE_CHECKING:
    from localcvat.rest.transport import Transport

codes = SimpleNamespace(**{status.name.lower(): int(status) for status in HTTPStatus})

__all__ = [
    "ConnectionError",
    "HTTPError",
    "RequestException",
    "Response",
    "Session",
    "Timeout",
    "Transport",
    "codes",
    "delete",
    "exceptions",
    "get",
    "head",
    "patch",
    "post",
    "put",
    "request",
]


def __getattr__(name: str) -> Any:
    if name == "Transport":
        from localcvat.rest.transport import Transport

        return Transport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def request(method: str, url: str, **kwargs: Any) -> Response:
    """One call on the store of this folder, as `requests.request`."""
    with Session() as session:
        return session.request(method, url, **kwargs)


def get(url: str, params: Any = None, **kwargs: Any) -> Response:
    """GET."""
    return request("GET", url, params=params, **kwargs)


def head(url: str, **kwargs: Any) -> Response:
    """HEAD."""
    return request("HEAD", url, **kwargs)


def post(url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Response:
    """POST."""
    return request("POST", url, data=data, json=json, **kwargs)


def put(url: str, data: Any = None, **kwargs: Any) -> Response:
    """PUT."""
    return request("PUT", url, data=data, **kwargs)


def patch(url: str, data: Any = None, **kwargs: Any) -> Response:
    """PATCH."""
    return request("PATCH", url, data=data, **kwargs)


def delete(url: str, **kwargs: Any) -> Response:
    """DELETE."""
    return request("DELETE", url, **kwargs)
