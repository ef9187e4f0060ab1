"""Writing the Ultralytics YOLO family but classification: data.yaml, images/, labels/."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcvat.archive import Sink
from localcvat.errors import DatasetError, OutputError, UsageError
from localcvat.geometry.boxes import rectangle_corners, shape_box
from localcvat.model import DEFAULT_SUBSET, Dataset, Item, Label, Shape, label_index
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.cvat_dialect import point_names, rounded, rounded_box, visibility_of
from localcvat_formats.image_paths import report_ending
from localcvat_formats.parts import bridged, objects
from localcvat_formats.sizes import unknown_size
from localcvat_formats.yolo_lines import apart, beyond, box_line, ring_line, whole_box_line

RESERVED = frozenset(("backup", "classes", "names", "path", "kpt_shape", "flip_idx"))
STRAIGHT = 1e-5
"""Degrees below which CVAT takes a box for one that is not rotated."""
MULTIPART = ("split", "bridge", "largest")


def write_ultralytics(
    task: str, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report
) -> None:
    """The dataset for a task: detect, track, segment, obb or pose.

    ``--multipart`` says what becomes of an object of several polygons: a line each, one line
    along bridges of no width, or the largest alone.
    """
    cvat = options.dialect == "cvat"
    labels = dataset.header.labels
    if task == "pose":
        labels = [label for label in labels if label.sublabels]
        without = [label.name for label in dataset.header.labels if not label.sublabels]
        if without:
            why = "it has no points, and data.yaml names labels of skeletons alone"
            report.withdrawn("label", why, without[0], count=len(without))
    if DEFAULT_SUBSET in dataset.header.subsets:
        report.changed("subset", "default is called train", lossy=False)
    lines = _Lines(task, labels, options, report)
    lists: dict[str, list[str]] = {_subset_name(subset): [] for subset in dataset.header.subsets}
    stems: set[tuple[str, str]] = set()
    for item in dataset.items:
        subset = _subset_name(item.subset)
        if (subset, item.stem) in stems:
            raise OutputError(
                f"two images of the subset {subset!r} would share a label file",
                where=item.path,
                hint="pass --rename-duplicates",
            )
        stems.add((subset, item.stem))
        lists.setdefault(subset, []).append(f"data/images/{subset}/{item.path}\n")
        text = lines.text(item)
        if text or (not cvat and not options.with_images):
            sink.write(f"labels/{subset}/{item.stem}.txt", text.encode())
        if options.with_images and item.media is not None:
            sink.add_media(f"images/{subset}/{item.path}", item.media)
        elif not cvat and not item.path.endswith(".jpg"):
            report_ending(item, report)
    if cvat:
        for subset, listed in lists.items():
            sink.write(f"{subset}.txt", "".join(listed).encode())
    sink.write("data.yaml", _yaml_text(task, labels, list(lists), cvat, report).encode())


def _yaml_text(
    task: str, labels: list[Label], subsets: list[str], cvat: bool, report: Report
) -> str:
    import yaml

    config: dict[str, Any] = {"names": dict(enumerate(label.name for label in labels))}
    if task == "pose":
        config["kpt_shape"] = [max((len(point_names(lb)) for lb in labels), default=0), 3]
    if cvat:
        config |= {"path": ".", **{subset: f"{subset}.txt" for subset in subsets}}
        text: str = yaml.safe_dump(config)
        return text
    # No `path`: Ultralytics then takes the folder of the yaml, wherever training is started.
    config |= {subset: f"images/{subset}" for subset in subsets}
    if task == "pose":
        config["kpt_names"] = {index: point_names(label) for index, label in enumerate(labels)}
    if "train" in subsets and "val" not in subsets:
        config["val"] = config["train"]
        report.assumed("subset", "no val: data.yaml points it to train, as training needs one")
    if task not in ("detect", "pose"):
        config["task"] = task  # which label files may leave open
    text = yaml.safe_dump(config, allow_unicode=True)
    return text


def _subset_name(subset: str) -> str:
    if subset in RESERVED:
        raise DatasetError(f"a subset can't be called {subset!r} in YOLO", hint="rename it")
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


class _Lines:
    """The lines of label files for one task."""

    def __init__(
        self, task: str, labels: list[Label], options: WriteOptions, report: Report
    ) -> None:
        self._cvat = options.dialect == "cvat"
        self._multipart = options.params.get("multipart", "split")
        if self._multipart not in MULTIPART:
            raise UsageError(
                f"multipart can't be {self._multipart!r}", hint="split, bridge or largest"
            )
        self._labels = {label.name: label for label in labels}
        self._index = label_index(labels)
        self._points = max((len(point_names(label)) for label in labels), default=0)
        self._report = report
        self._of_task = {
            "detect": self._boxes,
            "track": self._boxes,
            "segment": self._rings,
            "obb": self._corners,
            "pose": self._poses,
        }[task]
        self._tracks = task == "track"

    def text(self, item: Item) -> str:
        """The label file of one image; raises DatasetError when its size is unknown."""
        if item.shapes and (item.width <= 0 or item.height <= 0):
            raise unknown_size(item)
        return "".join(self._of_task(item))

    def _is_outside(self, shape: Shape, item: Item) -> bool:
        """Report what reaches beyond the image; whether all of it does."""
        if self._cvat or not beyond(shape.points, item.width, item.height):
            return False
        if apart(shape.points, item.width, item.height):
            self._report.withdrawn(shape.type, "outside of the image", item.path)
            return True
        self._report.changed("coordinate", "cut to the image", item.path)
        return False

    def _boxes(self, item: Item) -> Iterator[str]:
        for shape in item.shapes:
            if self._cvat and shape.rotation % 360 > STRAIGHT:
                self._report.withdrawn("rectangle", "CVAT writes no rotated boxes here", item.path)
                continue
            if self._is_outside(shape, item):
                continue
            index = self._index[shape.label]
            if self._cvat:
                points = rounded_box(shape.points)
                line = whole_box_line(index, points, item.width, item.height)
            else:
                line = box_line(index, shape.points, item.width, item.height)
            if self._tracks and shape.track_id is not None:
                line = f"{line[:-1]} {shape.track_id}\n"
            yield line

    def _rings(self, item: Item) -> Iterator[str]:
        for parts in objects(item.shapes):
            if self._cvat:
                for part in parts:
                    for ring in self._cvat_rings(part, item):
                        yield self._ring(ring, part, item)
                continue
            kept = [part for part in parts if not self._is_outside(part, item)]
            for ring in self._joined(kept, item):
                yield self._ring(ring, kept[0], item)

    def _cvat_rings(self, part: Shape, item: Item) -> list[list[float]]:
        if part.type != "mask":
            return [rounded(part.points)]
        from localcvat.geometry.contours import mask_to_contours

        rings = mask_to_contours(part.points)
        if rings:
            self._report.changed("mask", "written as polygons", item.path)
        else:
            self._report.withdrawn("mask", "nothing of it is left to write", item.path)
        return rings

    def _ring(self, ring: list[float], shape: Shape, item: Item) -> str:
        index = self._index[shape.label]
        return ring_line(index, ring, item.width, item.height, cut=not self._cvat)

    def _joined(self, parts: list[Shape], item: Item) -> list[list[float]]:
        rings = [list(part.points) for part in parts]
        if len(rings) < 2:
            return rings
        if self._multipart == "split":
            how = "parts of one object written as objects of their own"
            self._report.changed("polygon", how, item.path, count=len(rings) - 1)
            return rings
        if self._multipart == "bridge":
            how = "parts of one object joined by bridges of no width"
            self._report.changed("polygon", how, item.path, count=len(rings) - 1, lossy=False)
            return [bridged(rings)]
        from localcvat.geometry.polygons import polygon_area

        why = "only the largest part of its object is written"
        self._report.withdrawn("polygon", why, item.path, count=len(rings) - 1)
        return [max(rings, key=polygon_area)]

    def _corners(self, item: Item) -> Iterator[str]:
        for shape in item.shapes:
            points = rounded_box(shape.points) if self._cvat else shape.points
            ring = rectangle_corners(points, shape.rotation)
            turned = Shape(type="rectangle", label=shape.label, points=ring)
            if self._is_outside(turned, item):
                continue
            # A corner beyond the image stays there: cut, it would be no rectangle any more.
            yield ring_line(self._index[shape.label], ring, item.width, item.height, cut=False)

    def _poses(self, item: Item) -> Iterator[str]:
        for shape in item.shapes:
            if shape.label not in self._labels:
                self._report.withdrawn("skeleton", "its label has no points", item.path)
                continue
            index = self._index[shape.label]
            if not shape.elements:
                self._report.withdrawn("skeleton", "it has no points", item.path)
                continue
            box = self._pose_box(shape)
            if self._cvat:
                line = whole_box_line(index, box, item.width, item.height)
            else:
                line = box_line(index, box, item.width, item.height)
            yield f"{line[:-1]} {' '.join(self._pose_points(shape, item))}\n"

    def _pose_box(self, shape: Shape) -> tuple[float, ...]:
        """The box that came with the skeleton, else that of its points."""
        given = ((shape.extras or {}).get("coco") or {}).get("bbox")
        if given and not self._cvat:
            x, y, width, height = given
            return x, y, x + width, y + height
        box = shape_box(shape)
        return tuple(rounded(box)) if self._cvat else box

    def _pose_points(self, shape: Shape, item: Item) -> list[str]:
        names = point_names(self._labels[shape.label])
        found = {element.label: element for element in shape.elements}
        texts = ["0.0 0.0 0"] * self._points
        for rank, name in enumerate(names):
            element = found.get(name)
            if element is None or len(element.points) < 2:
                continue
            x, y = rounded(element.points[:2]) if self._cvat else element.points[:2]
            across, down = x / item.width, y / item.height
            if not self._cvat and not (0 <= across <= 1 and 0 <= down <= 1):
                if visibility_of(element):
                    self._report.changed("coordinate", "cut to the image", item.path)
                across, down = min(max(across, 0.0), 1.0), min(max(down, 0.0), 1.0)
            texts[rank] = f"{across:.6f} {down:.6f} {visibility_of(element)}"
            if element.attributes:
                why = "keypoints have no attributes"
                self._report.dropped("attribute", why, item.path, count=len(element.attributes))
        return texts
