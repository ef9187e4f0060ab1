"""All that a store holds as backups, one file a project and one a task without a project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from localcvat.backup.check import check_backup
from localcvat.backup.write import write_project_backup, write_task_backup
from localcvat.errors import BackupError
from localcvat.store.engine import Store, raw

PROJECTS = "SELECT id FROM project WHERE deleted_date IS NULL ORDER BY id"
LONE_TASKS = "SELECT id FROM task WHERE deleted_date IS NULL AND project_id IS NULL ORDER BY id"


def back_up_everything(
    store: Store,
    folder: str | os.PathLike[str],
    *,
    lightweight: bool = False,
    overwrite: bool = False,
) -> Iterator[Path]:
    """Write ``project_ID.zip`` and ``task_ID.zip`` into `folder`, which is made; yields each path.

    Each is checked as CVAT would read it before the next one is begun. Raises BackupError for one
    that would not restore, OutputError for one that is there already and not to be replaced.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with store.read() as session:
        projects = [row[0] for row in raw(session).execute(PROJECTS)]
        tasks = [row[0] for row in raw(session).execute(LONE_TASKS)]
    for kind, write, numbers in (
        ("project", write_project_backup, projects),
        ("task", write_task_backup, tasks),
    ):
        for number in numbers:
            path = Path(folder) / f"{kind}_{number}.zip"
            write(store, number, path, lightweight=lightweight, overwrite=overwrite)
            _verify(path, kind)
            yield path


def _verify(path: Path, kind: str) -> None:
    findings = check_backup(path, kind=kind)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise BackupError(
            f"{len(errors)} things in it would not restore: {errors[0]}",
            where=str(path),
            hint="see `localcvat backup check`, `localcvat check`",
        )
