"""MOT 1.1: tracked boxes of an image sequence in `gt/gt.txt`."""

from __future__ import annotations

from localcvat.plugin import Format


class Mot(Format):
    """MOT challenge ground truth and CVAT's MOT 1.1."""

    name = "mot"
    cvat_names = ("MOT 1.1",)
    summary = "MOT challenge: gt/gt.txt with a row a box and frame"
