"""What lies under other objects cut away: polygons and masks by those above them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localcvat.model import Item, Shape
from localcvat.report import Report
from localcvat.reshape import made_anew

AREAS = ("polygon", "mask")


def uncovered(item: Item, report: Report) -> list[Shape]:
    """The shapes of an image, polygons and masks without what others of these kinds cover.

    Above is a higher z_order, else the later one. What is covered whole is left out. The pieces of
    a polygon stay one object; one that gets a hole becomes a mask.
    """
    order = sorted(range(len(item.shapes)), key=lambda n: (item.shapes[n].z_order, n), reverse=True)
    above: list[Shape] = []
    left: dict[int, list[Shape]] = {}
    instances = max((shape.instance for shape in item.shapes), default=0)
    for number in order:
        shape = item.shapes[number]
        if shape.type not in AREAS:
            left[number] = [shape]
            continue
        cover = [other for other in above if not _is_part(shape, other) and _touch(shape, other)]
        left[number] = _without(shape, cover, item, report) if cover else [shape]
        pieces = left[number]
        if len(pieces) > 1 and not shape.instance:
            instances += 1
            for piece in pieces:
                piece.instance = instances
        above.append(shape)
    return [shape for number in range(len(item.shapes)) for shape in left[number]]


def _is_part(one: Shape, other: Shape) -> bool:
    return bool(one.instance) and one.instance == other.instance


def _touch(one: Shape, other: Shape) -> bool:
    from localcvat.geometry.boxes import box_iou, shape_box

    return box_iou(shape_box(one), shape_box(other)) > 0


def _without(shape: Shape, cover: Iterable[Shape], item: Item, report: Report) -> list[Shape]:
    if shape.type == "mask":
        pieces = _cut_mask(shape, cover, item)
    else:
        pieces = _cut_polygon(shape, cover, item)
    if not pieces:
        report.dropped(shape.type, "covered whole by objects above it, as asked", item.path)
    elif pieces != [shape]:
        how = "its covered parts cut away, as asked"
        if pieces[0].type != shape.type:
            how = "made a mask: what covers it leaves a hole"
        report.changed(shape.type, how, item.path)
    return pieces


def _cut_mask(shape: Shape, cover: Iterable[Shape], item: Item) -> list[Shape]:
    from localcvat.geometry.masks import bitmap_to_mask, mask_to_bitmap

    bitmap, left, top = mask_to_bitmap(shape.points)
    kept = bitmap.copy()
    rows, columns = kept.shape
    for other in cover:
        upper, x, y = _bitmap(other, item)
        if upper is None:
            continue
        x1, y1 = max(left, x), max(top, y)
        x2, y2 = min(left + columns, x + upper.shape[1]), min(top + rows, y + upper.shape[0])
        if x1 < x2 and y1 < y2:
            part = upper[y1 - y : y2 - y, x1 - x : x2 - x]
            kept[y1 - top : y2 - top, x1 - left : x2 - left][part > 0] = 0
    if (kept == bitmap).all():
        return [shape]
    if not kept.any():
        return []
    return [made_anew(shape, "mask", bitmap_to_mask(kept, left, top))]


def _bitmap(shape: Shape, item: Item) -> tuple[Any, int, int]:
    from localcvat.geometry.masks import mask_to_bitmap, polygons_to_mask

    if shape.type == "mask":
        return mask_to_bitmap(shape.points)
    try:
        return mask_to_bitmap(polygons_to_mask([shape.points], item.width, item.height))
    except ValueError:
        return None, 0, 0


def _cut_polygon(shape: Shape, cover: Iterable[Shape], item: Item) -> list[Shape]:
    import shapely

    outline = _outline(shape.points)
    rest = outline.difference(shapely.union_all([_area_of(other) for other in cover]))
    if rest.area >= outline.area - 1e-6:
        return [shape]
    pieces = [piece for piece in shapely.get_parts(rest) if piece.geom_type == "Polygon"]
    pieces = [piece for piece in pieces if piece.area > 1e-6]
    if any(piece.interiors for piece in pieces) and item.width and item.height:
        return _cut_mask(_as_mask(shape, item), cover, item)
    made = []
    for piece in pieces:
        points = [float(value) for xy in piece.exterior.coords[:-1] for value in xy]
        made.append(made_anew(shape, "polygon", points))
        made[-1].instance = shape.instance
    return made


def _as_mask(shape: Shape, item: Item) -> Shape:
    from localcvat.geometry.masks import polygons_to_mask

    return made_anew(shape, "mask", polygons_to_mask([shape.points], item.width, item.height))


def _area_of(shape: Shape) -> Any:
    import shapely

    if shape.type == "polygon":
        return _outline(shape.points)
    from localcvat.geometry.polygons import mask_to_polygons

    return shapely.union_all([_outline(ring) for ring in mask_to_polygons(shape.points)])


def _outline(points: Any) -> Any:
    import shapely

    if len(points) < 6:
        return shapely.Polygon()
    return shapely.make_valid(shapely.Polygon(list(zip(points[0::2], points[1::2], strict=True))))
