"""A backup as it would be after repair: entries of the original under new names, or new bytes."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from localcvat.archive import Sink, Source
from localcvat.errors import SourceError
from localcvat.model import Media


class BytesMedia:
    """Media that is in memory."""

    path: str | None = None

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def byte_size(self) -> int:
        return len(self._data)

    def image_size(self) -> tuple[int, int]:
        from localcvat.images import image_size

        return image_size(self)


class Overlay(Source):
    """Shows `base` with entries renamed, replaced, added and left out; `base` stays as it is."""

    def __init__(self, base: Source) -> None:
        super().__init__(base.path, base.limits)
        self._base = base
        order = getattr(base, "archive_order", base.names)
        self._entries: dict[str, str | bytes] = {name: name for name in order}
        self._names: list[str] | None = None

    @property
    def names(self) -> list[str]:
        if self._names is None:
            self._names = sorted(self._entries)
        return self._names

    def rename_all(self, names: dict[str, str]) -> None:
        """Show entries under other names, at once."""
        renamed = {names.get(name, name): at for name, at in self._entries.items()}
        if len(renamed) < len(self._entries):
            raise SourceError("two entries have one name after repair", where=self.display)
        self._entries = renamed
        self._names = None

    def put(self, name: str, data: bytes) -> None:
        """Replace or add an entry."""
        self._entries[name] = data
        self._names = None

    def drop(self, name: str) -> None:
        """Leave an entry out."""
        del self._entries[name]
        self._names = None

    def exists(self, name: str) -> bool:
        return name in self._entries

    def _at(self, name: str) -> str | bytes:
        at = self._entries.get(name)
        if at is None:
            raise SourceError("no such entry", where=self.where(name))
        return at

    def open(self, name: str) -> BinaryIO:
        at = self._at(name)
        return cast(BinaryIO, io.BytesIO(at)) if isinstance(at, bytes) else self._base.open(at)

    def byte_size(self, name: str) -> int:
        at = self._at(name)
        return len(at) if isinstance(at, bytes) else self._base.byte_size(at)

    def media(self, name: str) -> Media:
        at = self._at(name)
        return BytesMedia(name, at) if isinstance(at, bytes) else self._base.media(at)

    def write(self, sink: Sink) -> None:
        """Write every entry, in the order of the original, media without decoding."""
        for name in self._entries:
            sink.add_media(name, self.media(name))
