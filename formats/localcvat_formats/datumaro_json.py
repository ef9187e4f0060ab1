"""Datumaro 1.0 JSON (formats specification, section 10)."""

from __future__ import annotations

from typing import ClassVar

from localcvat.plugin import Capabilities, Dialect, Format


class DatumaroJson(Format):
    """Datumaro's own format: `annotations/<subset>.json` and `images/`."""

    name: ClassVar[str] = "datumaro"
    cvat_names: ClassVar[tuple[str, ...]] = ("Datumaro 1.0", "Datumaro 3D 1.0")
    summary: ClassVar[str] = "Datumaro JSON"
    extensions: ClassVar[tuple[str, ...]] = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        raise NotImplementedError
