"""Reading folders, zips and single files; a name never leads out of its root."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from localcvat.archive.names import Limits, safe_name
from localcvat.errors import SourceError, UnsafeArchiveError
from localcvat.model import Media

MAX_NESTED_LINKS = 8


class FileMedia:
    """Media that is a file on disk."""

    def __init__(self, path: str, name: str | None = None) -> None:
        self._path = path
        self.name = name or os.path.basename(path)

    @property
    def path(self) -> str | None:
        return self._path

    def open(self) -> BinaryIO:
        return open(self._path, "rb")

    def byte_size(self) -> int:
        return os.stat(self._path).st_size

    def image_size(self) -> tuple[int, int]:
        from localcvat.images import image_size

        return image_size(self)


class EntryMedia:
    """Media inside a source that has no real file for it (a zip entry)."""

    path: str | None = None

    def __init__(self, source: Source, entry: str) -> None:
        self._source = source
        self._entry = entry
        self.name = PurePosixPath(entry).name

    def open(self) -> BinaryIO:
        return self._source.open(self._entry)

    def byte_size(self) -> int:
        return self._source.byte_size(self._entry)

    def image_size(self) -> tuple[int, int]:
        from localcvat.images import image_size

        return image_size(self)


class Source:
    """Read access to a dataset: `names` are clean relative paths with ``/``, files only, sorted.

    `display` is how messages call it. `path` is the folder or file on disk.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.display = str(path)
        self._touched: bytearray | None = None

    @property
    def names(self) -> list[str]:
        """Every file in the source."""
        raise NotImplementedError

    def raw_name(self, name: str) -> str:
        """The name as the source spells it: with its own separators, ``./`` and all."""
        return name

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        raise NotImplementedError

    def open(self, name: str) -> BinaryIO:
        """A binary stream over one file."""
        raise NotImplementedError

    def byte_size(self, name: str) -> int:
        """Length of one file in bytes."""
        raise NotImplementedError

    def media(self, name: str) -> Media:
        """One file as media, unopened."""
        raise NotImplementedError

    def local_path(self, name: str) -> str | None:
        """The real file behind `name`, if there is one."""
        return None

    def read(self, name: str) -> bytes:
        """The whole of one text-like file (annotations); refused past `limits.max_text_bytes`."""
        size = self.byte_size(name)
        if size > self.limits.max_text_bytes:
            raise UnsafeArchiveError(
                f"{size} bytes is more than the limit of {self.limits.max_text_bytes}",
                where=self.where(name),
                hint="raise it with --max-size",
            )
        with self.open(name) as stream:
            return stream.read()

    def read_text(self, name: str) -> str:
        """One file as text: UTF-8 with or without BOM, or UTF-16 with BOM."""
        from localcvat.text import decode

        return decode(self.read(name), self.where(name))

    def where(self, name: str, line: int | None = None) -> str:
        """How messages call a place in this source."""
        place = f"{self.display}/{name}" if name else self.display
        return f"{place}:{line}" if line is not None else place

    def under(self, folder: str) -> list[str]:
        """Names below `folder` (without trailing slash), sorted; "" means all."""
        if not folder:
            return self.names
        # Names below a folder are neighbours: "0" comes next after "/".
        names = self.names
        return names[bisect_left(names, folder + "/") : bisect_left(names, folder + "0")]

    def watch(self) -> None:
        """Begin to remember which files are used, for `untouched`."""
        self._touched = bytearray(len(self.names))

    def touch(self, name: str) -> None:
        """Remember a file as used, as `open` and `media` do."""
        if self._touched is not None:
            position = bisect_left(self.names, name)
            if position < len(self._touched) and self.names[position] == name:
                self._touched[position] = 1

    def peek(self, name: str) -> BinaryIO:
        """As `open`, to see whether a file is of a kind: it is not used by that."""
        touched, self._touched = self._touched, None
        try:
            return self.open(name)
        finally:
            self._touched = touched

    def untouched(self) -> list[str]:
        """Files not used since `watch`; none if no file was."""
        if not self._touched or not any(self._touched):
            return []
        return [n for n, used in zip(self.names, self._touched, strict=True) if not used]

    def close(self) -> None:
        """Release what the source holds open."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class FolderSource(Source):
    """A folder on disk; a link that leads out of it is refused, one inside is followed."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._root = os.path.realpath(path)
        self._names: list[str] | None = None
        self._set: frozenset[str] = frozenset()
        self._safe_folders: set[str] = {self._root}

    @property
    def names(self) -> list[str]:
        if self._names is None:
            self._names = sorted(self._walk())
            self._set = frozenset(self._names)
        return self._names

    def _walk(self) -> Iterator[str]:
        """Every file; raises UnsafeArchiveError for a device, a FIFO, or a link that misleads."""
        folders = [(self._root, "", 0)]
        count = 0
        while folders:
            folder, prefix, links = folders.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    if count > self.limits.max_entries:
                        raise UnsafeArchiveError(
                            f"more than {self.limits.max_entries} files are too many",
                            where=self.display,
                            hint="raise it with --max-entries",
                        )
                    name = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, f"{name}/", links))
                    elif entry.is_symlink() and entry.is_dir():
                        self._check_folder_link(entry.path, name, links)
                        folders.append((entry.path, f"{name}/", links + 1))
                    elif entry.is_file():
                        yield self._readable(name)
                    elif not entry.is_symlink():
                        self._refuse_special(name)

    def _readable(self, name: str) -> str:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UnsafeArchiveError(
                f"the name {name!r} is not UTF-8", where=self.display, hint="rename the file"
            ) from error
        return name

    def _check_folder_link(self, path: str, name: str, links: int) -> None:
        real = os.path.realpath(path)
        if not self._inside(real):
            raise UnsafeArchiveError(
                f"the link {name!r} leads out of the folder",
                where=self.display,
                hint="copy or move the files into it",
            )
        here = os.path.realpath(os.path.dirname(path))
        if links >= MAX_NESTED_LINKS or here == real or here.startswith(real + os.sep):
            raise UnsafeArchiveError(f"the link {name!r} leads in a circle", where=self.display)

    def _refuse_special(self, name: str) -> None:
        # Editors, git and desktops keep sockets and the like in hidden places.
        if not any(part.startswith(".") for part in name.split("/")):
            raise UnsafeArchiveError(
                f"{name!r} is a device, socket or FIFO, not a file", where=self.display
            )

    def _inside(self, real: str) -> bool:
        return real == self._root or real.startswith(self._root.rstrip(os.sep) + os.sep)

    def exists(self, name: str) -> bool:
        if self._names is None:
            return os.path.isfile(os.path.join(self._root, name))
        return name in self._set

    def local_path(self, name: str) -> str | None:
        clean = name if name in self._set else safe_name(name, self.display)
        path = os.path.join(self._root, clean)
        folder = os.path.dirname(path)
        if folder not in self._safe_folders:
            if not self._inside(os.path.realpath(folder)):
                self._refuse_link(name)
            self._safe_folders.add(folder)
        if os.path.islink(path) and not self._inside(os.path.realpath(path)):
            self._refuse_link(name)
        return path

    def _refuse_link(self, name: str) -> None:
        raise UnsafeArchiveError(f"the link {name!r} leads out of the folder", where=self.display)

    def open(self, name: str) -> BinaryIO:
        self.touch(name)
        try:
            path = cast(str, self.local_path(name))
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise SourceError("not a file", where=self.where(name))
            return open(path, "rb")
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.where(name)) from error

    def byte_size(self, name: str) -> int:
        try:
            return os.stat(cast(str, self.local_path(name))).st_size
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.where(name)) from error

    def media(self, name: str) -> Media:
        self.touch(name)
        return FileMedia(cast(str, self.local_path(name)))


class _Beside(FolderSource):
    """The folder of a file that the user named: the file itself may be a link to anywhere."""

    def __init__(self, file: Path, limits: Limits) -> None:
        super().__init__(file.parent, limits)
        self._file = file

    def local_path(self, name: str) -> str | None:
        return str(self._file) if name == self._file.name else super().local_path(name)


class FileSource(Source):
    """A single file (a bare ``.json`` or ``.xml``); its siblings can be reached as media."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._folder = _Beside(path, limits)

    @property
    def names(self) -> list[str]:
        return [self.path.name]

    def where(self, name: str, line: int | None = None) -> str:
        place = self.display if name in ("", self.path.name) else str(self.path.parent / name)
        return f"{place}:{line}" if line is not None else place

    def exists(self, name: str) -> bool:
        return self._folder.exists(name)

    def local_path(self, name: str) -> str | None:
        return self._folder.local_path(name)

    def open(self, name: str) -> BinaryIO:
        return self._folder.open(name)

    def byte_size(self, name: str) -> int:
        return self._folder.byte_size(name)

    def media(self, name: str) -> Media:
        return self._folder.media(name)
