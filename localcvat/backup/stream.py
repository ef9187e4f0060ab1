"""annotations.json as a stream: one tag, shape or track at a time, in bounded memory.

The file is a list of one object a job, each with lists of objects; only the innermost objects are
decoded, so that memory grows with the largest of them and never with the file.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn

from localcvat.errors import BackupError

CHUNK = 1 << 18
LISTS = ("tags", "shapes", "tracks")
WHITESPACE = " \t\r\n"
# Room for a literal or an escape that the end of the text cuts off.
CUT = 16


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


class _Text:
    """The characters of a stream with a position; `peek` and `value` read on as needed."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
        self._text = ""
        self._at = 0
        self._passed = 0
        self._ended = False
        self._where = where

    def _read_on(self, size: int = CHUNK) -> bool:
        """Append to the text what comes next; False at the end of the stream."""
        if self._ended:
            return False
        data = self._stream.read(size)
        self._ended = not data
        try:
            more = self._decode(data, self._ended)
        except UnicodeDecodeError as error:
            raise self.error(f"not UTF-8: {error}") from error
        self._passed += self._at
        self._text = self._text[self._at :] + more
        self._at = 0
        return True

    def error(self, what: str) -> BackupError:
        """An error at the present place."""
        return BackupError(
            f"not JSON: {what} near character {self._passed + self._at}", where=self._where
        )

    def peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            text, length = self._text, len(self._text)
            while self._at < length and text[self._at] in WHITESPACE:
                self._at += 1
            if self._at < length:
                return text[self._at]
            if not self._read_on():
                return ""

    def take(self, expected: str) -> None:
        """Step over a character that must come next."""
        if self.peek() != expected:
            raise self.error(f"{expected!r} expected, {self.peek() or 'the end'!r} found")
        self._at += 1

    def value(self) -> Any:
        """The next JSON value, whole."""
        self.peek()
        size = CHUNK
        while True:
            try:
                found, end = self._parse(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string")
                cut = cut or error.pos >= len(self._text) - CUT
                if not (cut and self._read_on(size)):
                    raise self.error(error.msg) from error
                size *= 2
                continue
            except (ValueError, RecursionError) as error:
                raise self.error(str(error)) from error
            # A number at the very end of the text may go on in what follows.
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._read_on(size):
                continue
            self._check_text(end, found)
            self._at = end
            return found

    def _check_text(self, end: int, found: Any) -> None:
        """Refuse half a surrogate pair, which escapes can spell and nothing can store."""
        if "\\ud" in self._text[self._at : end].lower():
            try:
                json.dumps(found, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                raise self.error("a lone surrogate in a text") from error

    def items(self) -> Iterator[int]:
        """Walk a list: yields the index of each item, which the caller must consume."""
        self.take("[")
        index = 0
        while self.peek() != "]":
            if index:
                self.take(",")
            yield index
            index += 1
        self.take("]")

    def members(self) -> Iterator[str]:
        """Walk an object: yields each key, whose value the caller must consume."""
        self.take("{")
        first = True
        while self.peek() != "}":
            if not first:
                self.take(",")
            first = False
            key = self.value()
            if not isinstance(key, str):
                raise self.error("a key must be a text")
            self.take(":")
            yield key
        self.take("}")


def read_annotation_stream(
    stream: IO[bytes],
    where: str,
    each: Callable[[int, str, Any, str], None],
    other: Callable[[int, str, Any], None],
) -> int:
    """Walk annotations.json; returns the number of objects (jobs) in it.

    Calls ``each(job, list, value, place)`` for every tag, shape and track, `place` being its JSON
    path, and ``other(job, key, value)`` for other keys of a job's object. Raises BackupError for
    damaged JSON and for an object without `tags`, `shapes` or `tracks`.
    """
    text = _Text(stream, where)
    if text.peek() != "[":
        raise BackupError("must be a list of one object a job", where=where)
    jobs = 0
    for job in text.items():
        missing = set(LISTS)
        for key in text.members():
            if key not in LISTS:
                other(job, key, text.value())
                continue
            missing.discard(key)
            if text.peek() != "[":
                raise BackupError("a list is required", where=f"{where}[{job}].{key}")
            for index in text.items():
                each(job, key, text.value(), f"{where}[{job}].{key}[{index}]")
        if missing:
            raise BackupError("This field is required.", where=f"{where}[{job}].{min(missing)}")
        jobs += 1
    if text.peek():
        raise text.error("more than one value")
    return jobs
