"""Several datasets as one: labels by name, images one after the other, tasks numbered on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, check_apart, write_dataset
from localcvat.dry_run import dry_run_ends_here
from localcvat.model import Dataset, Header, Item, Label, Shape, Track
from localcvat.plugin import ReadOptions, find_format
from localcvat.reading import flattened, opened_dataset
from localcvat.report import Report


def merge_datasets(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    to: str,
    from_: str | None = None,
    options: ConvertOptions | None = None,
    iou: float | None = None,
) -> Report:
    """Write the datasets at `sources` as one at `target`; each format is detected unless named.

    With an `iou` images of one path without extension are one, and so are objects of one label and
    kind on them that cover each other by as much: those of the first dataset are kept.
    """
    options = options or ConvertOptions()
    choice = find_format(to)
    for path in sources:
        check_apart(path, target)
    report = Report()
    reading = ReadOptions(media=options.with_images)
    with dry_run_ends_here(), ExitStack() as opened:
        datasets = [
            opened.enter_context(opened_dataset(path, from_, reading, report))[0]
            for path in sources
        ]
        single = Path(target).suffix.lower() in choice.format.extensions
        sink = opened.enter_context(open_sink(target, overwrite=options.overwrite, single=single))
        write_dataset(merged(datasets, report, iou), choice, sink, options, report)
    return report


def merged(datasets: Sequence[Dataset], report: Report, iou: float | None = None) -> Dataset:
    """The datasets in order, as one stream; a label they share is one, with all its attributes.

    To join images and objects (see `merge_datasets`) all but the first dataset are held in memory
    and tracks become shapes.
    """
    labels: dict[str, Label] = {}
    subsets: dict[str, None] = {}
    header = Header()
    for dataset in datasets:
        for label in dataset.header.labels:
            labels[label.name] = _joined(labels.get(label.name), label, report)
        subsets.update(dict.fromkeys(dataset.header.subsets))
        header.tasks = [*header.tasks, *dataset.header.tasks]
    header.labels = list(labels.values())
    header.subsets = list(subsets)
    if iou is not None:
        return Dataset(header, _joined_items(datasets, iou, report))
    return Dataset(header, _items(datasets), _tracks(datasets))


def _joined_items(datasets: Sequence[Dataset], least: float, report: Report) -> Iterator[Item]:
    held: dict[str, Item] = {}
    first, *others = [_shapes_alone(dataset, report) for dataset in datasets]
    for item in _items(others, before=len(first.header.tasks)):
        if item.stem in held:
            _join(held[item.stem], item, least, report)
        else:
            held[item.stem] = item
    for item in first.items:
        other = held.pop(item.stem, None)
        if other is not None:
            _join(item, other, least, report)
        yield item
    yield from held.values()


def _shapes_alone(dataset: Dataset, report: Report) -> Dataset:
    dataset.tracks = tracks = list(dataset.tracks)
    if tracks:
        why = "written as shapes on each frame: images are joined"
        report.changed("track", why, tracks[0].label, count=len(tracks))
    return flattened(dataset)


def _join(item: Item, other: Item, least: float, report: Report) -> None:
    """Add to an image what the same image has elsewhere and it does not."""
    from localcvat.geometry.alike import without_known

    if (other.width, other.height) not in ((0, 0), (item.width, item.height)):
        why = f"of another size in a further dataset: {other.width}x{other.height}"
        report.assumed("image", why, item.path)
    new = without_known(item.shapes, other.shapes, least)
    labels = {tag.label for tag in item.tags}
    tags = [tag for tag in other.tags if tag.label not in labels]
    left = {id(value) for value in (*new, *tags)}
    for value in (*other.shapes, *other.tags):
        if id(value) not in left:
            kind = value.type if isinstance(value, Shape) else "tag"
            why = "the same as one of a dataset before"
            report.dropped(kind, why, item.path, lossy=False)
    for field in ("instance", "group", "track_id"):
        numbers = [getattr(shape, field) or 0 for shape in item.shapes]
        above = max(numbers, default=0) + 1
        for shape in new:
            if getattr(shape, field) or (field == "track_id" and shape.track_id == 0):
                setattr(shape, field, getattr(shape, field) + above)
    item.shapes = [*item.shapes, *new]
    item.tags = [*item.tags, *tags]
    item.media = item.media or other.media


def _joined(first: Label | None, label: Label, report: Report) -> Label:
    if first is None:
        return msgspec.structs.replace(label, extras=None)
    if first.type != label.type:
        kinds = f"of type {first.type} and {label.type} in two datasets: any"
        report.changed("label type", kinds, label.name)
    have = {spec.name for spec in first.attributes}
    extra = [spec for spec in label.attributes if spec.name not in have]
    return msgspec.structs.replace(
        first,
        type=first.type if first.type == label.type else "any",
        attributes=[*first.attributes, *extra],
    )


def _offsets(datasets: Sequence[Dataset], before: int = 0) -> Iterator[tuple[Dataset, int]]:
    for dataset in datasets:
        yield dataset, before
        before += len(dataset.header.tasks)


def _items(datasets: Sequence[Dataset], before: int = 0) -> Iterator[Item]:
    for dataset, offset in _offsets(datasets, before):
        for item in dataset.items:
            item.task += offset
            yield item


def _tracks(datasets: Sequence[Dataset]) -> Iterator[Track]:
    for dataset, before in _offsets(datasets):
        for track in dataset.tracks:
            track.task += before
            yield track
