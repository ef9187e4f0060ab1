"""The images of a dataset with their annotations drawn on them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from localcvat.archive import Sink
from localcvat.drawing import draw_annotations, encoded, open_image
from localcvat.errors import SourceError
from localcvat.labels import UsedColors
from localcvat.model import Dataset, Label
from localcvat.reading import flattened
from localcvat.report import Report


def render_dataset(
    dataset: Dataset, sink: Sink, report: Report, *, limit: int | None = None
) -> int:
    """Write the first `limit` images with their annotations as JPEG; returns how many.

    Images that are missing or unreadable are reported.
    """
    labels = _coloured(dataset.header.labels)
    done = 0
    for item in flattened(dataset).items:
        if limit is not None and done >= limit:
            break
        if item.media is None:
            report.dropped("image", "the source has no such file", item.path)
            continue
        try:
            picture = open_image(item.media)
        except SourceError as error:
            report.dropped("image", error.what, item.path)
            continue
        drawn = draw_annotations(picture, item.shapes, item.tags, labels)
        folder = f"{item.subset}/" if len(dataset.header.subsets) > 1 else ""
        sink.write(f"{folder}{item.stem}.jpg", encoded(drawn, "JPEG", 90))
        done += 1
    report.kept("image", done)
    return done


def _coloured(labels: Iterable[Label]) -> list[Label]:
    """Labels with CVAT's colours where they have none."""
    taken, made = UsedColors(), list[Label]()
    for label in labels:
        color = label.color or taken.color_for(label.name)
        taken.add(color)
        made.append(msgspec.structs.replace(label, color=color))
    return made
