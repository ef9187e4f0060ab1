"""What a dataset holds, counted in one pass."""

from __future__ import annotations

import math

import msgspec

from localcvat.geometry.boxes import shape_box
from localcvat.model import Dataset, Item, Shape
from localcvat.reading import flattened

SMALL, LARGE = 32 * 32, 96 * 96
"""COCO's bounds on the area of small and large objects, in square pixels."""


class LabelStats(msgspec.Struct):
    """How often a label occurs: objects, by their kinds, and images with it."""

    objects: int = 0
    images: int = 0
    kinds: dict[str, int] = {}


class DatasetStats(msgspec.Struct):
    """Counts of a dataset; `sizes` are COCO's small, medium and large boxes, `most` per image."""

    images: int = 0
    empty: int = 0
    subsets: dict[str, int] = {}
    labels: dict[str, LabelStats] = {}
    kinds: dict[str, int] = {}
    tracks: int = 0
    attributes: int = 0
    most: int = 0
    sizes: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(("small", "medium", "large"), 0)
    )
    smallest_image: tuple[int, int] | None = None
    largest_image: tuple[int, int] | None = None

    @property
    def objects(self) -> int:
        """All tags and shapes, the parts of one object counted once."""
        return sum(self.kinds.values())


def dataset_stats(dataset: Dataset) -> DatasetStats:
    """The counts of `dataset`; its stream is used up."""
    dataset.tracks = list(dataset.tracks)
    stats = DatasetStats(tracks=len(dataset.tracks))
    stats.labels = {label.name: LabelStats() for label in dataset.header.labels}
    for item in flattened(dataset).items:
        _count(stats, item)
    return stats


def _count(stats: DatasetStats, item: Item) -> None:
    stats.images += 1
    stats.subsets[item.subset] = stats.subsets.get(item.subset, 0) + 1
    found: list[tuple[str, str]] = [("tag", tag.label) for tag in item.tags]
    instances: set[int] = set()
    for shape in item.shapes:
        if shape.instance and shape.instance in instances:
            continue
        instances.add(shape.instance)
        found.append((shape.type, shape.label))
        stats.attributes += len(shape.attributes)
        _count_size(stats, shape)
    stats.attributes += sum(len(tag.attributes) for tag in item.tags)
    stats.empty += not found
    stats.most = max(stats.most, len(found))
    for kind, label in found:
        stats.kinds[kind] = stats.kinds.get(kind, 0) + 1
        counts = stats.labels.setdefault(label, LabelStats())
        counts.objects += 1
        counts.kinds[kind] = counts.kinds.get(kind, 0) + 1
    for label in {label for _, label in found}:
        stats.labels[label].images += 1
    if item.width and item.height:
        size = (item.width, item.height)
        area = math.prod(size)
        if stats.smallest_image is None or area < math.prod(stats.smallest_image):
            stats.smallest_image = size
        if stats.largest_image is None or area > math.prod(stats.largest_image):
            stats.largest_image = size


def _count_size(stats: DatasetStats, shape: Shape) -> None:
    try:
        left, top, right, bottom = shape_box(shape)
    except ValueError:
        return
    area = (right - left) * (bottom - top)
    size = "small" if area < SMALL else "large" if area > LARGE else "medium"
    stats.sizes[size] += 1
