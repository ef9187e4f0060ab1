"""CVAT XML 1.1: `CVAT for images` and `CVAT for video` (formats specification, section 1)."""

from __future__ import annotations

from typing import ClassVar

from localcvat.plugin import Capabilities, Dialect, Format


class CvatImages(Format):
    """`CVAT for images 1.1`: one `<image>` a frame with its shapes and tags."""

    name: ClassVar[str] = "cvat-images"
    cvat_names: ClassVar[tuple[str, ...]] = ("CVAT for images 1.1", "CVAT 1.1")
    aliases: ClassVar[tuple[str, ...]] = ("cvat", "cvat-xml")
    summary: ClassVar[str] = "CVAT XML, one <image> a frame"
    extensions: ClassVar[tuple[str, ...]] = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        raise NotImplementedError


class CvatVideo(Format):
    """`CVAT for video 1.1`: one `<track>` an object with a shape a frame."""

    name: ClassVar[str] = "cvat-video"
    cvat_names: ClassVar[tuple[str, ...]] = ("CVAT for video 1.1",)
    summary: ClassVar[str] = "CVAT XML, one <track> an object"
    extensions: ClassVar[tuple[str, ...]] = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        raise NotImplementedError
