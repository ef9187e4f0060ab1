"""Whether there is room for an output before it is begun."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

from sqlmodel import Session

from localcvat.errors import OutputError
from localcvat.store.engine import raw

Kind = Literal["project", "task", "job"]
OF = {
    "project": "t.project_id = :id AND t.deleted_date IS NULL",
    "task": "t.id = :id",
    "job": "t.id = (SELECT task_id FROM job WHERE id = :id)",
}
IMAGES = "SELECT coalesce(sum(m.size), 0) FROM task t JOIN frame f ON f.data_id = t.data_id"
FILES = "SELECT coalesce(sum(m.size), 0) FROM task t JOIN data_file f ON f.data_id = t.data_id"
IN_JOB = (
    " AND f.number BETWEEN (SELECT s.start_frame FROM segment s JOIN job j ON j.segment_id = s.id"
    " WHERE j.id = :id) AND (SELECT s.stop_frame FROM segment s JOIN job j ON j.segment_id = s.id"
    " WHERE j.id = :id)"
)


def refuse_without_space(
    session: Session, kind: Kind, number: int, path: str | os.PathLike[str], *, files: bool = False
) -> None:
    """Raise OutputError when a zip at `path` has no room for the media of a project, task or job.

    The media are those of its frames, or all of its `files` as a backup has them. Folders are not
    asked for: media there may share the blocks of the store's.
    """
    target = Path(os.path.abspath(path))
    if target.suffix.lower() != ".zip":
        return
    query = f"{FILES if files else IMAGES} JOIN media m ON m.id = f.media_id WHERE {OF[kind]}"
    if kind == "job" and not files:
        query += IN_JOB
    needed = raw(session).execute(query, {"id": number}).fetchone()[0]
    there = next(folder for folder in target.parents if folder.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise OutputError(
            f"there is no room: its media are {_text(needed)}, {_text(free)} are free",
            where=str(target),
            hint="free some space, choose another disk, or leave the media out",
        )


def _text(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
