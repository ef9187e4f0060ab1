"""Annotations as CVAT's API takes them, written to the rows of one job exactly as they are.

CVAT stores what it is given: frames outside the job, any number of points. A track and its first
keyframe get the same frame, as CVAT sees to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlmodel import Session

from localcvat.errors import ValidationError
from localcvat.jobs import job_row
from localcvat.rest.calls import ApiError
from localcvat.store.engine import raw
from localcvat.store.packing import pack_shape
from localcvat.tasks import task_row

TABLES = {"tags": "tag", "shapes": "shape", "tracks": "track"}
_CVAT_TABLES = {"tag": "labeledimage", "shape": "labeledshape", "track": "labeledtrack"}
_ROOT = {"tag": "1", "shape": "parent_id IS NULL", "track": "parent_id IS NULL"}

Body = dict[str, Any]


class JobWriter:
    """Writes checked bodies to one job inside a transaction."""

    def __init__(self, session: Session, job_id: int) -> None:
        self._db = raw(session)
        self._job_id = job_id
        task = task_row(session, job_row(session, job_id).task_id)
        owner = ("project_id", task.project_id) if task.project_id else ("task_id", task.id)
        self._labels: dict[int, dict[int, bool]] = {
            row[0]: {}
            for row in self._db.execute(f"SELECT id FROM label WHERE {owner[0]} = ?", owner[1:])
        }
        for spec, label, mutable in self._db.execute(
            "SELECT a.id, a.label_id, a.mutable FROM attribute_spec a JOIN label l"
            f" ON l.id = a.label_id WHERE l.{owner[0]} = ?",
            owner[1:],
        ):
            self._labels[label][spec] = bool(mutable)

    def clear(self) -> None:
        """Remove all annotations of the job."""
        for table in TABLES.values():
            self._db.execute(f"DELETE FROM {table} WHERE job_id = ?", (self._job_id,))

    def delete(self, data: Body) -> None:
        """Remove the annotations whose ids `data` names; unknown ones are no matter."""
        for kind, table in TABLES.items():
            self._db.executemany(
                f"DELETE FROM {table} WHERE id = ? AND job_id = ? AND {_ROOT[table]}",
                [(value.get("id"), self._job_id) for value in data.get(kind, ())],
            )

    def create(self, data: Body) -> Body:
        """Write annotations; returns them with their ids and with what was left out filled in."""
        made: Body = {"version": 0}
        made["tags"] = [self._tag(tag) for tag in data.get("tags", ())]
        made["shapes"] = [self._shape(shape, None) for shape in data.get("shapes", ())]
        made["tracks"] = [self._root_track(track) for track in data.get("tracks", ())]
        return made

    def _label(self, body: Body) -> int:
        label: int = body["label_id"]
        if label not in self._labels:
            raise ValidationError([f"label_id `{label}` is invalid"])
        return label

    def _attributes(
        self, body: Mapping[str, Any], label: int, mutable: bool | None = None
    ) -> str | None:
        """The attribute column; `mutable` tells which ones may be there, None for both."""
        specs = self._labels[label]
        values = {}
        for attribute in body.get("attributes", ()):
            spec = attribute["spec_id"]
            if spec not in specs or (mutable is not None and specs[spec] is not mutable):
                raise ValidationError([f"spec_id `{spec}` is invalid"])
            values[str(spec)] = attribute["value"]
        return orjson.dumps(values).decode() if values else None

    def _insert(self, table: str, given_id: int | None, **values: Any) -> int:
        if given_id is not None:
            taken = self._db.execute(f"SELECT 1 FROM {table} WHERE id = ?", (given_id,)).fetchone()
            if taken is not None or given_id < 1:
                key = f"engine_{_CVAT_TABLES[table]}_pkey"
                raise ApiError(
                    400,
                    f'duplicate key value violates unique constraint "{key}"\n'
                    f"DETAIL:  Key (id)=({given_id}) already exists.\n",
                )
            values["id"] = given_id
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        done = self._db.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
        )
        return int(done.lastrowid or 0)

    def _owned(self, body: Body, mutable: bool | None = None) -> dict[str, Any]:
        label = self._label(body)
        return {
            "job_id": self._job_id,
            "frame": body["frame"],
            "label_id": label,
            "grp": body.get("group") or 0,
            "source": body.get("source", "manual"),
            "attributes": self._attributes(body, label, mutable),
        }

    def _tag(self, body: Body) -> Body:
        number = self._insert("tag", body.get("id"), **self._owned(body))
        return _shown_owner(body, number)

    def _shape(self, body: Body, parent: int | None) -> Body:
        columns = self._owned(body) | _drawn(body)
        number = self._insert("shape", body.get("id"), parent_id=parent, **columns)
        made = _shown_drawn(body) | _shown_owner(body, number)
        if parent is None:
            made["elements"] = [
                self._shape(element, number) for element in body.get("elements", ())
            ]
        return made

    def _root_track(self, body: Body) -> Body:
        _agree([body], None)
        _agree(body.get("elements", ()), body["frame"])
        made = self._track(body, None)
        number = made["id"]
        made["elements"] = [self._track(element, number) for element in body.get("elements", ())]
        return made

    def _track(self, body: Body, parent: int | None) -> Body:
        columns = self._owned(body, mutable=False)
        number = self._insert("track", body.get("id"), parent_id=parent, **columns)
        ids: dict[int, int] = {}
        for keyframe in sorted(body["shapes"], key=lambda shape: shape["frame"]):
            ids[id(keyframe)] = self._insert(
                "tracked_shape",
                None,
                track_id=number,
                frame=keyframe["frame"],
                attributes=self._attributes(keyframe, body["label_id"], mutable=True),
                **_drawn(keyframe),
            )
        made = _shown_owner(body, number)
        made["shapes"] = [
            {
                **_shown_drawn(keyframe),
                "id": ids[id(keyframe)],
                "frame": keyframe["frame"],
                "attributes": keyframe.get("attributes", []),
            }
            for keyframe in body["shapes"]
        ]
        return made


def _drawn(body: Body) -> dict[str, Any]:
    return {
        "type": body["type"],
        "points": pack_shape(body["type"], body.get("points", ())),
        "occluded": int(body.get("occluded", False)),
        "outside": int(body.get("outside", False)),
        "z_order": body.get("z_order", 0),
        "rotation": float(body.get("rotation", 0.0)),
    }


def _shown_owner(body: Body, number: int) -> Body:
    return {
        "id": number,
        "frame": body["frame"],
        "label_id": body["label_id"],
        "group": body.get("group"),
        "source": body.get("source", "manual"),
        "attributes": body.get("attributes", []),
    }


def _shown_drawn(body: Body) -> Body:
    shown = {
        "type": body["type"],
        "occluded": body.get("occluded", False),
        "outside": body.get("outside", False),
        "z_order": body.get("z_order", 0),
        "rotation": body.get("rotation", 0.0),
    }
    return shown | ({"points": body["points"]} if "points" in body else {})


def _agree(tracks: Sequence[Body], parent_frame: int | None) -> None:
    """Give each track the frame of its first keyframe, or an outside keyframe on its own."""
    for track in tracks:
        if parent_frame is not None and parent_frame < track["frame"]:
            track["frame"] = parent_frame
        first = track["shapes"][0]
        if track["frame"] > first["frame"]:
            track["frame"] = first["frame"]
        elif track["frame"] < first["frame"]:
            track["shapes"].append({**first, "outside": True, "frame": track["frame"]})
