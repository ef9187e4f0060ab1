"""The labels of a project or task as annotations refer to them: ids by name, names by id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from localcvat.errors import ValidationError
from localcvat.store.engine import raw

if TYPE_CHECKING:
    from sqlmodel import Session


class LabelEntry(msgspec.Struct):
    """A label as annotations refer to it: ids by name, names by id."""

    id: int
    name: str
    specs: dict[str, int]
    mutable: frozenset[str]
    sublabels: dict[str, LabelEntry]


class LabelMap:
    """The labels of one project or task, by name and by id."""

    def __init__(self, roots: Iterable[LabelEntry]) -> None:
        self.roots = {entry.name: entry for entry in roots}
        self.names: dict[int, str] = {}
        self.spec_names: dict[str, str] = {}
        for entry in self.roots.values():
            for each in (entry, *entry.sublabels.values()):
                self.names[each.id] = each.name
                self.spec_names.update((str(key), name) for name, key in each.specs.items())

    def entry(self, name: str) -> LabelEntry:
        """The root label `name`; raises ValidationError when there is none."""
        try:
            return self.roots[name]
        except KeyError:
            raise ValidationError({"label": [f"label {name!r} is unknown"]}) from None


def label_map(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> LabelMap:
    """The labels of a project, or of a task: those of its project if it is in one."""
    connection = raw(session)
    if project_id is None:
        row = connection.execute("SELECT project_id FROM task WHERE id = ?", (task_id,)).fetchone()
        project_id = row[0] if row else None
    owner, value = ("project_id", project_id) if project_id is not None else ("task_id", task_id)
    labels = connection.execute(
        f"SELECT id, parent_id, name FROM label WHERE {owner} = ? ORDER BY id", (value,)
    ).fetchall()
    entries = {row[0]: LabelEntry(row[0], row[2], {}, frozenset(), {}) for row in labels}
    for spec_id, label_id, name, mutable in connection.execute(
        "SELECT a.id, a.label_id, a.name, a.mutable FROM attribute_spec a JOIN label l"
        f" ON l.id = a.label_id WHERE l.{owner} = ? ORDER BY a.id",
        (value,),
    ):
        entry = entries[label_id]
        entry.specs[name] = spec_id
        if mutable:
            entry.mutable |= {name}
    for label_id, parent_id, name in labels:
        if parent_id is not None:
            entries[parent_id].sublabels[name] = entries[label_id]
    return LabelMap(entries[row[0]] for row in labels if row[1] is None)
