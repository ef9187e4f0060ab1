"""Plugin to plugin, streaming, with no store in between.

The module can be called as its function `convert` is: after `import localcvat`,
``localcvat.convert(src, dst, to="yolo")`` works whether or not this module was imported before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from localcvat.adapt import adapt, boxed_kinds, needs_only_boxes
from localcvat.archive import DEFAULT_LIMITS, FileSink, Limits, Sink, open_sink, open_source
from localcvat.dry_run import DryRun, dry_run_ends_here
from localcvat.errors import OutputError, UsageError
from localcvat.model import Dataset, Header, Item, Label
from localcvat.plugin import (
    FormatChoice,
    ReadOptions,
    WriteOptions,
    find_format,
    named_or_detected,
    read_dataset,
    refuse_backup,
)
from localcvat.report import RENAMES, Report
from localcvat.transforms import Transforms, transform

Each = TypeVar("Each")
ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


class ConvertOptions(msgspec.Struct, kw_only=True):
    """What `convert` may be told beyond its source, target and formats.

    `labels` are the names of the classes in order: for a source that does not name them, and the
    order in which they are written. `params` are options of the formats' own (`multipart`, `fix`,
    `category_id_start`).
    `progress` is called with the number of items done. `overwrite` replaces an existing zip.
    `jobs` is how many processes may be used, all cores if not given.
    `transforms` change the dataset on its way (labels, subsets, kinds of shapes). A `dry_run` does
    all of it and leaves no output.
    """

    with_images: bool = False
    strict: bool = False
    dry_run: bool = False
    overwrite: bool = False
    jobs: int | None = None
    image_size: tuple[int, int] | None = None
    labels: list[str] | None = None
    on_error: str = "raise"
    limits: Limits = DEFAULT_LIMITS
    params: dict[str, Any] = {}
    transforms: Transforms = Transforms()
    progress: Callable[[int], None] | None = None


def convert(
    source_path: str | os.PathLike[str],
    target_path: str | os.PathLike[str],
    to: str,
    from_: str | None = None,
    options: ConvertOptions | None = None,
    **settings: Any,
) -> Report:
    """Read the dataset at `source_path` and write it at `target_path` in the format `to`.

    The source's format is detected unless `from_` names it. A target ending in ``.zip`` becomes a
    zip, one ending as the format's own files do (``.json``) a single file. `settings` are fields of
    ConvertOptions by name (``with_images=True, strict=True``) and take precedence over `options`.
    Returns the loss report. Raises LossError in strict mode when anything would be lost, and any
    LocalCvatError of the reader or writer; the target is then not there.
    """
    options = msgspec.structs.replace(options or ConvertOptions(), **settings)
    target = find_format(to)
    if not target.format.can_write:
        raise UsageError(f"the format {to!r} can't be written", hint="see `localcvat formats`")
    check_apart(source_path, target_path)
    report = Report()
    with dry_run_ends_here(), open_source(source_path, options.limits) as source:
        refuse_backup(source)
        choice = named_or_detected(source, from_)
        origin = choice.format
        if not origin.can_read:
            raise UsageError(f"the format {from_!r} can't be read", hint="see `localcvat formats`")
        capabilities = target.format.capabilities(target.dialect)
        read_options = ReadOptions(
            dialect=choice.dialect,
            boxes_only=needs_only_boxes(capabilities) and not options.transforms.reshape,
            boxed=boxed_kinds(capabilities) if not options.transforms.reshape else frozenset(),
            same_format=origin is target.format
            and target.dialect == "plain"
            and not options.transforms.reshape,
            image_size=options.image_size,
            labels=options.labels,
            media=options.with_images,
            on_error="skip" if options.on_error == "skip" else "raise",
            params=options.params,
        )
        dataset = read_dataset(origin, source, read_options, report)
        single = Path(target_path).suffix.lower() in target.format.extensions
        with open_sink(
            target_path, overwrite=options.overwrite, single=single, jobs=options.jobs
        ) as sink:
            write_dataset(dataset, target, sink, options, report)
    return report


def write_dataset(
    dataset: Dataset, target: FormatChoice, sink: Sink, options: ConvertOptions, report: Report
) -> None:
    """Transform `dataset`, adapt it to a format, write it into `sink`.

    Refuses losses in strict mode, and annotations of which none matched an image in any. Raises
    DryRun at the end of a dry run.
    """
    if options.progress is not None:
        dataset.items = counted(dataset.items, options.progress)
    dataset = transform(dataset, options.transforms, report)
    if options.labels:
        dataset.header = _in_order(dataset.header, options.labels)
    adapted = adapt(dataset, target.format.capabilities(target.dialect), report)
    if options.with_images:
        adapted.items = _with_media(adapted.items, report)
    target.format.write(
        adapted,
        sink,
        WriteOptions(
            dialect=target.dialect, with_images=options.with_images, params=options.params
        ),
        report,
    )
    if report.renames and not isinstance(sink, FileSink):
        sink.write(RENAMES, _renames(report).encode())
    report.refuse_no_match()
    if options.strict:
        report.refuse_losses()
    if options.dry_run:
        raise DryRun


def _renames(report: Report) -> str:
    rows = [("# image here", "image it was", "from"), *report.renames]
    return "".join("\t".join(text.translate(ESCAPES) for text in row) + "\n" for row in rows)


def _in_order(header: Header, names: list[str]) -> Header:
    """The header with its labels in the order of `names`; raises UsageError for one not there."""
    labels = {label.name: label for label in header.labels}
    missing = next((name for name in labels if name not in names), None)
    if missing is not None:
        raise UsageError(
            f"the label {missing!r} is not one of the names passed",
            hint="add it to the names, or leave it out with --drop-labels",
        )
    ordered = [labels.get(name) or Label(name=name) for name in dict.fromkeys(names)]
    return msgspec.structs.replace(header, labels=ordered)


def counted(items: Iterable[Each], progress: Callable[[int], None]) -> Iterator[Each]:
    """`items`, telling after each how many there were."""
    for done, item in enumerate(items, 1):
        yield item
        progress(done)


def _with_media(items: Iterable[Item], report: Report) -> Iterator[Item]:
    for item in items:
        if item.media is None:
            report.dropped("image file", "the source has no such file", item.path)
        yield item


def check_apart(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Refuse a target that is the source or lies inside it: sources are never modified."""
    origin, goal = Path(source).resolve(), Path(target).resolve()
    if goal == origin or (origin.is_dir() and origin in goal.parents):
        raise OutputError(
            "the target is inside the source", where=str(target), hint="name another place"
        )


class _CallableModule(ModuleType):
    """This module, callable: the name `localcvat.convert` is both it and its function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Report:
        return convert(*args, **kwargs)


_CallableModule.__call__.__doc__ = convert.__doc__
sys.modules[__name__].__class__ = _CallableModule
