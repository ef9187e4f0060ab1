"""Previews: CVAT's rule of which frame, small or with the annotations drawn."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sqlmodel import Session, col, select

from localcvat.datasets import export_task
from localcvat.drawing import draw_annotations, encoded, open_image, thumbnail
from localcvat.errors import NotFoundError, OutputError, UsageError
from localcvat.model import Dataset, Item
from localcvat.projects import project_row
from localcvat.store.engine import Store
from localcvat.store.tables import TaskRow

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def write_project_preview(
    store: Store, project_id: int, path: str | os.PathLike[str], annotations: bool
) -> None:
    """Write a picture of the first frame of the project's newest task.

    Raises NotFoundError when the project has no task, UsageError for an unknown image format.
    """
    target = Path(path)
    kind = KINDS.get(target.suffix.lower())
    if kind is None:
        raise UsageError(f"{target.name!r} is no image name", hint="end it in .png or .jpg")
    with store.read() as session:
        dataset, item = _first_frame(store, session, project_id)
        if item.media is None:
            raise NotFoundError("the frame has no image in the store", where=item.path)
        image = open_image(item.media)
        if annotations:
            image = draw_annotations(image, item.shapes, item.tags, dataset.header.labels)
            data = encoded(image, kind)
        else:
            data = encoded(thumbnail(image), kind)
    _write_whole(target, data)


def _first_frame(store: Store, session: Session, project_id: int) -> tuple[Dataset, Item]:
    project_row(session, project_id)
    task = session.exec(
        select(TaskRow)
        .where(TaskRow.project_id == project_id, col(TaskRow.deleted_date).is_(None))
        .order_by(col(TaskRow.id).desc())
    ).first()
    if task is None:
        raise NotFoundError("Project image preview not found")
    dataset = export_task(store, session, task)
    item = next(dataset.items, None)
    if item is None:
        raise NotFoundError("Project image preview not found")
    return dataset, item


def _write_whole(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(error.strerror or str(error), where=str(target)) from error
