"""``/api/guides`` and ``/api/assets``."""

from __future__ import annotations

import mimetypes
import uuid
from typing import Any

from sqlmodel import Session, select

from localcvat.errors import BackupError, NotFoundError, ValidationError
from localcvat.fields import Integer, Record, Text, checked
from localcvat.guides import check_assets, set_guide_text
from localcvat.projects import project_row
from localcvat.rest.bodies import user_body
from localcvat.rest.calls import Answer, Call, row_id
from localcvat.store.engine import now
from localcvat.store.media import copied, media_of
from localcvat.store.tables import AssetRow, GuideRow
from localcvat.tasks import task_row
from localcvat.users import users_of

_GUIDE = Record(
    fields={
        "project_id": Integer(null=True),
        "task_id": Integer(null=True),
        "markdown": Text(blank=True),
    }
)


def create(call: Call) -> Answer:
    """POST /guides: the guide of a project or of a task."""
    body = checked(_GUIDE, call.record())
    owner = {name: body.get(name) for name in ("project_id", "task_id")}
    with call.store.write() as session:
        if owner["project_id"] is not None:
            project_row(session, owner["project_id"])
        if owner["task_id"] is not None:
            task_row(session, owner["task_id"])
        set_guide_text(session, body.get("markdown", ""), **owner)
        session.flush()
        made = session.exec(
            select(GuideRow).where(
                GuideRow.project_id == owner["project_id"], GuideRow.task_id == owner["task_id"]
            )
        ).one()
        return Answer(status=201, body=_body(made))


def show(call: Call, guide_id: str) -> Answer:
    """GET /guides/ID."""
    with call.store.read() as session:
        return Answer(body=_body(_row(session, guide_id)))


def change(call: Call, guide_id: str) -> Answer:
    """PATCH /guides/ID."""
    body = checked(_GUIDE, call.record())
    with call.store.write() as session:
        row = _row(session, guide_id)
        if "markdown" in body:
            row.markdown, row.updated_date = body["markdown"], now()
            session.add(row)
        return Answer(body=_body(row))


def delete(call: Call, guide_id: str) -> Answer:
    """DELETE /guides/ID, its assets with it."""
    with call.store.write() as session:
        session.delete(_row(session, guide_id))
    return Answer(status=204)


def _row(session: Session, guide_id: str) -> GuideRow:
    row = session.get(GuideRow, row_id(guide_id))
    if row is None:
        raise NotFoundError(f"no guide #{guide_id}")
    return row


def _body(row: GuideRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "task_id": row.task_id,
        "project_id": row.project_id,
        "created_date": row.created_date,
        "updated_date": row.updated_date,
        "markdown": row.markdown,
    }


def upload(call: Call) -> Answer:
    """POST /assets: a file of a guide."""
    body = checked(Record(fields={"guide_id": Integer(required=True)}), call.record())
    if not call.uploads:
        raise ValidationError({"file": ["No file was submitted."]})
    sent = call.uploads[0]
    name = sent.filename.replace("\\", "/").rpartition("/")[2]
    with call.store.media.batch() as batch:
        blob = batch.add_stream(sent.stream)
        try:
            check_assets([(name, blob.size)])
        except BackupError as error:
            raise ValidationError([error.what]) from error
        with call.store.write() as session:
            guide = _row(session, str(body["guide_id"]))
            row = AssetRow(
                uuid=str(uuid.uuid4()),
                guide_id=int(guide.id or 0),
                filename=name,
                media_id=copied(session, blob),
                owner_id=call.user_id,
                created_date=now(),
            )
            session.add(row)
            session.flush()
            batch.sync()
            return Answer(status=201, body=_asset_body(call, session, row))


def asset(call: Call, name: str) -> Answer:
    """GET /assets/UUID: the file."""
    with call.store.read() as session:
        row = _asset(session, name)
        with media_of(call.store, session, row.media_id, row.filename).open() as stream:
            kind = mimetypes.guess_type(row.filename)[0] or "application/octet-stream"
            return Answer(content=stream.read(), headers={"Content-Type": kind})


def remove_asset(call: Call, name: str) -> Answer:
    """DELETE /assets/UUID."""
    with call.store.write() as session:
        session.delete(_asset(session, name))
    return Answer(status=204)


def _asset(session: Session, name: str) -> AssetRow:
    row = session.get(AssetRow, name)
    if row is None:
        raise NotFoundError(f"no asset {name!r}")
    return row


def _asset_body(call: Call, session: Session, row: AssetRow) -> dict[str, Any]:
    owner = users_of(session, [row.owner_id]).get(row.owner_id)
    return {
        "uuid": row.uuid,
        "filename": row.filename,
        "created_date": row.created_date,
        "owner": user_body(call, owner),
        "guide_id": row.guide_id,
    }
