"""Which frame of a task an item of a dataset is (formats specification, section 0.4).

First the path without its extension; then the path under a folder that all items lack; then the
number of the frame. Before the number comes what CVAT does not do and the report says: another
spelling of the path (percent-encoded, accents composed or not) and the base name alone when only
one frame has it, for a name says more than a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from localcvat.model import Item
from localcvat.report import Report

VIDEO_FRAME = re.compile(r"frame_0*(\d+)$")


def stem_of(path: str) -> str:
    """The path without extension, ``/`` between its parts, no ``./`` before it."""
    clean = path.replace("\\", "/")
    while clean.startswith("./"):
        clean = clean[2:]
    head, slash, base = clean.rpartition("/")
    dot = base.rfind(".")
    return head + slash + (base[:dot] if dot > 0 else base)


def _spelling(stem: str) -> str:
    return unicodedata.normalize("NFC", unquote(stem))


def _base(stem: str) -> str:
    return stem.rpartition("/")[2]


class FrameMatcher:
    """The frames of one task by name and number.

    `start_frame` and `step` turn source frames into task-relative ones.
    """

    def __init__(
        self,
        frames: Iterable[tuple[int, str]],
        report: Report,
        *,
        start_frame: int = 0,
        step: int = 1,
    ) -> None:
        self._report = report
        self._start_frame, self._step = start_frame, step
        self._stems: dict[int, str] = {}
        self._by_stem: dict[str, int] = {}
        self._by_spelling: dict[str, int] = {}
        self._by_base: dict[str, list[int]] = {}
        self._claimed: dict[int, str] = {}
        self._deepest = ""
        for number, path in frames:
            stem = stem_of(path)
            self._stems[number] = stem
            self._by_stem.setdefault(stem, number)
            self._by_spelling.setdefault(_spelling(stem), number)
            self._by_base.setdefault(_spelling(_base(stem)), []).append(number)

    def find(self, item: Item) -> int | None:
        """The frame, or None; ask again with `find_late` when `is_open` says so."""
        stem = stem_of(item.path)
        if stem.count("/") > self._deepest.count("/") or not self._deepest:
            self._deepest = stem
        if stem in self._by_stem:
            return self._by_stem[stem]
        endings = self._ending_in(stem)
        if endings:
            return endings[0] if len(endings) == 1 else None
        found = self._by_likeness(stem)
        return found if found is not None else self._by_number(item, stem)

    def is_open(self, item: Item) -> bool:
        """Whether several frames could be this item, which the other items may decide."""
        stem = stem_of(item.path)
        return stem not in self._by_stem and len(self._ending_in(stem)) > 1

    def find_late(self, item: Item) -> int | None:
        """The frame of an open item, once all items were seen: by the folder that all lack.

        That folder is found by the item whose path has the most parts.
        """
        endings = self._ending_in(self._deepest)
        if not endings:
            return None
        root = self._stems[endings[0]][: -len(self._deepest)]
        return self._by_stem.get(root + stem_of(item.path))

    def _ending_in(self, stem: str) -> list[int]:
        """Frames whose path ends in this one, by whole parts."""
        same = self._by_base.get(_spelling(_base(stem)), [])
        return [number for number in same if self._stems[number].endswith(f"/{stem}")]

    def _by_likeness(self, stem: str) -> int | None:
        spelled = self._by_spelling.get(_spelling(stem))
        if spelled is not None:
            self._say("another spelling of its path", stem, spelled)
            return spelled
        same = self._by_base.get(_spelling(_base(stem)), [])
        if len(same) != 1 or self._claimed.setdefault(same[0], stem) != stem:
            return None
        self._say("its base name", stem, same[0])
        return same[0]

    def _by_number(self, item: Item, stem: str) -> int | None:
        video = VIDEO_FRAME.search(_base(stem))
        numbers = [item.frame, self._relative(item.source_frame)]
        numbers.append(int(stem) if stem.isdecimal() else None)
        numbers.append(int(video.group(1)) if video else None)
        number = next((found for found in numbers if found is not None), None)
        if number not in self._stems:
            return None
        self._say("the number of its frame", stem, number)
        return number

    def _relative(self, source_frame: int | None) -> int | None:
        if source_frame is None:
            return None
        number, remainder = divmod(source_frame - self._start_frame, self._step)
        return None if remainder else number

    def _say(self, how: str, stem: str, number: int) -> None:
        frame = self._stems[number]
        self._report.assumed("image", f"matched by {how}", f"{stem} -> {frame}")
