"""VGG Image Annotator 2: projects and annotation files as JSON, and CSV."""

from __future__ import annotations

from typing import ClassVar

from localcvat.plugin import Capabilities, Dialect, Format


class Via(Format):
    """VIA 2 projects (`_via_img_metadata`) and exported annotations."""

    name: ClassVar[str] = "via"
    summary: ClassVar[str] = "VGG Image Annotator 2 JSON or CSV"
    can_write: ClassVar[bool] = False
    extensions: ClassVar[tuple[str, ...]] = (".json", ".csv")

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset())
