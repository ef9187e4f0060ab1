"""Label Studio's JSON export, read only."""

from __future__ import annotations

from typing import ClassVar

from localcvat.plugin import Capabilities, Dialect, Format


class LabelStudio(Format):
    """Label Studio JSON (`JSON` or `JSON-MIN` with `annotations[].result`)."""

    name: ClassVar[str] = "label-studio"
    summary: ClassVar[str] = "Label Studio JSON"
    can_write: ClassVar[bool] = False
    extensions: ClassVar[tuple[str, ...]] = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset())
