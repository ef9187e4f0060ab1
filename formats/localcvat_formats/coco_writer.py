"""Writing COCO in the plain dialect: one JSON file a subset, original ids and values kept."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import orjson

from localcvat.archive import Sink
from localcvat.geometry.boxes import stated_box
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.attribute_values import respelled
from localcvat_formats.coco_images import normal_path
from localcvat_formats.cvat_dialect import point_joints, point_names, visibility_of
from localcvat_formats.id_set import IdSet
from localcvat_formats.json_files import json_bytes, json_elements
from localcvat_formats.json_spool import JsonSpool
from localcvat_formats.parts import objects
from localcvat_formats.sizes import unknown_size

BLANK_LICENSES = [{"name": "", "id": 0, "url": ""}]
BLANK_INFO = dict.fromkeys(
    ("contributor", "date_created", "description", "url", "version", "year"), ""
)
STATED = {"id", "bbox", "area", "iscrowd"}
"""What an annotation of a COCO file says of itself and nothing more."""


def write_coco(
    dataset: Dataset, sink: Sink, options: WriteOptions, report: Report, task: str
) -> None:
    """``annotations/<task>_<subset>.json`` and, with images, ``images/…``."""
    categories = Categories(dataset.header, options.params.get("category_id_start"))
    only_points = task == "person_keypoints"
    files: dict[str, _SubsetFile] = {}

    def file_of(subset: str) -> _SubsetFile:
        if subset not in files:
            files[subset] = _SubsetFile(
                categories,
                report,
                sink.target.parent,
                with_images=options.with_images,
                only_points=only_points,
            )
        return files[subset]

    for subset in dataset.header.subsets or [DEFAULT_SUBSET]:
        file_of(subset)
    folders = len(files) > 1
    for item in dataset.items:
        file_of(item.subset).add(item)
        if options.with_images and item.media is not None:
            name = f"images/{item.subset}/{item.path}" if folders else f"images/{item.path}"
            if sink.has(name):
                report.changed("image file", "there already under this name", item.path)
            else:
                sink.add_media(name, item.media)
    for subset, file in files.items():
        with sink.stream(f"annotations/{task}_{subset}.json") as out:
            file.write(out, dataset.header)


class Categories:
    """Category ids of the labels: counted from `first` if given, else those the source had."""

    def __init__(self, header: Header, first: int | None = None) -> None:
        self.ids: dict[str, Any] = {}
        self.labels = {label.name: label for label in header.labels}
        self.records: list[dict[str, Any]] = []
        given = [((label.extras or {}).get("coco") or {}).get("id") for label in header.labels]
        keep = all(value is not None for value in given)
        keep = keep and len(set(map(str, given))) == len(given) and first is None
        start = 1 if first is None else first
        for position, label in enumerate(header.labels):
            number = given[position] if keep else position + start
            self.ids.setdefault(label.name, number)
            self.records.append(self._record(number, label))

    def _record(self, number: Any, label: Label) -> dict[str, Any]:
        extras = dict((label.extras or {}).get("coco") or {})
        record = {"id": number, "name": label.name, "supercategory": ""}
        record.update({key: value for key, value in extras.items() if value is not None})
        record["id"] = number
        if label.sublabels:
            names = point_names(label)
            if record.get("keypoints") != names:
                record |= {"keypoints": names, "skeleton": point_joints(label)}
        return record


class _SubsetFile:
    """The images and annotations of one subset, as pieces of JSON text."""

    def __init__(
        self,
        categories: Categories,
        report: Report,
        folder: Path,
        *,
        with_images: bool,
        only_points: bool,
    ) -> None:
        self._categories = categories
        self._report = report
        self._with_images = with_images
        self._only_points = only_points
        self._images = JsonSpool(folder)
        self._annotations = JsonSpool(folder)
        self._image_ids = IdSet()
        self._ids = IdSet()
        self._next_image = 1
        self._next = 1

    def add(self, item: Item) -> None:
        """Keep one image and its annotations as text."""
        extras = dict((item.extras or {}).get("coco") or {})
        image_id = self._free_image_id(extras.pop("id", None), item.path)
        name = extras.pop("file_name", item.path)
        if name != item.path and (self._with_images or normal_path(name) != item.path):
            name = item.path
        record: dict[str, Any] = {
            "id": image_id,
            "width": item.width,
            "height": item.height,
            "file_name": name,
        }
        record.update(extras)
        self._images.add_values((record,))
        self._add_annotations(item, image_id)

    def _add_annotations(self, item: Item, image_id: Any) -> None:
        made: list[Any] = []
        has_lines = False
        for parts in objects(item.shapes):
            first = parts[0]
            if self._only_points and not self._has_points(first):
                why = "its label has no keypoints, which is all that these files hold"
                self._report.withdrawn(first.type, why, item.path, count=len(parts))
                continue
            if first.type == "skeleton" and len(parts) == 1 and not first.elements:
                self._report.withdrawn("skeleton", "it has no points", item.path)
                continue
            given = (first.extras or {}).get("coco") or {}
            if "line" in given:
                has_lines = True
                made.append(self._line(given, first, item, image_id))
            else:
                made.append(self._record(parts, given, item, image_id))
        if has_lines:
            texts = (json_elements([each]) if type(each) is dict else each for each in made)
            self._annotations.add_texts(texts)
        else:
            self._annotations.add_values(made)

    def _has_points(self, shape: Shape) -> bool:
        return shape.type == "skeleton" or bool(self._categories.labels[shape.label].sublabels)

    def _free_image_id(self, wanted: Any, path: str) -> Any:
        if wanted is not None:
            if self._image_ids.take(wanted):
                return wanted
            self._report.changed("image id", "taken by another: numbered anew", path)
        while not self._image_ids.take(self._next_image):
            self._next_image += 1
        return self._next_image

    def _free_id(self, wanted: Any, path: str) -> Any:
        if wanted is not None:
            if self._ids.take(wanted):
                return wanted
            self._report.changed("annotation id", "taken by another: numbered anew", path)
        while not self._ids.take(self._next):
            self._next += 1
        return self._next

    def _record(
        self, parts: list[Shape], given: dict[str, Any], item: Item, image_id: Any
    ) -> dict[str, Any]:
        first = parts[0]
        if given.keys() == STATED and given["bbox"] and not self._only_points and _is_plain(first):
            number = given["id"]
            fresh = number is not None and self._ids.take(number)
            return {
                "id": number if fresh else self._free_id(number, item.path),
                "image_id": image_id,
                "category_id": self._categories.ids[first.label],
                "segmentation": _rings(parts),
                "area": given["area"],
                "bbox": given["bbox"],
                "iscrowd": given["iscrowd"],
            }
        extras = dict(given)
        spelled = extras.pop("rle", None)
        written = extras.pop("attributes", None)
        areas = parts
        points: dict[str, Any] = {}
        if first.type == "skeleton":
            points, areas = self._points(first, item), parts[1:]
        elif self._only_points:
            count = 3 * len(self._categories.labels[first.label].sublabels)
            points = {"keypoints": [0] * count, "num_keypoints": 0}
        record: dict[str, Any] = {
            "id": self._free_id(extras.pop("id", None), item.path),
            "image_id": image_id,
            "category_id": self._categories.ids[first.label],
            "segmentation": segmentation_of(areas, item, spelled),
        }
        box = extras.pop("bbox", None) or stated_of(first) or bbox_of(areas or parts)
        area = extras.pop("area", None)
        record["area"] = area if area is not None else area_of(areas, item, box)
        record["bbox"] = box
        crowd = extras.pop("iscrowd", None)
        record["iscrowd"] = crowd if crowd is not None else int(first.type == "mask")
        if points:
            record |= points
        label = self._categories.labels[first.label]
        attributes = attributes_of(first, label, written or {})
        if attributes:
            record["attributes"] = attributes
        if first.score is not None:
            record["score"] = first.score
        if first.group and first.group != first.instance:
            record["group"] = first.group
        record.update(extras)
        return record

    def _line(self, extras: dict[str, Any], shape: Shape, item: Item, image_id: Any) -> bytes:
        """An annotation as its source has it, with other ids where they had to change."""
        number = extras["id"]
        if not self._ids.take(number):
            number = self._free_id(number, item.path)
        category = self._categories.ids[shape.label]
        text: bytes = extras["line"]
        if (
            number == extras["id"]
            and category == extras["category_id"]
            and image_id == extras["image_id"]
        ):
            return text
        changes = {"id": number, "image_id": image_id, "category_id": category}
        return json_bytes(orjson.loads(bytes(text)) | changes)

    def _points(self, skeleton: Shape, item: Item) -> dict[str, Any]:
        """`keypoints` in the category's order, points that are missing as zeros."""
        numbers: list[float] = []
        found = {element.label: element for element in skeleton.elements}
        seen = 0
        for name in point_names(self._categories.labels[skeleton.label]):
            element = found.get(name)
            if element is None or len(element.points) < 2:
                numbers += (0, 0, 0)
                continue
            visible = visibility_of(element)
            seen += visible > 0
            numbers += (element.points[0], element.points[1], visible)
            if element.attributes:
                why = "keypoints have no attributes"
                self._report.dropped("attribute", why, item.path, count=len(element.attributes))
        return {"keypoints": numbers, "num_keypoints": seen}

    def write(self, out: IO[bytes], header: Header) -> None:
        """Write the file."""
        known = header.info.get("coco") or {}
        out.write(b'{"licenses":' + json_bytes(known.get("licenses") or BLANK_LICENSES))
        out.write(b',"info":' + json_bytes(known.get("info") or BLANK_INFO))
        out.write(b',"categories":' + json_bytes(self._categories.records))
        out.write(b',"images":[')
        self._images.copy_to(out)
        out.write(b'],"annotations":[')
        self._annotations.copy_to(out)
        out.write(b"]}")


def _is_plain(shape: Shape) -> bool:
    """Whether nothing of a polygon but its points and label has to be written."""
    return (
        shape.type == "polygon"
        and not shape.attributes
        and not shape.occluded
        and shape.track_id is None
        and shape.score is None
        and shape.group in (0, shape.instance)
    )


def segmentation_of(parts: list[Shape], item: Item, spelled: str | None) -> Any:
    """Polygon lists, a run-length mask, or an empty list for a box."""
    if not parts or parts[0].type == "rectangle":
        return []
    if parts[0].type == "polygon":
        return _rings(parts)
    from localcvat.geometry.masks import compress_counts, mask_to_coco

    if not item.width or not item.height:
        raise unknown_size(item)
    counts: Any = mask_to_coco(parts[0].points, item.width, item.height)
    if spelled == "compressed":
        counts = compress_counts(counts, item.width, item.height)
    return {"counts": counts, "size": [item.height, item.width]}


def _rings(parts: list[Shape]) -> list[list[float]]:
    if len(parts) == 1 and type(parts[0].points) is list:
        return [parts[0].points]
    return [list(part.points) for part in parts]


def stated_of(shape: Shape) -> list[float] | None:
    """x, y, width, height of the box that the file an object came from stated for it."""
    box = stated_box(shape)
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]] if box else None


def bbox_of(parts: list[Shape]) -> list[float]:
    """x, y, width, height around all parts."""
    from localcvat.geometry.boxes import shape_box

    boxes = [shape_box(part) for part in parts]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return [round(value, 2) for value in (left, top, right - left, bottom - top)]


def area_of(parts: list[Shape], item: Item, box: list[float]) -> float:
    """The area in pixels: of the box, of the polygons rasterised, of the mask."""
    if not parts or parts[0].type == "rectangle":
        return float(box[2] * box[3])
    from localcvat.geometry.masks import mask_area, polygons_to_mask
    from localcvat.geometry.polygons import polygon_area

    if parts[0].type == "mask":
        return float(mask_area(parts[0].points))
    try:
        rings = [list(part.points) for part in parts]
        return float(mask_area(polygons_to_mask(rings, item.width, item.height)))
    except ValueError:
        return float(sum(polygon_area(part.points) for part in parts))


def attributes_of(shape: Shape, label: Label, written: dict[str, Any]) -> dict[str, Any]:
    """The `attributes` object: flags, rotation, track, then the label's own."""
    values: dict[str, Any] = {}
    if shape.occluded or "occluded" in written:
        values["occluded"] = shape.occluded
    if shape.type == "rectangle" and (shape.rotation or "rotation" in written):
        values["rotation"] = shape.rotation
    if shape.track_id is not None:
        values["track_id"] = shape.track_id
        values["keyframe"] = shape.keyframe
    if shape.attributes:
        values.update(respelled(shape.attributes, label, written))
    return values
