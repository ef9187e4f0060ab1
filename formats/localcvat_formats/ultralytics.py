"""The Ultralytics YOLO family: data.yaml, images/<subset>, labels/<subset> (section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError, LocalCvatError
from localcvat.labels import skeleton_svg
from localcvat.model import Dataset, Header, Item, Label
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.data_yaml import (
    ImageFinder,
    ImagePlace,
    class_names,
    find_yaml,
    load_yaml,
    subsets_of,
)
from localcvat_formats.yolo_images import (
    report_orphan,
    report_orphans,
    set_size,
    unique_labels,
)
from localcvat_formats.yolo_lines import LineReader, PoseLayout

SNIFFED_FILES = 50
SNIFFED_BYTES = 1 << 16
MOST_POINTS = 10_000
STATED_TASKS = ("detect", "segment", "obb", "track")


class UltralyticsDetection(Format):
    """Boxes as fractions of the image."""

    name: ClassVar[str] = "ultralytics"
    cvat_names: ClassVar[tuple[str, ...]] = (
        "Ultralytics YOLO Detection 1.0",
        "YOLOv8 Detection 1.0",
    )
    aliases: ClassVar[tuple[str, ...]] = (
        *("ultralytics-detection", "ultralytics-detect"),
        *("yolov5", "yolov8", "yolo11"),
    )
    summary: ClassVar[str] = "Ultralytics YOLO detection: data.yaml and labels/"
    task: ClassVar[str] = "detect"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(["rectangle"]),
            converts={} if dialect == "cvat" else dict.fromkeys(shapes, "rectangle"),
            rotation=dialect == "cvat",
            limits={"rotation": "rotated boxes are left out"} if dialect == "cvat" else {},
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
        task = task_of(source, config)
        reason = f"{name} has names; its labels are of the task {task}"
        return Detection(score=95 if task == self.task else 0, reason=reason)

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        name = find_yaml(source)
        if name is None:
            raise DatasetError(
                "no data.yaml found",
                where=source.display,
                hint="for label files without it pass --from yolo",
            )
        config = load_yaml(source, name)
        names = class_names(config, source, name, report, options.labels)
        subsets = subsets_of(config, source, name, report)
        labels = [Label(name=text) for text in unique_labels(names, report, source.where(name))]
        pose = None
        if self.task == "pose":
            pose = pose_layout(config, names, source.where(name), options, report)
            _add_points(labels, pose)
        reader = LineReader(names, options, report, self.task, pose)
        finder = ImageFinder(source, name, config.get("path"), report)

        def items() -> Iterator[Item]:
            seen: set[str] = set()
            for subset in subsets:
                where = f"{source.where(name)}: {subset}"
                for place in finder.images(config[subset], where):
                    item = _item(source, place, subset, reader, options, report)
                    if not reader.count:
                        seen.add(place.label_file)
                    if item is not None:
                        yield item
            if not reader.count:
                report_orphans(source, set(_label_files(source)) - seen, report)

        return Dataset(Header(labels=labels, subsets=subsets), items())

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        from localcvat_formats.ultralytics_writer import write_ultralytics

        write_ultralytics(self.task, dataset, sink, options, report)


class UltralyticsTrack(UltralyticsDetection):
    """Detection with the track's number as the last column; CVAT has it on export only."""

    name = "ultralytics-track"
    cvat_names = ("Ultralytics YOLO Detection Track 1.0",)
    aliases = ("ultralytics-detection-track",)
    summary = "Ultralytics YOLO detection with track numbers"
    task = "track"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        base = super().capabilities(dialect)
        return Capabilities(
            image_sizes=False,
            kinds=base.kinds,
            converts=base.converts,
            rotation=base.rotation,
            tracks="flattened",
            limits=base.limits,
        )


class UltralyticsSegmentation(UltralyticsDetection):
    """Polygons as fractions of the image."""

    name = "ultralytics-segmentation"
    cvat_names = ("Ultralytics YOLO Segmentation 1.0", "YOLOv8 Segmentation 1.0")
    aliases = ("ultralytics-segment", "yolov8-seg")
    summary = "Ultralytics YOLO segmentation: polygons"
    task = "segment"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if dialect == "cvat":  # the writer traces masks as CVAT does
            kinds = frozenset(("polygon", "mask"))
            return Capabilities(
                image_sizes=False,
                kinds=kinds,
                converts={"ellipse": "mask"},
                multipart=True,
                limits={"mask": "as polygons of its outlines"},
            )
        turned = dict.fromkeys(("mask", "ellipse", "rectangle"), "polygon")
        return Capabilities(
            image_sizes=False, kinds=frozenset(["polygon"]), converts=turned, multipart=True
        )


class UltralyticsObb(UltralyticsDetection):
    """Rotated boxes as four corners."""

    name = "ultralytics-obb"
    cvat_names = (
        "Ultralytics YOLO Oriented Bounding Boxes 1.0",
        "YOLOv8 Oriented Bounding Boxes 1.0",
    )
    aliases = ("yolov8-obb", "ultralytics-oriented-bounding-boxes")
    summary = "Ultralytics YOLO oriented bounding boxes"
    task = "obb"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        shapes = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(["rectangle"]),
            converts={} if dialect == "cvat" else dict.fromkeys(shapes, "rectangle"),
            rotation=True,
        )


class UltralyticsPose(UltralyticsDetection):
    """Skeletons as a box and their points with visibility."""

    name = "ultralytics-pose"
    cvat_names = ("Ultralytics YOLO Pose 1.0", "YOLOv8 Pose 1.0")
    aliases = ("yolov8-pose",)
    summary = "Ultralytics YOLO pose: skeletons as points with visibility"
    task = "pose"

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(
            image_sizes=False,
            kinds=frozenset(["skeleton"]),
            occluded=True,
            outside=True,
            limits={"skeleton.occluded": ""},
        )


def _label_files(source: Source) -> list[str]:
    return [name for name in source.names if name.endswith(".txt") and "labels" in name.split("/")]


def task_of(source: Source, config: dict[str, Any]) -> str:
    """The task that the yaml states, else whose lines the first label files seem to hold."""
    if "kpt_shape" in config:
        return "pose"
    if config.get("task") in STATED_TASKS:
        return str(config["task"])
    counts: set[int] = set()
    last: list[bytes] = []
    for name in _label_files(source)[:SNIFFED_FILES]:
        with source.open(name) as stream:
            head = stream.read(SNIFFED_BYTES)
        for line in head.splitlines():
            words = line.split()
            counts.add(len(words))
            if len(words) == 6:
                last.append(words[5])
    counts.discard(0)
    if counts == {9} or counts == {9, 10} or counts == {10}:
        return "obb"
    if last and counts <= {5, 6} and _are_track_numbers(last):
        return "track"
    if any(count > 6 for count in counts):
        return "segment"
    return "detect"


def _are_track_numbers(words: list[bytes]) -> bool:
    """Whether the last columns are whole numbers, some past 1, and so no confidences."""
    return all(word.isdigit() for word in words) and any(int(word[:9]) > 1 for word in words)


def pose_layout(
    config: dict[str, Any], names: list[str], where: str, options: ReadOptions, report: Report
) -> PoseLayout:
    """`kpt_shape` and the points' names; raises DatasetError when it is no shape."""
    shape = config.get("kpt_shape")
    numbers = [str(value) for value in shape] if isinstance(shape, list) else []
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        raise DatasetError(
            "kpt_shape is not [points, 2 or 3]", where=f"{where}: kpt_shape", hint="like [17, 3]"
        )
    count, each = (int(number[:9]) for number in numbers)
    if each not in (2, 3) or count > MOST_POINTS:
        raise DatasetError(f"kpt_shape of {count} points of {each}", where=f"{where}: kpt_shape")
    given = config.get("kpt_names")
    points: dict[str, list[str]] = {}
    for index, name in enumerate(names):
        listed = given.get(str(index)) if isinstance(given, dict) else given
        listed = listed or options.points.get(name) or None
        if isinstance(listed, list) and len(set(map(str, listed))) == len(listed) <= count:
            points[name] = [str(point) for point in listed]
        else:
            report.assumed("keypoint", "no names: called after their label and number", where)
            points[name] = [f"{name}_point_{rank}" for rank in range(count)]
    return PoseLayout(count, each, points)


def _add_points(labels: list[Label], pose: PoseLayout) -> None:
    for label in labels:
        points = list(pose.names[label.name])
        label.type = "skeleton"
        label.sublabels = [Label(name=point, type="points") for point in points]
        label.svg = skeleton_svg(points, ())


def _item(
    source: Source,
    place: ImagePlace,
    subset: str,
    reader: LineReader,
    options: ReadOptions,
    report: Report,
) -> Item | None:
    """One image with its labels; None for labels whose image is missing and of unknown size."""
    where = source.where(place.label_file)
    media = source.media(place.image) if place.image else None
    item = Item(path=place.path, subset=subset, media=media)
    text = source.read_text(place.label_file) if source.exists(place.label_file) else ""
    if media is None:
        if text.strip() and options.stated_size(item.path) is None:
            if options.on_error != "skip" and not place.stray:
                raise DatasetError(
                    "its image is missing, so the size is unknown",
                    where=where,
                    hint="pass --image-size WIDTHxHEIGHT, or --on-error skip",
                )
            report_orphan(source, place.label_file, report)
            return None
        report.assumed("image file", "missing", where)
    elif not source.exists(place.label_file):
        report.assumed("image", "no label file: taken as empty", source.where(place.image))
    if text.strip() or media is not None or options.stated_size(item.path) is not None:
        set_size(item, options, report, where)
    item.shapes = reader.shapes(text, item, where)
    return item
