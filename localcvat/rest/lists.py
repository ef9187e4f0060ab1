"""List parameters of a call, and the body of a page (formats specification, section 12.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from localcvat.listing import ListQuery, Page
from localcvat.query import page_size
from localcvat.rest.calls import Answer, Call

RESERVED = frozenset(("page", "page_size", "sort", "filter", "search", "org", "org_id"))
LAST = -1
NO_PAGE = 0


def list_query(call: Call) -> ListQuery:
    """The list a call asks for; only what CVAT's REST knows of JSON Logic."""
    params = call.params
    return ListQuery(
        where={name: value for name, value in params.items() if name not in RESERVED},
        search=params.get("search", ""),
        filter=params.get("filter", ""),
        sort=params.get("sort", ""),
        org=call.organization,
        page=_page(params.get("page", "1")),
        page_size=page_size(params.get("page_size")),
        extended=False,
    )


def _page(text: str) -> int:
    if text == "last":
        return LAST
    try:
        number = int(text) if len(text) < 19 else NO_PAGE
    except ValueError:
        return NO_PAGE
    return number if number > 0 else NO_PAGE


def page_answer(call: Call, page: Page[Any], body: Callable[[Call, Any], Any]) -> Answer:
    """A page as CVAT sends it, with the URLs of its neighbours."""
    following = page.page + 1 if page.page < page.last else None
    previous = page.page - 1 if page.page > 1 else None
    return Answer(
        body={
            "count": page.count,
            "next": _page_url(call, following),
            "previous": _page_url(call, previous),
            "results": [body(call, result) for result in page.results],
        }
    )


def _page_url(call: Call, number: int | None) -> str | None:
    if number is None:
        return None
    params = {name: value for name, value in call.params.items() if name != "page"}
    if number > 1:
        params["page"] = str(number)
    query = urlencode(sorted(params.items()))
    address = call.base + call.path
    return f"{address}?{query}" if query else address
