"""Which file of a source is the picture of an image in CVAT XML."""

from __future__ import annotations

import os
from functools import cached_property

from localcvat.archive import Source
from localcvat.images import is_image_name
from localcvat.model import Header, Item, TaskInfo
from localcvat.report import Report

FOLDER = "images"


class MediaIndex:
    """Finds pictures beside an XML file; by base name only when that is unambiguous."""

    def __init__(self, source: Source, wanted: bool, report: Report) -> None:
        self._source = source
        self._wanted = wanted
        self._report = report

    def find(self, item: Item, xml: str, is_video: bool) -> str | None:
        """The entry of an item's picture, or None."""
        if not self._wanted and item.width and item.height:
            return None
        base = xml.rpartition("/")[0]
        for folder in (f"{FOLDER}/{item.subset}", FOLDER, item.subset, ""):
            path = "/".join(part for part in (base, folder, item.path) if part)
            if self._source.exists(path) and is_image_name(path):
                return path
            if is_video and path in self._by_stem:
                return self._by_stem[path]
        return None if is_video else self._by_base_name(item)

    def _by_base_name(self, item: Item) -> str | None:
        name = item.path.rpartition("/")[2]
        found = self._by_name.get(name, [])
        if len(found) != 1:
            return None
        self._report.assumed("image file", "found by its base name", f"{item.path}: {found[0]}")
        return found[0]

    @cached_property
    def _images(self) -> list[str]:
        names = (name for name in self._source.names if is_image_name(name))
        return [name for name in names if not name.startswith("__MACOSX/")]

    @cached_property
    def _by_stem(self) -> dict[str, str]:
        return {os.path.splitext(name)[0]: name for name in self._images}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._images:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return found

    def frame_names(self, xml: str, header: Header, info: TaskInfo) -> dict[int, str] | None:
        """Paths by frame of a task of images whose XML has tracks only; None when not to be told.

        The pictures are taken in order when there is one for each frame. Of a video those that are
        there are its frames: CVAT leaves deleted ones out.
        """
        base = xml.rpartition("/")[0]
        parts = [base, FOLDER, info.subset if header.kind == "project" else ""]
        folder = "".join(f"{part}/" for part in parts if part)
        found = sorted(name[len(folder) :] for name in self._images if name.startswith(folder))
        if not found:
            return None
        if info.mode == "interpolation":
            return self._video_names(found, info)
        frames: list[int] = list(range(info.size))
        if header.kind == "job" and info.jobs:
            frames = list(range(info.jobs[0].start_frame, info.jobs[0].stop_frame + 1))
        if len(found) != len(frames):
            reason = "the XML does not name them and not every frame has one"
            self._report.dropped("image file", reason, xml, count=len(found))
            return None
        self._report.assumed("image file", "taken as the frames in order of their names", xml)
        return dict(zip(frames, found, strict=True))

    def _video_names(self, found: list[str], info: TaskInfo) -> dict[int, str] | None:
        names: dict[int, str] = {}
        for name in found:
            stem = os.path.splitext(name)[0].rpartition("frame_")[2]
            if not stem.isdigit():
                return None
            frame, remainder = divmod(int(stem) - info.start_frame - info.frame_offset, info.step)
            if not remainder and frame >= 0:
                names[frame] = name
        return names
