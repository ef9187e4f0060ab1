"""What a user may ask to be changed between reader and writer: streaming, each in the report.

Order: labels, subsets, tracks, conditions, sizes, kinds of shapes, clipping, images without
annotations, names. What
was asked for is counted but is no loss in strict mode, except where pixels or identity go with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from localcvat.errors import UsageError
from localcvat.model import Dataset, Header, Item, Label, Shape, Tag, Track, TrackedShape
from localcvat.report import Report

Labelled = TypeVar("Labelled", Shape, Tag, Track)


class Transforms(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to make; the default makes none.

    `labels_map` renames labels, two onto one name merge them. `only_labels` and `drop_labels` name
    labels as they are after that. `subsets` maps each subset to its new name; with `only_subsets`
    those not named are left out. `merge_tracks` is the least mean IoU of tracks that are one
    object (`geometry.track_joining`), `where` a condition that annotations must meet (`where`),
    `resize` the (width, height) of all images. The flags are the options of `localcvat convert` of
    those names.
    """

    labels_map: dict[str, str] = {}
    drop_labels: tuple[str, ...] = ()
    only_labels: tuple[str, ...] = ()
    subsets: dict[str, str] = {}
    only_subsets: bool = False
    boxes_from_masks: bool = False
    masks_to_polygons: bool = False
    polygons_to_masks: bool = False
    flatten_tracks: bool = False
    rename_duplicates: bool = False
    only_annotated: bool = False
    clip: bool = False
    merge_tracks: float | None = None
    shapes_to_boxes: bool = False
    crop_covered: bool = False
    resize: tuple[int, int] | None = None
    where: str = ""

    def __post_init__(self) -> None:
        if self.where:
            from localcvat.where import condition

            condition(self.where)
        kinds = self.boxes_from_masks + self.masks_to_polygons
        if kinds > 1:
            raise UsageError(
                "a mask can't become both a box and a polygon",
                hint="give one of --boxes-from-masks and --masks-to-polygons",
            )
        if self.masks_to_polygons and self.polygons_to_masks:
            raise UsageError("--masks-to-polygons and --polygons-to-masks undo each other")
        if self.merge_tracks is not None and not 0 < self.merge_tracks <= 1:
            raise UsageError("--merge-tracks: an IoU is more than 0 and at most 1")

    @property
    def reshape(self) -> bool:
        """Whether shapes themselves change or are looked at, so that readers must decode them."""
        return self.changes_shapes or self.resize is not None or bool(self.where)

    @property
    def changes_shapes(self) -> bool:
        """Whether shapes become others of another kind or form."""
        return (
            *(self.boxes_from_masks, self.masks_to_polygons, self.polygons_to_masks, self.clip),
            *(self.shapes_to_boxes, self.crop_covered),
        ).count(True) > 0


NO_TRANSFORMS = Transforms()


def transform(dataset: Dataset, wanted: Transforms, report: Report) -> Dataset:
    """`dataset` with the wanted changes; raises UsageError when no label or subset named exists."""
    if wanted == NO_TRANSFORMS:
        return dataset
    dataset = _relabelled(dataset, wanted, report)
    if wanted.subsets:
        dataset = _chosen_subsets(dataset, wanted, report)
    if wanted.merge_tracks is not None:
        dataset.tracks = merged_tracks(dataset.tracks, wanted.merge_tracks, dataset.header, report)
    if wanted.flatten_tracks:
        dataset = _flattened(dataset, report)
    if wanted.where:
        dataset = _met(dataset, wanted.where, report)
    if wanted.resize is not None:
        from localcvat.resizing import resized, tracks_have_sizes

        dataset.tracks = list(dataset.tracks)
        if not tracks_have_sizes(dataset.tracks, dataset.header):
            why = "written as shapes on each frame: the size of its images is not known before"
            dataset = _flattened(dataset, report, why)
        dataset = resized(dataset, wanted.resize, report)
    if wanted.changes_shapes:
        from localcvat.reshape import reshaped

        dataset = reshaped(dataset, wanted, report)
    if wanted.only_annotated:
        dataset = _annotated(dataset, report)
    if wanted.rename_duplicates:
        dataset.items = _renamed(dataset.items, report)
    return dataset


def _relabelled(dataset: Dataset, wanted: Transforms, report: Report) -> Dataset:
    names = {label.name for label in dataset.header.labels}
    _check_known("--labels-map", wanted.labels_map, names, report)
    for old, new in wanted.labels_map.items():
        if old in names and old != new:
            report.changed("label", f"renamed to {new}", old, lossy=False)
    mapped = {wanted.labels_map.get(name, name) for name in names}
    _check_known("--drop-labels", wanted.drop_labels, mapped, report)
    _check_known("--only-labels", wanted.only_labels, mapped, report)
    left = mapped - set(wanted.drop_labels)
    if wanted.only_labels:
        left &= set(wanted.only_labels)
    header = msgspec.structs.replace(
        dataset.header,
        labels=_merged_labels(dataset.header.labels, wanted.labels_map, left, report),
    )
    for name in sorted(mapped - left):
        report.dropped("label", "left out, as asked", name, lossy=False)
    relabel = _Relabel(wanted.labels_map, left, names, report)
    return Dataset(header, relabel.items(dataset.items), relabel.kept(dataset.tracks, "track"))


def _check_known(option: str, given: Iterable[str], known: Iterable[str], report: Report) -> None:
    """Tell of given names that the dataset does not have; refuse when it has none of them."""
    given, known = list(given), set(known)
    missing = [name for name in given if name not in known]
    if given and len(missing) == len(given):
        raise UsageError(
            f"{option}: the dataset has none of {', '.join(missing)}",
            hint="it has " + (", ".join(sorted(known)) or "no labels"),
        )
    for name in missing:
        report.assumed(option, "the dataset has no such name", name)


def _merged_labels(
    labels: list[Label], mapping: Mapping[str, str], left: set[str], report: Report
) -> list[Label]:
    merged: dict[str, Label] = {}
    for label in labels:
        name = mapping.get(label.name, label.name)
        if name not in left:
            continue
        known = merged.get(name)
        merged[name] = (
            msgspec.structs.replace(label, name=name)
            if known is None
            else _merged(known, label, report)
        )
    return list(merged.values())


def _merged(first: Label, second: Label, report: Report) -> Label:
    """`first` with what `second` has beside; where they differ the first is kept, and counted."""
    specs = {spec.name: spec for spec in first.attributes}
    for spec in second.attributes:
        if specs.setdefault(spec.name, spec) != spec:
            why = f"differs from that of a label merged into {first.name!r}, which is kept"
            report.changed("label attribute", why, f"{second.name}.{spec.name}")
    if second.color and second.color != first.color:
        why = "merged into a label that keeps its own"
        report.changed("label colour", why, second.name, lossy=False)
    points = {sublabel.name for sublabel in first.sublabels}
    more = [sublabel for sublabel in second.sublabels if sublabel.name not in points]
    if more and first.sublabels:
        why = f"added to those of {first.name!r}, unconnected in its drawing"
        report.changed("sublabel", why, second.name, count=len(more))
    return msgspec.structs.replace(
        first,
        type=first.type if first.type == second.type else "any",
        attributes=list(specs.values()),
        sublabels=[*first.sublabels, *more],
        svg=first.svg or second.svg,
    )


class _Relabel:
    """Renames and filters annotations by label."""

    def __init__(
        self, mapping: Mapping[str, str], left: set[str], declared: set[str], report: Report
    ) -> None:
        self._mapping = mapping
        self._left = left
        self._declared = declared
        self._report = report

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if item.shapes:
                item.shapes = self.kept(item.shapes, "shape", item.path)
            if item.tags:
                item.tags = self.kept(item.tags, "tag", item.path)
            yield item

    def kept(self, found: Iterable[Labelled], kind: str, where: str = "") -> list[Labelled]:
        kept = []
        for annotation in found:
            name = annotation.label
            annotation.label = self._mapping.get(name, name)
            if annotation.label in self._left or name not in self._declared:
                kept.append(annotation)
            else:
                reason = "its label is left out, as asked"
                self._report.dropped(kind, reason, where or annotation.label, lossy=False)
        return kept


def _chosen_subsets(dataset: Dataset, wanted: Transforms, report: Report) -> Dataset:
    if dataset.header.subsets:
        _check_known("--subset", wanted.subsets, dataset.header.subsets, report)
    subsets = [
        wanted.subsets.get(name, name)
        for name in dataset.header.subsets
        if name in wanted.subsets or not wanted.only_subsets
    ]
    header = msgspec.structs.replace(dataset.header, subsets=list(dict.fromkeys(subsets)))

    def items() -> Iterator[Item]:
        for item in dataset.items:
            if item.subset not in wanted.subsets and wanted.only_subsets:
                report.dropped("image", "of another subset, as asked", item.path, lossy=False)
                continue
            name = wanted.subsets.get(item.subset, item.subset)
            if name != item.subset:
                report.changed("subset", f"renamed to {name}", item.path, lossy=False)
                item.subset = name
            yield item

    return Dataset(header, items(), dataset.tracks)


def merged_tracks(
    tracks: Iterable[Track], least: float, header: Header, report: Report
) -> list[Track]:
    """The tracks, those of one object as one; each that became part of another is reported."""
    from localcvat.geometry.track_joining import join_tracks
    from localcvat.geometry.tracks import stop_frames

    kept, joined = join_tracks(list(tracks), least, stop_frames(header))
    for part in joined:
        part.report(report)
    return kept


def _flattened(
    dataset: Dataset, report: Report, reason: str = "written as shapes on each frame, as asked"
) -> Dataset:
    from localcvat.geometry.tracks import flatten_tracks

    tracks = list(dataset.tracks)
    items = flatten_tracks(dataset.items, tracks, dataset.header) if tracks else dataset.items
    if tracks:
        report.changed("track", reason, tracks[0].label, count=len(tracks))
    return Dataset(dataset.header, _without_identity(items, report, counted=bool(tracks)))


def _without_identity(items: Iterable[Item], report: Report, counted: bool) -> Iterator[Item]:
    """Items whose shapes have no track's number; each is counted unless its track was."""
    for item in items:
        shapes = []
        for shape in item.shapes:
            if shape.track_id is None:
                shapes.append(shape)
            elif not shape.outside:
                if not counted:
                    report.changed("tracked shape", "made a shape of its own, as asked", item.path)
                shape.track_id, shape.keyframe = None, True
                shapes.append(shape)
        item.shapes = shapes
        yield item


def _met(dataset: Dataset, text: str, report: Report) -> Dataset:
    """The dataset without annotations that don't meet a condition; tracks by their keyframes."""
    from localcvat.where import condition

    met = condition(text)
    why = "does not meet the condition, as asked"

    def items() -> Iterator[Item]:
        for item in dataset.items:
            values: list[Shape | Tag] = [*item.shapes, *item.tags]
            kept = {id(value) for value in values if met(item, value)}
            for value in values:
                if id(value) not in kept:
                    kind = value.type if isinstance(value, Shape) else "tag"
                    report.dropped(kind, why, item.path, lossy=False)
            item.shapes = [shape for shape in item.shapes if id(shape) in kept]
            item.tags = [tag for tag in item.tags if id(tag) in kept]
            yield item

    def tracks() -> Iterator[Track]:
        for track in dataset.tracks:
            if any(met(Item(path="", frame=s.frame), _as_shape(track, s)) for s in track.shapes):
                yield track
            else:
                report.dropped("track", why, track.label, lossy=False)

    return Dataset(dataset.header, items(), tracks())


def _as_shape(track: Track, keyframe: TrackedShape) -> Shape:
    return Shape(
        type=keyframe.type,
        label=track.label,
        points=keyframe.points,
        occluded=keyframe.occluded,
        outside=keyframe.outside,
        z_order=keyframe.z_order,
        rotation=keyframe.rotation,
        group=track.group,
        source=track.source,
        attributes={**track.attributes, **keyframe.attributes},
    )


def _annotated(dataset: Dataset, report: Report) -> Dataset:
    tracks = list(dataset.tracks)
    tracked = _tracked_frames(dataset.header, tracks)

    def items() -> Iterator[Item]:
        for item in dataset.items:
            if item.shapes or item.tags or (item.task, item.frame) in tracked:
                yield item
            else:
                report.dropped("image", "without annotations, as asked", item.path, lossy=False)

    return Dataset(dataset.header, items(), tracks)


def _tracked_frames(header: Header, tracks: list[Track]) -> set[tuple[int, int]]:
    """(task, frame) wherever some track is visible."""
    if not tracks:
        return set()
    from localcvat.geometry.tracks import flat_tracks

    return {
        (task, frame)
        for task, found in flat_tracks(tracks, header).items()
        for track in found
        for frame in range(track.first, track.last + 1)
        if track.at(frame) is not None
    }


def _renamed(items: Iterable[Item], report: Report) -> Iterator[Item]:
    """Items whose paths without extension are unique over all subsets.

    Hashes are held instead of names: 8 bytes an image.
    """
    seen: set[int] = set()
    for item in items:
        stem, extension = item.stem, item.path[len(item.stem) :]
        free, number = stem, 0
        while hash(free) in seen:
            number += 1
            free = f"{stem}_{number}"
        seen.add(hash(free))
        if free != stem:
            old, item.path = item.path, free + extension
            report.changed(
                "image name", "another image has it", f"{old} -> {item.path}", lossy=False
            )
            report.renames.append((item.path, old, f"subset {item.subset}"))
        yield item
