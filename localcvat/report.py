"""What a conversion kept, changed and dropped, counted by reason with a first example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from localcvat.errors import DatasetError, LossError

Outcome = Literal["kept", "changed", "dropped", "assumed"]
LOSSES: tuple[str, ...] = ("changed", "dropped")
RENAMES = "renamed_images.map"
"""A table in a dataset whose images could not keep their names; no format has such a file."""
LISTED_FILES = 1000
SHOWN_FILES = 10
"""Files of which something matched nothing: how many are remembered, and printed as text."""


class Entry(msgspec.Struct, kw_only=True):
    """One row: `kind` is what it happened to (``polygon``, ``attribute``, ``image``).

    `lossy` is False for a change that loses nothing a user could want back (a path separator);
    `--strict` ignores those. `example` is the first place it happened.
    """

    outcome: str
    kind: str
    reason: str = ""
    count: int = 0
    example: str = ""
    lossy: bool = False


class FileMatch(msgspec.Struct, kw_only=True):
    """How many of a file's annotations (`kind`: ``annotation``, ``line``) found their image."""

    file: str
    kind: str
    matched: int = 0
    unmatched: int = 0


class Report:
    """Counts of what was kept, changed, dropped, and what a reader assumed.

    `files` are those with annotations that matched nothing, and some beside them that matched.
    `renames` are images that were written under another name: (new path, old path, where from).
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self._files: dict[tuple[str, str], FileMatch] = {}
        self._matches: dict[str, FileMatch] = {}
        self.renames: list[tuple[str, str, str]] = []

    def _add(
        self, outcome: str, kind: str, reason: str, where: str, count: int, lossy: bool
    ) -> None:
        key = (outcome, kind, reason)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(
                outcome=outcome, kind=kind, reason=reason, example=where, lossy=lossy
            )
        entry.count += count

    def kept(self, kind: str, count: int = 1) -> None:
        """Count values that went through unharmed."""
        self._add("kept", kind, "", "", count, False)

    def changed(
        self, kind: str, reason: str, where: str = "", *, count: int = 1, lossy: bool = True
    ) -> None:
        """Count values that went through in another form; `reason` says how and why."""
        self._add("changed", kind, reason, where, count, lossy)

    def dropped(
        self, kind: str, reason: str, where: str = "", *, count: int = 1, lossy: bool = True
    ) -> None:
        """Count values that did not go through; a loss unless the user asked to leave them out."""
        self._add("dropped", kind, reason, where, count, lossy)

    def withdrawn(self, kind: str, reason: str, where: str = "", *, count: int = 1) -> None:
        """Count values as dropped that `kept` counts too: a writer could not write them."""
        self._add("kept", kind, "", "", -count, False)
        self.dropped(kind, reason, where, count=count)

    def assumed(self, kind: str, reason: str, where: str = "", *, count: int = 1) -> None:
        """Count what a reader filled in or took for granted about a file that did not say."""
        self._add("assumed", kind, reason, where, count, False)

    def matched(self, file: str, kind: str, matched: int, unmatched: int = 0) -> None:
        """Count the annotations of one file that found their image, and those that did not."""
        total = self._matches.get(kind)
        if total is None:
            total = self._matches[kind] = FileMatch(file="", kind=kind)
        total.matched += matched
        total.unmatched += unmatched
        found = self._files.get((file, kind))
        if found is None:
            if not file or len(self._files) >= (LISTED_FILES if unmatched else SHOWN_FILES):
                return
            found = self._files[file, kind] = FileMatch(file=file, kind=kind)
        found.matched += matched
        found.unmatched += unmatched

    @property
    def files(self) -> list[FileMatch]:
        """What matched and what did not, by file; nothing as long as all matched."""
        torn = {kind for kind, total in self._matches.items() if total.unmatched}
        return [found for found in self._files.values() if found.kind in torn]

    def refuse_no_match(self) -> None:
        """Raise DatasetError when there were annotations and not one of them found its place."""
        for kind, total in self._matches.items():
            if total.unmatched and not total.matched:
                files = [found for found in self.files if found.kind == kind and found.unmatched]
                shown = files[:SHOWN_FILES]
                listed = "; ".join(f"{f.file}: 0 of {f.unmatched} matched" for f in shown)
                more = f"; and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
                raise DatasetError(
                    f"nothing was written, for none of {total.unmatched} {kind}s matched: "
                    f"{listed}{more}",
                    hint="do the names of images and annotations belong together?",
                )

    def count(self, outcome: str, kind: str | None = None) -> int:
        """How many values had this outcome, of one kind or of all."""
        return sum(
            max(entry.count, 0)
            for entry in self._entries.values()
            if entry.outcome == outcome and kind in (None, entry.kind)
        )

    @property
    def entries(self) -> list[Entry]:
        """All rows, in a fixed order: kept, changed, dropped, assumed, then by kind and reason."""
        order = {"kept": 0, "changed": 1, "dropped": 2, "assumed": 3}
        found = [entry for entry in self._entries.values() if entry.count > 0]
        return sorted(found, key=lambda e: (order[e.outcome], e.kind, e.reason))

    @property
    def losses(self) -> list[Entry]:
        """The rows that lose something: what `--strict` refuses."""
        return [entry for entry in self.entries if entry.lossy]

    def refuse_losses(self) -> None:
        """Raise LossError listing the losses, if there are any: what strict mode does."""
        if self.losses:
            rows = "; ".join(
                f"{entry.count} {entry.kind} {entry.outcome}: {entry.reason}"
                + (f" (first: {entry.example})" if entry.example else "")
                for entry in self.losses
            )
            raise LossError(
                f"nothing was written, for this would be lost: {rows}",
                hint="leave --strict out to accept this",
            )

    def merge(self, other: Report) -> None:
        """Add another report's rows to this one."""
        for entry in other.rows:
            self.add(entry)
        self.add_matches(other.matches)

    def add(self, entry: Entry) -> None:
        """Add a row of another report to this one."""
        self._add(entry.outcome, entry.kind, entry.reason, entry.example, entry.count, entry.lossy)

    def add_matches(self, matches: Iterable[FileMatch]) -> None:
        """Add what another report says of files."""
        for found in matches:
            self.matched(found.file, found.kind, found.matched, found.unmatched)

    @property
    def matches(self) -> list[FileMatch]:
        """All that `matched` was told, with one row of no file for files that are not listed."""
        unlisted = {kind: msgspec.structs.replace(t) for kind, t in self._matches.items()}
        for found in self._files.values():
            unlisted[found.kind].matched -= found.matched
            unlisted[found.kind].unmatched -= found.unmatched
        rest = [total for total in unlisted.values() if total.matched or total.unmatched]
        return [*self._files.values(), *rest]

    @property
    def rows(self) -> list[Entry]:
        """All rows as they came, those too that only take from the counts of another report."""
        return list(self._entries.values())

    def to_dict(self) -> dict[str, Any]:
        """Rows as lists under `kept`, `changed`, `dropped` and `assumed`, for `--json`.

        Where annotations matched nothing `files` says how many of which file.
        """
        rows: dict[str, Any] = {"kept": [], "changed": [], "dropped": [], "assumed": []}
        for entry in self.entries:
            row = msgspec.to_builtins(entry)
            del row["outcome"]
            rows[entry.outcome].append(row)
        if self.files:
            rows["files"] = msgspec.to_builtins(self.files)
        return rows

    @classmethod
    def from_dict(cls, rows: Mapping[str, Any]) -> Report:
        """The report that `to_dict` gave."""
        report = cls()
        report.add_matches(msgspec.convert(rows.get("files", []), list[FileMatch]))
        for outcome, entries in rows.items():
            for row in entries if outcome != "files" else ():
                report._add(
                    outcome, row["kind"], row["reason"], row["example"], row["count"], row["lossy"]
                )
        return report

    def lines(self) -> list[str]:
        """The report as plain lines of text, one a row."""
        text = []
        for entry in self.entries:
            reason = f" - {entry.reason}" if entry.reason else ""
            example = f" (first: {entry.example})" if entry.example else ""
            text.append(f"{entry.outcome:8} {entry.count:>8} {entry.kind}{reason}{example}")
        for found in self.files[:SHOWN_FILES]:
            of = f"of {found.matched + found.unmatched} {found.kind}s matched - {found.file}"
            text.append(f"{'files':8} {found.matched:>8} {of}")
        if len(self.files) > SHOWN_FILES:
            text.append(f"files    {'…':>8} and {len(self.files) - SHOWN_FILES} more")
        return text
