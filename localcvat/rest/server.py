"""``/api/server``: what this is and which formats there are."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from localcvat.plugin import Format, all_formats
from localcvat.rest.calls import Answer, Call
from localcvat.rest.lists import list_query


def about(call: Call) -> Answer:
    """GET /server/about."""
    return Answer(
        body={
            "name": "localcvat",
            "description": "CVAT projects without the server",
            "version": version("localcvat"),
            "logo_url": "",
            "subtitle": "",
        }
    )


def formats(call: Call) -> Answer:
    """GET /server/annotation/formats."""
    found = all_formats()
    readers = [name for form in found if form.can_read for name in _names(form)]
    writers = [name for form in found if form.can_write for name in _names(form)]
    return Answer(
        body={
            "importers": [_named(name) for name in readers],
            "exporters": [_named(name) for name in writers],
        }
    )


def _names(form: Format) -> tuple[str, ...]:
    return form.cvat_names or (form.name,)


def _named(name: str) -> dict[str, Any]:
    last = name.rpartition(" ")[2]
    return {
        "name": name,
        "ext": "ZIP",
        "version": last if last[:1].isdigit() else "1.0",
        "enabled": True,
        "dimension": "2d",
    }


def nothing(call: Call) -> Answer:
    """GET of what CVAT's server keeps and localcvat does not: there is none."""
    list_query(call)
    return Answer(body={"count": 0, "next": None, "previous": None, "results": []})


def login(call: Call) -> Answer:
    """POST /auth/login: whoever may read the store may do everything."""
    call.json()
    return Answer(body={"key": "localcvat"})


def logout(call: Call) -> Answer:
    """POST /auth/logout."""
    return Answer(body={"detail": "Successfully logged out."})
