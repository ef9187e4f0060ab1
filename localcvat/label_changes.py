"""Changes to the labels of a project or a task, as CVAT's nested PATCH makes them.

A label with an `id` is changed, with `deleted` removed, without an `id` made; labels not named stay
as they are, and so do attributes. A change without a colour gives the label a new one. A type does
not become or stop being `skeleton`. Source: formats specification, sections 9 and 12.1.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import update
from sqlmodel import Session, col, select

from localcvat.errors import NotFoundError, ValidationError
from localcvat.labels import fill_colors, label_color
from localcvat.model import AttributeSpec, Label
from localcvat.store.engine import now
from localcvat.store.tables import AttributeSpecRow, JobRow, LabelRow, ProjectRow, TaskRow

NOT_UNIQUE = "All label names must be unique"
_LABEL_ID = re.compile(r'data-label-id="(\d+)"')
_LABEL_NAME = re.compile(r'data-label-name="([^"]*)"')

Clean = Mapping[str, Any]
"""A label or an attribute as `schemas` checked it."""


class LabelOwner(msgspec.Struct, frozen=True):
    """Whose labels they are: a project's, or those of a task without one."""

    project_id: int | None = None
    task_id: int | None = None


def labels_from(given: Sequence[Clean]) -> list[Label]:
    """New labels from checked bodies, colours filled in; raises ValidationError for names twice."""
    labels = [_label_from(body) for body in given]
    fill_colors(labels)
    return labels


def _label_from(body: Clean) -> Label:
    specs = [spec_from(attribute) for attribute in body.get("attributes", ())]
    check_attribute_names(body.get("attributes", ()))
    names = [sublabel["name"] for sublabel in body.get("sublabels", ())]
    if len(set(names)) != len(names):
        raise ValidationError([NOT_UNIQUE])
    return Label(
        name=body["name"],
        color=body.get("color", ""),
        type=body.get("type", "any") or "any",
        attributes=specs,
        sublabels=[_label_from(sublabel) for sublabel in body.get("sublabels", ())],
        svg=body.get("svg") or "",
    )


def spec_from(body: Clean) -> AttributeSpec:
    """A new attribute from a checked body; values are split at newlines, as CVAT reads them."""
    return AttributeSpec(
        name=body["name"],
        mutable=body["mutable"],
        input_type=body["input_type"],
        default_value=body.get("default_value", ""),
        values=_split(body["values"]),
    )


def _split(values: Sequence[str]) -> list[str]:
    return "\n".join(values).split("\n")


def check_attribute_names(attributes: Sequence[Clean]) -> None:
    """Raise ValidationError when two attributes of a label have one name."""
    seen: set[str] = set()
    for attribute in attributes:
        name = attribute.get("name")
        if name is not None and name in seen:
            raise ValidationError([f"Duplicate attribute with name '{name}' exists"])
        if name is not None:
            seen.add(name)


def change_labels(session: Session, owner: LabelOwner, changes: Sequence[Clean]) -> None:
    """Apply checked label bodies inside a transaction and touch what they belong to.

    Raises ValidationError, and NotFoundError for ids that are not among the owner's labels.
    """
    changer = _Changer(session, owner)
    for position, change in enumerate(changes):
        changer.change(change, None, f"labels[{position}]")
    session.flush()
    touch_owner(session, owner)


def touch_owner(session: Session, owner: LabelOwner) -> None:
    """A change of labels: the project or task is newer, and so is what of it was older."""
    moment = now()
    tasks = col(TaskRow.id) == owner.task_id
    if owner.project_id is not None:
        session.execute(
            update(ProjectRow)
            .where(col(ProjectRow.id) == owner.project_id)
            .values(updated_date=moment)
        )
        tasks = col(TaskRow.project_id) == owner.project_id
    session.execute(update(TaskRow).where(tasks).values(updated_date=moment))
    of_tasks = select(TaskRow.id).where(tasks).scalar_subquery()
    session.execute(
        update(JobRow).where(col(JobRow.task_id).in_(of_tasks)).values(updated_date=moment)
    )


class _Changer:
    """Applies label bodies to the rows of one owner."""

    def __init__(self, session: Session, owner: LabelOwner) -> None:
        self._session = session
        self._owner = owner

    def _rows(self) -> list[LabelRow]:
        chosen = select(LabelRow).order_by(col(LabelRow.id))
        if self._owner.project_id is not None:
            chosen = chosen.where(LabelRow.project_id == self._owner.project_id)
        else:
            chosen = chosen.where(LabelRow.task_id == self._owner.task_id)
        return list(self._session.exec(chosen))

    def change(self, body: Clean, parent: LabelRow | None, where: str) -> None:
        attributes = body.get("attributes", ())
        check_attribute_names(attributes)
        row = self._made(body, parent, where) if body.get("id") is None else self._changed(body)
        for position, sublabel in enumerate(body.get("sublabels", ())):
            self.change(sublabel, row, f"{where}.sublabels[{position}]")
        if body.get("svg"):
            row.svg = self._named(row, body["svg"])
        if body.get("deleted"):
            self._session.delete(row)
            self._session.flush()
            return
        others = [other for other in self._rows() if other.id != row.id]
        if any(o.name == row.name and o.parent_id == row.parent_id for o in others):
            raise ValidationError([NOT_UNIQUE])
        row.color = body.get("color") or label_color(row.name, [other.color for other in others])
        self._session.add(row)
        self._session.flush()
        for position, attribute in enumerate(attributes):
            self._attribute(row, attribute, f"{where}.attributes[{position}]")

    def _made(self, body: Clean, parent: LabelRow | None, where: str) -> LabelRow:
        if not body.get("name"):
            raise ValidationError({"name": ["This field is required."]}, where=where)
        row = LabelRow(
            project_id=self._owner.project_id,
            task_id=self._owner.task_id,
            parent_id=None if parent is None else parent.id,
            name=body["name"],
            type=body.get("type", ""),
        )
        with self._session.no_autoflush:
            if any(o.name == row.name and o.parent_id == row.parent_id for o in self._rows()):
                raise ValidationError([NOT_UNIQUE])
        self._session.add(row)
        self._session.flush()
        return row

    def _changed(self, body: Clean) -> LabelRow:
        row = self._session.get(LabelRow, body["id"])
        if row is None or (row.project_id, row.task_id) != (
            self._owner.project_id,
            self._owner.task_id,
        ):
            text = f"Not found label with id #{body['id']} to change"
            raise NotFoundError(text, detail=text)
        wanted = body.get("type") or row.type
        if "skeleton" not in (wanted, row.type):
            row.type = wanted
        if body.get("name") and body["name"] != row.name:
            self._rename(row, body["name"])
        return row

    def _rename(self, row: LabelRow, name: str) -> None:
        with self._session.no_autoflush:
            if any(
                other.name == name and other.parent_id == row.parent_id and other.id != row.id
                for other in self._rows()
            ):
                raise ValidationError([NOT_UNIQUE])
            parent = self._session.get(LabelRow, row.parent_id) if row.parent_id else None
        if parent is not None:
            old = f'data-label-name="{html.escape(row.name)}"'
            parent.svg = parent.svg.replace(old, f'data-label-name="{html.escape(name)}"')
            self._session.add(parent)
        row.name = name

    def _named(self, row: LabelRow, svg: str) -> str:
        names = {
            str(sublabel.id): html.escape(sublabel.name)
            for sublabel in self._rows()
            if sublabel.parent_id == row.id
        }

        def named(found: re.Match[str]) -> str:
            name = names.get(found[1])
            return found[0] if name is None else f'data-label-name="{name}"'

        return _LABEL_ID.sub(named, svg)

    def _attribute(self, label: LabelRow, body: Clean, where: str) -> None:
        chosen = select(AttributeSpecRow).where(AttributeSpecRow.label_id == label.id)
        if body.get("id") is not None:
            row = self._session.exec(chosen.where(AttributeSpecRow.id == body["id"])).first()
            if row is None:
                text = f"Attribute with id #{body['id']} does not exist"
                raise NotFoundError(text, detail=text)
        else:
            row = self._session.exec(
                chosen.where(AttributeSpecRow.name == body.get("name"))
            ).first()
        if row is None:
            row = self._new_attribute(label, body, where)
        for name in ("default_value", "input_type"):
            if name in body:
                setattr(row, name, body[name])
        if "mutable" in body:
            row.mutable = int(body["mutable"])
        if "values" in body:
            row.values = orjson.dumps(_split(body["values"])).decode()
        self._session.add(row)
        self._session.flush()

    def _new_attribute(self, label: LabelRow, body: Clean, where: str) -> AttributeSpecRow:
        missing = {
            name: ["This field is required."]
            for name in ("name", "mutable", "input_type", "values")
            if name not in body
        }
        if missing:
            raise ValidationError(missing, where=where)
        return AttributeSpecRow(label_id=int(label.id or 0), name=body["name"])


def svg_with_ids(svg: str, ids: Mapping[str, int]) -> str:
    """A skeleton's svg as REST shows it: sublabel ids in the place of names."""

    def numbered(found: re.Match[str]) -> str:
        number = ids.get(html.unescape(found[1]))
        return found[0] if number is None else f'data-label-id="{number}"'

    return _LABEL_NAME.sub(numbered, svg)
