"""YOLO 1.1, darknet's layout: obj.data, obj.names, list files, a text file an image (section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localcvat.archive import Sink, Source, safe_name
from localcvat.errors import DatasetError, LocalCvatError, UnsafeArchiveError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, label_index
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import LabelIndex, rounded_box
from localcvat_formats.data_yaml import find_yaml, load_yaml
from localcvat_formats.sizes import unknown_size
from localcvat_formats.yolo_images import (
    image_index,
    label_path_of,
    report_orphans,
    set_size,
    stem_of,
    subset_and_path,
    unique_labels,
)
from localcvat_formats.yolo_lines import (
    BOX_LINE,
    LineReader,
    apart,
    beyond,
    box_line,
    whole_box_line,
)

RESERVED = frozenset(("backup", "classes", "names"))
NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "names.txt", "classes.names")
NOT_LABELS = frozenset((*NAME_FILES, "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt"))


class Yolo(Format):
    """Boxes as fractions of the image; the class is the label's index."""

    name = "yolo"
    cvat_names = ("YOLO 1.1",)
    aliases = ("darknet", "yolo-darknet")
    summary = "darknet: obj.data, obj.names and a text file an image"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if dialect == "cvat":
            return Capabilities(
                image_sizes=False,
                kinds=frozenset(["rectangle"]),
                rotation=True,
                limits={"rotation": "boxes are written as if not rotated"},
            )
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(["rectangle"]),
            converts=dict.fromkeys(shapes, "rectangle"),
        )

    def detect(self, source: Source) -> Detection:
        names = source.names
        if any(name.endswith(".data") for name in names):
            return Detection(score=95, reason="an obj.data")
        if _has_data_yaml(source):
            return Detection(score=0, reason="there is a data.yaml")
        bases = {name.rpartition("/")[2] for name in names}
        if bases & set(NAME_FILES):
            return Detection(score=80, reason="a file of class names")
        images = {label_path_of(name) for name in names if is_image_name(name)}
        if any(name in images for name in names if name.endswith(".txt")):
            return Detection(score=40, reason="text files beside images")
        return Detection(score=0, reason="no obj.data, class names or text files beside images")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        data = next((name for name in source.names if name.endswith(".data")), None)
        if data is None:
            return _read_loose(source, options, report)
        return _read_darknet(source, data, options, report)

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _write(dataset, sink, options, report)


def _has_data_yaml(source: Source) -> bool:
    name = find_yaml(source)
    if name is None:
        return False
    try:
        config = load_yaml(source, name)
    except LocalCvatError:
        # Unreadable is not absent: without its names the classes would be guessed.
        return name.lower().rpartition("/")[2] in ("data.yaml", "data.yml")
    return "names" in config or "nc" in config


def _read_darknet(source: Source, data: str, options: ReadOptions, report: Report) -> Dataset:
    entries = {}
    for line in source.read_text(data).splitlines():
        key, equals, value = line.partition("=")
        if equals:
            entries[key.strip()] = value.strip()
    folder = data.rpartition("/")[0]
    names_file = _inside(source, folder, entries.get("names", "obj.names"))
    if names_file is not None:
        names = _names(source.read_text(names_file))
    elif options.labels:
        names = options.labels
        report.assumed("label", "no names file: classes are those that were passed", data)
    else:
        raise DatasetError(
            "the names file is missing", where=source.where(data), hint="or pass --names"
        )
    lists = {key: value for key, value in entries.items() if key not in RESERVED}
    images = image_index(source)
    reader = LineReader(names, options, report)
    orphans = {name for name in source.under(folder) if _is_label_file(name)}

    def items() -> Iterator[Item]:
        for subset, value in lists.items():
            listed = _inside(source, folder, value)
            if listed is None:
                raise DatasetError(
                    f"Can't find {subset!r} subset list file", where=source.where(data)
                )
            orphans.discard(listed)
            for number, line in enumerate(source.read_text(listed).splitlines(), 1):
                if line.strip():
                    where = source.where(listed, number)
                    item, label_file = _listed(source, folder, line.strip(), subset, images, where)
                    orphans.discard(label_file)
                    _fill(source, item, label_file, reader, options, report, where)
                    yield item
        report_orphans(source, orphans, report)

    labels = unique_labels(names, report, source.where(names_file or data))
    header = Header(labels=[Label(name=name) for name in labels], subsets=list(lists))
    return Dataset(header, items())


def _is_label_file(name: str) -> bool:
    return name.endswith(".txt") and name.rpartition("/")[2].lower() not in NOT_LABELS


def _inside(source: Source, folder: str, path: str) -> str | None:
    """A path of a data or list file as a name in the source, with and without ``data/``."""
    try:
        clean = safe_name(path)
    except UnsafeArchiveError:
        clean = safe_name(path.replace("\\", "/").rpartition("/")[2] or "_")
    for candidate in (clean, clean.removeprefix("data/"), clean.rpartition("/")[2]):
        name = f"{folder}/{candidate}" if folder else candidate
        if source.exists(name):
            return name
    return None


def _listed(
    source: Source, folder: str, line: str, subset: str, images: dict[str, str], where: str
) -> tuple[Item, str]:
    """The item of one line of a list file, and the name of its label file."""
    try:
        clean = safe_name(line.lstrip("/")).removeprefix("data/")
    except UnsafeArchiveError as error:
        raise DatasetError(error.what, where=where) from error
    path = clean.partition("/")[2] or clean
    full = f"{folder}/{clean}" if folder else clean
    name = full if source.exists(full) else images.get(stem_of(full))
    item = Item(path=path, subset=subset, media=source.media(name) if name else None)
    return item, stem_of(full) + ".txt"


def _fill(
    source: Source,
    item: Item,
    label_file: str,
    reader: LineReader,
    options: ReadOptions,
    report: Report,
    where: str,
) -> None:
    text = ""
    if source.exists(label_file):
        text = source.read_text(label_file)
    else:
        report.assumed("image", "no label file: taken as empty", where)
    if text.strip() or item.media is not None or options.stated_size(item.path):
        set_size(item, options, report, where)
    item.shapes = reader.shapes(text, item, source.where(label_file))


def _names(text: str) -> list[str]:
    names = [line.strip() for line in text.splitlines()]
    while names and not names[-1]:
        names.pop()
    return names


def _read_loose(source: Source, options: ReadOptions, report: Report) -> Dataset:
    """Text files beside images, or ``labels/`` beside ``images/``, without an obj.data."""
    named = [name for name in source.names if name.rpartition("/")[2] in NAME_FILES]
    images = sorted(image_index(source).values())
    texts = {name for name in source.names if _is_label_file(name)}
    where = source.display
    if named:
        names, where = _names(source.read_text(named[0])), source.where(named[0])
    elif options.labels:
        names = options.labels
    else:
        names = _invented_names(source, texts, report)
    reader = LineReader(names, options, report)
    orphans = sorted(texts - {label_path_of(image) for image in images})
    places = [*images, *(stem_of(name) + ".jpg" for name in orphans if options.image_size)]
    subsets = list(dict.fromkeys(subset_and_path(place)[0] for place in places))

    def items() -> Iterator[Item]:
        for image in images:
            subset, path = subset_and_path(image)
            item = Item(path=path, subset=subset, media=source.media(image))
            _fill(source, item, label_path_of(image), reader, options, report, source.where(image))
            yield item
        if options.image_size is None:
            report_orphans(source, set(orphans), report)
            return
        for orphan in orphans:
            subset, path = subset_and_path(stem_of(orphan) + ".jpg")
            item = Item(path=path, subset=subset)
            _fill(source, item, orphan, reader, options, report, source.where(orphan))
            yield item

    labels = [Label(name=name) for name in unique_labels(names, report, where)]
    return Dataset(Header(labels=labels, subsets=subsets or [DEFAULT_SUBSET]), items())


def _invented_names(source: Source, texts: set[str], report: Report) -> list[str]:
    highest = -1
    for name in sorted(texts):
        for line in source.read_text(name).splitlines():
            first = line.split(maxsplit=1)[0] if line.strip() else ""
            if first.isdigit() and len(first) < 6:
                highest = max(highest, int(first))
    report.assumed("label", "no names file: classes are called class_0, class_1, …")
    return [f"class_{index}" for index in range(highest + 1)]


def _write(dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
    labels = dataset.header.labels
    if options.dialect == "cvat":
        flat = [label.name for label, _ in LabelIndex(labels).flat]
        names = [name for number, name in enumerate(flat) if name not in flat[number + 1 :]]
        index = {name: LabelIndex(labels).number(name) for name in label_index(labels)}
    else:
        names, index = [label.name for label in labels], label_index(labels)
    lists: dict[str, list[str]] = {}
    for subset in dataset.header.subsets:
        lists.setdefault(_subset_name(subset), [])
    for item in dataset.items:
        subset = _subset_name(item.subset)
        path = f"obj_{subset}_data/{item.path}"
        lists.setdefault(subset, []).append(f"data/{path}\n")
        label_file = f"obj_{subset}_data/{item.stem}.txt"
        sink.write(label_file, _lines(item, index, options, report).encode())
        if options.with_images and item.media is not None:
            sink.add_media(path, item.media)
    for subset, lines in lists.items():
        sink.write(f"{subset}.txt", "".join(lines).encode())
    sink.write("obj.names", "".join(f"{name}\n" for name in names).encode())
    data = [f"classes = {len(names)}"]
    data += [f"{subset} = data/{subset}.txt" for subset in lists]
    data += ["names = data/obj.names", "backup = backup/"]
    sink.write("obj.data", "".join(f"{line}\n" for line in data).encode())


def _subset_name(subset: str) -> str:
    if subset in RESERVED:
        raise DatasetError(f"a subset can't be called {subset!r} in YOLO", hint="rename it")
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


def _lines(item: Item, index: dict[str, int], options: WriteOptions, report: Report) -> str:
    if item.shapes and (item.width <= 0 or item.height <= 0):
        raise unknown_size(item)
    if options.dialect == "cvat":
        return "".join(cvat_box_lines(item.shapes, item, index, report))
    return "".join(box_lines(item.shapes, item, index, report))


def box_lines(
    shapes: Sequence[Shape], item: Item, index: dict[str, int], report: Report
) -> Iterator[str]:
    """A line for each rectangle, cut to the image; what is outside of it is left out."""
    width, height = item.width, item.height
    for shape in shapes:
        x1, y1, x2, y2 = points = shape.points
        if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            if beyond(points, width, height):
                if apart(points, width, height):
                    report.withdrawn("rectangle", "outside of the image", item.path)
                    continue
                report.changed("coordinate", "box cut to the image", item.path)
            yield box_line(index[shape.label], points, width, height)
            continue
        cx, cy = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
        yield BOX_LINE % (index[shape.label], cx, cy, (x2 - x1) / width, (y2 - y1) / height)


def cvat_box_lines(
    shapes: Sequence[Shape], item: Item, index: dict[str, int], report: Report
) -> Iterator[str]:
    """A line for each rectangle, rounded, uncut and as if not rotated, as CVAT 2.15 writes them."""
    for shape in shapes:
        if shape.rotation % 360:
            report.changed("rotation", "written as if not rotated, as CVAT does", item.path)
        points = rounded_box(shape.points)
        yield whole_box_line(index[shape.label], points, item.width, item.height)
