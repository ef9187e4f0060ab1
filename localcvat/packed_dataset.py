"""A dataset on its way into the store: items whose shapes are packed, made here or elsewhere.

Packing needs nothing of the store, so a process of its own can do it (see `reading_process`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson

from localcvat.errors import DatasetError, ValidationError
from localcvat.model import Dataset, Header, Item, Media, Shape, Track
from localcvat.report import Report
from localcvat.store.packed_shapes import PackedShape, PackedTag, packed_shape, packed_tag


class PackedItem(msgspec.Struct, array_like=True, gc=False):
    """An `Item` of the model; `extras` is the JSON text of what its frame keeps beside its size.

    `shapes` are still; those of tracks are in `tracked`, not packed.
    """

    path: str
    subset: str
    width: int
    height: int
    frame: int | None
    task: int
    related: int
    extras: str | None
    shapes: list[PackedShape]
    tags: list[PackedTag]
    tracked: list[Shape]
    media: Any = None


class PackedDataset:
    """A header and a stream, as `Dataset`: `items` in order, then `tracks`."""

    def __init__(
        self, header: Header, items: Iterable[PackedItem], tracks: Iterable[Track]
    ) -> None:
        self.header = header
        self.items = items
        self.tracks = tracks


def packed(dataset: Dataset, report: Report) -> PackedDataset:
    """The dataset with its items packed one by one as they are read."""
    return PackedDataset(dataset.header, _packed_items(dataset, report), dataset.tracks)


def _packed_items(dataset: Dataset, report: Report) -> Iterator[PackedItem]:
    for item in dataset.items:
        yield _packed_item(item, report)


def _packed_item(item: Item, report: Report) -> PackedItem:
    """The item; raises DatasetError for points that are no numbers."""
    media: Media | None = item.media
    if not (item.width and item.height) and media is not None:
        item.width, item.height = media.image_size()
    still, tracked = item.shapes, list[Shape]()
    if any(shape.track_id is not None for shape in still):
        still = still_shapes(item, still, report)
        tracked = [shape for shape in item.shapes if shape.track_id is not None]
    extras = {"extras": item.extras, "attributes": item.attributes}
    kept = {key: value for key, value in extras.items() if value}
    try:
        return PackedItem(
            item.path,
            item.subset,
            item.width,
            item.height,
            item.frame,
            item.task,
            len(item.related),
            orjson.dumps(kept).decode() if kept else None,
            [packed_shape(shape) for shape in still],
            [packed_tag(tag) for tag in item.tags] if item.tags else [],
            tracked,
            media,
        )
    except ValidationError as error:
        raise DatasetError(str(error), where=item.path) from error


def still_shapes(item: Item, shapes: Iterable[Shape], report: Report) -> list[Shape]:
    """The shapes of no track, masks of tracks among them: those lose their `track_id`."""
    still = []
    for shape in shapes:
        if shape.track_id is not None and shape.type == "mask":
            reason = "of a track: made a mask of its own, for CVAT has no tracks of masks"
            report.changed("mask", reason, item.path)
            shape.track_id = None
        if shape.track_id is None:
            still.append(shape)
    return still
