"""What only a foreign format has, and what a writer of another one leaves out of it, counted.

Readers keep such values as extras. Fields that say again what the model holds too (ids, areas, the
box beside an outline) are no loss, nor are those that say nothing (an empty list, a 0).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from localcvat.model import Dataset, Extras, Header, Item, Shape, Tag
from localcvat.report import Report

SAID_AGAIN = frozenset(
    (
        *("id", "image_id", "category_id", "name", "file_name", "width", "height", "depth"),
        *("bbox", "area", "segmentation", "rle", "line", "bndbox", "attributes", "parts"),
        *("keypoints", "num_keypoints", "skeleton", "actions", "occluded", "truncated"),
        *("difficult", "pose", "object_id", "LabelName", "BoxID"),
    )
)
USUAL = frozenset(
    (
        *("license", "licenses", "flickr_url", "coco_url", "date_captured", "info"),
        *("supercategory", "isthing", "color", "folder", "path", "source", "owner", "segmented"),
        *("verified", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL"),
        *("Author", "Title", "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation"),
    )
)
"""Of images, labels and datasets: what their formats define for where an image is from."""
NOTHING = frozenset(("", "0", "-1", "-10", "-1000", "unspecified"))


class ForeignFields:
    """Counts the fields of extras that a writer, which knows those named `own`, leaves out."""

    def __init__(self, own: Collection[str], report: Report) -> None:
        self._own = frozenset(own)
        self._report = report
        self._found: dict[tuple[str, str], dict[str, list[Any]]] = {}
        """(how many, where the first is) by field, of each kind and format."""

    def header(self, header: Header) -> None:
        """Count those of the dataset and its labels."""
        self._count("dataset field", header.info, "")
        for label in header.labels:
            if label.extras:
                self._count("label field", label.extras, label.name)

    def item(self, item: Item) -> None:
        """Count those of an image."""
        if item.extras and not item.extras.keys() <= self._own:
            self._count("image field", item.extras, item.path)

    def annotations(self, values: list[Shape] | list[Tag], path: str) -> None:
        """Count those of annotations of the image at `path`."""
        own = self._own
        for value in values:
            if value.extras and not value.extras.keys() <= own:
                self._count("field", value.extras, path)

    def image(self, name: str, fields: Extras, where: str, count: int) -> None:
        """Count the fields of `count` images of the format `name`, of which these are one's."""
        self._count("image field", {name: fields}, where, count)

    def annotation(self, name: str, fields: Extras, where: str, count: int) -> None:
        """As `image`, of annotations."""
        self._count("field", {name: fields}, where, count)

    def _count(self, kind: str, extras: Extras, where: str, times: int = 1) -> None:
        for name, fields in extras.items():
            if name in self._own or not isinstance(fields, dict):
                continue
            found = self._found.setdefault((kind, name), {})
            for key, value in fields.items():
                if key not in SAID_AGAIN and _says(value):
                    if key in found:
                        found[key][0] += times
                    else:
                        found[key] = [times, where]

    def report(self) -> None:
        """Give the counts to the report: losses, but for what says where an image is from."""
        for (kind, name), found in self._found.items():
            for key, (count, where) in found.items():
                why = f"{key!r} of {name}, for which the format has no place"
                lossy = kind == "field" or key not in USUAL
                self._report.dropped(kind, why, where, count=count, lossy=lossy)


def _says(value: Any) -> bool:
    if type(value) is str:
        return value.lower() not in NOTHING
    if isinstance(value, (list, tuple)):
        return any(map(_says, value))
    if isinstance(value, dict):
        return any(map(_says, value.values()))
    return bool(value) and str(value).lower() not in NOTHING


def report_foreign(dataset: Dataset, own: Collection[str], report: Report) -> Dataset:
    """The dataset, whose foreign fields are counted as its items pass."""
    fields = ForeignFields(own, report)
    fields.header(dataset.header)
    passed = dataset.items

    def items() -> Any:
        for item in passed:
            fields.item(item)
            if item.shapes:
                fields.annotations(item.shapes, item.path)
            if item.tags:
                fields.annotations(item.tags, item.path)
            yield item
        fields.report()

    return Dataset(dataset.header, items(), dataset.tracks)
