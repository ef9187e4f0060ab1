"""Where things lie in a backup: a zip or an unpacked folder, also under one extra top folder."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any, BinaryIO

import msgspec

from localcvat.archive import Source
from localcvat.errors import BackupError
from localcvat.model import Media

VERSION = "1.0"
TASK_FOLDER = re.compile(r"task_(\d+)/")
JUNK_FOLDERS = frozenset(("__MACOSX",))
JUNK_NAMES = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
COMMANDS = {"project": "project create-from-backup", "task": "task create-from-backup"}


def is_junk(name: str) -> bool:
    """Whether an operating system left this entry."""
    parts = name.split("/")
    base = parts[-1]
    return base in JUNK_NAMES or base.startswith("._") or not JUNK_FOLDERS.isdisjoint(parts)


class Layout:
    """The entries of a backup by their canonical names; `kind` is ``project`` or ``task``.

    Raises BackupError when there is neither ``project.json`` nor ``task.json``.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        names = [name for name in source.names if not is_junk(name)]
        self.kind, self.prefix = self._root(names)
        start = len(self.prefix)
        self.entries = {name[start:]: name for name in names if name.startswith(self.prefix)}
        self._sorted = sorted(self.entries)

    def _root(self, names: list[str]) -> tuple[str, str]:
        for depth in (0, 1):
            for kind in ("project", "task"):
                found = [
                    name
                    for name in names
                    if name.count("/") == depth and name.rpartition("/")[2] == f"{kind}.json"
                ]
                if depth and kind == "task":
                    found = [name for name in found if not TASK_FOLDER.match(name)]
                if len(found) == 1:
                    return kind, found[0][: -len(f"{kind}.json")]
        raise BackupError(
            "There is no item named 'project.json' or 'task.json' in the archive",
            where=self.source.display,
            hint="not a CVAT backup? a dataset is imported with import-dataset",
        )

    def require(self, kind: str) -> None:
        """Refuse a backup of the other kind, naming the command to use."""
        if self.kind != kind:
            raise BackupError(
                f"There is no item named '{kind}.json' in the archive: "
                f"this is a {self.kind} backup",
                where=self.source.display,
                hint=f"use `localcvat {COMMANDS[self.kind]}`",
            )

    def task_folders(self) -> list[str]:
        """Folders of the tasks with trailing slash, by number; [""] for a task backup."""
        if self.kind == "task":
            return [""]
        found = {match.group(0) for match in map(TASK_FOLDER.match, self.entries) if match}
        return sorted(found, key=lambda folder: int(folder[5:-1]))

    def json(self, name: str) -> Any:
        """A JSON entry, untyped; raises BackupError when it is missing or no JSON."""
        try:
            return msgspec.json.decode(self.bytes(name).removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BackupError(f"not JSON: {error}", where=self.where(name)) from error

    def record(self, name: str) -> dict[str, Any]:
        """A JSON entry that must be an object of the known version."""
        value = self.json(name)
        if not isinstance(value, dict):
            raise BackupError("must be a JSON object", where=self.where(name))
        if value.get("version") != VERSION:
            raise BackupError(
                f"{value.get('version')} version is not supported",
                where=f"{self.where(name)}: version",
                hint='CVAT writes "1.0"',
            )
        return value

    def bytes(self, name: str) -> bytes:
        """The content of a text-like entry."""
        self.require_entry(name)
        return self.source.read(self.entries[name])

    def require_entry(self, name: str) -> None:
        """Raise BackupError unless the backup has the entry."""
        if name not in self.entries:
            raise BackupError(
                f"There is no item named '{name}' in the archive", where=self.source.display
            )

    def open(self, name: str) -> BinaryIO:
        """A binary stream over an entry."""
        self.require_entry(name)
        return self.source.open(self.entries[name])

    def media(self, name: str) -> Media:
        """An entry as media, unopened."""
        return self.source.media(self.entries[name])

    def byte_size(self, name: str) -> int:
        """Length of an entry in bytes."""
        return self.source.byte_size(self.entries[name])

    def where(self, name: str) -> str:
        """How messages call an entry."""
        return self.source.where(self.entries.get(name, name))

    def under(self, folder: str) -> list[str]:
        """Canonical names below `folder` (with trailing slash), sorted."""
        # "0" follows "/" in the order of characters.
        end = bisect_left(self._sorted, f"{folder[:-1]}0")
        return self._sorted[bisect_left(self._sorted, folder) : end]
