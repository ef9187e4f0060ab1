"""Text as it is found in the wild: byte-order marks, UTF-16, other line ends."""

from __future__ import annotations

import codecs
import mmap
import re

from localcvat.errors import DatasetError

CHUNK = 1 << 20


def decode(data: bytes, where: str) -> str:
    """`data` as text without BOM: UTF-8, or UTF-16 with BOM; raises DatasetError otherwise."""
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DatasetError(
            f"not UTF-8: byte {data[error.start]:#04x}",
            where=f"{where}:{line}",
            hint="re-save it as UTF-8",
        ) from error


_PLAIN = re.compile(r"[\w .,:/-]*").fullmatch
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: object) -> str:
    """`value` as the text of an XML element; characters that XML forbids become U+FFFD."""
    text = str(value)
    if _PLAIN(text):
        return text
    text = _NOT_XML.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def check_utf8(data: bytes | mmap.mmap, where: str) -> None:
    """Raise DatasetError naming the line when `data` is not UTF-8; copies a megabyte at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        try:
            decoder.decode(chunk, final=start + CHUNK >= len(data))
        except UnicodeDecodeError as error:
            lines = 1 + chunk[: error.start].count(b"\n")
            lines += sum(data[at : at + CHUNK].count(b"\n") for at in range(0, start, CHUNK))
            raise DatasetError(
                f"not UTF-8: byte {error.object[error.start]:#04x}",
                where=f"{where}:{lines}",
                hint="re-save it as UTF-8",
            ) from error
