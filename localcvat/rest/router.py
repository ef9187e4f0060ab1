"""Which function answers which path, and errors turned into CVAT's statuses and bodies."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localcvat.errors import LocalCvatError, NotFoundError, StoreError, ValidationError
from localcvat.rest import jobs, labeled_data, labels, people, projects, requests, tasks
from localcvat.rest.calls import Answer, ApiError, Call

Handler = Callable[..., Answer]

ID = r"(\d+)"
RQ_ID = r"([^/]+)"


def _routes() -> list[tuple[re.Pattern[str], dict[str, Handler]]]:
    table: dict[str, dict[str, Handler]] = {
        "projects": {"GET": projects.index, "POST": projects.create},
        f"projects/{ID}": {
            "GET": projects.show,
            "PATCH": projects.change,
            "DELETE": projects.delete,
        },
        "tasks": {"GET": tasks.index, "POST": tasks.create},
        f"tasks/{ID}": {"GET": tasks.show, "PATCH": tasks.change, "DELETE": tasks.delete},
        "jobs": {"GET": jobs.index, "POST": jobs.create},
        f"jobs/{ID}": {"GET": jobs.show, "PATCH": jobs.change, "DELETE": jobs.delete},
        f"jobs/{ID}/annotations": {
            "GET": labeled_data.of_job,
            "PUT": labeled_data.replace_in_job,
            "PATCH": labeled_data.change_in_job,
            "DELETE": labeled_data.clear_job,
        },
        f"tasks/{ID}/annotations": {
            "GET": labeled_data.of_task,
            "PUT": labeled_data.replace_in_task,
            "PATCH": labeled_data.change_in_task,
            "DELETE": labeled_data.clear_task,
        },
        "labels": {"GET": labels.index},
        f"labels/{ID}": {"GET": labels.show, "PATCH": labels.change, "DELETE": labels.delete},
        "users": {"GET": people.users},
        "users/(self)": {"GET": people.user},
        f"users/{ID}": {
            "GET": people.user,
            "PATCH": people.change_user,
            "DELETE": people.remove_user,
        },
        "organizations": {"GET": people.organizations, "POST": people.make_organization},
        f"organizations/{ID}": {
            "GET": people.organization,
            "DELETE": people.remove_organization,
        },
        "requests": {"GET": requests.index},
        f"requests/{RQ_ID}": {"GET": requests.show, "DELETE": requests.delete},
        f"requests/{RQ_ID}/cancel": {"POST": requests.cancel},
    }
    return [(re.compile(f"/api/{path}/?", re.ASCII), methods) for path, methods in table.items()]


_ROUTES = _routes()


def answer(call: Call) -> Answer:
    """The answer to a call; whatever goes wrong is an answer too."""
    try:
        return _answer(call)
    except ApiError as error:
        return Answer(status=error.status, body=error.body)
    except ValidationError as error:
        return Answer(status=400, body=error.errors)
    except NotFoundError as error:
        return Answer(status=404, body={"detail": error.detail})
    except StoreError as error:
        return Answer(status=503, body={"detail": str(error)})
    except LocalCvatError as error:
        return Answer(status=400, body=[str(error)])
    except (RecursionError, OverflowError, UnicodeError) as error:
        return Answer(status=400, body=[f"the request can't be read: {error}"])


def _answer(call: Call) -> Answer:
    for pattern, methods in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found is None:
            continue
        handler = methods.get("GET" if call.method == "HEAD" else call.method)
        if handler is None:
            return _not_allowed(call, methods)
        return handler(call, *found.groups())
    return Answer(status=404, body={"detail": "Not found."})


def _not_allowed(call: Call, methods: dict[str, Any]) -> Answer:
    return Answer(
        status=405,
        body={"detail": f'Method "{call.method}" not allowed.'},
        headers={"Allow": ", ".join(sorted(methods))},
    )
