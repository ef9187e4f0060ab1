"""The images of a dataset with their annotations drawn on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from localcvat.archive import Sink
from localcvat.drawing import draw_annotations, encoded, open_image
from localcvat.errors import SourceError
from localcvat.labels import UsedColors
from localcvat.model import Dataset, Label
from localcvat.pages import Picture, pictures_page
from localcvat.reading import flattened
from localcvat.report import Report


def render_dataset(
    dataset: Dataset,
    sink: Sink,
    report: Report,
    *,
    limit: int | None = None,
    page: bool = False,
    png: bool = False,
) -> int:
    """Write the first `limit` images with their annotations as JPEG or PNG; returns how many.

    With a `page` there is an index.html that shows them. Images that are missing or unreadable are
    reported.
    """
    labels = _coloured(dataset.header.labels)
    done = 0
    pictures: list[Picture] = []
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
        name = f"{folder}{item.stem}{'.png' if png else '.jpg'}"
        sink.write(name, encoded(drawn, "PNG" if png else "JPEG", 90))
        if page:
            counts = Counter([shape.label for shape in item.shapes])
            counts.update(tag.label for tag in item.tags)
            pictures.append(Picture(name, item.subset, dict(counts)))
        done += 1
    if page:
        sink.write("index.html", pictures_page(pictures, labels).encode())
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
