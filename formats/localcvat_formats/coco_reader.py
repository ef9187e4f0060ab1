"""Reading COCO files into items: categories, images, and the annotations of each image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.labels import skeleton_svg
from localcvat.model import Dataset, Header, Item, Label
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.coco_boxes import object_reader
from localcvat_formats.coco_files import CocoFiles, subset_of
from localcvat_formats.coco_images import ImageReader
from localcvat_formats.coco_records import (
    CategoryRecord,
    CocoFile,
    count_annotations,
    decode_file,
    entry_error,
)
from localcvat_formats.coco_unread import report_unread
from localcvat_formats.json_files import file_bytes

IMAGES_AT_ONCE = 4096
"""After so many images the file's pages that were read for them are given back."""


def read_coco(source: Source, files: CocoFiles, options: ReadOptions, report: Report) -> Dataset:
    """The dataset in the files; those of other tasks are reported as left out.

    Raises DatasetError with the JSON path of the first thing amiss.
    """
    for name in (*files.others, *files.keypoints):
        task = name.rpartition("/")[2].rpartition("_")[0]
        hint = "read it with --from coco-keypoints" if name in files.keypoints else "no place"
        count = count_annotations(source, name)
        report.dropped(f"{task} annotation", hint, source.where(name), count=count)
    reader = _Reader(source, options, report)
    if not files.results:
        return reader.dataset(files.instances)
    from localcvat_formats.coco_results import results_without_images, truth_beside

    truth = files.instances or truth_beside(source)
    if not truth:
        return results_without_images(source, files.results, options, report)
    how = "images and categories are those of the ground truth beside them"
    report.assumed("results", how, source.where(truth[0]))
    return reader.results(truth, files.results)


class Categories:
    """Labels of the categories of all files, and the label name of each id per file."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.labels: dict[str, Label] = {}

    def names(self, coco: CocoFile) -> dict[Any, str]:
        """Label name of each category id; new labels are added in the order of the ids."""
        records = []
        for index, raw in enumerate(coco.categories or ()):
            try:
                records.append((msgspec.json.decode(raw, type=CategoryRecord), raw))
            except ValueError as error:
                raise entry_error(error, coco.where, f"categories[{index}]") from error
        names: dict[Any, str] = {}
        for record, raw in sorted(records, key=lambda r: (isinstance(r[0].id, str), r[0].id)):
            name = str(record.name)
            if record.id in names:
                raise DatasetError(
                    f"category id {record.id!r} is there twice", where=f"{coco.where}: categories"
                )
            if name not in self.labels:
                self.labels[name] = _label(name, record, msgspec.json.decode(raw), self._report)
            elif name in names.values():
                self._report.assumed(
                    "category", "of one name are one label", f"{coco.where}: {name}"
                )
            elif (self.labels[name].extras or {})["coco"]["id"] != record.id:
                how = "another id than in the file before, which is kept"
                self._report.changed("category id", how, f"{coco.where}: {name}", lossy=False)
            names[record.id] = name
        return names


def _label(name: str, record: CategoryRecord, extras: dict[str, Any], report: Report) -> Label:
    extras.pop("name", None)
    label = Label(name=name, extras={"coco": extras})
    if record.keypoints:
        points = _apart(record.keypoints, name, report)
        edges = [(edge[0], edge[1]) for edge in record.skeleton or () if len(edge) == 2]
        label.type = "skeleton"
        label.sublabels = [Label(name=point, type="points") for point in points]
        label.svg = skeleton_svg(points, edges)
    return label


def _apart(points: list[str], name: str, report: Report) -> list[str]:
    """Point names that differ, as sublabels must."""
    apart: list[str] = []
    for point in points:
        number = 2
        free = point
        while free in apart:
            free, number = f"{point}_{number}", number + 1
        if free != point:
            report.changed("keypoint", "renamed: the name was there twice", f"{name}: {free}")
        apart.append(free)
    return apart


class _Reader:
    """Reads the files of one source; each becomes a subset."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._images = ImageReader(source, options, report)
        self._categories = Categories(report)
        self._told: set[str] = set()

    def dataset(self, files: list[str]) -> Dataset:
        first = self._decode(files[0])
        names = [self._categories.names(first)]
        for name in files[1:]:
            names.append(self._categories.names(self._decode(name)))
        return Dataset(self._header(files, first), self._items(files, first, names))

    def results(self, files: list[str], results: list[str]) -> Dataset:
        """The annotations of result files on the images of ground-truth files."""
        from localcvat_formats.coco_results import result_annotations

        cocos = [self._decode(name) for name in files]
        names = [self._categories.names(coco) for coco in cocos]
        for coco in cocos:
            coco.annotations, coco.raw = [], None
        for name in results:
            found = result_annotations(self._source, name, self._options, self._report)
            owner = _owner(cocos, found, self._images)
            if owner.annotations_at:
                raise DatasetError(
                    "two lists of results for the same images",
                    where=f"{owner.annotations_at} and {found.where}",
                    hint="convert them one by one",
                )
            owner.annotations, owner.raw = found.annotations, found.raw
            owner.annotations_at = found.where
        header = self._header(files, cocos[0])

        def items() -> Iterator[Item]:
            for position, coco in enumerate(cocos):
                yield from self._file_items(coco, subset_of(files[position]), names[position])

        return Dataset(header, items())

    def _header(self, files: list[str], first: CocoFile) -> Header:
        info = {"coco": {"info": first.info, "licenses": first.licenses}}
        return Header(
            labels=list(self._categories.labels.values()),
            subsets=list(dict.fromkeys(subset_of(name) for name in files)),
            info=info if first.info or first.licenses else {},
        )

    def _items(
        self, files: list[str], first: CocoFile, names: list[dict[Any, str]]
    ) -> Iterator[Item]:
        for position, name in enumerate(files):
            coco = first if position == 0 else self._decode(name)
            yield from self._file_items(coco, subset_of(name), names[position])

    def _decode(self, name: str) -> CocoFile:
        with file_bytes(self._source, name) as data:
            coco = decode_file(
                data,
                self._source.where(name),
                boxes_only=self._options.boxes_only,
                lines=self._options.same_format and not self._options.boxes_only,
                skip=self._options.on_error == "skip",
                report=self._report,
            )
            if name not in self._told:
                self._told.add(name)
                report_unread(data, coco, self._report, boxes_only=self._options.boxes_only)
        return coco

    def _file_items(self, coco: CocoFile, subset: str, names: dict[Any, str]) -> Iterator[Item]:
        images, texts = self._images.records(coco)
        positions = self._by_image(coco, [record.id for record in images])
        labels = self._categories.labels
        objects = object_reader(coco, names, labels, self._options, self._report)
        for index, record in enumerate(images):
            coco.refuse_changed()
            where = f"{coco.where}: images[{index}]"
            item = self._images.item(record, subset, texts[index], where)
            item.shapes = objects.of_image(positions.pop(record.id, ()), item)
            if index % IMAGES_AT_ONCE == 0:
                coco.forget_pages()
            yield item
        objects.report_boxed()

    def _by_image(self, coco: CocoFile, known: list[Any]) -> dict[Any, list[int]]:
        """Positions of the annotations of each image."""
        found: dict[Any, list[int]] = {image: [] for image in known}
        unmatched = 0
        for position, record in enumerate(coco.annotations):
            if record is None:
                continue
            places = found.get(record.image_id)
            if places is not None:
                places.append(position)
                continue
            problem = DatasetError(
                f"no image has the id {record.image_id!r}", where=coco.place(position, "image_id")
            )
            if self._options.on_error != "skip":
                raise problem
            self._report.dropped("annotation", "its image is not listed", problem.where)
            unmatched += 1
        broken = coco.annotations.count(None) if unmatched else 0
        matched = len(coco.annotations) - broken - unmatched
        self._report.matched(coco.annotations_at or coco.where, "annotation", matched, unmatched)
        return found


def _owner(cocos: list[CocoFile], found: CocoFile, images: ImageReader) -> CocoFile:
    """The ground-truth file that lists most of the images of a file of results."""
    if len(cocos) == 1:
        return cocos[0]
    wanted = {record.image_id for record in found.annotations}
    counts = [sum(r.id in wanted for r in images.records(coco)[0]) for coco in cocos]
    return cocos[counts.index(max(counts))]
