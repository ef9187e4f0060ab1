"""Writing COCO instances, in both dialects, one JSON file a subset; annotations stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import orjson

from localcvat.archive import Sink
from localcvat.errors import DatasetError
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Shape, flat_labels
from localcvat.plugin import WriteOptions
from localcvat.report import Report

BLANK_LICENSES = [{"name": "", "id": 0, "url": ""}]
BLANK_INFO = {
    "contributor": "",
    "date_created": "",
    "description": "",
    "url": "",
    "version": "",
    "year": "",
}
CVAT_IMAGE = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def write_instances(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    """``annotations/instances_<subset>.json`` and, with images, ``images/…``."""
    cvat = options.dialect == "cvat"
    categories = Categories(dataset.header, cvat)
    files: dict[str, _SubsetFile] = {}
    for subset in dataset.header.subsets or [DEFAULT_SUBSET]:
        files[subset] = _SubsetFile(categories, cvat)
    ids: dict[str, int] = {}
    folders = len(files) > 1 and not cvat
    for item in dataset.items:
        file = files.get(item.subset)
        if file is None:
            file = files[item.subset] = _SubsetFile(categories, cvat)
        if cvat:
            file.add(item, ids.setdefault(item.stem, len(ids) + 1))
        else:
            file.add(item, None)
        if options.with_images and item.media is not None:
            name = f"images/{item.subset}/{item.path}" if folders else f"images/{item.path}"
            if sink.has(name):
                report.changed("image file", "there already under this name", item.path)
            else:
                sink.add_media(name, item.media)
    for subset, file in files.items():
        with sink.stream(f"annotations/instances_{subset}.json") as out:
            file.write(out, dataset.header)


class Categories:
    """Category ids of the labels, original ones where the source had them."""

    def __init__(self, header: Header, cvat: bool) -> None:
        self.ids: dict[str, Any] = {}
        self.records: list[dict[str, Any]] = []
        labels = flat_labels(header.labels) if cvat else [(lb, "") for lb in header.labels]
        given = [((label.extras or {}).get("coco") or {}).get("id") for label, _ in labels]
        keep = not cvat and all(value is not None for value in given)
        keep = keep and len(set(map(str, given))) == len(given)
        for position, (label, parent) in enumerate(labels):
            number = given[position] if keep else position + 1
            self.ids.setdefault(label.name, number)
            extras = (label.extras or {}).get("coco") or {}
            above = parent if cvat else (extras.get("supercategory") or parent)
            self.records.append({"id": number, "name": label.name, "supercategory": above})


class _SubsetFile:
    """The images and annotations of one subset, as pieces of JSON text."""

    def __init__(self, categories: Categories, cvat: bool) -> None:
        self._categories = categories
        self._cvat = cvat
        self._images: list[bytes] = []
        self._annotations: list[bytes] = []
        self._image_ids: set[Any] = set()
        self._ids: set[Any] = set()
        self._next_image = 1
        self._next = 1

    def add(self, item: Item, image_id: int | None) -> None:
        extras = {} if self._cvat else dict((item.extras or {}).get("coco") or {})
        if image_id is None:
            image_id = self._free_image_id(extras.pop("id", None))
        record: dict[str, Any] = {
            "id": image_id,
            "width": item.width,
            "height": item.height,
            "file_name": item.path,
        }
        record.update(CVAT_IMAGE if self._cvat else extras)
        if not self._cvat:
            record["id"] = image_id
        self._images.append(orjson.dumps(record))
        for parts in objects(item.shapes):
            self._annotations.append(self._annotation(parts, item, image_id))

    def _free_image_id(self, wanted: Any) -> Any:
        if wanted is None or wanted in self._image_ids:
            while self._next_image in self._image_ids:
                self._next_image += 1
            wanted = self._next_image
        self._image_ids.add(wanted)
        return wanted

    def _free_id(self, wanted: Any) -> Any:
        if wanted is None or wanted in self._ids:
            while self._next in self._ids:
                self._next += 1
            wanted = self._next
        self._ids.add(wanted)
        return wanted

    def _annotation(self, parts: list[Shape], item: Item, image_id: Any) -> bytes:
        first = parts[0]
        extras = {} if self._cvat else dict((first.extras or {}).get("coco") or {})
        raw = extras.pop("raw", None)
        spelled = extras.pop("rle", None)
        record: dict[str, Any] = {
            "id": self._free_id(extras.pop("id", None)),
            "image_id": image_id,
            "category_id": self._categories.ids[first.label],
            "segmentation": orjson.Fragment(raw)
            if raw is not None
            else segmentation_of(parts, item, spelled),
        }
        box = extras.pop("bbox", None) or bbox_of(parts)
        area = extras.pop("area", None)
        record["area"] = area if area is not None else area_of(parts, item, box)
        record["bbox"] = box
        crowd = extras.pop("iscrowd", None)
        record["iscrowd"] = crowd if crowd is not None else int(first.type == "mask")
        attributes = attributes_of(first, self._cvat)
        if attributes:
            record["attributes"] = attributes
        if first.score is not None:
            record["score"] = first.score
        record.update(extras)
        return orjson.dumps(record, option=OPTIONS)

    def write(self, out: IO[bytes], header: Header) -> None:
        known = {} if self._cvat else header.info.get("coco") or {}
        out.write(b'{"licenses":' + orjson.dumps(known.get("licenses") or BLANK_LICENSES))
        out.write(b',"info":' + orjson.dumps(known.get("info") or BLANK_INFO))
        out.write(b',"categories":' + orjson.dumps(self._categories.records))
        out.write(b',"images":[')
        _write_joined(out, self._images)
        out.write(b'],"annotations":[')
        _write_joined(out, self._annotations)
        out.write(b"]}")


def _write_joined(out: IO[bytes], pieces: list[bytes]) -> None:
    for start in range(0, len(pieces), 4096):
        if start:
            out.write(b",")
        out.write(b",".join(pieces[start : start + 4096]))


def objects(shapes: Iterable[Shape]) -> Iterator[list[Shape]]:
    """Shapes by object: the parts of one instance together, at the place of the first."""
    instances: dict[int, list[Shape]] = {}
    order: list[list[Shape]] = []
    for shape in shapes:
        if not shape.instance:
            order.append([shape])
        elif shape.instance in instances:
            instances[shape.instance].append(shape)
        else:
            instances[shape.instance] = [shape]
            order.append(instances[shape.instance])
    return iter(order)


def segmentation_of(parts: list[Shape], item: Item, spelled: str | None) -> Any:
    """Polygon lists, a run-length mask, or an empty list for a box."""
    first = parts[0]
    if first.type == "rectangle":
        return []
    if first.type == "polygon":
        return [list(part.points) for part in parts]
    from localcvat.geometry.masks import compress_counts, mask_to_coco

    if not item.width or not item.height:
        raise DatasetError("the image's size is unknown", where=item.path)
    counts: Any = mask_to_coco(first.points, item.width, item.height)
    if spelled == "compressed":
        counts = compress_counts(counts, item.width, item.height)
    return {"counts": counts, "size": [item.height, item.width]}


def bbox_of(parts: list[Shape]) -> list[float]:
    """x, y, width, height around all parts."""
    from localcvat.geometry.boxes import shape_box

    boxes = [shape_box(part) for part in parts]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return [round(value, 2) for value in (left, top, right - left, bottom - top)]


def area_of(parts: list[Shape], item: Item, box: list[float]) -> float:
    """The area in pixels: of the box, of the polygons rasterised, of the mask."""
    first = parts[0]
    if first.type == "rectangle":
        return float(box[2] * box[3])
    from localcvat.geometry.masks import mask_area, polygons_to_mask
    from localcvat.geometry.polygons import polygon_area

    if first.type == "mask":
        return float(mask_area(first.points))
    try:
        rings = [list(part.points) for part in parts]
        return float(mask_area(polygons_to_mask(rings, item.width, item.height)))
    except ValueError:
        return float(sum(polygon_area(part.points) for part in parts))


def attributes_of(shape: Shape, cvat: bool) -> dict[str, Any]:
    """The `attributes` object: flags, rotation, track, then the label's own."""
    values: dict[str, Any] = {}
    if cvat or shape.occluded:
        values["occluded"] = shape.occluded
    if shape.type == "rectangle" and (cvat or shape.rotation):
        values["rotation"] = shape.rotation
    if shape.track_id is not None:
        values["track_id"] = shape.track_id
        values["keyframe"] = shape.keyframe
    values.update(shape.attributes)
    return values
