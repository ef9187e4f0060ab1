"""manifest.jsonl and index.json as a restore reads them (backup specification, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from localcvat.backup.field_rules import INT_LIMIT
from localcvat.backup.findings import Findings

REMAKE = "`localcvat backup repair` re-makes it"
Json = dict[str, Any]


class ManifestLines(msgspec.Struct):
    """Lines of a manifest after its head, undecoded, and where each begins."""

    entry: str
    rows: list[bytes]
    offsets: list[int]
    data: bytes
    video: Json | None = None

    def row(self, index: int) -> Json | None:
        """One line as an object, None when it is none."""
        if not 0 <= index < len(self.rows):
            return None
        return _object(self.rows[index])

    def path(self, index: int) -> str | None:
        """The path that a line gives, None when it gives none."""
        row = self.row(index)
        try:
            return None if row is None else str(row["name"] + row["extension"])
        except (KeyError, TypeError):
            return None


def read_manifest(found: Findings, entry: str, data: bytes) -> ManifestLines | None:
    """The manifest as CVAT validates it: its head and first line; None when refused.

    Newer ones put an empty object for a frame of the cloud that is not used.
    """
    rows: list[bytes] = []
    offsets: list[int] = []
    at = 0
    for line in data.splitlines(keepends=True) if b"\n" in data else [data]:
        if line.strip():
            rows.append(line)
            offsets.append(at)
        at += len(line)
    head = [_object(row) for row in rows[:3]]
    version = head[0].get("version") if head and head[0] else None
    type_ = head[1].get("type") if len(head) > 1 and head[1] else None
    third = head[2] if len(head) > 2 else None
    skip = 3 if type_ == "video" else 2
    manifest = ManifestLines(entry, rows[skip:], offsets[skip:], data)
    bad = 0
    if version not in ("1.0", "1.1"):
        bad = 1
    elif type_ not in ("images", "video"):
        bad = 2
    elif type_ == "video":
        properties = (third or {}).get("properties")
        length = properties.get("length") if isinstance(properties, dict) else None
        if isinstance(length, int) and not isinstance(length, bool) and length > 0:
            manifest.video = properties
        else:
            bad = 3
    elif third is None or not (_is_first_image(third) or (found.newer and third == {})):
        bad = 3
    if bad:
        found.error(entry, "Invalid manifest was uploaded", f"line {bad}", REMAKE)
        return None
    return manifest


def _is_first_image(row: Json) -> bool:
    sizes = (row.get("width"), row.get("height"))
    return (
        isinstance(row.get("name"), str)
        and isinstance(row.get("extension"), str)
        and all(size is None or isinstance(size, int) for size in sizes)
    )


def has_possible_size(row: Json) -> bool:
    """Whether width and height, if a line gives them, fit into CVAT's columns."""
    sides = (row.get("width") or 0, row.get("height") or 0)
    return all(isinstance(side, (int, float)) and 0 <= side <= INT_LIMIT for side in sides)


def check_mapping(
    found: Findings, manifest: ManifestLines, frames: Sequence[str], indices: Sequence[int]
) -> None:
    """Each frame must end with the name on the manifest's line at its index."""
    for frame, index in zip(frames, indices, strict=True):
        if index >= len(manifest.rows):
            found.error(
                manifest.entry,
                "IndexError: the manifest lacks frames",
                hint=f"frame {frame!r} is number {index}, there are {len(manifest.rows)} lines; "
                + REMAKE,
            )
            return
        if not has_possible_size(manifest.row(index) or {}):
            found.error(
                manifest.entry, "width or height: integer out of range", f"line {index + 3}", REMAKE
            )
        listed = manifest.path(index)
        if listed is None or not frame.endswith(listed):
            found.error(
                manifest.entry,
                "Incorrect file mapping to manifest content",
                f"line {index + 3}",
                f"frame {index} is {frame!r}, the manifest says {listed!r}; {REMAKE}",
            )
            return


def check_index(
    found: Findings, entry: str, data: bytes, manifest: ManifestLines, indices: Sequence[int]
) -> None:
    """index.json must give the byte offset of the line of each used frame."""
    hint = f"delete it or re-make it: {REMAKE}"
    try:
        value = msgspec.json.decode(data)
        offsets = {int(key): int(offset) for key, offset in value.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found.error(entry, f"json.decoder.JSONDecodeError: {error}", hint=hint)
        return
    except (AttributeError, TypeError, ValueError):
        found.error(entry, "not an object of byte offsets", hint=hint)
        return
    for index in indices:
        offset = offsets.get(index)
        if offset is None:
            found.error(entry, f"IndexError: Invalid index number: {index}", hint=hint)
            return
        end = manifest.data.find(b"\n", offset) + 1 or len(manifest.data)
        if offset < 0 or _object(manifest.data[offset:end]) is None:
            found.error(
                entry,
                "stale byte offsets: json.decoder.JSONDecodeError",
                f'"{index}"',
                f"byte {offset} of {manifest.entry} is not the start of a line; {hint}",
            )
            return
        row = _object(manifest.data[offset:end])
        if row != manifest.row(index):
            found.error(
                entry,
                "Incorrect file mapping to manifest content: stale byte offsets",
                f'"{index}"',
                hint,
            )
            return


def _object(line: bytes) -> Json | None:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
