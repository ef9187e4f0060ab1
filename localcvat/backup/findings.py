"""What a check finds: errors that a real CVAT refuses, warnings for what it changes or loses."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Finding(msgspec.Struct):
    """One reason, counted; `entry` is the file in the backup, `place` the first place in it."""

    severity: Severity
    entry: str
    reason: str
    hint: str = ""
    place: str = ""
    count: int = 1

    @property
    def is_error(self) -> bool:
        """Whether a real restore fails."""
        return self.severity == "error"

    def __str__(self) -> str:
        where = f"{self.entry}: {self.place}" if self.place else self.entry
        more = f" [{self.count} times]" if self.count > 1 else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.severity:7} {where}: {self.reason}{more}{hint}"


class Findings:
    """Findings of equal entry and reason are one, so that a million bad shapes are one line.

    `newer` says that a newer CVAT than 2.15 is asked, see `target`.
    """

    def __init__(self, newer: bool = False) -> None:
        self.newer = newer
        self._found: dict[tuple[str, str, str], Finding] = {}

    def _add(self, severity: Severity, entry: str, reason: str, place: str, hint: str) -> None:
        place = place.removeprefix(".")
        key = (severity, entry, reason)
        if key in self._found:
            self._found[key].count += 1
        else:
            self._found[key] = Finding(severity, entry, reason, hint, place)

    def error(self, entry: str, reason: str, place: str = "", hint: str = "") -> None:
        """A real restore fails on this."""
        self._add("error", entry, reason, place, hint)

    def warning(self, entry: str, reason: str, place: str = "", hint: str = "") -> None:
        """A real restore goes on and something comes out other than it was."""
        self._add("warning", entry, reason, place, hint)

    @property
    def all(self) -> list[Finding]:
        """Errors first, else in the order they were found."""
        return sorted(self._found.values(), key=lambda finding: finding.severity == "warning")
