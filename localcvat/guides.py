"""Annotation guides: markdown with assets (backup specification, section 10).

In the store the text links an asset as ``/api/assets/<uuid>``, as CVAT's does.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from localcvat.errors import BackupError, ValidationError
from localcvat.listing import batches, columns_of
from localcvat.store.engine import now
from localcvat.store.tables import AssetRow, GuideRow

ASSET_URL = "/api/assets/"
MAX_ASSETS = 30
MAX_ASSET_BYTES = 10 * 1024 * 1024
ASSET_EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".pdf")
_COLUMNS = columns_of(GuideRow)


class Asset(msgspec.Struct, kw_only=True):
    """A file of a guide, by its media row."""

    filename: str
    media_id: int
    uuid: str = ""


class Guide(msgspec.Struct, kw_only=True):
    """A guide as kept: `markdown` links its assets by uuid."""

    markdown: str
    assets: list[Asset] = []


def guide_ids(
    session: Session, owner: Literal["project_id", "task_id"], owner_ids: Sequence[int]
) -> dict[int, int]:
    """The ids of the guides of projects or tasks, by the owner's id."""
    column = _COLUMNS[owner]
    found: dict[int, int] = {}
    for batch in batches(owner_ids):
        chosen = select_columns(column, _COLUMNS["id"]).where(column.in_(batch))
        found.update((row[0], row[1]) for row in session.connection().execute(chosen))
    return found


def check_assets(sizes: Sequence[tuple[str, int]], where: str = "") -> None:
    """Refuse assets (file name, bytes) that CVAT does not take; raises BackupError."""
    if len(sizes) > MAX_ASSETS:
        raise BackupError(
            "Maximum number of assets per guide reached",
            where=where,
            hint=f"{len(sizes)} of at most {MAX_ASSETS}",
        )
    for name, size in sizes:
        if size > MAX_ASSET_BYTES:
            raise BackupError("Maximum size of asset is 10 MB", where=f"{where}{name}")
        if not name.lower().endswith(ASSET_EXTENSIONS):
            raise BackupError(
                "File is not supported as an asset",
                where=f"{where}{name}",
                hint="images (jpeg, png, webp, gif) and pdf are",
            )


def insert_guide(
    session: Session,
    guide: Guide,
    *,
    project_id: int | None = None,
    task_id: int | None = None,
    owner_id: int | None = None,
) -> int:
    """Write a guide with its assets, uuids as given or new; returns its id."""
    moment = now()
    row = GuideRow(
        project_id=project_id,
        task_id=task_id,
        markdown=guide.markdown,
        created_date=moment,
        updated_date=moment,
    )
    session.add(row)
    session.flush()
    for asset in guide.assets:
        session.add(
            AssetRow(
                uuid=asset.uuid or str(uuid.uuid4()),
                guide_id=int(row.id or 0),
                filename=asset.filename,
                media_id=asset.media_id,
                owner_id=owner_id,
                created_date=moment,
            )
        )
    session.flush()
    return int(row.id or 0)


def read_guide(
    session: Session, *, project_id: int | None = None, task_id: int | None = None
) -> Guide | None:
    """The guide of a project or task, assets in order of creation; None when there is none."""
    owner = (
        GuideRow.project_id == project_id if project_id is not None else GuideRow.task_id == task_id
    )
    row = session.exec(select(GuideRow).where(owner)).first()
    if row is None:
        return None
    assets = session.exec(
        select(AssetRow)
        .where(AssetRow.guide_id == row.id)
        .order_by(col(AssetRow.created_date), col(AssetRow.filename), col(AssetRow.uuid))
    )
    return Guide(
        markdown=row.markdown,
        assets=[
            Asset(filename=asset.filename, media_id=asset.media_id, uuid=asset.uuid)
            for asset in assets
        ],
    )


def set_guide_text(
    session: Session, markdown: str, *, project_id: int | None = None, task_id: int | None = None
) -> None:
    """Make or change the guide of a project or task; its assets stay."""
    if (project_id is None) == (task_id is None):
        raise ValidationError(["Guide must belong to a project or a task"])
    owner = (
        GuideRow.project_id == project_id if project_id is not None else GuideRow.task_id == task_id
    )
    row = session.exec(select(GuideRow).where(owner)).first()
    if row is None:
        guide = Guide(markdown=markdown)
        insert_guide(session, guide, project_id=project_id, task_id=task_id)
        return
    row.markdown, row.updated_date = markdown, now()
    session.add(row)
