"""Pascal VOC: an XML file an image, ImageSets, labelmap.txt (formats specification, section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from localcvat.archive import Sink, Source
from localcvat.errors import SourceError
from localcvat.images import is_image_name
from localcvat.model import (
    DEFAULT_SUBSET,
    Dataset,
    Header,
    Item,
    Label,
    Shape,
    flat_labels,
)
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.labelmap import BACKGROUND, labelmap_names, labelmap_text
from localcvat_formats.voc_xml import read_annotation

SNIFFED = 1 << 12
FLAGS = ("truncated", "occluded", "difficult")


class Voc(Format):
    """Boxes with pose, truncated, occluded, difficult and free attributes."""

    name = "voc"
    cvat_names = ("PASCAL VOC 1.1",)
    aliases = ("pascal-voc", "pascal_voc", "voc-detection")
    summary = "Pascal VOC: an XML file an image, ImageSets, labelmap.txt"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            kinds=frozenset(["rectangle"]),
            converts={} if dialect == "cvat" else dict.fromkeys(shapes, "rectangle"),
            rotation=True,
            attributes=True,
            occluded=True,
            tracks="flattened",
        )

    def detect(self, source: Source) -> Detection:
        xmls = [name for name in source.names if name.lower().endswith(".xml")]
        if not xmls:
            return Detection(score=0, reason="no .xml files")
        with source.open(xmls[0]) as stream:
            head = stream.read(SNIFFED)
        if b"<annotation" not in head or b"<annotations" in head or b"<polygon" in head:
            return Detection(score=0, reason=f"{xmls[0]} has no <annotation>")
        return Detection(score=90, reason=f"{xmls[0]} is an <annotation>")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return _Reader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _write(dataset, sink, options, report)


class _Reader:
    """Reads VOC folders of every layout: VOCdevkit/VOC20xx, Annotations/, or flat."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report
        self._xmls = [name for name in source.names if name.lower().endswith(".xml")]
        self._images: dict[str, list[str]] = {}
        for name in source.names:
            if is_image_name(name) and "/Segmentation" not in f"/{name}":
                stem = name.rpartition("/")[2].rpartition(".")[0]
                self._images.setdefault(stem, []).append(name)

    def dataset(self) -> Dataset:
        subsets = self._subsets()
        labels = self._declared()
        if not labels:
            labels = self._scanned()
        header = Header(
            labels=[Label(name=name) for name in labels if name != BACKGROUND],
            subsets=list(dict.fromkeys([*subsets.values()])) or [DEFAULT_SUBSET],
        )
        return Dataset(header, self._items(subsets))

    def _declared(self) -> list[str]:
        for name in self._source.names:
            if name.rpartition("/")[2] == "labelmap.txt":
                return labelmap_names(self._source.read_text(name))
        return []

    def _scanned(self) -> list[str]:
        """Names of objects in the files themselves, sorted, when no labelmap declares them."""
        from localcvat_formats.voc_xml import object_names

        found: set[str] = set()
        for name in self._xmls:
            found.update(object_names(self._source.read(name)))
        if self._xmls:
            self._report.assumed("label", "no labelmap.txt: labels are those of the objects")
        return sorted(found)

    def _subsets(self) -> dict[str, str]:
        """Subset of each item id, from ImageSets/Main."""
        found: dict[str, str] = {}
        lists = [
            name
            for name in self._source.names
            if "ImageSets/Main/" in name and name.endswith(".txt")
        ]
        # trainval repeats train and val: what they list is theirs.
        for name in sorted(lists, key=lambda name: (name.endswith("trainval.txt"), name)):
            subset = name.rpartition("/")[2][: -len(".txt")]
            for line in self._source.read_text(name).splitlines():
                words = line.split()
                if len(words) == 1 or (words and "_" not in subset):
                    found.setdefault(line.strip() if len(words) == 1 else words[0], subset)
        return found

    def _items(self, subsets: dict[str, str]) -> Iterator[Item]:
        seen: set[str] = set()
        for name in self._xmls:
            item_id = _item_id(name)
            seen.add(item_id)
            subset = subsets.get(item_id) or subsets.get(item_id.rpartition("/")[2])
            yield self._item(name, item_id, subset or DEFAULT_SUBSET)
        for item_id, subset in subsets.items():
            if item_id not in seen and item_id.rpartition("/")[2] not in seen:
                item = Item(path=item_id + ".jpg", subset=subset)
                self._find_media(item, item_id)
                self._report.assumed("image", "listed but has no XML file: taken as empty", item_id)
                yield item

    def _item(self, name: str, item_id: str, subset: str) -> Item:
        where = self._source.where(name)
        skip = self._options.on_error == "skip"
        parsed = read_annotation(self._source.read(name), where, skip, self._report)
        extension = "." + parsed.filename.rpartition(".")[2] if "." in parsed.filename else ".jpg"
        item = Item(
            path=item_id + extension,
            subset=subset,
            width=parsed.width,
            height=parsed.height,
            shapes=parsed.shapes,
            extras=parsed.extras or None,
        )
        if parsed.filename and parsed.filename.rpartition(".")[0] != item_id.rpartition("/")[2]:
            self._report.assumed("file name", "<filename> differs from the XML file's name", where)
        self._find_media(item, item_id)
        if not (item.width and item.height):
            self._size(item, where)
        return item

    def _find_media(self, item: Item, item_id: str) -> None:
        candidates = self._images.get(item_id.rpartition("/")[2], [])
        exact = [name for name in candidates if name.rpartition(".")[0].endswith(item_id)]
        chosen = exact or candidates
        if len(chosen) == 1 or exact:
            item.media = self._source.media(chosen[0])
            item.path = item.stem + "." + chosen[0].rpartition(".")[2]

    def _size(self, item: Item, where: str) -> None:
        if item.media is not None:
            try:
                item.width, item.height = item.media.image_size()
                self._report.assumed("image size", "read from the image's header", where)
                return
            except SourceError as error:
                self._report.dropped("image size", error.what, where)
        if self._options.image_size is not None:
            item.width, item.height = self._options.image_size
            self._report.assumed("image size", "taken from --image-size", where)


def _item_id(name: str) -> str:
    """The path of an XML file below ``Annotations/``, without its extension."""
    stem = name[: -len(".xml")]
    _, found, below = stem.rpartition("Annotations/")
    return below if found else stem


def _write(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    cvat = options.dialect == "cvat"
    flat = flat_labels(dataset.header.labels)
    sink.write("labelmap.txt", labelmap_text([label.name for label, _ in flat]).encode())
    lists: dict[str, list[str]] = {subset: [] for subset in dataset.header.subsets}
    for item in dataset.items:
        stem, path = item.stem, item.path
        lists.setdefault(item.subset, []).append(f"{stem}\n")
        sink.write(f"Annotations/{stem}.xml", annotation_text(item, path, cvat).encode())
        if options.with_images and item.media is not None:
            sink.add_media(f"JPEGImages/{path}", item.media)
    for subset, lines in lists.items():
        sink.write(f"ImageSets/Main/{subset}.txt", "".join(lines).encode())


def annotation_text(item: Item, path: str, cvat: bool) -> str:
    """The XML of one image."""
    stem = item.stem
    folder = stem.partition("_")[0] if "_" in stem and cvat else ""
    pieces = [
        f"<annotation>\n  <folder>{escape(folder)}</folder>\n"
        f"  <filename>{escape(path if cvat else path.rpartition('/')[2])}</filename>\n"
        "  <source>\n    <database>Unknown</database>\n"
        "    <annotation>Unknown</annotation>\n    <image>Unknown</image>\n  </source>\n"
        f"  <size>\n    <width>{item.width}</width>\n    <height>{item.height}</height>\n"
        + ("    <depth></depth>\n" if cvat else "    <depth>3</depth>\n")
        + "  </size>\n  <segmented>0</segmented>\n"
    ]
    pieces += [_object_text(shape, cvat) for shape in item.shapes]
    pieces.append("</annotation>\n")
    return "".join(pieces)


def _object_text(shape: Shape, cvat: bool) -> str:
    attributes = shape.attributes
    extras = (shape.extras or {}).get("voc") or {}
    truncated = extras.get("truncated") or _flag(attributes.get("truncated"))
    difficult = extras.get("difficult") or _flag(attributes.get("difficult"))
    pose = extras.get("pose") or attributes.get("pose")
    x1, y1, x2, y2 = (_number(value, cvat) for value in shape.points)
    return (
        f"  <object>\n    <name>{escape(shape.label)}</name>\n"
        + (f"    <pose>{escape(pose)}</pose>\n" if pose else "")
        + f"    <truncated>{truncated}</truncated>\n"
        f"    <occluded>{int(shape.occluded)}</occluded>\n"
        f"    <difficult>{difficult}</difficult>\n"
        f"    <bndbox>\n      <xmin>{x1}</xmin>\n      <ymin>{y1}</ymin>\n"
        f"      <xmax>{x2}</xmax>\n      <ymax>{y2}</ymax>\n    </bndbox>\n"
        + _attributes_text(shape, cvat)
        + "  </object>\n"
    )


def _flag(value: str | None) -> int:
    return int(value is not None and value.lower() in ("true", "1"))


def _number(value: float, cvat: bool) -> str:
    if cvat:
        return str(float(value))
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _attributes_text(shape: Shape, cvat: bool) -> str:
    values = {
        name: value
        for name, value in shape.attributes.items()
        if name not in FLAGS and name != "pose"
    }
    if cvat or shape.rotation:
        values = {"rotation": str(float(shape.rotation)), **values}
    if shape.track_id is not None:
        values |= {"track_id": str(shape.track_id), "keyframe": str(shape.keyframe)}
    if not values:
        return ""
    rows = "".join(
        f"      <attribute>\n        <name>{escape(name)}</name>\n"
        f"        <value>{escape(value)}</value>\n      </attribute>\n"
        for name, value in values.items()
    )
    return f"    <attributes>\n{rows}    </attributes>\n"
