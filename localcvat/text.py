"""Text as it is found in the wild: byte-order marks, UTF-16, other line ends."""

from __future__ import annotations

import codecs
import re
from xml.sax.saxutils import escape

from localcvat.errors import DatasetError


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


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: object) -> str:
    """`value` as the text of an XML element; characters that XML forbids become U+FFFD."""
    return escape(_NOT_XML.sub("\ufffd", str(value)))
