"""manifest.jsonl and index.json of a task's data (backup specification, section 8)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from localcvat.errors import BackupError

VERSIONS = ("1.0", "1.1")


class Manifest(msgspec.Struct, kw_only=True):
    """`images` holds (path, width, height, related) in manifest order; a video has `length`."""

    type: str
    images: list[tuple[str, int, int, list[str]]] = []
    video: str = ""
    length: int = 0
    width: int = 0
    height: int = 0
    offsets: list[int] = []


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest; raises BackupError in CVAT's words naming the line."""
    rows: list[tuple[int, int, dict[str, Any]]] = []
    offset = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                value = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _invalid(f"{where}:{number}") from error
            if not isinstance(value, dict):
                raise _invalid(f"{where}:{number}")
            rows.append((number, offset, value))
        offset += len(line) + 1
    if len(rows) < 2 or rows[0][2].get("version") not in VERSIONS:
        raise _invalid(f"{where}:1")
    kind = rows[1][2].get("type")
    if kind == "images":
        return Manifest(
            type="images",
            images=[_image(row, f"{where}:{number}") for number, _, row in rows[2:]],
            offsets=[at for _, at, _ in rows[2:]],
        )
    if kind == "video" and len(rows) > 2:
        try:
            properties = rows[2][2]["properties"]
            width, height = (int(value) for value in properties["resolution"])
            return Manifest(
                type="video",
                video=str(properties["name"]),
                length=int(properties["length"]),
                width=width,
                height=height,
                offsets=[at for _, at, _ in rows[3:]],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _invalid(f"{where}:3") from error
    raise _invalid(f"{where}:2")


def _invalid(where: str) -> BackupError:
    return BackupError(
        "Invalid manifest was uploaded", where=where, hint="`localcvat backup repair` re-makes it"
    )


def _image(row: dict[str, Any], where: str) -> tuple[str, int, int, list[str]]:
    if not row:
        return "", 0, 0, []
    try:
        meta = row.get("meta") or {}
        related = [str(path) for path in meta.get("related_images") or []]
        size = int(row.get("width") or 0), int(row.get("height") or 0)
        return row["name"] + row["extension"], *size, related
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _invalid(where) from error


def image_manifest(frames: Iterable[tuple[str, int, int, list[str]]]) -> bytes:
    """A manifest of (path, width, height, related) as CVAT spells it; sizes of 0 are left out."""
    lines: list[dict[str, Any]] = [{"version": "1.1"}, {"type": "images"}]
    for path, width, height, related in frames:
        base = path.rpartition("/")[2]
        cut = len(path) - len(base) + base.rfind(".") if "." in base else len(path)
        row: dict[str, Any] = {"name": path[:cut], "extension": path[cut:]}
        if width and height:
            row |= {"width": width, "height": height}
        lines.append(row | {"meta": {"related_images": related}})
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def video_manifest(name: str, width: int, height: int, length: int) -> bytes:
    """A manifest of a video without its key frames, which only a decoder could tell."""
    properties = {"name": name, "resolution": [width, height], "length": length}
    lines = [{"version": "1.1"}, {"type": "video"}, {"properties": properties}]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def index_of(data: bytes, where: str = "manifest.jsonl") -> bytes:
    """The index.json that belongs to this manifest: byte offset of each entry."""
    offsets = parse_manifest(data, where).offsets
    return json.dumps(dict(enumerate(offsets)), separators=(",", ":")).encode()
