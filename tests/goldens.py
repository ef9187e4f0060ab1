"""CVAT's own exports of the corpus, and ours of the same projects, tasks and jobs.

    for golden in goldens("COCO 1.0"):          # as a pytest parameter
        theirs, ours = golden.entries(), golden.exported()

Both are entries by name. `rest(golden.corpus, "task_2.annotations.json")` is what CVAT answered.
"""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from corpus import CVAT_MADE, zip_entries
from localcvat.backup.restore import restore_project, restore_task
from localcvat.convert import ConvertOptions
from localcvat.exchange import export_from_job, export_from_project, export_from_task
from localcvat.report import Report
from localcvat.store.engine import Store

EXPORTERS = {"project": export_from_project, "task": export_from_task, "job": export_from_job}
CORPORA = ("plain", "rich", "noskel")


def restored(backup: Path, folder: Path) -> tuple[Store, int]:
    """A new store in `folder` with this project or task backup in it, and its id there."""
    store = Store.create(folder)
    restore = restore_project if backup.name.startswith("project") else restore_task
    return store, restore(store, backup)


def exported(
    store: Store, kind: str, id: int, format_name: str, with_images: bool = False
) -> dict[str, bytes]:
    """The entries of our export of a project, task or job."""
    return exported_with_report(store, kind, id, format_name, with_images)[0]


def exported_with_report(
    store: Store, kind: str, id: int, format_name: str, with_images: bool = False
) -> tuple[dict[str, bytes], Report]:
    """The entries of our export, and what the report says."""
    with tempfile.TemporaryDirectory(prefix="localcvat-golden-") as folder:
        target = Path(folder) / "export.zip"
        options = ConvertOptions(with_images=with_images)
        report = EXPORTERS[kind](store, id, target, format_name, options)
        return zip_entries(target), report


@cache
def store_of(corpus: str) -> Store:
    """A store with the corpus' project, made once a test run; do not change it."""
    folder = Path(tempfile.mkdtemp(prefix="localcvat-golden-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (backup,) = (CVAT_MADE / corpus).glob("project_*_backup.zip")
    return restored(backup, folder / "store")[0]


def rest(corpus: str, name: str) -> Any:
    """What CVAT's REST API answered, `task_2.annotations.json` for instance."""
    return json.loads((CVAT_MADE / corpus / "rest" / name).read_bytes())


class Golden(msgspec.Struct, frozen=True):
    """An export of CVAT's: of which corpus, of what with which id there, in which format."""

    corpus: str
    kind: str
    id: int
    format_name: str
    with_images: bool
    path: Path

    def __str__(self) -> str:
        return f"{self.corpus}-{self.kind}{self.id}{'-images' if self.with_images else ''}"

    @property
    def our_id(self) -> int:
        """The id after a restore: ids of a kind count from 1 in the order of the corpus."""
        if self.kind == "project":
            return 1
        names = (CVAT_MADE / self.corpus / "rest").glob(f"{self.kind}_*.data_meta.json")
        ids = sorted(int(name.name.split("_")[1].split(".")[0]) for name in names)
        return ids.index(self.id) + 1

    def entries(self) -> dict[str, bytes]:
        """The entries of CVAT's export."""
        return zip_entries(self.path)

    def exported(self) -> dict[str, bytes]:
        """The entries of our export of the same."""
        store = store_of(self.corpus)
        return exported(store, self.kind, self.our_id, self.format_name, self.with_images)


def goldens(
    format_name: str, *, kinds: tuple[str, ...] = ("project", "task", "job")
) -> list[Golden]:
    """Every export that CVAT made in this format (a display name such as `COCO 1.0`)."""
    stem = re.sub(r"[^A-Za-z0-9.]+", "_", format_name)
    found = []
    for corpus in CORPORA:
        for folder in sorted((CVAT_MADE / corpus / "exports").iterdir()):
            kind, _, number = folder.name.partition("_")
            for with_images in (False, True):
                path = folder / f"{stem}{'.images' if with_images else ''}.zip"
                if kind in kinds and path.exists():
                    found.append(Golden(corpus, kind, int(number), format_name, with_images, path))
    return found
