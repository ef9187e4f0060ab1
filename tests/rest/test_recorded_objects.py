"""What GET returned for restored projects, tasks and jobs equals what a real CVAT returned.

The corpora's backups are restored, and what backups do not keep (owners, assignees, stages and
states of jobs) is set by PATCH as the recorded objects have it. Ids, dates and the order of what
has no order in CVAT are aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus import CVAT_MADE
from localcvat.rest import Session
from localcvat.store.engine import Store
from localcvat.users import update_user

PROJECTS = ("plain", "rich", "noskel")
NAMES = {"rest", "exports"}


class Corpus:
    """A restored corpus and the ids that recorded objects have here."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.tasks: dict[int, int] = {}
        self.jobs: dict[int, int] = {}
        self.project: int | None = None
        self._restore()
        self._people()

    def recorded(self, name: str) -> Any:
        return json.loads((self.folder / "rest" / name).read_text())

    def _restore(self) -> None:
        (backup,) = [*self.folder.glob("project_*_backup.zip")] or [
            *self.folder.glob("task_*_backup.zip")
        ]
        kind = backup.name.partition("_")[0]
        with open(backup, "rb") as stream:
            sent = self.session.post(f"/api/{kind}s/backup", files={f"{kind}_file": stream})
        done = self.session.get(f"/api/requests/{sent.json()['rq_id']}").json()
        assert done["status"] == "finished", done
        if kind == "project":
            self.project = done["result_id"]
            made = self._all(f"/api/tasks?project_id={self.project}&sort=id")
            recorded = sorted(self.recorded("tasks.json")["results"], key=lambda t: t["id"])
            by_name = {task["name"]: task["id"] for task in made}
            self.tasks = {task["id"]: by_name[task["name"]] for task in recorded}
        else:
            self.tasks = {int(backup.name.split("_")[1]): done["result_id"]}
        for old, new in self.tasks.items():
            jobs = self.recorded(f"task_{old}.jobs.json")["results"]
            here = self._all(f"/api/jobs?task_id={new}&sort=id")
            ids = sorted(job["id"] for job in jobs)
            self.jobs |= dict(zip(ids, [job["id"] for job in here], strict=True))

    def _all(self, url: str) -> list[Any]:
        return list(self.session.get(f"{url}&page_size=all").json()["results"])

    def _people(self) -> None:
        """Set what backups do not keep."""
        for old, new in self.jobs.items():
            job = self.recorded(f"job_{old}.json")
            body = {"stage": job["stage"], "state": job["state"], "assignee": _id(job["assignee"])}
            assert self.session.patch(f"/api/jobs/{new}", json=body).status_code == 200
        for old, new in self.tasks.items():
            task = self.recorded(f"task_{old}.json")
            body = {"assignee_id": _id(task["assignee"]), "owner_id": _id(task["owner"])}
            assert self.session.patch(f"/api/tasks/{new}", json=body).status_code == 200
        if self.project is not None:
            project = self.recorded("project.json")
            body = {"assignee_id": _id(project["assignee"]), "owner_id": _id(project["owner"])}
            assert self.session.patch(f"/api/projects/{self.project}", json=body).ok

    def address(self, name: str) -> str:
        """The URL that a recorded file answers, with our ids."""
        first, _, rest = name.removesuffix(".json").partition(".")
        if first.startswith(("task_", "job_")):
            noun, _, number = first.partition("_")
            here = (self.tasks if noun == "task" else self.jobs)[int(number)]
            if rest in ("jobs", "labels"):
                return f"/api/{rest}?{noun}_id={here}&page_size=all&sort=id"
            tail = {"": "", "annotations": "/annotations", "data_meta": "/data/meta"}[rest]
            return f"/api/{noun}s/{here}{tail}"
        if first in ("tasks", "labels"):
            return f"/api/{first}?project_id={self.project}&page_size=all&sort=id"
        if first == "project":
            return f"/api/projects/{self.project}"
        guide = self.session.get(f"/api/projects/{self.project}").json()["guide_id"]
        return f"/api/guides/{guide}"


def _id(user: dict[str, Any] | None) -> int | None:
    return None if user is None else int(user["id"])


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Corpus]]:
    with Store.create(tmp_path_factory.mktemp("objects") / "store") as store:
        session = Session(store, user="admin")
        update_user(store, session.user_id, first_name="Ad", last_name="Min")
        for name in ("alice", "bobby"):
            Session(store, user=name).get("/api/users/self")
        yield {name: Corpus(session, CVAT_MADE / name) for name in (*PROJECTS, "exif")}


def _cases() -> list[Any]:
    cases = []
    for corpus in (*PROJECTS, "exif"):
        for file in sorted((CVAT_MADE / corpus / "rest").glob("*.json")):
            if not file.name.startswith(("project_preview", "asset_created")):
                cases.append(pytest.param(corpus, file.name, id=f"{corpus}/{file.name}"))
    return cases


@pytest.mark.parametrize(("corpus", "name"), _cases())
def test_a_recorded_object(corpora: dict[str, Corpus], corpus: str, name: str) -> None:
    at = corpora[corpus]
    got = at.session.get("http://testserver" + at.address(name))
    assert got.status_code == 200
    specs = _spec_names(at)
    theirs = _names_of(at.folder)
    assert _plain(got.json(), specs) == _plain(at.recorded(name), theirs)


def _spec_names(at: Corpus) -> dict[str, str]:
    found: dict[str, str] = {}
    urls = [f"/api/labels?project_id={at.project}"] if at.project else []
    urls += [f"/api/labels?task_id={number}" for number in at.tasks.values()]
    for url in urls:
        _collect(at.session.get(f"{url}&page_size=all").json()["results"], found)
    return found


def _names_of(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in (folder / "rest").glob("*labels.json"):
        _collect(json.loads(file.read_text())["results"], found)
    return found


def _collect(labels: list[Any], found: dict[str, str]) -> None:
    """Names of labels and attributes by id."""
    for label in labels:
        found[f"label {label['id']}"] = label["name"]
        for spec in label["attributes"]:
            found[f"spec {spec['id']}"] = f"{label['name']}.{spec['name']}"
        _collect(label.get("sublabels", []), found)


_UNORDERED = {"attributes", "elements", "shapes", "tracks", "tags", "task_subsets"}
_IDS = {"id", "project_id", "task_id", "guide_id", "parent_id", "data"}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _plain(value: Any, names: dict[str, str], key: str = "") -> Any:
    """The value with names for the ids of labels and attributes, and without other ids."""
    if isinstance(value, dict):
        return {
            k: _plain(v, names, k)
            for k, v in value.items()
            if not k.endswith("_date") and k != "keyframe"
        }
    if isinstance(value, list):
        items = [_plain(item, names, key) for item in value]
        return (
            sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
            if key in _UNORDERED
            else items
        )
    if key in ("label_id", "spec_id"):
        return names[f"{key.removesuffix('_id')} {value}"]
    if key in _IDS:
        return value is not None
    if key in ("url", "next", "previous") and value is not None:
        return re.sub(r"\d+", "#", value)
    if key == "svg":
        return re.sub(r'data-label-id="(\d+)"', lambda m: names[f"label {m[1]}"], value)
    if key == "markdown":
        return re.sub(r"/api/assets/[0-9a-f-]+", "ASSET", value)
    return value
