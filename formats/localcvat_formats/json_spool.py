"""Elements of a JSON array kept as text until their turn comes to be written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from localcvat.archive import COPY_CHUNK
from localcvat_formats.json_files import json_elements

IN_MEMORY = 16 << 20
TOGETHER = 64
"""So many elements become text, or are written, at once: calls for each would cost more."""


class JsonSpool:
    """Elements of a JSON array as text in an unnamed file of `folder`: they may exceed memory.

    The first megabytes stay in memory.
    """

    def __init__(self, folder: Path) -> None:
        self._file = cast(
            IO[bytes], SpooledTemporaryFile(IN_MEMORY, "w+b", COPY_CHUNK, dir=str(folder))
        )
        self._values: list[Any] = []
        self._texts: list[Any] = []
        self._started = False

    def add_values(self, values: Iterable[Any]) -> None:
        """Add elements that are values, and that nobody changes any more."""
        self._values += values
        if len(self._values) >= TOGETHER:
            self._flush()

    def add_texts(self, texts: Iterable[Any]) -> None:
        """Add elements that are JSON already, in any kind of bytes."""
        self._encode()
        self._texts += texts
        if len(self._texts) >= TOGETHER:
            self._flush()

    def _encode(self) -> None:
        if self._values:
            self._texts.append(json_elements(self._values))
            self._values = []

    def _flush(self) -> None:
        self._encode()
        if self._texts:
            if self._started:
                self._file.write(b",")
            self._file.write(b",".join(self._texts))
            self._started = True
            self._texts = []

    def copy_to(self, out: IO[bytes]) -> None:
        """Write all elements, separated by commas, and forget them."""
        self._flush()
        self._file.seek(0)
        shutil.copyfileobj(self._file, out, COPY_CHUNK)
        self._file.close()
