"""COCO as CVAT writes it: shapes of a group are one annotation, masks are crowds.

Formats specification, sections 2 and 3. Ids of images run over all subsets in order, those of
annotations start at 1 in each file, so both are set when a file is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import IO, Any

import orjson
from msgspec.json import encode  # its bytes are no larger than their text, as orjson's are

from localcvat.archive import Sink
from localcvat.model import DEFAULT_SUBSET, Dataset, Item, Label, Shape
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import (
    LabelIndex,
    datumaro_attributes,
    point_joints,
    point_names,
    rounded,
    rounded_box,
    visibility_of,
)

LICENSES = [{"name": "", "id": 0, "url": ""}]
INFO = dict.fromkeys(("contributor", "date_created", "description", "url", "version", "year"), "")
IMAGE_FIELDS = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
AREA_KINDS = frozenset(("rectangle", "polygon", "mask"))
HIDDEN_ATTRIBUTES = ("is_crowd", "score")

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""


def write_cvat(
    dataset: Dataset, sink: Sink, options: WriteOptions, report: Report, *, keypoints: bool
) -> None:
    """``annotations/<task>_<subset>.json`` and, with images, ``images/`` for all subsets."""
    index = LabelIndex(dataset.header.labels)
    task = "person_keypoints" if keypoints else "instances"
    files = {
        subset: _SubsetFile(index, keypoints, report)
        for subset in dataset.header.subsets or [DEFAULT_SUBSET]
    }
    for item in dataset.items:
        if item.subset not in files:
            files[item.subset] = _SubsetFile(index, keypoints, report)
        files[item.subset].add(item)
        name = f"images/{item.path}"
        if options.with_images and item.media is not None and not sink.has(name):
            sink.add_media(name, item.media)
    image_ids: dict[str, int] = {}
    for subset, file in files.items():
        with sink.stream(f"annotations/{task}_{subset}.json") as out:
            file.write(out, image_ids)


class _SubsetFile:
    """The images and annotations of one subset, as pieces of JSON text without their ids."""

    def __init__(self, index: LabelIndex, keypoints: bool, report: Report) -> None:
        self._index = index
        self._keypoints = keypoints
        self._report = report
        self._images: list[tuple[str, bytes]] = []
        self._annotations: list[tuple[int, bytes]] = []

    def add(self, item: Item) -> None:
        """Keep one image and its annotations."""
        record = {"width": item.width, "height": item.height, "file_name": item.path}
        self._images.append((item.stem, encode({**record, **IMAGE_FIELDS})))
        position = len(self._images) - 1
        for annotation in self._of_item(item):
            self._annotations.append((position, encode(annotation)))

    def _of_item(self, item: Item) -> Iterator[dict[str, Any]]:
        skeletons = [shape for shape in item.shapes if shape.type == "skeleton"]
        if self._keypoints and not skeletons:
            self._lose_lone(item, item.shapes)
            return
        if self._keypoints:
            for skeleton in _alone(item.shapes):
                self._lose_group(skeleton, item)
                record = self._record(skeleton, [], None, _skeleton_box(skeleton), item)
                yield {**record, **self._points(skeleton)}
        for group in _groups(shape for shape in item.shapes if shape.type in AREA_KINDS):
            partner = _skeleton_of(skeletons, group[0].group) if self._keypoints else None
            if self._keypoints and partner is None:
                self._lose_lone(item, group)
                continue
            if len(group) > 1:
                how = "shapes of one group merged into one annotation, as CVAT does"
                self._report.changed(group[0].type, how, item.path, count=len(group))
            elif partner is None:
                self._lose_group(group[0], item)
            record = self._merged(group, item)
            yield record if partner is None else {**record, **self._points(partner)}

    def _lose_group(self, shape: Shape, item: Item) -> None:
        if shape.group:
            self._report.dropped("group", "CVAT writes no group of one", item.path)

    def _lose_lone(self, item: Item, shapes: Sequence[Shape]) -> None:
        for shape in shapes:
            why = "CVAT's keypoints have only skeletons and what is grouped with them"
            self._report.withdrawn(shape.type, why, item.path)

    def _merged(self, group: list[Shape], item: Item) -> dict[str, Any]:
        """One annotation of the shapes of a group; the largest one leads."""
        boxes = [shape for shape in group if shape.type == "rectangle"]
        polygons = [shape for shape in group if shape.type == "polygon"]
        masks = [shape for shape in group if shape.type == "mask"]
        ordered = boxes + polygons + masks
        leader = max(ordered, key=_area) if len(ordered) > 1 else ordered[0]
        box = _union([_box(shape) for shape in boxes or ordered])
        rings = [rounded(shape.points) for shape in polygons]
        crowd = self._attributes(leader).get("is_crowd")
        if crowd is None:
            crowd = any(mask.label == leader.label for mask in masks)
        if crowd is True:
            return self._record(leader, [], _counts(rings, masks, item), box, item)
        if masks:
            rings += _traced(masks, item)
        return self._record(leader, rings, None, box, item)

    def _attributes(self, shape: Shape) -> dict[str, Any]:
        return datumaro_attributes(shape, self._index.find(shape.label))

    def _record(
        self,
        leader: Shape,
        rings: list[list[float]],
        counts: list[int] | None,
        box: Box,
        item: Item,
    ) -> dict[str, Any]:
        segmentation: Any = rings
        area = box[2] * box[3]
        if counts is not None:
            segmentation = {"counts": counts, "size": [item.height, item.width]}
            area = float(sum(counts[1::2]))
        elif rings:
            area = _raster_area(rings, item, box)
        attributes = self._attributes(leader)
        score = attributes.get("score", leader.score)
        record: dict[str, Any] = {
            "category_id": self._index.number(leader.label) + 1,
            "segmentation": segmentation,
            "area": area,
            "bbox": [round(float(value), 2) for value in box],
            "iscrowd": int(counts is not None),
        }
        if score is not None:
            try:
                record["score"] = float(score)
            except (TypeError, ValueError):
                self._report.dropped("score", "not a number", item.path)
        shown = {name: value for name, value in attributes.items() if name not in HIDDEN_ATTRIBUTES}
        if shown:
            record["attributes"] = shown
        return record

    def _points(self, skeleton: Shape) -> dict[str, Any]:
        """`keypoints` and `num_keypoints` in the order of the label's svg.

        A skeleton without any points has an empty list, else those missing are zeros.
        """
        found = {element.label: element for element in skeleton.elements}
        numbers: list[float] = []
        seen = 0
        for name in point_names(self._index.find(skeleton.label)) if found else ():
            element = found.get(name)
            if element is None or len(element.points) < 2:
                numbers += (0.0, 0.0, 0)
                continue
            numbers += (*rounded(element.points[:2]), visibility_of(element))
            seen += visibility_of(element) > 0
        return {"keypoints": numbers, "num_keypoints": seen}

    def _categories(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for number, (label, parent) in enumerate(self._index.flat, 1):
            record: dict[str, Any] = {"id": number, "name": label.name, "supercategory": parent}
            if self._keypoints:
                if parent:
                    continue
                record |= _keypoint_fields(label)
            records.append(record)
        return records

    def write(self, out: IO[bytes], image_ids: dict[str, int]) -> None:
        """Write the file; `image_ids` numbers the images of all subsets by their stems."""
        out.write(b'{"licenses":' + orjson.dumps(LICENSES) + b',"info":' + orjson.dumps(INFO))
        out.write(b',"categories":' + orjson.dumps(self._categories()) + b',"images":[')
        numbers = [image_ids.setdefault(stem, len(image_ids) + 1) for stem, _ in self._images]
        for position, (_, text) in enumerate(self._images):
            head = b',{"id":%d,' if position else b'{"id":%d,'
            out.write(head % numbers[position] + text[1:])
        out.write(b'],"annotations":[')
        for number, (position, text) in enumerate(self._annotations, 1):
            head = b'{"id":%d,"image_id":%d,' if number == 1 else b',{"id":%d,"image_id":%d,'
            out.write(head % (number, numbers[position]) + text[1:])
        out.write(b"]}")


def _keypoint_fields(label: Label) -> dict[str, Any]:
    if not label.sublabels:
        return {"keypoints": [], "skeleton": []}
    return {"keypoints": point_names(label), "skeleton": point_joints(label)}


def _groups(shapes: Iterator[Shape]) -> Iterator[list[Shape]]:
    """Shapes one by one, then those of each group together, by the group's number."""
    for number, group in groupby(sorted(shapes, key=lambda s: s.group), key=lambda s: s.group):
        if number:
            yield list(group)
        else:
            yield from ([shape] for shape in group)


def _alone(shapes: Sequence[Shape]) -> Iterator[Shape]:
    """Skeletons that share their group with no box, polygon or mask."""
    for number, group in groupby(sorted(shapes, key=lambda s: s.group), key=lambda s: s.group):
        members = list(group)
        if not number or not any(shape.type in AREA_KINDS for shape in members):
            yield from (shape for shape in members if shape.type == "skeleton")


def _skeleton_of(skeletons: Sequence[Shape], group: int) -> Shape | None:
    if not group:
        return None
    return next((shape for shape in skeletons if shape.group == group), None)


def _box(shape: Shape) -> Box:
    if shape.type == "mask":
        left, top, right, bottom = shape.points[-4:]
        return left, top, right - left + 1, bottom - top + 1
    if shape.type == "rectangle":
        x1, y1, x2, y2 = rounded_box(shape.points)
    else:
        points = rounded(shape.points)
        x1, y1, x2, y2 = min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
    return x1, y1, x2 - x1, y2 - y1


def _skeleton_box(skeleton: Shape) -> Box:
    """Around the points that are not outside."""
    seen = [element for element in skeleton.elements if not element.outside]
    points = rounded([value for element in seen for value in element.points])
    if not points:
        return 0.0, 0.0, 0.0, 0.0
    x1, y1, x2, y2 = min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
    return x1, y1, x2 - x1, y2 - y1


def _union(boxes: Sequence[Box]) -> Box:
    if len(boxes) == 1:
        x, y, width, height = boxes[0]
        return x, y, (x + width) - x, (y + height) - y
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    return left, top, right - left, bottom - top


def _area(shape: Shape) -> float:
    """The area by which a group's leader is chosen."""
    if shape.type == "mask":
        return float(sum(shape.points[1:-4:2]))
    x, y, width, height = _box(shape)
    if shape.type == "rectangle":
        return width * height
    from pycocotools import mask as coco

    columns, rows = int(x + width), int(y + height)
    if columns <= 0 or rows <= 0:
        return 0.0
    return float(coco.area(coco.frPyObjects([rounded(shape.points)], rows, columns))[0])


def _raster_area(rings: list[list[float]], item: Item, box: Box) -> float:
    from pycocotools import mask as coco

    width, height = item.width, item.height
    if not width or not height:
        width, height = int(box[0] + box[2]), int(box[1] + box[3])
    if width <= 0 or height <= 0:
        return 0.0
    return float(coco.area(coco.merge(coco.frPyObjects(rings, height, width))))


def _counts(rings: list[list[float]], masks: Sequence[Shape], item: Item) -> list[int] | None:
    """Uncompressed counts of the union of polygons and masks; None for nothing."""
    from localcvat.geometry.masks import mask_to_coco

    if not rings and len(masks) == 1:
        return mask_to_coco(masks[0].points, item.width, item.height)
    if not rings and not masks:
        return None
    from pycocotools import mask as coco

    from localcvat.geometry.masks import decompress_counts

    parts = []
    for mask in masks:
        counts = mask_to_coco(mask.points, item.width, item.height)
        whole = {"counts": counts, "size": [item.height, item.width]}
        parts.append(coco.frPyObjects(whole, item.height, item.width))
    if rings:
        parts.append(coco.merge(coco.frPyObjects(rings, item.height, item.width)))
    return decompress_counts(coco.merge(parts)["counts"], item.width, item.height)


def _traced(masks: Sequence[Shape], item: Item) -> list[list[float]]:
    """Outlines of masks taken together, as Datumaro traces them."""
    from localcvat.geometry.contours import mask_to_contours
    from localcvat.geometry.masks import coco_to_mask

    if len(masks) == 1:
        return mask_to_contours(masks[0].points)
    counts = _counts([], masks, item)
    if counts is None or not any(counts[1::2]):
        return []
    return mask_to_contours(coco_to_mask(counts, item.width, item.height))
