"""Images dealt out to subsets: seeded, by label if asked, folders and tasks kept together."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from localcvat.archive import open_sink
from localcvat.convert import ConvertOptions, check_apart, write_dataset
from localcvat.dry_run import dry_run_ends_here
from localcvat.errors import UsageError
from localcvat.model import Dataset, Item
from localcvat.plugin import FormatChoice, ReadOptions, find_format
from localcvat.reading import flattened, opened_dataset
from localcvat.report import Report

Grouping = Literal["none", "folder", "task"]


class Dealt(msgspec.Struct):
    """What dealing needs to know of an image."""

    key: tuple[str, str]
    group: str
    labels: frozenset[str]


def split_dataset(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    parts: Mapping[str, float],
    *,
    subsets: Iterable[str] = (),
    seed: int = 0,
    stratify: bool = False,
    group_by: Grouping = "none",
    from_: str | None = None,
    to: str | None = None,
    options: ConvertOptions | None = None,
) -> Report:
    """Deal the images of a dataset out to `parts` and write it; the source is read twice.

    Only `subsets` are dealt out, if any is named. `to` None keeps the format. Raises UsageError for
    parts that do not sum to 1.
    """
    options = options or ConvertOptions()
    check_apart(source, target)
    with opened_dataset(source, from_, ReadOptions(media=False)) as (dataset, origin):
        moved = dealt(images_to_deal(dataset, subsets, group_by), parts, seed, stratify)
    choice = find_format(to) if to else FormatChoice(origin, "plain")
    if not choice.format.can_write:
        raise UsageError(f"the format {choice.format.name!r} can't be written", hint="pass --to")
    same = choice.format is origin and choice.dialect == "plain"
    reading = ReadOptions(media=options.with_images, same_format=same)
    report = Report()
    with (
        dry_run_ends_here(),
        opened_dataset(source, origin.name, reading, report) as (again, _),
        open_sink(target, overwrite=options.overwrite) as sink,
    ):
        write_dataset(resubset(again, moved), choice, sink, options, report)
    return report


def images_to_deal(
    dataset: Dataset, subsets: Iterable[str] = (), group_by: Grouping = "none"
) -> list[Dealt]:
    """The images of `subsets`, of all if none is named; grouped ones are dealt out together."""
    wanted = set(subsets)
    return [
        Dealt(
            (item.subset, item.stem),
            _group(item, group_by),
            frozenset([*(s.label for s in item.shapes), *(t.label for t in item.tags)]),
        )
        for item in flattened(dataset).items
        if not wanted or item.subset in wanted
    ]


def _group(item: Item, group_by: Grouping) -> str:
    if group_by == "folder":
        return item.path.rpartition("/")[0]
    return str(item.task) if group_by == "task" else f"{item.subset}/{item.stem}"


def dealt(
    images: list[Dealt], parts: Mapping[str, float], seed: int = 0, stratify: bool = False
) -> dict[tuple[str, str], str]:
    """The new subset of each image, by (subset, stem).

    Parts are fractions that sum to 1. The same images, parts and seed give the same subsets,
    whatever the order of the images. With `stratify` the groups that share their rarest label are
    dealt on their own, so that rare labels are in every part if they can be. Raises UsageError.
    """
    total = sum(parts.values())
    if not parts or min(parts.values()) < 0 or abs(total - 1) > 1e-6:
        raise UsageError(f"the parts sum to {total:g} instead of 1")
    groups: dict[str, list[Dealt]] = {}
    for image in images:
        groups.setdefault(image.group, []).append(image)
    rng = random.Random(seed)
    result: dict[tuple[str, str], str] = {}
    owed = dict.fromkeys(parts, 0.0)
    for names in _strata(groups, images, stratify):
        rng.shuffle(names)
        for name in names:
            for part, fraction in parts.items():
                owed[part] += fraction * len(groups[name])
            chosen = max(parts, key=lambda part: owed[part])
            owed[chosen] -= len(groups[name])
            result.update((image.key, chosen) for image in groups[name])
    return result


def _strata(
    groups: Mapping[str, list[Dealt]], images: list[Dealt], stratify: bool
) -> list[list[str]]:
    """Names of groups, in one list or by their rarest label; each sorted."""
    if not stratify:
        return [sorted(groups)]
    frequency: dict[str, int] = {}
    for image in images:
        for label in image.labels:
            frequency[label] = frequency.get(label, 0) + 1
    strata: dict[str, list[str]] = {}
    for name in sorted(groups):
        labels = frozenset[str]().union(*(image.labels for image in groups[name]))
        rarest = min(labels, key=lambda label: (frequency[label], label), default="")
        strata.setdefault(rarest, []).append(name)
    return [strata[label] for label in sorted(strata, key=lambda la: (frequency.get(la, 0), la))]


def resubset(dataset: Dataset, subsets: Mapping[tuple[str, str], str]) -> Dataset:
    """The dataset with images moved to their new subsets; others stay where they are."""
    moved = {old for old, _ in subsets}
    kept = [name for name in dataset.header.subsets if name not in moved]
    names = list(dict.fromkeys([*sorted(subsets.values()), *kept]))
    header = msgspec.structs.replace(dataset.header, subsets=names)

    def items() -> Iterable[Item]:
        for item in dataset.items:
            item.subset = subsets.get((item.subset, item.stem), item.subset)
            yield item

    return Dataset(header, items(), dataset.tracks)
