"""The exception family of localcvat: every message says what, where and what to do."""

from __future__ import annotations

from typing import Any


class LocalCvatError(Exception):
    """A failure the user can act on.

    `what` is the fact, `where` the place (``labels/a.txt:3``, ``coco.json: annotations[17].bbox``),
    `hint` what to do about it; `str()` joins them on one line.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


class UsageError(LocalCvatError):
    """The request itself is off: an unknown format name, clashing options (exit code 2)."""


class SourceError(LocalCvatError):
    """An input is missing, unreadable, or not what it claims to be."""


class DatasetError(SourceError):
    """A dataset file breaks its format; `where` names the file and the line or JSON path."""


class UnsafeArchiveError(SourceError):
    """An archive entry would leave the target, is too large, or is otherwise not to be trusted."""


class DetectionError(SourceError):
    """The format of a source is unknown or ambiguous; the message lists what was looked for."""


class OutputError(LocalCvatError):
    """The destination exists, can't be written, or ran out of space."""


class LossError(LocalCvatError):
    """`--strict` was asked and something would have been lost; nothing was written."""


class StoreError(LocalCvatError):
    """The store is missing, locked, damaged, or of another version."""


class StoreBusyError(StoreError):
    """Another process writes to the store and did not end in time; nothing was changed."""


class BackupError(LocalCvatError):
    """A backup can't be restored or written; `where` names the entry."""


class MissingExtraError(LocalCvatError):
    """An optional dependency is needed; the hint says how to install it."""


class NotFoundError(LocalCvatError):
    """No such project, task, job, label, request or user; `detail` is what the API says of it."""

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", detail: str = "Not found."
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.detail = detail


class ValidationError(LocalCvatError):
    """Values that CVAT's API refuses; `errors` maps a field to its list of messages.

    A list instead of a mapping is an error of the whole body, as DRF's non-field lists; a nested
    record has a mapping of its own in the place of messages.
    """

    def __init__(self, errors: Any, *, where: str = "") -> None:
        self.errors = errors
        super().__init__("; ".join(_flat(errors)), where=where)


def _flat(errors: Any, place: str = "") -> list[str]:
    """One line a field: its path and its messages."""
    if isinstance(errors, dict):
        pairs = [(key, value) for key, value in errors.items()]
    elif isinstance(errors, list) and any(isinstance(item, (dict, list)) for item in errors):
        pairs = [(f"[{position}]", value) for position, value in enumerate(errors)]
    else:
        messages = errors if isinstance(errors, list) else [errors]
        text = " ".join(map(str, messages))
        return [f"{place}: {text}" if place else text] if text else []
    lines: list[str] = []
    for key, value in pairs:
        name = f"{place}{key}" if key.startswith("[") or not place else f"{place}.{key}"
        lines += _flat(value, place if key == "non_field_errors" else name)
    return lines
