"""manifest.jsonl and index.json of a task's data (backup specification, section 8)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, cast

import msgspec

from localcvat.archive import safe_name
from localcvat.errors import BackupError

LARGEST_SIDE = 2**31 - 1
VERSIONS = ("1.0", "1.1")
BUFFER = 1 << 18


Image = tuple[str, int, int, Sequence[str]]
"""A line of a manifest of images: path, width, height, paths of context images."""


class Manifest(msgspec.Struct, kw_only=True):
    """`images` in the order of their lines, placeholders with an empty path; a video has `length`.

    `offsets` are the bytes at which the lines behind the header start.
    """

    type: str
    images: list[Image] = []
    video: str = ""
    length: int = 0
    width: int = 0
    height: int = 0
    offsets: list[int] = []


def parse_manifest(data: bytes | IO[bytes], where: str) -> Manifest:
    """Read a manifest line by line; raises BackupError in CVAT's words naming the line."""
    rows = _rows(io.BytesIO(data) if isinstance(data, bytes) else data, where)
    number, _, header = next(rows, (1, 0, {}))
    if header.get("version") not in VERSIONS:
        raise _invalid(f"{where}:{number}")
    number, _, header = next(rows, (2, 0, {}))
    if header.get("type") == "images":
        return _images(rows, where)
    if header.get("type") == "video":
        return _video(rows, where)
    raise _invalid(f"{where}:{number}")


def _rows(stream: IO[bytes], where: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Line number, byte offset and value of each line that is not blank."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    offset = 0
    for number, line in enumerate(io.BufferedReader(_raw(stream), BUFFER), 1):
        if line.strip():
            try:
                yield number, offset, decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise _invalid(f"{where}:{number}") from error
        offset += len(line)


def _raw(stream: IO[bytes]) -> io.RawIOBase:
    return cast(io.RawIOBase, stream)


def _images(rows: Iterator[tuple[int, int, dict[str, Any]]], where: str) -> Manifest:
    found = Manifest(type="images", images=[], offsets=[])
    for number, offset, row in rows:
        found.images.append(_image(row, f"{where}:{number}"))
        found.offsets.append(offset)
    return found


def _video(rows: Iterator[tuple[int, int, dict[str, Any]]], where: str) -> Manifest:
    try:
        properties = next(rows)[2]["properties"]
        width, height = (int(value) for value in properties["resolution"])
        return Manifest(
            type="video",
            video=str(properties["name"]),
            length=int(properties["length"]),
            width=width,
            height=height,
            offsets=[offset for _, offset, _ in rows],
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise _invalid(f"{where}:3") from error


def _invalid(where: str) -> BackupError:
    return BackupError(
        "Invalid manifest was uploaded", where=where, hint="`localcvat backup repair` re-makes it"
    )


def _image(row: dict[str, Any], where: str) -> Image:
    if not row:
        return "", 0, 0, ()
    try:
        meta = row.get("meta") or {}
        related = tuple(str(path) for path in meta.get("related_images") or ())
        size = int(row.get("width") or 0), int(row.get("height") or 0)
        if not all(0 <= side <= LARGEST_SIDE for side in size):
            raise _invalid(where)
        path = row["name"] + row["extension"]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise _invalid(where) from error
    # A manifest may not name what lies outside of the task's data.
    return safe_name(path, where), *size, tuple(safe_name(each, where) for each in related)


def image_manifest(frames: Iterable[Image]) -> bytes:
    """A manifest of (path, width, height, related) as CVAT spells it; sizes of 0 are left out."""
    header = _lines([{"version": "1.1"}, {"type": "images"}])
    return header + b"".join(map(_image_line, frames))


def _image_line(image: Image) -> bytes:
    path, width, height, related = image
    base = path.rpartition("/")[2]
    cut = len(path) - len(base) + base.rfind(".") if "." in base else len(path)
    row: dict[str, Any] = {"name": path[:cut], "extension": path[cut:]}
    if width and height:
        row |= {"width": width, "height": height}
    return _lines([row | {"meta": {"related_images": related}}])


def _lines(values: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values).encode()


def video_manifest(name: str, width: int, height: int, length: int) -> bytes:
    """A manifest of a video without its key frames, which only a decoder could tell."""
    properties = {"name": name, "resolution": [width, height], "length": length}
    return _lines([{"version": "1.1"}, {"type": "video"}, {"properties": properties}])


def index_of(data: bytes, where: str = "manifest.jsonl") -> bytes:
    """The index.json that belongs to this manifest: byte offset of each entry."""
    offsets = parse_manifest(data, where).offsets
    return json.dumps(dict(enumerate(offsets)), separators=(",", ":")).encode()
