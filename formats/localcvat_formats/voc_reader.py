"""Reads VOC folders of every layout, and Segmentation mask, which has label pictures alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.geometry.boxes import shape_box
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, AttributeSpec, Dataset, Header, Item, Label, Shape
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.image_sizes import settle_size
from localcvat_formats.labelmap import BACKGROUND, LabelMapEntry, read_labelmap, with_background
from localcvat_formats.voc_lists import ImageLists, read_lists, tags_of
from localcvat_formats.voc_segments import CLASSES, OBJECTS, SegmentReader
from localcvat_formats.voc_xml import PICTURED, Annotation, read_annotation, scan_names

ANNOTATIONS, LISTS, IMAGES = "Annotations", "ImageSets", "JPEGImages"
FOLDERS = (ANNOTATIONS, LISTS, IMAGES, CLASSES, OBJECTS)
LABELMAP = "labelmap.txt"
SAME_OBJECT = 0.5
VOC_LABELS = """aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse
motorbike person pottedplant sheep sofa train tvmonitor""".split()


class VocFolder(msgspec.Struct):
    """One VOC folder (``VOCdevkit/VOC2007``, or the source itself): its files by image id."""

    xmls: dict[str, str] = {}
    images: dict[str, str] = {}
    classes: dict[str, str] = {}
    objects: dict[str, str] = {}
    lists: list[str] = []

    @property
    def ids(self) -> set[str]:
        """Every image id that has a file."""
        return {*self.xmls, *self.images, *self.classes}


def voc_folders(source: Source) -> dict[str, VocFolder]:
    """The VOC folders of a source by their path; files outside of one belong to ""."""
    found: dict[str, VocFolder] = {}
    for name in source.names:
        parts = name.split("/")
        place = next((i for i, part in enumerate(parts[:-1]) if part in FOLDERS), None)
        root = "" if place is None else "/".join(parts[:place])
        kind = "" if place is None else parts[place]
        rest = name if place is None else "/".join(parts[place + 1 :])
        stem = rest.rpartition(".")[0] or rest
        lower = name.lower()
        if root not in found:
            found[root] = VocFolder(xmls={}, images={}, classes={}, objects={}, lists=[])
        folder = found[root]
        if kind in (CLASSES, OBJECTS):
            if lower.endswith(".png"):
                (folder.classes if kind == CLASSES else folder.objects)[stem] = name
        elif kind == LISTS:
            if lower.endswith(".txt"):
                folder.lists.append(name)
        elif lower.endswith(".xml"):
            folder.xmls[stem] = name
        elif is_image_name(name):
            folder.images.setdefault(stem, name)
    return found


class VocReader:
    """Reads VOC folders of every layout: VOCdevkit/VOC20xx, Annotations/, or flat.

    `colors` takes the label map's colours for those of the labels.
    """

    def __init__(
        self, source: Source, options: ReadOptions, report: Report, colors: bool = False
    ) -> None:
        self._source = source
        self._report = report
        self._options = options
        self._colors = colors
        self._skip = options.on_error == "skip"
        self._folders = voc_folders(source)
        self._by_base: dict[str, list[str]] = {}
        for folder in self._folders.values():
            for name in folder.images.values():
                stem = name.rpartition("/")[2].rpartition(".")[0]
                self._by_base.setdefault(stem, []).append(name)
        self._labels: dict[str, Label] = {}
        self._has_map = False

    def dataset(self) -> Dataset:
        """The dataset; images come in the order of the lists, then by name."""
        entries = self._entries()
        segments = SegmentReader(self._source, entries, self._report, self._skip)
        lists = {
            root: read_lists(
                self._source,
                folder.lists,
                [*self._labels, BACKGROUND],
                folder.ids,
                cache(lambda folder=folder: self._object_labels(folder)),
                self._report,
            )
            for root, folder in self._folders.items()
        }
        for found in lists.values():
            for labels in found.tags.values():
                for label in labels:
                    self._labels.setdefault(label, Label(name=label))
        subsets = [subset for found in lists.values() for subset in found.subsets.values()]
        header = Header(
            labels=list(self._labels.values()),
            subsets=list(dict.fromkeys(subsets)) or [DEFAULT_SUBSET],
        )
        return Dataset(header, self._items(lists, segments))

    def _entries(self) -> list[LabelMapEntry]:
        """The label map: the file's, else the names in the XML files, with VOC's own for masks."""
        for name in self._source.names:
            if name.rpartition("/")[2] == LABELMAP:
                self._has_map = True
                where = self._source.where(name)
                entries = read_labelmap(self._source.read_text(name), where)
                self._declare([entry for entry in entries if entry.name != BACKGROUND])
                return with_background(entries)
        scanned = self._scanned()
        if any(folder.classes for folder in self._folders.values()):
            self._report.assumed("label", "no labelmap.txt: label pictures use VOC's 20 classes")
            known = {entry.name: entry for entry in scanned}
            voc = [known.pop(name, LabelMapEntry(name=name)) for name in VOC_LABELS]
            scanned = [*voc, *known.values()]
        self._declare(scanned)
        return with_background(scanned)

    def _declare(self, entries: list[LabelMapEntry]) -> None:
        for entry in entries:
            extras = {
                name: list(values)
                for name, values in (("parts", entry.parts), ("actions", entry.actions))
                if values
            }
            color = entry.color if self._colors else None
            self._labels[entry.name] = Label(
                name=entry.name,
                color="#{:02x}{:02x}{:02x}".format(*color) if color else "",
                attributes=[
                    AttributeSpec(
                        name=action,
                        mutable=True,
                        input_type="checkbox",
                        default_value="false",
                        values=["false"],
                    )
                    for action in entry.actions
                ],
                extras={"voc": extras} if extras else None,
            )

    def _scanned(self) -> list[LabelMapEntry]:
        """The labels of the objects in the files themselves, sorted, when no file declares them."""
        found: dict[str, LabelMapEntry] = {}
        for folder in self._folders.values():
            for name in folder.xmls.values():
                scan = scan_names(self._source.read(name))
                for label in scan.labels:
                    entry = found.setdefault(label, LabelMapEntry(name=label, parts=[], actions=[]))
                    entry.parts = sorted({*entry.parts, *scan.parts.get(label, ())})
                    entry.actions = sorted({*entry.actions, *scan.actions.get(label, ())})
        if found:
            self._report.assumed("label", "no labelmap.txt: labels are those of the objects")
        return [found[name] for name in sorted(found)]

    def _object_labels(self, folder: VocFolder) -> dict[str, set[str]]:
        return {
            image: scan_names(self._source.read(name)).labels for image, name in folder.xmls.items()
        }

    def _items(self, lists: dict[str, ImageLists], segments: SegmentReader) -> Iterator[Item]:
        for root, folder in self._folders.items():
            found, ids = lists[root], folder.ids
            bases = {image.rpartition("/")[2]: image for image in found.subsets}
            named = [image for image in found.subsets if image in ids]
            for image in dict.fromkeys([*named, *sorted(folder.xmls), *sorted(folder.classes)]):
                listed = image if image in found.subsets else bases.get(image.rpartition("/")[2])
                subset = found.subsets.get(listed or "", DEFAULT_SUBSET)
                if folder.xmls and image not in folder.xmls and image not in folder.classes:
                    why = "listed but has no XML file: taken as empty"
                    self._report.assumed("image", why, image)
                item = self._item(folder, image, subset, segments)
                item.tags = tags_of(found, listed or image)
                yield item
            yield from self._unnamed(folder, found, segments)
            taken = {image.rpartition("/")[2] for image in ids}
            for image, subset in found.subsets.items():
                if image not in ids and image.rpartition("/")[2] not in taken:
                    self._report.assumed("image", "listed but has no file: taken as empty", image)
                    item = Item(path=image + ".jpg", subset=subset)
                    item.tags = tags_of(found, image)
                    yield item

    def _unnamed(
        self, folder: VocFolder, lists: ImageLists, segments: SegmentReader
    ) -> Iterator[Item]:
        """Images that neither a list nor a file of annotations names."""
        named = {*folder.xmls, *folder.classes, *lists.subsets}
        bases = {image.rpartition("/")[2] for image in named}
        for image in sorted(folder.images):
            if image not in named and image.rpartition("/")[2] not in bases:
                why = "has no file of annotations: taken as one without any"
                self._report.assumed("image", why, self._source.where(folder.images[image]))
                yield self._item(folder, image, DEFAULT_SUBSET, segments)

    def _item(self, folder: VocFolder, image: str, subset: str, segments: SegmentReader) -> Item:
        parsed = Annotation(shapes=[], numbers=[], extras={})
        where = image
        if image in folder.xmls:
            where = self._source.where(folder.xmls[image])
            parsed = self._parsed(folder.xmls[image], where)
        extension = "." + parsed.filename.rpartition(".")[2] if "." in parsed.filename else ".jpg"
        item = Item(
            path=image + extension,
            subset=subset,
            width=parsed.width,
            height=parsed.height,
            shapes=parsed.shapes,
            tags=[],
            extras={"voc": parsed.extras} if parsed.extras else None,
        )
        base = image.rpartition("/")[2]
        if parsed.filename and parsed.filename.rpartition(".")[0] not in (base, ""):
            self._report.assumed("file name", "<filename> differs from the XML file's name", where)
        self._find_media(folder, item, image)
        if image in folder.xmls:
            settle_size(item, self._options, self._report, where, tell=True)
        if image in folder.classes:
            self._try_masks(folder, image, item, parsed, segments)
        elif image not in folder.xmls:
            settle_size(item, self._options, self._report, where)
        return item

    def _parsed(self, name: str, where: str) -> Annotation:
        """What an XML file says; nothing of a broken one when bad objects are skipped."""
        try:
            data, lossy = self._source.read(name), not self._options.same_format
            parsed = read_annotation(data, where, self._skip, self._report, lossy=lossy)
        except DatasetError as error:
            if not self._skip:
                raise
            self._report.dropped("annotation file", error.what, error.where)
            return Annotation(shapes=[], numbers=[], extras={})
        return self._declared(parsed, where)

    def _declared(self, parsed: Annotation, where: str) -> Annotation:
        """Without objects whose label the label map lacks; raises DatasetError unless skipping."""
        kept = [
            (shape, number)
            for shape, number in zip(parsed.shapes, parsed.numbers, strict=True)
            if shape.label in self._labels or self._undeclared(shape.label, where)
        ]
        parsed.shapes = [shape for shape, _ in kept]
        parsed.numbers = [number for _, number in kept]
        return parsed

    def _undeclared(self, label: str, where: str) -> bool:
        what = f"the label {label!r} is not in {LABELMAP}"
        if not self._skip:
            raise DatasetError(what, where=where, hint="add it there, or remove that file")
        self._report.dropped("object", what, where)
        return False

    def _find_media(self, folder: VocFolder, item: Item, image: str) -> None:
        candidates = self._by_base.get(image.rpartition("/")[2], [])
        name = folder.images.get(image)
        if name is None and len(candidates) == 1:
            name = candidates[0]
        if name is None and self._source.exists(item.path):  # beside a single XML file
            name = item.path
        if name is not None:
            item.media = self._source.media(name)
            item.path = f"{image}.{name.rpartition('.')[2]}"
        elif self._by_base:
            self._report.assumed("image", "its file is missing", item.path)

    def _try_masks(
        self,
        folder: VocFolder,
        image: str,
        item: Item,
        parsed: Annotation,
        segments: SegmentReader,
    ) -> None:
        try:
            self._add_masks(folder, image, item, parsed, segments)
        except DatasetError as error:
            if not self._skip:
                raise
            self._report.dropped("label picture", error.what, error.where)

    def _add_masks(
        self,
        folder: VocFolder,
        image: str,
        item: Item,
        parsed: Annotation,
        segments: SegmentReader,
    ) -> None:
        masks, width, height = segments.shapes(folder.classes[image], folder.objects.get(image))
        if not (item.width and item.height):
            item.width, item.height = width, height
        elif (item.width, item.height) != (width, height):
            why = f"the label picture has {width} by {height} pixels, the image another size"
            self._report.assumed("mask", why, self._source.where(folder.classes[image]))
        objects = {
            _number_of(shape, number): shape
            for shape, number in zip(parsed.shapes, parsed.numbers, strict=True)
        }
        for mask in masks:
            own = objects.get(mask.instance)
            mask.instance = 0
            if own is not None and self._is_same(own, mask):
                _become_mask(own, mask)
            else:
                item.shapes.append(mask)
        for shape in item.shapes:
            if shape.type == "rectangle" and (shape.extras or {}).get("voc", {}).get(PICTURED):
                self._report.assumed("mask", "without pixels in the picture: its box", image)

    def _is_same(self, shape: Shape, mask: Shape) -> bool:
        """Whether an object and a mask are one thing.

        Our files say so. VOC's own, which come without a label map, number them alike.
        """
        if shape.type != "rectangle" or shape.label != mask.label:
            return False
        if (shape.extras or {}).get("voc", {}).get(PICTURED):
            return True
        return not self._has_map and _overlap(shape, mask) >= SAME_OBJECT


def _number_of(shape: Shape, position: int) -> int:
    """The number of an object in the picture: what our files say, else its position."""
    stated = str((shape.extras or {}).get("voc", {}).get(PICTURED, ""))
    return int(stated) if stated.isdecimal() and len(stated) < 9 else position


def _become_mask(shape: Shape, mask: Shape) -> None:
    """Give an object its pixels; the box its file stated stays with it."""
    box = list(shape.points)
    shape.type, shape.points, shape.rotation = "mask", mask.points, 0.0
    extras = dict((shape.extras or {}).get("voc", {}))
    extras.pop(PICTURED, None)
    if box != list(shape_box(mask)):
        extras["bndbox"] = box
    shape.extras = {"voc": extras} if extras else None


def _overlap(first: Shape, second: Shape) -> float:
    """Intersection over union of two boxes."""
    a, b = shape_box(first), shape_box(second)
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / total if total > 0 else 0.0
