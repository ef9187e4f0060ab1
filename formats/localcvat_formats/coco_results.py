"""COCO results: a bare list of detections with scores, without images or categories."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import FileSource, Source
from localcvat.errors import DatasetError
from localcvat.model import Dataset, Header, Item, Label
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.coco_boxes import object_reader
from localcvat_formats.coco_files import INSTANCES, KEYPOINTS
from localcvat_formats.coco_records import (
    AnnotationRecord,
    BoxRecord,
    CocoFile,
    entry_error,
    located,
)
from localcvat_formats.json_files import file_bytes


def result_annotations(source: Source, name: str, options: ReadOptions, report: Report) -> CocoFile:
    """The annotations of a file of results as those of a COCO file without images."""
    with file_bytes(source, name) as data:
        return _decoded(data, source.where(name), options, report)


def _decoded(data: bytes | mmap.mmap, where: str, options: ReadOptions, report: Report) -> CocoFile:
    try:
        raws = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (ValueError, RecursionError) as error:
        raise located(error, data, where) from error
    decoder = msgspec.json.Decoder(BoxRecord if options.boxes_only else AnnotationRecord)
    records: list[Any] = []
    kept: list[msgspec.Raw] = []
    for index, raw in enumerate(raws):
        try:
            records.append(decoder.decode(raw))
            kept.append(raw)
        except ValueError as error:
            problem = entry_error(error, where, f"[{index}]")
            if options.on_error != "skip":
                raise problem from error
            report.dropped("annotation", problem.what, problem.where)
    undecoded = None if options.boxes_only else kept
    return CocoFile(where, [], records, None, raw=undecoded, annotations_at=where)


def truth_beside(source: Source) -> list[str]:
    """The one file beside a bare file of results that lists images, if there is just one."""
    if not isinstance(source, FileSource):
        return []
    found = [
        path.name
        for prefix in (INSTANCES, KEYPOINTS)
        for path in sorted(source.path.parent.glob(f"{prefix}*.json"))
        if path != source.path
    ]
    return found if len(found) == 1 else []


def results_without_images(
    source: Source, names: list[str], options: ReadOptions, report: Report
) -> Dataset:
    """Results alone: images are named by their ids, categories by the names that were passed.

    Raises DatasetError when no names were passed.
    """
    if not options.labels:
        raise DatasetError(
            "a list of results has no categories",
            where=source.where(names[0]),
            hint="put the instances_*.json it belongs to beside it, or pass --names",
        )
    found = [result_annotations(source, name, options, report) for name in names]
    categories = _numbered(options.labels, found, report)
    labels = {name: Label(name=name) for name in dict.fromkeys(options.labels)}
    for number, name in categories.items():
        label = labels[name]
        label.extras = label.extras or {"coco": {"id": number}}

    def items() -> Iterator[Item]:
        for coco in found:
            reader = object_reader(coco, categories, labels, options, report)
            positions: dict[Any, list[int]] = {}
            for position, record in enumerate(coco.annotations):
                positions.setdefault(record.image_id, []).append(position)
            for number, places in positions.items():
                report.assumed("image", "named by its id: the results do not say", coco.where)
                item = Item(path=f"{number}.jpg", extras={"coco": {"id": number}})
                if options.image_size is not None:
                    item.width, item.height = options.image_size
                item.shapes = reader.of_image(places, item)
                yield item
            reader.report_boxed()

    return Dataset(Header(labels=list(labels.values()), subsets=["default"]), items())


def _numbered(names: list[str], found: list[CocoFile], report: Report) -> dict[Any, str]:
    """Label name of each category id: counted from 1, or from 0 if there is a 0."""
    used = {record.category_id for coco in found for record in coco.annotations}
    first = 0 if 0 in used else 1
    report.assumed("category", f"ids count the names from {first}", found[0].where)
    return dict(enumerate(names, first))
