"""Several datasets as one: labels by name, images one after the other, tasks numbered on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import msgspec

from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, check_apart, write_dataset
from localcvat.dry_run import dry_run_ends_here
from localcvat.model import Dataset, Header, Item, Label, Track
from localcvat.plugin import ReadOptions, find_format
from localcvat.reading import opened_dataset
from localcvat.report import Report


def merge_datasets(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    to: str,
    from_: str | None = None,
    options: ConvertOptions | None = None,
) -> Report:
    """Write the datasets at `sources` as one at `target`; each format is detected unless named."""
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
        sink = opened.enter_context(open_sink(target, overwrite=options.overwrite))
        write_dataset(merged(datasets, report), choice, sink, options, report)
    return report


def merged(datasets: Sequence[Dataset], report: Report) -> Dataset:
    """The datasets in order, as one stream; a label they share is one, with all its attributes."""
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
    return Dataset(header, _items(datasets), _tracks(datasets))


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


def _offsets(datasets: Sequence[Dataset]) -> Iterator[tuple[Dataset, int]]:
    before = 0
    for dataset in datasets:
        yield dataset, before
        before += len(dataset.header.tasks)


def _items(datasets: Sequence[Dataset]) -> Iterator[Item]:
    for dataset, before in _offsets(datasets):
        for item in dataset.items:
            item.task += before
            yield item


def _tracks(datasets: Sequence[Dataset]) -> Iterator[Track]:
    for dataset, before in _offsets(datasets):
        for track in dataset.tracks:
            track.task += before
            yield track
