"""The state of the server whose answers were recorded, written row by row with its own ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpus import CVAT_MADE
from localcvat.store.engine import Store, raw

DATE = "2026-11-24T10:54:0{}.000000Z"
# Not in the answers: the ground-truth task's first job.
JOB_12 = {"id": 12, "task_id": 5, "start_frame": 0, "stop_frame": 3, "status": "annotation"}


def recorded(*parts: str) -> Any:
    """A recorded JSON file."""
    return json.loads((CVAT_MADE / Path(*parts)).read_text())


def _bodies(kind: str) -> dict[int, dict[str, Any]]:
    """Every object of a kind that some answer shows in full, by id."""
    found: dict[int, dict[str, Any]] = {}
    for address, answer in recorded("lists", "other_lists.json").items():
        if address.startswith(f"/api/{kind}?") and isinstance(answer["body"], dict):
            for body in answer["body"].get("results", []):
                if isinstance(body, dict):
                    found.setdefault(body["id"], body)
    for corpus in ("plain", "rich", "exif"):
        for file in (CVAT_MADE / corpus / "rest").glob(f"{kind[:-1]}_*.json"):
            if file.stem.count(".") == 0 and file.stem.removeprefix(f"{kind[:-1]}_").isdigit():
                body = json.loads(file.read_text())
                found[body["id"]] = body
    return found


def write_state(store: Store) -> None:
    """Write users, projects, tasks, jobs, labels and guides as the recorded server had them."""
    with store.write() as session:
        writer = _Writer(raw(session))
        writer.users()
        writer.projects()
        writer.tasks()
        writer.jobs()
        writer.labels()


class _Writer:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def _insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
        )

    def users(self) -> None:
        self._insert("user", id=1, username="admin", first_name="Ad", last_name="Min")
        self._insert("user", id=2, username="alice")
        self._insert("user", id=3, username="bobby")

    def projects(self) -> None:
        lists = recorded("lists", "project_lists.json")
        whole: dict[int, dict[str, Any]] = {}
        for answer in lists.values():
            if isinstance(answer["body"], dict):
                for body in answer["body"].get("results", []):
                    if isinstance(body, dict):
                        whole[body["id"]] = body | whole.get(body["id"], {})
        bobbys, alices = _ids(lists["owner=bobby"]), _ids(lists["assignee=alice"])
        for number, body in sorted(whole.items()):
            moment = f"2026-11-24T10:00:{number:02}.000000Z"
            self._insert(
                "project",
                id=number,
                name=body["name"],
                status=body["status"],
                owner_id=3 if number in bobbys else 1,
                assignee_id=2 if number in alices else None,
                bug_tracker=body.get("bug_tracker", ""),
                created_date=moment,
                updated_date=moment,
            )
        self._insert(
            "guide", id=1, project_id=2, markdown="# Guide", created_date="x", updated_date="x"
        )

    def tasks(self) -> None:
        for number, task in sorted(_bodies("tasks").items()):
            data = task.get("data")
            if data is not None:
                self._insert(
                    "data",
                    id=data,
                    size=task["size"],
                    chunk_size=task["data_chunk_size"],
                    image_quality=task["image_quality"],
                    chunk_type=task["data_compressed_chunk_type"],
                    original_chunk_type=task["data_original_chunk_type"],
                )
            self._insert(
                "task",
                **{
                    name: task[name]
                    for name in ("name", "project_id", "mode", "status", "overlap", "dimension")
                    + ("segment_size", "subset", "bug_tracker", "created_date", "updated_date")
                },
                id=number,
                data_id=data,
                owner_id=task["owner"]["id"],
                assignee_id=task["assignee"] and task["assignee"]["id"],
            )

    def jobs(self) -> None:
        for number, body in sorted({12: JOB_12, **_bodies("jobs")}.items()):
            ground_truth = body.get("type") == "ground_truth"
            frames = list(range(body.get("frame_count", 0))) if ground_truth else []
            self._insert(
                "segment",
                id=number,
                task_id=body["task_id"],
                start_frame=body["start_frame"],
                stop_frame=body["stop_frame"],
                type="specific_frames" if ground_truth else "range",
                frames=json.dumps(frames),
            )
            self._insert(
                "job",
                id=number,
                segment_id=number,
                task_id=body["task_id"],
                type=body.get("type", "annotation"),
                stage=body.get("stage", "annotation"),
                state=body.get("state", "new"),
                status=body["status"],
                assignee_id=body["assignee"]["id"] if body.get("assignee") else None,
                created_date=DATE.format(0),
                updated_date=DATE.format(1),
            )

    def labels(self) -> None:
        known = _bodies("labels")
        known |= {
            label["id"]: label for label in recorded("rich", "rest", "labels.json")["results"]
        }
        lists = recorded("lists", "other_lists.json")
        by_name = lists["/api/labels?sort=name"]["body"]["results"]
        by_color = lists["/api/labels?sort=color"]["body"]["results"]
        for number in range(1, 37):
            if number in (14, 15, 16):
                continue
            body = known.get(number) or {
                "name": f"A{by_name.index(number)}" if number in by_name else f"x{number}",
                "color": _color(by_color, number),
                "type": "any",
                "task_id": 10,
            }
            self._label(number, body)
            for sublabel in body.get("sublabels", []):
                self._label(sublabel["id"], {**sublabel, "project_id": 2}, parent=number)

    def _label(self, number: int, body: dict[str, Any], parent: int | None = None) -> None:
        names = {sub["id"]: sub["name"] for sub in body.get("sublabels", [])}
        svg = body.get("svg", "")
        for key, name in names.items():
            svg = svg.replace(f'data-label-id="{key}"', f'data-label-name="{name}"')
        self._insert(
            "label",
            id=number,
            project_id=body.get("project_id"),
            task_id=body.get("task_id"),
            parent_id=parent,
            name=body["name"],
            color=body["color"],
            type=body["type"],
            svg=svg,
        )
        for spec in body.get("attributes", []):
            self._connection.execute(
                "INSERT INTO attribute_spec VALUES (?, ?, ?, ?, ?, ?, ?)",
                (spec["id"], number, spec["name"], spec["mutable"], spec["input_type"])
                + (spec["default_value"], json.dumps(spec["values"])),
            )


def _ids(answer: dict[str, Any]) -> set[int]:
    return {result["id"] for result in answer["body"]["results"]}


def _color(order: list[int], number: int) -> str:
    """A colour that sorts where the recorded order has it: between its known neighbours."""
    between = {19: "#333333", 18: "#444444", 17: "#608fff"}
    return between.get(number, "#fffff" + str(number % 10)) if number in order else "#ffffff"
