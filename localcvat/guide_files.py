"""Annotation guides from a markdown file and its pictures, and back."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from urllib.parse import unquote

from sqlmodel import Session, select

from localcvat.archive import FileMedia, open_sink
from localcvat.errors import NotFoundError, SourceError
from localcvat.guides import ASSET_URL, Asset, Guide, check_assets, insert_guide, read_guide
from localcvat.projects import project_row
from localcvat.store.engine import Store
from localcvat.store.media import copied, media_of
from localcvat.store.tables import GuideRow
from localcvat.tasks import task_row

_LINK = re.compile(r"(?<=\]\()(\s*<?)([^)>\s][^)>]*?)(>?\s*)(?=\))")


def set_guide(
    store: Store,
    path: str | os.PathLike[str],
    *,
    project_id: int | None = None,
    task_id: int | None = None,
) -> int:
    """Make `path` (markdown) the guide of a project or task; returns the number of assets.

    Linked files that lie beside it become assets; other links stay as they are. Raises SourceError
    for an unreadable file, BackupError for an asset that CVAT does not take.
    """
    file = Path(path)
    try:
        markdown = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"not a readable text: {error}", where=str(file)) from error
    linked = _linked(markdown, file.parent)
    check_assets([(found.name, found.stat().st_size) for found in linked.values()])
    with store.media.batch() as batch, store.write() as session:
        owner_id = _owner(session, project_id, task_id)
        _remove(session, project_id, task_id)
        made: dict[Path, Asset] = {}
        for found in linked.values():
            if found not in made:
                media_id = copied(session, batch.add(FileMedia(str(found))))
                key = str(uuid.uuid4())
                made[found] = Asset(filename=found.name, media_id=media_id, uuid=key)
        urls = {target: ASSET_URL + made[found].uuid for target, found in linked.items()}
        markdown = _LINK.sub(
            lambda match: match[1] + urls.get(match[2], match[2]) + match[3], markdown
        )
        assets = list(made.values())
        guide = Guide(markdown=markdown, assets=assets)
        insert_guide(session, guide, project_id=project_id, task_id=task_id, owner_id=owner_id)
        batch.sync()
    return len(assets)


def _linked(markdown: str, folder: Path) -> dict[str, Path]:
    """The files beside the text that it links, by the link as written."""
    targets = dict.fromkeys(match[2] for match in _LINK.finditer(markdown))
    places = {target: folder / unquote(target) for target in targets}
    inside = folder.resolve()
    return {
        target: place
        for target, place in places.items()
        if place.is_file() and inside in place.resolve().parents
    }


def _owner(session: Session, project_id: int | None, task_id: int | None) -> int | None:
    if project_id is not None:
        return project_row(session, project_id).owner_id
    return task_row(session, task_id or 0).owner_id


def _remove(session: Session, project_id: int | None, task_id: int | None) -> None:
    row = session.exec(
        select(GuideRow).where(GuideRow.project_id == project_id, GuideRow.task_id == task_id)
    ).first()
    if row is not None:
        session.delete(row)
        session.flush()


def write_guide(
    store: Store,
    folder: str | os.PathLike[str],
    *,
    project_id: int | None = None,
    task_id: int | None = None,
) -> None:
    """Write a guide as ``guide.md`` with its assets into a new folder; raises NotFoundError."""
    with store.read() as session:
        _owner(session, project_id, task_id)
        guide = read_guide(session, project_id=project_id, task_id=task_id)
        if guide is None:
            raise NotFoundError("it has no guide")
        markdown = guide.markdown
        with open_sink(folder, zipped=False) as sink:
            for asset in guide.assets:
                name = f"{asset.uuid[:8]}-{asset.filename}" if sink.has(asset.filename) else None
                entry = name or asset.filename
                media = media_of(store, session, asset.media_id, asset.filename)
                sink.add_media(entry, media)
                markdown = markdown.replace(ASSET_URL + asset.uuid, entry)
            sink.write("guide.md", markdown.encode())
