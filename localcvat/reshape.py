"""Shapes turned into other kinds and cut to their image, as asked by `Transforms`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from localcvat.geometry.boxes import is_in_space, shape_box
from localcvat.model import SHAPE_TYPES, Dataset, Item, Label, Shape, Track
from localcvat.report import Report
from localcvat.transforms import Transforms

OF_FORM = frozenset(
    ("area", "bbox", "segmentation", "rle", "line", "iscrowd", "parts", "box", "keypoints")
)
"""Extras that tell the form of a shape, and are no longer true of another."""
UNCUT = ("ellipse", "cuboid", "skeleton")


def reshaped(dataset: Dataset, wanted: Transforms, report: Report) -> Dataset:
    """`dataset` with masks, polygons and boxes as `wanted` says; sizes of labels follow suit."""
    kinds = {}
    if wanted.shapes_to_boxes:
        kinds = dict.fromkeys(SHAPE_TYPES, "rectangle")
    if wanted.boxes_from_masks:
        kinds["mask"] = "rectangle"
    if wanted.masks_to_polygons:
        kinds["mask"] = "polygon"
    if wanted.polygons_to_masks:
        kinds["polygon"] = "mask"
    labels = [_retyped(label, kinds) for label in dataset.header.labels]
    header = msgspec.structs.replace(dataset.header, labels=labels)
    worker = _Reshaper(wanted, report)
    return Dataset(header, worker.items(dataset.items), _untouched(dataset.tracks, wanted, report))


def _untouched(tracks: Iterable[Track], wanted: Transforms, report: Report) -> Iterator[Track]:
    """Keyframe tracks as they are, counting those that the user may think changed."""
    changing = {"mask"} if wanted.boxes_from_masks or wanted.masks_to_polygons else set()
    if wanted.shapes_to_boxes:
        changing = set(SHAPE_TYPES) - {"rectangle"}
    if wanted.crop_covered:
        changing |= {"polygon", "mask"}
    if wanted.polygons_to_masks:
        changing.add("polygon")
    for track in tracks:
        if wanted.clip or any(shape.type in changing for shape in track.shapes):
            why = "kept as it is: add --flatten-tracks to reach its shapes"
            report.assumed("track", why, track.label)
        yield track


def _retyped(label: Label, kinds: dict[str, str]) -> Label:
    if label.type not in kinds:
        return label
    if label.type == "skeleton":
        return msgspec.structs.replace(label, type=kinds[label.type], sublabels=[], svg="")
    return msgspec.structs.replace(label, type=kinds[label.type])


class _Reshaper:
    """Applies the wanted changes item by item, counting them."""

    def __init__(self, wanted: Transforms, report: Report) -> None:
        self._wanted = wanted
        self._report = report

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        wanted = self._wanted
        for item in items:
            if wanted.polygons_to_masks:
                item.shapes = self._masked(item)
            if wanted.masks_to_polygons:
                item.shapes = self._outlined(item)
            if wanted.crop_covered:
                from localcvat.covering import uncovered

                item.shapes = uncovered(item, self._report)
            if wanted.boxes_from_masks:
                item.shapes = self._boxed(item, ("mask",))
            if wanted.shapes_to_boxes:
                item.shapes = self._boxed(item, SHAPE_TYPES)
            if wanted.clip:
                item.shapes = self._clipped(item)
            yield item

    def _masked(self, item: Item) -> list[Shape]:
        """Polygons as masks; the parts of one object become one mask."""
        from localcvat.geometry.masks import polygons_to_mask

        result = []
        for parts in _objects(item.shapes, ("polygon",)):
            if parts[0].type != "polygon":
                result += parts
                continue
            if not (item.width and item.height):
                why = "kept as it is: the size of the image is not known"
                self._report.assumed("polygon", why, item.path)
                result += parts
                continue
            try:
                points = polygons_to_mask([p.points for p in parts], item.width, item.height)
            except ValueError:
                self._report.dropped("polygon", "nothing of it lies on the image", item.path)
                continue
            result.append(made_anew(parts[0], "mask", points))
            self._report.changed("polygon", "made a mask, as asked", item.path, lossy=False)
        return result

    def _outlined(self, item: Item) -> list[Shape]:
        """Masks as polygons along the edges of their pixels; several parts stay one object."""
        from localcvat.geometry.masks import mask_area
        from localcvat.geometry.polygons import mask_to_polygons, polygon_area

        instances = max((shape.instance for shape in item.shapes), default=0)
        result = []
        for shape in item.shapes:
            if shape.type != "mask":
                result.append(shape)
                continue
            rings = mask_to_polygons(shape.points)
            if sum(map(polygon_area, rings)) > mask_area(shape.points) + 0.5:
                self._report.changed("mask", "made a polygon, its holes filled", item.path)
            else:
                self._report.changed("mask", "made a polygon, as asked", item.path, lossy=False)
            made = [made_anew(shape, "polygon", ring) for ring in rings]
            if len(made) > 1 and not shape.instance:
                instances += 1
            for part in made if len(made) > 1 else ():
                part.instance = shape.instance or instances
            result += made
        return result

    def _boxed(self, item: Item, kinds: Sequence[str]) -> list[Shape]:
        """Shapes of these kinds as the boxes around them; the parts of one object have one box."""
        result = []
        for parts in _objects(item.shapes, kinds):
            first = parts[0]
            if first.type not in kinds or (first.type == "rectangle" and not first.rotation):
                result += parts
                continue
            boxes = [box for part in parts if (box := _extent(part)) is not None]
            if not boxes:
                why = "kept as it is: it has no place on the image"
                self._report.assumed(first.type, why, item.path)
                result += parts
                continue
            points = [min(b[0] for b in boxes), min(b[1] for b in boxes)]
            points += [max(b[2] for b in boxes), max(b[3] for b in boxes)]
            made = made_anew(first, "rectangle", points)
            made.elements = []
            result.append(made)
            self._report.changed(first.type, "made a box, as asked", item.path)
        return result

    def _clipped(self, item: Item) -> list[Shape]:
        if not (item.width and item.height):
            if item.shapes:
                self._report.assumed(
                    "shape", "not clipped: the size of the image is not known", item.path
                )
            return item.shapes
        result = []
        for shape in item.shapes:
            parts = clip_shape(shape, item.width, item.height)
            if parts is None:
                if not _is_inside(shape, item.width, item.height):
                    why = f"not clipped: no part of {_named(shape)} is one"
                    self._report.assumed(shape.type, why, item.path)
                result.append(shape)
                continue
            if parts:
                self._report.changed(shape.type, "cut to the image, as asked", item.path)
            else:
                self._report.dropped(shape.type, "it lies outside of the image", item.path)
            if len(parts) > 1 and not shape.instance:
                number = 1 + max((other.instance for other in [*item.shapes, *result]), default=0)
                for part in parts:
                    part.instance = number
            result += parts
        return result


def _objects(shapes: Iterable[Shape], kinds: Sequence[str]) -> list[list[Shape]]:
    """Shapes of `kinds` by instance, all others alone; each object at the place of its first."""
    groups: list[list[Shape]] = []
    by_instance: dict[int, list[Shape]] = {}
    for shape in shapes:
        if shape.type in kinds and shape.instance and shape.instance in by_instance:
            by_instance[shape.instance].append(shape)
            continue
        groups.append([shape])
        if shape.type in kinds and shape.instance:
            by_instance[shape.instance] = groups[-1]
    return groups


def made_anew(shape: Shape, kind: str, points: Any) -> Shape:
    """A copy of another kind or form, without the extras that told its form."""
    made = copy.copy(shape)
    made.type, made.points, made.rotation = kind, points, 0.0
    if kind != "polygon":
        made.instance = 0
    if shape.extras:
        made.extras = {
            name: {key: value for key, value in values.items() if key not in OF_FORM}
            for name, values in shape.extras.items()
            if isinstance(values, dict)
        }
    return made


def _named(shape: Shape) -> str:
    if shape.type == "rectangle" and shape.rotation:
        return "a turned rectangle"
    return f"an {shape.type}" if shape.type == "ellipse" else f"a {shape.type}"


def _extent(shape: Shape) -> tuple[float, float, float, float] | None:
    """The box around a shape as it is drawn; None where it is on no image."""
    if is_in_space(shape):
        return None
    try:
        return shape_box(shape, rotated=True)
    except ValueError:
        return None


def _is_inside(shape: Shape, width: int, height: int) -> bool:
    box = _extent(shape)
    if box is None:
        return True
    slack = 1e-6
    return min(box) >= -slack and box[2] <= width + slack and box[3] <= height + slack


def _is_outside(shape: Shape, width: int, height: int) -> bool:
    box = _extent(shape)
    if box is None:
        return False
    return box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height


def clip_shape(shape: Shape, width: int, height: int) -> list[Shape] | None:
    """The parts of `shape` on the image: None when it lies inside whole or can't be cut.

    Rotated rectangles, ellipses, cuboids and skeletons are not cut, but left out when no part of
    them is on the image.
    """
    if shape.type == "mask":
        left, top, right, bottom = shape.points[-4:]
        if left >= 0 and top >= 0 and right < width and bottom < height:
            return None
        return _clipped_mask(shape, width, height)
    if shape.type in UNCUT or shape.rotation or len(shape.points) < 2:
        return [] if _is_outside(shape, width, height) else None
    xs, ys = shape.points[0::2], shape.points[1::2]
    if min(xs) >= 0 and min(ys) >= 0 and max(xs) <= width and max(ys) <= height:
        return None
    if shape.type == "rectangle":
        x1, x2 = (min(max(x, 0.0), float(width)) for x in shape.points[0::2])
        y1, y2 = (min(max(y, 0.0), float(height)) for y in shape.points[1::2])
        return [made_anew(shape, "rectangle", [x1, y1, x2, y2])] if x1 != x2 and y1 != y2 else []
    if shape.type == "points":
        inside = [
            (x, y) for x, y in zip(xs, ys, strict=False) if 0 <= x <= width and 0 <= y <= height
        ]
        return [made_anew(shape, "points", [v for xy in inside for v in xy])] if inside else []
    return _clipped_outline(shape, width, height)


def _clipped_mask(shape: Shape, width: int, height: int) -> list[Shape]:
    from localcvat.geometry.masks import bitmap_to_mask, mask_to_bitmap

    bitmap, left, top = mask_to_bitmap(shape.points)
    rows, columns = bitmap.shape
    x1, y1 = max(0, -left), max(0, -top)
    part = bitmap[y1 : max(0, min(rows, height - top)), x1 : max(0, min(columns, width - left))]
    try:
        return [made_anew(shape, "mask", bitmap_to_mask(part, left + x1, top + y1))]
    except ValueError:
        return []


def _clipped_outline(shape: Shape, width: int, height: int) -> list[Shape] | None:
    """A polygon or polyline cut by the image's frame; None when it is no valid outline."""
    import shapely

    pairs = list(zip(shape.points[0::2], shape.points[1::2], strict=False))
    frame = shapely.box(0, 0, width, height)
    least = 3 if shape.type == "polygon" else 2
    if len(pairs) < least:
        return None
    try:
        if shape.type == "polygon":
            cut = shapely.make_valid(shapely.Polygon(pairs)).intersection(frame)
        else:
            cut = shapely.LineString(pairs).intersection(frame)
    except (shapely.errors.ShapelyError, ValueError):
        return None
    wanted = "Polygon" if shape.type == "polygon" else "LineString"
    parts = []
    for piece in shapely.get_parts(cut):
        if piece.geom_type == f"Multi{wanted}":
            pieces = list(piece.geoms)
        else:
            pieces = [piece] if piece.geom_type == wanted else []
        for one in pieces:
            line = one.exterior.coords[:-1] if wanted == "Polygon" else one.coords
            points = [float(value) for xy in line for value in xy]
            made = made_anew(shape, shape.type, points)
            made.instance = shape.instance
            parts.append(made)
    return parts
