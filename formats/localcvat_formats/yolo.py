"""YOLO 1.1, darknet's layout: obj.data, obj.names, list files, a text file an image (section 4)."""

from __future__ import annotations

from collections.abc import Iterator

from localcvat.archive import Sink, Source, safe_name
from localcvat.errors import DatasetError, UnsafeArchiveError
from localcvat.images import is_image_name
from localcvat.model import (
    DEFAULT_SUBSET,
    Dataset,
    Header,
    Item,
    Label,
    flat_labels,
    label_index,
)
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.yolo_images import image_index, set_size, stem_of
from localcvat_formats.yolo_lines import LineReader, beyond, box_line

RESERVED = frozenset(("backup", "classes", "names"))
NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "names.txt")


class Yolo(Format):
    """Boxes as fractions of the image; the class is the label's index."""

    name = "yolo"
    cvat_names = ("YOLO 1.1",)
    aliases = ("darknet", "yolo-darknet")
    summary = "darknet: obj.data, obj.names and a text file an image"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if dialect == "cvat":
            return Capabilities(kinds=frozenset(["rectangle"]))
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            kinds=frozenset(["rectangle"]), converts=dict.fromkeys(shapes, "rectangle")
        )

    def detect(self, source: Source) -> Detection:
        names = source.names
        if any(name.endswith(("data.yaml", "data.yml")) for name in names):
            return Detection(score=0, reason="there is a data.yaml")
        if any(name.endswith(".data") for name in names):
            return Detection(score=95, reason="an obj.data")
        bases = {name.rpartition("/")[2] for name in names}
        if bases & set(NAME_FILES):
            return Detection(score=80, reason="a file of class names")
        images = {stem_of(name) for name in names if is_image_name(name)}
        texts = {stem_of(name) for name in names if name.endswith(".txt")}
        if images & texts:
            return Detection(score=40, reason="text files beside images")
        return Detection(score=0, reason="no obj.data, class names or text files beside images")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        data = next((name for name in source.names if name.endswith(".data")), None)
        if data is None:
            return _read_loose(source, options, report)
        return _read_darknet(source, data, options, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _write(dataset, sink, options, report)


def _read_darknet(source: Source, data: str, options: ReadOptions, report: Report) -> Dataset:
    entries = {}
    for line in source.read_text(data).splitlines():
        key, equals, value = line.partition("=")
        if equals:
            entries[key.strip()] = value.strip()
    folder = data.rpartition("/")[0]
    names_file = _inside(source, folder, entries.get("names", "obj.names"))
    if names_file is None:
        raise DatasetError("the names file is missing", where=source.where(data))
    names = _names(source.read_text(names_file))
    lists = {key: value for key, value in entries.items() if key not in RESERVED}
    images = image_index(source)
    reader = LineReader(names, options, report)

    def items() -> Iterator[Item]:
        for subset, value in lists.items():
            listed = _inside(source, folder, value)
            if listed is None:
                raise DatasetError(
                    f"Can't find {subset!r} subset list file", where=source.where(data)
                )
            for number, line in enumerate(source.read_text(listed).splitlines(), 1):
                if line.strip():
                    where = source.where(listed, number)
                    item = _listed(source, folder, line.strip(), subset, images, where)
                    yield _filled(source, item, folder, reader, options, report, where)

    header = Header(labels=[Label(name=name) for name in names], subsets=list(lists))
    return Dataset(header, items())


def _inside(source: Source, folder: str, path: str) -> str | None:
    """A path of a data or list file as a name in the source, with and without ``data/``."""
    try:
        clean = safe_name(path)
    except UnsafeArchiveError:
        clean = safe_name(path.replace("\\", "/").rpartition("/")[2] or "_")
    for candidate in (clean, clean.removeprefix("data/")):
        name = f"{folder}/{candidate}" if folder else candidate
        if source.exists(name):
            return name
    return None


def _listed(
    source: Source, folder: str, line: str, subset: str, images: dict[str, str], where: str
) -> Item:
    try:
        clean = safe_name(line).removeprefix("data/")
    except UnsafeArchiveError as error:
        raise DatasetError(error.what, where=where) from error
    path = clean.partition("/")[2] or clean
    full = f"{folder}/{clean}" if folder else clean
    name = full if source.exists(full) else images.get(stem_of(full))
    item = Item(path=path, subset=subset, media=source.media(name) if name else None)
    item.extras = {"yolo": {"label_file": stem_of(full) + ".txt"}}
    return item


def _filled(
    source: Source,
    item: Item,
    folder: str,
    reader: LineReader,
    options: ReadOptions,
    report: Report,
    where: str,
) -> Item:
    label_file = (item.extras or {})["yolo"]["label_file"]
    item.extras = None
    text = ""
    if source.exists(label_file):
        text = source.read_text(label_file)
    else:
        report.assumed("image", "no label file: taken as empty", where)
    if text.strip() or item.media is not None or options.image_size:
        set_size(item, options, report, where)
    item.shapes = reader.shapes(text, item, source.where(label_file))
    return item


def _names(text: str) -> list[str]:
    names = [line.strip() for line in text.splitlines()]
    while names and not names[-1]:
        names.pop()
    return names


def _read_loose(source: Source, options: ReadOptions, report: Report) -> Dataset:
    """Text files beside images, or ``labels/`` beside ``images/``, without an obj.data."""
    from localcvat_formats.yolo_images import label_path_of

    named = [name for name in source.names if name.rpartition("/")[2] in NAME_FILES]
    if options.labels:
        names = options.labels
    elif named:
        names = _names(source.read_text(named[0]))
    else:
        names = []
    images = sorted(image_index(source).values())
    label_files = {image: label_path_of(image) for image in images}
    texts = {name for name in source.names if name.endswith(".txt")} - set(named)
    if not names:
        names = _invented_names(source, texts, report)
    reader = LineReader(names, options, report)

    def items() -> Iterator[Item]:
        for image in images:
            item = Item(path=image, subset=DEFAULT_SUBSET, media=source.media(image))
            label_file = label_files[image]
            if source.exists(label_file):
                set_size(item, options, report, source.where(image))
                item.shapes = reader.shapes(
                    source.read_text(label_file), item, source.where(label_file)
                )
            else:
                report.assumed("image", "no label file: taken as empty", source.where(image))
            yield item
        for orphan in sorted(texts - set(label_files.values())):
            if options.image_size is None:
                report.dropped("label file", "its image is missing", source.where(orphan))
                continue
            item = Item(path=stem_of(orphan) + ".jpg")
            set_size(item, options, report, source.where(orphan))
            item.shapes = reader.shapes(source.read_text(orphan), item, source.where(orphan))
            yield item

    header = Header(labels=[Label(name=name) for name in names], subsets=[DEFAULT_SUBSET])
    return Dataset(header, items())


def _invented_names(source: Source, texts: set[str], report: Report) -> list[str]:
    highest = -1
    for name in sorted(texts):
        for line in source.read_text(name).splitlines():
            first = line.partition(" ")[0]
            if first.isdigit() and len(first) < 6:
                highest = max(highest, int(first))
    report.assumed("label", "no names file: classes are called class_0, class_1, …")
    return [f"class_{index}" for index in range(highest + 1)]


def _write(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    if options.dialect == "cvat":
        labels = [label.name for label, _ in flat_labels(dataset.header.labels)]
        index = {name: position for position, name in reversed(list(enumerate(labels)))}
    else:
        labels = [label.name for label in dataset.header.labels]
        index = label_index(dataset.header.labels)
    lists: dict[str, list[str]] = {}
    for subset in dataset.header.subsets:
        lists.setdefault(_subset_name(subset), [])
    for item in dataset.items:
        subset = _subset_name(item.subset)
        path = f"obj_{subset}_data/{item.path}"
        label_file = f"obj_{subset}_data/{item.stem}.txt"
        lists.setdefault(subset, []).append(f"data/{path}\n")
        sink.write(label_file, _lines(item, index, options, report).encode())
        if options.with_images and item.media is not None:
            sink.add_media(path, item.media)
    for subset, lines in lists.items():
        sink.write(f"{subset}.txt", "".join(lines).encode())
    sink.write("obj.names", "".join(f"{name}\n" for name in labels).encode())
    data = [f"classes = {len(labels)}"]
    data += [f"{subset} = data/{subset}.txt" for subset in lists]
    data += ["names = data/obj.names", "backup = backup/"]
    sink.write("obj.data", "".join(f"{line}\n" for line in data).encode())


def _subset_name(subset: str) -> str:
    if subset in RESERVED:
        raise DatasetError(f"a subset can't be called {subset!r} in YOLO", hint="rename it")
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


def _lines(item: Item, index: dict[str, int], options: WriteOptions, report: Report) -> str:
    width, height = item.width, item.height
    if item.shapes and (width <= 0 or height <= 0):
        raise DatasetError("the image's size is unknown", where=item.path)
    lines = []
    for shape in item.shapes:
        if shape.rotation % 360 and options.dialect == "cvat":
            continue
        if beyond(shape.points, width, height):
            report.changed("coordinate", "box cut to the image", item.path)
        lines.append(box_line(index[shape.label], shape.points, width, height))
    return "".join(lines)
