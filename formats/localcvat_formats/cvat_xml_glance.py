"""A first look at XML files: whether one is CVAT's, and which of its two kinds."""

from __future__ import annotations

import re
from typing import IO
from xml.sax.saxutils import unescape

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError

CHUNK = 1 << 20
LABEL = re.compile(rb"""\slabel=(?:"([^"]*)"|'([^']*)')""")
ENTITIES = {"&quot;": '"', "&apos;": "'", "&#10;": "\n", "&#9;": "\t", "&#13;": "\r"}


class Glance(msgspec.Struct):
    """What the bytes of a file show before it is parsed."""

    first: str = ""
    images: bool = False
    tracks: bool = False
    labels: set[str] = set()


def glance(stream: IO[bytes], where: str, limit: int | None = None) -> Glance | None:
    """Which elements and labels a file has; None when its root is not `<annotations>`.

    Reads at most `limit` bytes. A file that is neither UTF-8 nor ASCII is taken to have it all.
    Raises DatasetError for a document type.
    """
    found = Glance()
    head = stream.read(CHUNK)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        if b"<annotations" not in head.replace(b"\0", b""):
            return None
        return Glance(first="image", images=True, tracks=True)
    start = re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL)
    root = re.search(rb"<(?![?!])", start)
    if b"<!DOCTYPE" in start[: root.start() if root else None]:
        raise DatasetError("a document type is not allowed", where=f"{where}:1")
    if root is None or not re.match(rb"<(\w+:)?annotations[\s/>]", start[root.start() :]):
        return None
    read, rest = len(head), head
    while True:
        for mark in re.finditer(rb"<(?:\w+:)?(image|track)[\s>]", rest):
            name = mark.group(1).decode()
            found.first = found.first or name
            found.images |= name == "image"
            found.tracks |= name == "track"
        for label in LABEL.finditer(rest):
            text = (label.group(1) or label.group(2) or b"").decode("utf-8", "replace")
            found.labels.add(unescape(text, ENTITIES))
        if limit is not None and read >= limit:
            return found
        more = stream.read(CHUNK)
        if not more:
            return found
        read += len(more)
        rest = rest[max(rest.rfind(b"<"), 0) :] + more


def xml_names(source: Source) -> list[str]:
    """Every XML file of a source, those of macOS aside."""
    return [
        name
        for name in source.names
        if name.lower().endswith(".xml") and not name.startswith("__MACOSX/")
    ]
