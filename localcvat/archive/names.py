"""What names and sizes an archive may have."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from localcvat.errors import UnsafeArchiveError


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what an archive may hold; a flag raises them."""

    max_entries: int = 5_000_000
    max_total_bytes: int = 1 << 42
    max_text_bytes: int = 1 << 34
    max_ratio: int = 200


DEFAULT_LIMITS = Limits()
PLAIN_NAME = re.compile(r"\w[\w .()+-]*(?:/\w[\w .()+-]*)*")
"""Names that need no closer look: every part begins with a letter, digit or underscore."""


def safe_name(name: str, where: str = "") -> str:
    """`name` as a clean relative path with ``/`` separators; raises UnsafeArchiveError otherwise.

    Refused: absolute paths, drive letters, ``..``, NUL and other control characters, empty names.
    """
    if PLAIN_NAME.fullmatch(name):
        return name
    clean = name.replace("\\", "/")
    parts = [part for part in clean.split("/") if part not in ("", ".")]
    reason = ""
    if not parts:
        reason = "empty name"
    elif any(ord(char) < 32 or char == "\x7f" for char in clean):
        reason = "control character in name"
    elif clean.startswith("/"):
        reason = "absolute path"
    elif parts[0][1:2] == ":" and parts[0][0].isalpha():
        reason = "drive letter"
    elif ".." in parts:
        reason = "'..' climbs out of the archive"
    elif any(not part.strip(". ") for part in parts):
        reason = "a folder of dots and spaces is '..' to some systems"
    if reason:
        raise UnsafeArchiveError(f"unsafe entry {name!r}: {reason}", where=where)
    return "/".join(parts)


def normalized(name: str) -> str:
    """`name` in Unicode NFC, for comparing names of different origin."""
    return unicodedata.normalize("NFC", name)
