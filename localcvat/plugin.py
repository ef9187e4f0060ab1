"""The format-plugin contract and the registry (entry-point group `localcvat.formats`)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, Literal

import msgspec

from localcvat.archive import Sink, Source
from localcvat.errors import DetectionError, LocalCvatError, UsageError
from localcvat.format_index import entry_points_by_name, listed_formats
from localcvat.images import is_image_name
from localcvat.model import Dataset, Item
from localcvat.report import Report

Dialect = Literal["plain", "cvat"]
LITTER = re.compile(r"(^|/)(\.|__MACOSX/|Thumbs\.db$|desktop\.ini$)")


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer can hold in one dialect; `adapt` brings a dataset down to it and reports.

    `kinds` are the annotation kinds written as they are: `tag` and the shape types. `converts` maps
    a kind it can't hold to the kind it is turned into first (``{"polygon": "rectangle"}``);
    supported targets: rectangle, polygon, mask. A kind in neither is dropped, with a row in the
    report. The flags name fields that survive. `tracks`: `native` gets keyframe tracks in
    `Dataset.tracks`, `flattened` gets per-frame shapes with `track_id`, `none` the same shapes with
    the track's identity reported as lost. `rotated_boxes` names the kind that rectangles with a
    rotation become, behind the other shapes of their image. `decimals` rounds coordinates before
    anything is made of them. Both are CVAT's ways. `extras` names the formats whose own fields the
    writer writes back, which is itself. Without a `label_list` labels that nothing has are lost,
    without `image_sizes` the sizes are those of the image files alone. `limits` says what holds in
    part only, under ``kind``, ``field`` or ``kind.field``: in words for the documentation where the
    writer itself counts what it can't hold, or "" for a field of one kind that has no place at all.
    `reserved` names attributes, or ``kind.attribute``, that can't be told from a field of the
    format: with the field of the shape that takes their place when it is set, or "" always. `flags`
    are attributes that are yes or nothing in the format, True where numbers pass as well.
    """

    kinds: frozenset[str]
    converts: dict[str, str] = {}
    rotation: bool = False
    attributes: bool = False
    tag_attributes: bool = False
    group: bool = False
    occluded: bool = False
    outside: bool = False
    z_order: bool = False
    source: bool = False
    score: bool = False
    multipart: bool = False
    tracks: Literal["native", "flattened", "none"] = "none"
    rotated_boxes: str = ""
    decimals: int | None = None
    subsets: bool = True
    label_colors: bool = False
    label_types: bool = False
    label_attributes: bool = False
    label_list: bool = True
    image_sizes: bool = True
    image_attributes: bool = False
    extras: frozenset[str] = frozenset()
    limits: dict[str, str] = {}
    reserved: dict[str, str] = {}
    flags: dict[str, bool] = {}


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """How sure a plugin is that it reads a source: `score` 0 (no) to 100, and why.

    100 marks a file no other format has (``data.yaml`` with ``names``), 50 a plausible guess.
    """

    score: int
    reason: str


class ReadOptions(msgspec.Struct, kw_only=True):
    """What the reader may save itself and what it should know.

    `boxes_only` lets a reader yield the box a format states instead of decoding its segmentation
    (the plugin reports nothing then; `adapt` has counted it); `boxed` names the kinds of which it
    may do so where the writer takes others as they are. `same_format` says the writer is of
    the same plugin, so undecoded values may travel in extras. `image_size` is a (width, height) for
    images whose header can't be read; `size_of` gives that of one image by its path, where more is
    known than the files say (the frames of a task); `labels` are known labels in class order for
    formats whose files don't name them (YOLO without names), `points` the names of a skeleton's
    points in the order of its svg for the same. `media` False means images are neither
    needed nor looked for, except for sizes. `on_error`: `raise`, or `skip` a bad object and report
    it.
    `dialect` is `cvat` where the format was named as CVAT does: then it is read as CVAT reads it.
    `params` holds the plugin's own options.
    """

    dialect: Dialect = "plain"
    boxes_only: bool = False
    boxed: frozenset[str] = frozenset()
    same_format: bool = False
    image_size: tuple[int, int] | None = None
    size_of: Callable[[str], tuple[int, int] | None] | None = None
    labels: list[str] | None = None
    points: dict[str, list[str]] = {}
    media: bool = True
    on_error: Literal["raise", "skip"] = "raise"
    params: dict[str, Any] = {}

    def stated_size(self, path: str) -> tuple[int, int] | None:
        """The (width, height) that was told for the image at `path`, if any."""
        known = self.size_of(path) if self.size_of is not None else None
        return known or self.image_size


class WriteOptions(msgspec.Struct, kw_only=True):
    """`dialect` `cvat` writes exactly as CVAT does, `plain` what the format's users expect."""

    dialect: Dialect = "plain"
    with_images: bool = False
    params: dict[str, Any] = {}


class Format:
    """A dataset format. Subclasses set the class variables and override what they support.

    `name` is the plain name (`coco`), `cvat_names` the display names of CVAT that mean this format
    (`COCO 1.0`) in the cvat dialect; `aliases` are further plain names. `extensions` are the
    endings of a bare file source (`.json`).
    """

    name: ClassVar[str]
    cvat_names: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    origin: ClassVar[str] = "native"
    can_read: ClassVar[bool] = True
    can_write: ClassVar[bool] = True
    extensions: ClassVar[tuple[str, ...]] = ()

    def capabilities(self, dialect: Dialect) -> Capabilities:
        """What `write` can hold in this dialect."""
        raise NotImplementedError

    def detect(self, source: Source) -> Detection:
        """Whether `source` looks like this format; cheap, never raises on strange content."""
        return Detection(score=0, reason="detection not supported")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        """The dataset in `source`; raises DatasetError naming the place when it is broken."""
        raise UsageError(f"the format {self.name!r} can't be read", hint="see `localcvat formats`")

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        """Write `dataset`, already adapted to `capabilities`, into `sink`.

        The writer counts nothing that `adapt` counted; it reports only what it alone can know
        (a renamed file, a value out of range).
        """
        raise UsageError(
            f"the format {self.name!r} can't be written", hint="see `localcvat formats`"
        )


class FormatChoice(msgspec.Struct, frozen=True):
    """A format as a user named it: the plugin and the dialect the name stands for."""

    format: Format
    dialect: Dialect


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip().lower())


@cache
def load_formats(entry_name: str) -> tuple[Format, ...]:
    """The format or formats registered under this entry-point name.

    An entry point names a Format subclass, or a function that returns several formats. A plugin
    that can't be imported is skipped with a warning, so that one broken package harms no other.
    """
    try:
        loaded = entry_points_by_name()[entry_name].load()
    except (ImportError, AttributeError) as error:
        warnings.warn(f"format plugin {entry_name!r} can't be loaded: {error}", stacklevel=2)
        return ()
    made = loaded()
    return (made,) if isinstance(made, Format) else tuple(made)


def all_formats() -> list[Format]:
    """Every installed format, by name."""
    found = [plugin for name in entry_points_by_name() for plugin in load_formats(name)]
    return sorted(found, key=lambda plugin: plugin.name)


def find_format(name: str) -> FormatChoice:
    """The format a user means by `name`: a plain name, an alias, or CVAT's display name.

    A version may be left off CVAT's name. Only the plugin meant is imported. Raises UsageError with
    the known names.
    """
    wanted = _key(name)
    listed = listed_formats()
    for row in listed:
        if name == row.name or wanted in {_key(alias) for alias in (row.name, *row.aliases)}:
            return FormatChoice(_loaded(row.entry, row.name), "plain")
    for row in listed:
        for display in row.cvat_names:
            if wanted in (_key(display), _key(display.rpartition(" ")[0])):
                return FormatChoice(_loaded(row.entry, row.name), "cvat")
    known = ", ".join(row.name for row in listed)
    raise UsageError(f"unknown format {name!r}", hint=f"known formats: {known}")


def _loaded(entry: str, name: str) -> Format:
    for plugin in load_formats(entry):
        if plugin.name == name:
            return plugin
    raise UsageError(f"the plugin of the format {name!r} can't be loaded", hint="reinstall it")


def detections(source: Source) -> list[tuple[Format, Detection]]:
    """What every readable format makes of `source`, surest first.

    Formats that are not native are listed only when they know it.
    """
    found = [(plugin, _opinion(plugin, source)) for plugin in all_formats() if plugin.can_read]
    told = [(p, opinion) for p, opinion in found if p.origin == "native" or opinion.score > 0]
    return sorted(told, key=lambda pair: (-pair[1].score, pair[0].name))


def _opinion(plugin: Format, source: Source) -> Detection:
    try:
        return plugin.detect(source)
    except LocalCvatError as error:
        return Detection(score=0, reason=str(error))
    except Exception as error:  # one broken plugin must not keep the others from reading
        return Detection(score=0, reason=f"its detection failed: {type(error).__name__}: {error}")


def detect_format(source: Source) -> Format:
    """The one format `source` is in; raises DetectionError when none or several claim it."""
    refuse_backup(source)
    if not source.names or (len(source.names) == 1 and not source.byte_size(source.names[0])):
        what = "the file is empty" if source.names else "there is nothing in it"
        raise DetectionError(what, where=source.display, hint="is it the right path?")
    found = detections(source)
    best = found[0][1].score if found else 0
    winners = [plugin for plugin, detection in found if detection.score == best]
    if best <= 0:
        raise DetectionError(
            "no known format found" + _tried(found),
            where=source.display,
            hint="name it with --from",
        )
    if len(winners) > 1:
        names = " and ".join(plugin.name for plugin in winners)
        raise DetectionError(
            f"looks like {names} alike" + _tried(found[: len(winners)]),
            where=source.display,
            hint="name it with --from",
        )
    return winners[0]


def read_dataset(plugin: Format, source: Source, options: ReadOptions, report: Report) -> Dataset:
    """What the format's reader makes of `source`; raises what it raises.

    Files that a native format leaves alone are counted when the items were read. Images are not,
    if nobody wants them, nor what desktops and version control put into folders.
    """
    source.watch()
    dataset = plugin.read(source, options, report)
    if plugin.origin == "native":
        dataset.items = _then_left_alone(dataset.items, source, options.media, report)
    return dataset


def _then_left_alone(
    items: Iterator[Item], source: Source, media: bool, report: Report
) -> Iterator[Item]:
    yield from items
    left = [
        name
        for name in source.untouched()
        if (media or not is_image_name(name)) and not LITTER.search(name)
    ]
    if left:
        why = "the format has no use for it: left out"
        report.dropped("file", why, source.where(left[0]), count=len(left), lossy=False)


def named_or_detected(source: Source, name: str | None) -> FormatChoice:
    """The format meant by `name`, or else detected, which is never in CVAT's dialect."""
    return find_format(name) if name else FormatChoice(detect_format(source), "plain")


def _tried(found: Iterable[tuple[Format, Detection]]) -> str:
    rows = [f"\n  {plugin.name}: {detection.reason}" for plugin, detection in found]
    return "; looked for" + "".join(rows) + "\n" if rows else ""


def backup_kind(source: Source) -> Literal["project", "task"] | None:
    """``project`` or ``task`` if `source` is a CVAT backup, perhaps below one top folder."""
    names = set(source.names)
    tops = {name.partition("/")[0] for name in names}
    prefixes = ["", *(f"{top}/" for top in tops)] if len(tops) == 1 else [""]
    for prefix in prefixes:
        if f"{prefix}project.json" in names and not any(
            name.startswith(f"{prefix}annotations/") for name in names
        ):
            return "project"
        if {f"{prefix}task.json", f"{prefix}annotations.json"} <= names:
            return "task"
    return None


def refuse_backup(source: Source) -> None:
    """Raise DetectionError naming the right command when `source` is a backup, not a dataset."""
    kind = backup_kind(source)
    if kind is not None:
        raise DetectionError(
            f"this is a CVAT {kind} backup, not a dataset",
            where=source.display,
            hint=f"restore it with: localcvat {kind} create-from-backup {source.display}",
        )
