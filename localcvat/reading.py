"""Datasets opened for reading: detected, read, flattened to shapes a frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from localcvat.archive import DEFAULT_LIMITS, Limits, open_source
from localcvat.errors import UsageError
from localcvat.model import Dataset
from localcvat.plugin import Format, ReadOptions, named_or_detected, read_dataset, refuse_backup
from localcvat.report import Report


@contextmanager
def opened_dataset(
    path: str | os.PathLike[str],
    format_name: str | None = None,
    options: ReadOptions | None = None,
    report: Report | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[Dataset, Format]]:
    """(the dataset at `path`, its format, detected unless named), readable inside the with block.

    Raises what detection and the reader raise.
    """
    with open_source(path, limits) as source:
        refuse_backup(source)
        choice = named_or_detected(source, format_name)
        plugin, dialect = choice.format, choice.dialect
        if not plugin.can_read:
            raise UsageError(f"the format {plugin.name!r} can't be read")
        options = msgspec.structs.replace(options or ReadOptions(), dialect=dialect)
        yield read_dataset(plugin, source, options, report or Report()), plugin


def flattened(dataset: Dataset) -> Dataset:
    """The dataset with its tracks as shapes on each frame."""
    tracks = list(dataset.tracks)
    if not tracks:
        return dataset
    from localcvat.geometry.tracks import flatten_tracks

    return Dataset(dataset.header, flatten_tracks(dataset.items, tracks, dataset.header))
