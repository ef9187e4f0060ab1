"""Bring a dataset down to what a writer can hold, and report every loss.

Streaming: items pass one at a time. Tracks are compact and held, to be laid over the frames.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence

from localcvat.foreign_fields import report_foreign
from localcvat.geometry.boxes import is_in_space, shape_box
from localcvat.labels import UsedColors
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, Tag, Track
from localcvat.plugin import Capabilities
from localcvat.report import Report
from localcvat.shape_kinds import convert_shape

AREA_KINDS = frozenset(("polygon", "mask"))
YES_OR_NO = frozenset(("1", "yes", "true", "0", "no", "false", ""))
NO_PLACE = "the format has no place for it"
HOW = {
    "rectangle": "written as its bounding box",
    "polygon": "written as a polygon",
    "mask": "written as a mask",
}


def needs_only_boxes(capabilities: Capabilities) -> bool:
    """Whether a writer takes boxes and nothing finer, so that readers may skip segmentations."""
    targets = capabilities.kinds | set(capabilities.converts.values())
    return "rectangle" in targets and not targets & AREA_KINDS


def boxed_kinds(capabilities: Capabilities) -> frozenset[str]:
    """The kinds that a writer takes as boxes only, so that readers may take the box they state."""
    return frozenset(
        kind
        for kind, target in capabilities.converts.items()
        if target == "rectangle" and kind not in capabilities.kinds
    )


def adapt(dataset: Dataset, capabilities: Capabilities, report: Report) -> Dataset:
    """`dataset` with only what `capabilities` allow; the report counts the rest as it streams."""
    dataset = report_foreign(dataset, capabilities.extras, report)
    header = _header(dataset.header, capabilities, report)
    adapter = _Adapter(capabilities, report, header.labels)
    tracks = list(dataset.tracks)
    if capabilities.tracks == "native":
        report_tracks(tracks, report)
        return Dataset(header, adapter.items(dataset.items), tracks)
    items = dataset.items
    if tracks:
        from localcvat.geometry.tracks import flatten_tracks, hides_elements

        items = flatten_tracks(items, tracks, dataset.header)
        hidden = [track for track in tracks if track.elements] if hides_elements(header) else []
        if hidden:
            why = "CVAT leaves the points of skeleton tracks out of a project's export"
            report.dropped("skeleton points", why, hidden[0].label, count=len(hidden))
        outcome = "identity lost; written as shapes on each frame"
        if capabilities.tracks == "none":
            report.changed("track", outcome, tracks[0].label, count=len(tracks))
        else:
            how = "written as shapes on each frame with their track's number"
            report.changed("track", how, tracks[0].label, count=len(tracks), lossy=False)
    return Dataset(header, adapter.items(items))


def report_tracks(tracks: Iterable[Track], report: Report) -> None:
    """Count tracks that go through as they are."""
    count = sum(1 for _ in tracks)
    if count:
        report.kept("track", count)


def _header(header: Header, capabilities: Capabilities, report: Report) -> Header:
    if header.labels:
        report.kept("label", len(header.labels))
    held = {"any", "skeleton"} if "skeleton" in capabilities.kinds else {"any"}
    lost = {
        "label attributes": not capabilities.label_attributes
        and any(label.attributes for label in header.labels),
        "label types": not capabilities.label_types
        and any(label.type not in held for label in header.labels),
    }
    for kind, is_lost in lost.items():
        if is_lost:
            first = next(lb.name for lb in header.labels if lb.attributes or lb.type not in held)
            report.dropped(kind, "the format has no place for them", first)
    pointed = [label.name for label in header.labels if label.sublabels]
    if pointed and "skeleton" not in capabilities.kinds:
        why = "the format has no skeletons"
        count = sum(len(label.sublabels) for label in header.labels)
        report.dropped("sublabel", why, pointed[0], count=count, lossy=False)
    if not capabilities.label_colors:
        colored = _own_colors(header.labels)
        if colored:
            why = "the format has no place for them"
            count = len(colored)
            report.dropped("label colour", why, colored[0], count=count, lossy=False)
    named = [name for name in header.subsets if name != DEFAULT_SUBSET]
    if named and not capabilities.subsets:
        report.dropped("subset", "the format has no subsets", named[0], count=len(named))
    return header


def _own_colors(labels: Sequence[Label]) -> list[str]:
    """The labels whose colour is not the one that CVAT gives their name again."""
    taken = UsedColors()
    chosen = []
    for label in labels:
        if label.color and label.color != taken.color_for(label.name):
            chosen.append(label.name)
        taken.add(label.color)
    return chosen


class _Adapter:
    """Applies one writer's capabilities to items, counting as it goes."""

    def __init__(self, capabilities: Capabilities, report: Report, labels: Sequence[Label]) -> None:
        self._can = capabilities
        self._report = report
        self._labels = labels

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items with what the writer can hold."""
        images = sized = 0
        kept: dict[str, int] = {}
        used: set[str] | None = None if self._can.label_list else set()
        for item in items:
            images += 1
            if item.attributes and not self._can.image_attributes:
                count = len(item.attributes)
                self._report.dropped("image attribute", NO_PLACE, item.path, count=count)
            annotated = _is_annotated(item)
            if item.tags:
                item.tags = self._tags(item, kept)
            if item.shapes:
                item.shapes = self._shapes(item, kept)
            item.emptied = annotated and not item.shapes and not item.tags
            sized += item.width > 0
            if used is not None:
                used.update(shape.label for shape in item.shapes)
                used.update(tag.label for tag in item.tags)
            yield item
        if sized and not self._can.image_sizes:
            why = "only the image files say it: write them too, or give --image-size to read"
            self._report.dropped("image size", why, count=sized, lossy=False)
        if used is not None:
            self._unused_labels(used)
        if images:
            self._report.kept("image", images)
        for kind, count in kept.items():
            self._report.kept(kind, count)

    def _unused_labels(self, used: set[str]) -> None:
        for label in self._labels:
            if label.name not in used:
                why = "nothing that is written has it, and the format has no list of labels"
                self._report.kept("label", -1)
                self._report.dropped("label", why, label.name, lossy=False)

    def _tags(self, item: Item, kept: dict[str, int]) -> list[Tag]:
        if "tag" not in self._can.kinds:
            why = "the format has no tags on images"
            self._report.dropped("tag", why, item.path, count=len(item.tags))
            return []
        kept["tag"] = kept.get("tag", 0) + len(item.tags)
        for tag in item.tags:
            if tag.attributes and not self._can.tag_attributes:
                self._lose("attribute", item, len(tag.attributes))
                tag.attributes = {}
            if tag.attributes:
                self._spare_names(tag, "tag", item)
            if tag.group and not self._holds("tag", "group"):
                self._lose("group", item)
            if tag.source != "manual" and not self._holds("tag", "source"):
                self._lose("source", item)
            if tag.score is not None and not self._holds("tag", "score"):
                self._lose("score", item)
        return item.tags

    def _shapes(self, item: Item, kept: dict[str, int]) -> list[Shape]:
        kinds, converts = self._can.kinds, self._can.converts
        if self._can.decimals is None and _bare(item.shapes, kinds, multipart=self._can.multipart):
            found = [shape.type for shape in item.shapes]
            for kind in set(found):
                kept[kind] = kept.get(kind, 0) + found.count(kind)
            return item.shapes
        parts: dict[int, Shape] = {}
        result: list[Shape] = []
        if self._can.decimals is not None:
            self._round(item)
        for shape in self._rotated_last(item.shapes):
            if shape.outside and shape.track_id is not None and not self._can.outside:
                continue
            if self._turns(shape):
                made = self._turned(shape, item)
                if made is not None:
                    self._strip(made, item)
                    result.append(made)
            elif shape.type in kinds:
                if shape.instance and not self._can.multipart and shape.instance in parts:
                    self._separate(shape, item)
                parts[shape.instance] = shape
                kept[shape.type] = kept.get(shape.type, 0) + 1
                self._strip(shape, item)
                result.append(shape)
            elif is_in_space(shape):
                self._report.dropped("cuboid", "it lies in space, not on an image", item.path)
            elif shape.type in converts:
                if shape.instance and shape.instance in parts:
                    self._join(parts[shape.instance], shape, item)
                    continue
                for made in self._converted(shape, item, kinds, converts):
                    parts[shape.instance] = made
                    self._strip(made, item)
                    result.append(made)
            else:
                self._report.dropped(shape.type, "the format has no such shape", item.path)
        return result

    def _round(self, item: Item) -> None:
        for shape in item.shapes:
            rounded = self._rounded(shape.points) if shape.type != "mask" else shape.points
            if list(rounded) != list(shape.points):
                how = f"rounded to {self._can.decimals} decimals"
                self._report.changed("coordinates", how, item.path, lossy=False)
                shape.points = rounded

    def _rounded(self, points: Sequence[float]) -> list[float]:
        scale = 10.0 ** (self._can.decimals or 0)
        return [round(value * scale) / scale for value in points]

    def _turns(self, shape: Shape) -> bool:
        """Whether this is a rotated rectangle that becomes another kind for its rotation."""
        rotated = shape.type == "rectangle" and shape.rotation % 360 != 0
        return rotated and bool(self._can.rotated_boxes)

    def _rotated_last(self, shapes: list[Shape]) -> list[Shape]:
        return sorted(shapes, key=self._turns) if self._can.rotated_boxes else shapes

    def _turned(self, shape: Shape, item: Item) -> Shape | None:
        made = convert_shape(shape, "polygon", item)
        if made is not None and self._can.decimals is not None:
            made.points = self._rounded(made.points)
        if made is not None and self._can.rotated_boxes != "polygon":
            made = convert_shape(made, self._can.rotated_boxes, item)
        if made is None:
            self._report.dropped("rectangle", "nothing of it is left to write", item.path)
            return None
        self._report.changed("rectangle", f"rotated: {HOW[made.type]}", item.path)
        return made

    def _separate(self, shape: Shape, item: Item) -> None:
        self._report.changed(
            shape.type, "parts of one object written as objects of their own", item.path
        )

    def _converted(
        self, shape: Shape, item: Item, kinds: frozenset[str], converts: dict[str, str]
    ) -> list[Shape]:
        """The shape as a kind the writer has; several for a mask of several outlines."""
        kind = shape.type
        made = [shape]
        while made and made[0].type not in kinds:
            target = converts.get(made[0].type)
            if target is None or (target == kind and made[0] is not shape):
                made = []
            elif target == "polygon" and made[0].type == "mask":
                made = self._outlined(made[0], item)
            else:
                one = convert_shape(made[0], target, item)
                made = [one] if one is not None else []
        if not made:
            self._report.dropped(kind, "nothing of it is left to write", item.path)
            return []
        how = HOW.get(made[0].type, f"written as {made[0].type}")
        self._report.changed(kind, how, item.path)
        return made

    def _outlined(self, mask: Shape, item: Item) -> list[Shape]:
        """A mask as polygons, one an outline, all of one instance; holes are filled and counted."""
        from localcvat.geometry.masks import mask_area
        from localcvat.geometry.polygons import mask_to_polygons, polygon_area

        try:
            rings = mask_to_polygons(mask.points)
        except ValueError:
            return []
        filled = sum(map(polygon_area, rings)) - mask_area(mask.points)
        if filled > 0:
            self._report.changed("hole", "filled: polygons have none", item.path)
        instance = mask.instance
        if len(rings) > 1 and not instance:
            instance = max(shape.instance for shape in item.shapes) + 1
            mask.instance = instance
        outlines = []
        for position, ring in enumerate(rings):
            outline = copy.copy(mask)
            outline.type, outline.points, outline.instance = "polygon", ring, instance
            outline.extras = mask.extras if position == 0 else None
            outlines.append(outline)
            if position and not self._can.multipart:
                self._separate(outline, item)
        return outlines

    def _join(self, first: Shape, part: Shape, item: Item) -> None:
        """Widen the box of an object by a further part of it."""
        if first.type != "rectangle" or (first.extras and "coco" in first.extras):
            return
        left, top, right, bottom = shape_box(part)
        x1, y1, x2, y2 = first.points
        first.points = [min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)]

    def _strip(self, shape: Shape, item: Item) -> None:
        if shape.attributes and not self._holds(shape.type, "attributes"):
            self._lose("attribute", item, len(shape.attributes))
            shape.attributes = {}
        if shape.attributes:
            self._spare_names(shape, shape.type, item)
        if shape.rotation and not self._can.rotation:
            self._unrotate(shape, item)
        if shape.occluded and not self._holds(shape.type, "occluded"):
            self._lose("occluded", item)
        if shape.group and not self._holds(shape.type, "group") and not shape.instance:
            self._lose("group", item)
        if shape.z_order and not self._holds(shape.type, "z_order"):
            self._lose("z_order", item)
        if shape.score is not None and not self._holds(shape.type, "score"):
            self._lose("score", item)
        if shape.source != "manual" and not self._holds(shape.type, "source"):
            self._lose("source", item)

    def _spare_names(self, value: Shape | Tag, kind: str, item: Item) -> None:
        """Take away attributes that the format would read back as something else, and say so."""
        reserved, flags = self._can.reserved, self._can.flags
        for name, text in list(value.attributes.items()) if reserved or flags else ():
            field = reserved.get(name, reserved.get(f"{kind}.{name}"))
            if field is not None and (not field or _is_set(value, field)):
                why = f"{name!r} is a field of the format itself"
            elif name not in flags or text == "true":
                continue
            elif text.lower() in YES_OR_NO:
                how = f"{name!r} is yes or nothing in the format"
                self._report.changed("attribute", how, item.path, lossy=False)
                continue
            elif flags[name] and _is_number(text):
                continue
            else:
                why = f"{name!r} is yes or nothing in the format, not {text!r}"
            self._report.dropped("attribute", why, item.path)
            value.attributes = {key: each for key, each in value.attributes.items() if key != name}

    def _holds(self, kind: str, field: str) -> bool:
        limits = self._can.limits
        return getattr(self._can, field) and not (limits and limits.get(f"{kind}.{field}") == "")

    def _unrotate(self, shape: Shape, item: Item) -> None:
        if shape.type == "rectangle":
            shape.points = list(shape_box(shape, rotated=True))
            shape.rotation = 0.0
            self._report.changed("rotation", "box widened to hold the rotated one", item.path)

    def _lose(self, field: str, item: Item, count: int = 1) -> None:
        self._report.dropped(field, NO_PLACE, item.path, count=count)


def _is_set(value: Shape | Tag, field: str) -> bool:
    found = getattr(value, field, None)
    if field in ("track_id", "score"):
        return found is not None
    return bool(found) and found != "manual"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _bare(shapes: list[Shape], kinds: frozenset[str], *, multipart: bool) -> bool:
    """Whether all shapes are of these kinds and have nothing that a writer could lose."""
    for shape in shapes:
        if (
            shape.type not in kinds
            or shape.attributes
            or shape.rotation
            or shape.occluded
            or shape.outside
            or (shape.instance and not multipart)
            or (shape.group and not shape.instance)
            or shape.z_order
            or shape.score is not None
            or shape.source != "manual"
        ):
            return False
    return True


def _is_annotated(item: Item) -> bool:
    """Whether CVAT would call it annotated: its exports leave out cuboids and what is outside."""
    return bool(item.tags) or any(
        shape.type != "cuboid" and not (shape.outside and shape.track_id is not None)
        for shape in item.shapes
    )
