"""The errors of `Response.raise_for_status`, under the names `requests` has for them."""

from __future__ import annotations

import sys
from json import JSONDecodeError as JSONDecodeError
from typing import Any

from localcvat.errors import LocalCvatError


class RequestException(LocalCvatError):
    """Any failure of a call."""


class ConnectionError(RequestException):
    """Never raised: nothing is connected to. Here so that scripts may catch it."""


class Timeout(RequestException):
    """Never raised, as `ConnectionError`."""


class HTTPError(RequestException):
    """An answer with a status of 400 or more; `response` is the answer."""

    def __init__(self, what: str, response: Any) -> None:
        super().__init__(what)
        self.response = response


def http_error(what: str, response: Any) -> HTTPError:
    """An HTTPError that is one of `requests` too when that is in use, so that either is caught."""
    theirs = getattr(sys.modules.get("requests"), "HTTPError", None)
    if theirs is None:
        return HTTPError(what, response)
    both: type[HTTPError] = type("HTTPError", (HTTPError, theirs), {"__init__": HTTPError.__init__})
    return both(what, response)
