"""The Ultralytics YOLO family: data.yaml, images/<subset>, labels/<subset> (section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError, LocalCvatError, OutputError
from localcvat.geometry.boxes import rectangle_corners
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, label_index
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.data_yaml import SUBSETS, ImageFinder, class_names, find_yaml, load_yaml
from localcvat_formats.yolo_images import label_path_of, set_size, stem_of
from localcvat_formats.yolo_lines import LineReader, beyond, box_line, ring_line

RESERVED = frozenset(("backup", "classes", "names", "path", "kpt_shape", "flip_idx"))
CONFIG_KEYS = frozenset(("names", "nc", "path", "download", "kpt_shape", "flip_idx", "channels"))
SNIFFED_FILES = 20
AREAS = ("mask", "ellipse", "polygon")


class UltralyticsDetection(Format):
    """Boxes as fractions of the image."""

    name: ClassVar[str] = "ultralytics"
    cvat_names: ClassVar[tuple[str, ...]] = (
        "Ultralytics YOLO Detection 1.0",
        "YOLOv8 Detection 1.0",
    )
    aliases: ClassVar[tuple[str, ...]] = ("ultralytics-detection", "yolov8", "yolov5", "yolo11")
    summary: ClassVar[str] = "Ultralytics YOLO detection: data.yaml and labels/"
    task: ClassVar[str] = "detect"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            kinds=frozenset(["rectangle"]),
            converts={} if dialect == "cvat" else dict.fromkeys(shapes, "rectangle"),
            rotation=dialect == "cvat",
        )

    def detect(self, source: Source) -> Detection:
        name = find_yaml(source)
        if name is None:
            return Detection(score=0, reason="no data.yaml")
        try:
            config = load_yaml(source, name)
        except LocalCvatError as error:
            return Detection(score=0, reason=str(error))
        if "names" not in config and "nc" not in config:
            return Detection(score=0, reason=f"{name} has no names")
        task = _task_of(source, config)
        score = 95 if task == self.task else 0
        return Detection(score=score, reason=f"{name} has names; label lines of task {task}")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        name = find_yaml(source)
        if name is None:
            raise DatasetError("no data.yaml found", where=source.display)
        config = load_yaml(source, name)
        names = options.labels or class_names(config, source.where(name))
        subsets = [str(key) for key in config if key not in CONFIG_KEYS and config[key]]
        subsets.sort(key=lambda key: SUBSETS.index(key) if key in SUBSETS else len(SUBSETS))
        reader = LineReader(names, options, report, self.task)
        finder = ImageFinder(source, name, config.get("path"), report)
        header = Header(labels=[Label(name=text) for text in names], subsets=subsets)

        def items() -> Iterator[Item]:
            for subset in subsets:
                where = f"{source.where(name)}: {subset}"
                for image, path in finder.images(config[subset], where):
                    yield _item(source, image, path, subset, reader, options, report)

        return Dataset(header, items())

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _write(self, dataset, sink, options, report)

    def line(self, shape: Shape, index: int, item: Item) -> str:
        """One line of a label file."""
        return box_line(index, shape.points, item.width, item.height)

    def keeps(self, shape: Shape, dialect: Dialect) -> bool:
        """Whether CVAT's own export would write this shape."""
        return dialect == "plain" or not shape.rotation % 360


class UltralyticsTrack(UltralyticsDetection):
    """Detection with the track's number as a sixth column; CVAT has it on export only."""

    name = "ultralytics-track"
    cvat_names = ("Ultralytics YOLO Detection Track 1.0",)
    aliases = ()
    summary = "Ultralytics YOLO detection with track numbers"
    task = "track"
    can_read = False

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset(["rectangle"]), tracks="flattened")

    def line(self, shape: Shape, index: int, item: Item) -> str:
        text = super().line(shape, index, item)
        return text if shape.track_id is None else f"{text[:-1]} {shape.track_id}\n"


class UltralyticsSegmentation(UltralyticsDetection):
    """Polygons as fractions of the image."""

    name = "ultralytics-segmentation"
    cvat_names = ("Ultralytics YOLO Segmentation 1.0", "YOLOv8 Segmentation 1.0")
    aliases = ("ultralytics-segment", "yolov8-seg")
    summary = "Ultralytics YOLO segmentation: polygons"
    task = "segment"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        kinds = ("mask", "ellipse") if dialect == "cvat" else ("mask", "ellipse", "rectangle")
        return Capabilities(kinds=frozenset(["polygon"]), converts=dict.fromkeys(kinds, "polygon"))

    def line(self, shape: Shape, index: int, item: Item) -> str:
        return ring_line(index, shape.points, item.width, item.height)

    def keeps(self, shape: Shape, dialect: Dialect) -> bool:
        return True


class UltralyticsObb(UltralyticsDetection):
    """Rotated boxes as four corners."""

    name = "ultralytics-obb"
    cvat_names = (
        "Ultralytics YOLO Oriented Bounding Boxes 1.0",
        "YOLOv8 Oriented Bounding Boxes 1.0",
    )
    aliases = ("yolov8-obb",)
    summary = "Ultralytics YOLO oriented bounding boxes"
    task = "obb"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset(["rectangle"]), rotation=True)

    def line(self, shape: Shape, index: int, item: Item) -> str:
        corners = rectangle_corners(shape.points, shape.rotation)
        return ring_line(index, corners, item.width, item.height)

    def keeps(self, shape: Shape, dialect: Dialect) -> bool:
        return True


def _task_of(source: Source, config: dict[str, object]) -> str:
    """The task whose lines the first label files hold."""
    if "kpt_shape" in config:
        return "pose"
    counts: set[int] = set()
    texts = [name for name in source.names if name.endswith(".txt") and "labels" in name]
    for name in texts[:SNIFFED_FILES]:
        for line in source.read(name)[: 1 << 16].splitlines():
            if line.split():
                counts.add(len(line.split()))
    if counts == {9}:
        return "obb"
    if any(count > 6 for count in counts) and not counts & {5, 6}:
        return "segment"
    return "detect"


def _item(
    source: Source,
    image: str,
    path: str,
    subset: str,
    reader: LineReader,
    options: ReadOptions,
    report: Report,
) -> Item:
    missing = image.startswith("?")
    label_file = image[1:] if missing else label_path_of(image)
    item = Item(path=path, subset=subset, media=None if missing else source.media(image))
    where = source.where(label_file)
    if missing:
        report.assumed("image file", "missing", where)
    text = source.read_text(label_file) if source.exists(label_file) else ""
    if text.strip() or item.media is not None:
        set_size(item, options, report, where)
    item.shapes = reader.shapes(text, item, where)
    return item


def _write(
    plugin: UltralyticsDetection,
    dataset: Dataset,
    sink: Sink,
    options: WriteOptions,
    report: Report,
) -> None:
    index = label_index(dataset.header.labels)
    lists: dict[str, list[str]] = {_subset_name(subset): [] for subset in dataset.header.subsets}
    stems: set[tuple[str, str]] = set()
    for item in dataset.items:
        subset = _subset_name(item.subset)
        path = item.path
        if (subset, item.stem) in stems:
            raise OutputError(
                f"two images of the subset {subset!r} would share a label file",
                where=path,
                hint="pass --rename-duplicates",
            )
        stems.add((subset, item.stem))
        lists.setdefault(subset, []).append(f"data/images/{subset}/{path}\n")
        text = _text(plugin, item, index, options, report)
        if text or (options.dialect == "plain" and not options.with_images):
            sink.write(f"labels/{subset}/{stem_of(path)}.txt", text.encode())
        if options.with_images and item.media is not None:
            sink.add_media(f"images/{subset}/{path}", item.media)
    if options.dialect == "cvat":
        for subset, lines in lists.items():
            sink.write(f"{subset}.txt", "".join(lines).encode())
        entries = {subset: f"{subset}.txt" for subset in lists}
    else:
        entries = {subset: f"images/{subset}" for subset in lists}
        if "train" in entries and "val" not in entries:
            entries["val"] = entries["train"]
            report.assumed("subset", "no val: data.yaml points it to train, as training needs one")
    sink.write("data.yaml", _yaml_text(entries, list(index)).encode())


def _yaml_text(entries: dict[str, str], names: list[str]) -> str:
    import yaml

    config = {"path": ".", "names": dict(enumerate(names)), **entries}
    text: str = yaml.safe_dump(config, allow_unicode=True)
    return text


def _subset_name(subset: str) -> str:
    if subset in RESERVED:
        raise DatasetError(f"a subset can't be called {subset!r} in YOLO", hint="rename it")
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


def _text(
    plugin: UltralyticsDetection,
    item: Item,
    index: dict[str, int],
    options: WriteOptions,
    report: Report,
) -> str:
    if item.shapes and (item.width <= 0 or item.height <= 0):
        raise DatasetError("the image's size is unknown", where=item.path)
    lines = []
    for shape in item.shapes:
        if not plugin.keeps(shape, options.dialect):
            report.dropped("rectangle", "CVAT writes no rotated boxes here", item.path)
            continue
        if beyond(shape.points, item.width, item.height):
            report.changed("coordinate", "cut to the image", item.path)
        lines.append(plugin.line(shape, index[shape.label], item))
    return "".join(lines)
