"""Which function answers which path, and errors turned into CVAT's statuses and bodies."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from localcvat.errors import LocalCvatError, NotFoundError, StoreError, ValidationError
from localcvat.rest import (
    data,
    guides,
    jobs,
    labeled_data,
    labels,
    people,
    projects,
    requests,
    server,
    tasks,
    transfers,
    tus,
)
from localcvat.rest.calls import Answer, ApiError, Call
from localcvat.rest.multipart import read_body

Handler = Callable[..., Answer]

ID = r"(\d+)"
NAME = r"([^/]+)"


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
        **_data_routes(),
        **_transfer_routes(),
        **_pieces_routes(),
        "guides": {"POST": guides.create},
        f"guides/{ID}": {"GET": guides.show, "PATCH": guides.change, "DELETE": guides.delete},
        "assets": {"POST": guides.upload},
        f"assets/{NAME}": {"GET": guides.asset, "DELETE": guides.remove_asset},
        f"projects/{ID}/tasks": {"GET": tasks.of_project},
        f"tasks/{ID}/jobs": {"GET": jobs.of_task},
        "(?:issues|comments|cloudstorages|webhooks|memberships|invitations)": {
            "GET": server.nothing
        },
        "auth/login": {"POST": server.login},
        "auth/logout": {"POST": server.logout},
        "server/about": {"GET": server.about},
        "server/annotation/formats": {"GET": server.formats},
        "requests": {"GET": requests.index},
        f"requests/{NAME}": {"GET": requests.show, "DELETE": requests.delete},
        f"requests/{NAME}/cancel": {"POST": requests.cancel},
    }
    return [(re.compile(f"/api/{path}/?", re.ASCII), methods) for path, methods in table.items()]


def _data_routes() -> dict[str, dict[str, Handler]]:
    return {
        f"projects/{ID}/preview": {"GET": data.project_preview},
        f"tasks/{ID}/preview": {"GET": data.task_preview},
        f"jobs/{ID}/preview": {"GET": data.job_preview},
        f"tasks/{ID}/data": {"GET": data.of_task, "POST": data.upload},
        f"jobs/{ID}/data": {"GET": data.of_job},
        f"tasks/{ID}/data/meta": {"GET": data.meta_of_task, "PATCH": data.change_meta},
        f"jobs/{ID}/data/meta": {"GET": data.meta_of_job, "PATCH": data.change_job_meta},
        f"tasks/{ID}/status": {"GET": data.status},
        f"jobs/{ID}/annotations": {
            "GET": transfers.old_dataset("job", False),
            "POST": tus.resumable(transfers.import_calls("job")),
            "PUT": transfers.put_annotations("job"),
            "PATCH": labeled_data.change_in_job,
            "DELETE": labeled_data.clear_job,
        },
        f"tasks/{ID}/annotations": {
            "GET": transfers.old_dataset("task", False),
            "POST": tus.resumable(transfers.import_calls("task")),
            "PUT": transfers.put_annotations("task"),
            "PATCH": labeled_data.change_in_task,
            "DELETE": labeled_data.clear_task,
        },
        f"projects/{ID}/annotations": {"GET": transfers.old_dataset("project", False)},
    }


def _pieces_routes() -> dict[str, dict[str, Handler]]:
    places = (
        *("(?:projects|tasks)/backup", f"projects/{ID}/dataset", f"tasks/{ID}/data"),
        f"(?:tasks|jobs)/{ID}/annotations",
    )
    return {f"{place}/{tus.TOKEN}": {"GET": tus.state, "PATCH": tus.append} for place in places}


def _transfer_routes() -> dict[str, dict[str, Handler]]:
    table: dict[str, dict[str, Handler]] = {
        "projects/backup": {"POST": tus.resumable(transfers.restore_calls("project"))},
        "tasks/backup": {"POST": tus.resumable(transfers.restore_calls("task"))},
        f"projects/{ID}/backup": {"GET": transfers.old_backup("project")},
        f"tasks/{ID}/backup": {"GET": transfers.old_backup("task")},
        f"projects/{ID}/backup/export": {"POST": transfers.backup_calls("project")},
        f"tasks/{ID}/backup/export": {"POST": transfers.backup_calls("task")},
    }
    for target in ("project", "task", "job"):
        place = f"{target}s/{ID}"
        table[f"{place}/dataset"] = {"GET": transfers.old_dataset(target, True)}
        table[f"{place}/dataset/export"] = {"POST": transfers.export_calls(target)}
        table[f"{place}/annotations/export"] = {"POST": transfers.export_calls(target, False)}
        for kind in ("dataset", "annotations", "backup"):
            table[f"{place}/{kind}/download"] = {"GET": transfers.result}
    table[f"projects/{ID}/dataset"]["POST"] = tus.resumable(transfers.import_calls("project"))
    return table


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
    except Exception as error:  # a bug of ours, told as a server tells its own
        logging.getLogger(__name__).exception("%s %s", call.method, call.path)
        return Answer(status=500, body={"detail": f"unexpected {type(error).__name__}: {error}"})


def _answer(call: Call) -> Answer:
    for pattern, methods in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found is None:
            continue
        handler = methods.get("GET" if call.method == "HEAD" else call.method)
        if handler is None:
            return _not_allowed(call, methods)
        read_body(call)
        answered = handler(call, *found.groups())
        if call.method == "HEAD":
            return Answer(status=answered.status, headers=answered.headers, content=b"")
        return answered
    return Answer(status=404, body={"detail": "Not found."})


def _not_allowed(call: Call, methods: dict[str, Any]) -> Answer:
    return Answer(
        status=405,
        body={"detail": f'Method "{call.method}" not allowed.'},
        headers={"Allow": ", ".join(sorted(methods))},
    )
