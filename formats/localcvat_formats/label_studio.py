"""Label Studio's exports, read only: JSON (tasks with results) and JSON-MIN (flat tasks).

Regions are in percent of the image; a rectangle turns around its top left corner, clockwise. The
parts of one region share an id: its outline, its labels, and choices or texts about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.images import is_image_name
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions
from localcvat.report import Report
from localcvat_formats.image_paths import ImageFinder, fill_media, is_embedded, relative_paths
from localcvat_formats.json_files import decode_json, join, json_head, json_names, read_json
from localcvat_formats.label_studio_regions import RegionReader, labels_in
from localcvat_formats.label_studio_unknown import report_unknown_annotation, report_unknown_task

UPLOAD = "data/upload/"
HASH_LENGTH = 8


class Task(msgspec.Struct):
    """A task of the JSON export; `results` of old versions are `completions`."""

    data: dict[str, Any]
    id: int | str | None = None
    annotations: list[dict[str, Any]] | None = None
    completions: list[dict[str, Any]] | None = None
    predictions: list[Any] | None = None


TaskAsFound = tuple[Task, dict[str, Any], str]
"""A task, all that the file says of it, and where it stands."""
VIDEOS = (".mp4", ".webm", ".avi", ".mov", ".mkv", ".ogv")


class LabelStudio(Format):
    """Label Studio JSON (`JSON` with `annotations[].result`, or `JSON-MIN`)."""

    name: ClassVar[str] = "label-studio"
    aliases: ClassVar[tuple[str, ...]] = ("labelstudio", "label_studio", "label-studio-min")
    summary: ClassVar[str] = "Label Studio JSON and JSON-MIN"
    can_write: ClassVar[bool] = False
    extensions: ClassVar[tuple[str, ...]] = (".json",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        return Capabilities(kinds=frozenset())

    def detect(self, source: Source) -> Detection:
        for name in json_names(source):
            found = _flavour(json_head(source, name))
            if found:
                return Detection(score=90, reason=f"{name} is a {found}")
        return Detection(score=0, reason="no JSON list of tasks with data and annotations")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return _Reader(source, options, report).dataset()


def _flavour(head: bytes) -> str:
    """Which export a file's first bytes look like; "" for none."""
    single = head[:1] == b"{"
    if not single and not (head[:1] == b"[" and head[1:].lstrip()[:1] == b"{"):
        return ""
    if single and b'"images"' in head:
        return ""
    results = b'"result"' in head and b'"from_name"' in head and b'"to_name"' in head
    listed = any(mark in head for mark in (b'"annotations"', b'"completions"', b'"predictions"'))
    if results or (b'"data"' in head and listed and b'"was_cancelled"' in head):
        return "Label Studio task" if single else "list of Label Studio tasks"
    if not single and b'"data"' in head and listed and b'"image_id"' not in head:
        return "list of Label Studio tasks"
    flat = b'"original_width"' in head and b'labels"' in head
    if not single and (flat or (b'"annotator"' in head and b'"lead_time"' in head)):
        return "Label Studio JSON-MIN list"
    return ""


class _Reader:
    """Reads the files of a source twice: for the labels, then task by task."""

    def __init__(self, source: Source, options: ReadOptions, report: Report) -> None:
        self._source = source
        self._options = options
        self._report = report

    def dataset(self) -> Dataset:
        names = [n for n in json_names(self._source) if _flavour(json_head(self._source, n))]
        names = names or json_names(self._source)
        if not names:
            raise DatasetError("no JSON file", where=self._source.display)
        labels: dict[str, None] = dict.fromkeys(self._options.labels or ())
        paths: list[str] = []
        for name in names:
            for task, _, where in self._tasks(name):
                chosen = self._chosen(task, where, None)
                labels.update(dict.fromkeys(labels_in(chosen)))
                paths.append(self._image(task, where))
        header = Header(labels=[Label(name=name) for name in labels], subsets=[DEFAULT_SUBSET])
        return Dataset(header, self._items(names, relative_paths(paths)))

    def _tasks(self, name: str) -> Iterator[TaskAsFound]:
        """Each task of a file."""
        where = self._source.where(name)
        if json_head(self._source, name)[:1] == b"{":
            yield self._task(read_json(self._source, name, msgspec.Raw), where)
            return
        for index, raw in enumerate(read_json(self._source, name, list[msgspec.Raw])):
            yield self._task(raw, join(where, f"[{index}]"))

    def _task(self, raw: msgspec.Raw, where: str) -> TaskAsFound:
        values = decode_json(raw, dict[str, Any], where)
        if isinstance(values.get("data"), dict):
            return decode_json(raw, Task, where), values, where
        return _from_min(values, where), {}, where

    def _items(self, names: list[str], paths: dict[str, str]) -> Iterator[Item]:
        finder = ImageFinder(self._source)
        for name in names:
            for task, values, where in self._tasks(name):
                image = self._image(task, where)
                report_unknown_task(values, image, task.data, self._report, where)
                yield self._item(task, where, paths, finder)

    def _item(self, task: Task, where: str, paths: dict[str, str], finder: ImageFinder) -> Item:
        given = self._image(task, where)
        path = _without_upload(paths[given], given, finder)
        if is_embedded(given) or not path:
            path = f"task_{task.id if task.id is not None else 'unnamed'}.png"
            self._report.assumed("image name", "the task has none: named after its id", where)
        results = self._chosen(task, where, self._report)
        reader = RegionReader(results, self._options, self._report, where)
        item = Item(path=path)
        item.width, item.height = reader.image_size
        needs_size = bool(reader.regions)
        fill_media(
            item, finder, self._source, self._options, self._report, where, needs_size=needs_size
        )
        reader.fill(item)
        return item

    def _image(self, task: Task, where: str) -> str:
        """The image as the task gives it: the first value that is one.

        Raises DatasetError for a task of a video.
        """
        texts = [value for value in task.data.values() if isinstance(value, str) and value]
        videos = [text for text in texts if text.partition("?")[0].lower().endswith(VIDEOS)]
        if videos and not any(is_image_name(text.partition("?")[0]) for text in texts):
            what = f"a task of the video {videos[0][:80]!r}, and only tasks of images are read"
            raise DatasetError(what, where=where, hint="export the video's frames as images")
        for text in texts:
            if is_embedded(text) or "/data/" in text or is_image_name(text.partition("?")[0]):
                return text
        for key in ("image", "img", "url", "ocr"):
            if isinstance(task.data.get(key), str) and task.data[key]:
                return str(task.data[key])
        if len(texts) == 1:
            return texts[0]
        raise DatasetError(
            "the task has no image", where=join(where, "data"), hint="only image tasks are read"
        )

    def _chosen(self, task: Task, where: str, report: Report | None) -> list[Any]:
        """The results to use: the ground truth, else the first not cancelled, else a prediction."""
        given = task.annotations if task.annotations is not None else task.completions or []
        usable = [each for each in given if not each.get("was_cancelled")]
        if report is not None and len(usable) < len(given):
            count = len(given) - len(usable)
            report.dropped("annotation", "it was cancelled", where, count=count)
        if usable:
            best = next((each for each in usable if each.get("ground_truth")), usable[0])
            if report is not None and len(usable) > 1:
                why = "the task has another: the ground truth or the first is taken"
                report.dropped("annotation", why, where, count=len(usable) - 1)
            if report is not None:
                report_unknown_annotation(best, report, where)
                if task.predictions:
                    why = "the task has an annotation, which is taken"
                    count = len(task.predictions)
                    report.dropped("prediction", why, where, count=count, lossy=False)
            return _results(best, where)
        predictions = [each for each in task.predictions or [] if isinstance(each, dict)]
        if predictions and not given:
            if report is not None:
                report.assumed("prediction", "taken, as the task has no annotation", where)
                report_unknown_annotation(predictions[-1], report, where)
            return [{**each, "_predicted": True} for each in _results(predictions[-1], where)]
        return []


def _results(annotation: dict[str, Any], where: str) -> list[dict[str, Any]]:
    results = annotation.get("result")
    if results is None:
        return []
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise DatasetError("not a list of objects", where=join(where, "annotations.result"))
    return results


def _from_min(values: dict[str, Any], where: str) -> Task:
    """A flat task: lists of regions under the names of their controls, choices as texts."""
    known = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")
    data: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            results += [_region(each, key) for each in value]
        elif key in known:
            continue
        elif isinstance(value, dict) and isinstance(value.get("choices"), list):
            results.append({"type": "choices", "from_name": key, "value": value})
        elif isinstance(value, str) and (data or not _image_like(value)):
            results.append({"type": "choices", "from_name": key, "value": {"choices": [value]}})
        else:
            data[key] = value
    if not any(isinstance(value, str) for value in data.values()):
        raise DatasetError("neither a task nor a flat task: no image", where=where)
    return Task(data=data, id=values.get("id"), annotations=[{"result": results}])


def _image_like(text: str) -> bool:
    return is_embedded(text) or "/" in text or is_image_name(text.partition("?")[0])


def _region(flat: dict[str, Any], control: str) -> dict[str, Any]:
    kind = next((key for key in flat if key.endswith("labels")), "")
    names = ("original_width", "original_height", "image_rotation", "id", "score")
    outer = {key: flat[key] for key in names if key in flat}
    return {**outer, "type": kind or "labels", "from_name": control, "value": flat}


def _without_upload(path: str, given: str, finder: ImageFinder) -> str:
    """The name of an uploaded file, without its hash if only that file exists; else the path."""
    if UPLOAD not in given:
        return path
    base = path.rpartition("/")[2]
    head, dash, rest = base.partition("-")
    if dash and len(head) == HASH_LENGTH and finder.find(base) is None and finder.find(rest):
        return rest
    return base
