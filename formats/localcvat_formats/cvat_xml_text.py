"""XML as CVAT writes it: two-space indent, every element on a line of its own, UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import IO
from xml.sax.saxutils import escape, quoteattr

Attributes = Iterable[tuple[str, str]]
Meta = list[tuple[str, "str | Meta"]]

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
CHUNK = 1 << 16


class XmlText:
    """Writes elements to a binary stream; `replaced` counts characters that XML can't hold."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._parts: list[str] = ['<?xml version="1.0" encoding="utf-8"?>']
        self._size = 0
        self._level = 0
        self.replaced = 0

    def open(self, name: str, attributes: Attributes = ()) -> None:
        """Begin an element."""
        self._put(f"{self._line()}<{name}{self._written(attributes)}>")
        self._level += 1

    def close(self, name: str) -> None:
        """End the element begun last."""
        self._level -= 1
        self._put(f"{self._line()}</{name}>")

    def text(self, name: str, value: str, attributes: Attributes = ()) -> None:
        """An element with text alone, on one line."""
        text = escape(self._clean(value))
        self._put(f"{self._line()}<{name}{self._written(attributes)}>{text}</{name}>")

    def tree(self, meta: Meta) -> None:
        """Nested elements: a list of (name, text or list)."""
        for name, value in meta:
            if isinstance(value, str):
                self.text(name, value)
            else:
                self.open(name)
                self.tree(value)
                self.close(name)

    def finish(self) -> None:
        """Send what is held back, with the last line's end."""
        self._parts.append("\n")
        self._flush()

    def _line(self) -> str:
        return "\n" + "  " * self._level

    def _written(self, attributes: Attributes) -> str:
        return "".join(f" {name}={quoteattr(self._clean(value))}" for name, value in attributes)

    def _clean(self, text: str) -> str:
        if text.isprintable():
            return text
        clean, count = FORBIDDEN.subn("\ufffd", text)
        self.replaced += count
        return clean

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._stream.write("".join(self._parts).encode())
        self._parts.clear()
        self._size = 0
