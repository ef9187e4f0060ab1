"""A backup's annotation guide on its way into the store (backup specification, section 10)."""

from __future__ import annotations

import uuid

import msgspec
from sqlmodel import Session

from localcvat.backup.layout import Layout
from localcvat.errors import BackupError
from localcvat.guides import ASSET_URL, Asset, Guide, check_assets, insert_guide
from localcvat.report import Report
from localcvat.store.media import Batch, Blob, copied

GUIDE = "annotation_guide.md"
ASSETS = "assets/"


class GuideDraft(msgspec.Struct):
    """A guide whose assets are on disk but have no rows yet."""

    markdown: str
    assets: list[tuple[str, str, Blob]]


def copy_guide(layout: Layout, batch: Batch, folder: str, report: Report) -> GuideDraft | None:
    """The guide of a project or task, its links turned to the store's; assets are copied."""
    entries = layout.under(f"{folder}{ASSETS}")
    name = f"{folder}{GUIDE}"
    if name not in layout.entries:
        if entries:
            report.dropped("asset", "there is no guide", entries[0], count=len(entries))
        return None
    where = layout.where(name)
    try:
        markdown = layout.bytes(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BackupError(f"not UTF-8: {error}", where=where) from error
    media = {entry: layout.media(entry) for entry in entries}
    check_assets(
        [(entry, found.byte_size()) for entry, found in media.items()],
        f"{layout.source.display}/",
    )
    assets = []
    # The longest name first: one may be the start of another.
    for entry in sorted(entries, key=lambda entry: (-len(entry), entry)):
        key = str(uuid.uuid4())
        markdown = markdown.replace(entry, ASSET_URL + key)
        filename = entry[len(folder) + len(ASSETS) :]
        assets.append((filename, key, batch.add(media[entry])))
    return GuideDraft(markdown, assets)


def write_guide_rows(
    session: Session,
    draft: GuideDraft,
    owner_id: int | None,
    project_id: int | None = None,
    task_id: int | None = None,
) -> None:
    """Write a guide whose assets were copied."""
    assets = [
        Asset(filename=name, media_id=copied(session, blob), uuid=key)
        for name, key, blob in draft.assets
    ]
    guide = Guide(markdown=draft.markdown, assets=assets)
    insert_guide(session, guide, project_id=project_id, task_id=task_id, owner_id=owner_id)
