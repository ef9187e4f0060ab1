"""Point clouds through Datumaro: KITTI's raw recordings and Supervisely's projects.

A 3D cuboid is position, rotation (radians) and lengths, in the cloud's units. Both formats know
objects over frames alone, one subset, and clouds as ``.pcd``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from localcvat.archive import FileMedia
from localcvat.errors import OutputError
from localcvat.geometry.boxes import is_in_space
from localcvat.model import Item, Shape, TaskInfo, flat_labels
from localcvat_formats.datumaro_calls import quiet
from localcvat_formats.datumaro_export import Writer, place
from localcvat_formats.datumaro_import import PassingMedia, Reader
from localcvat_formats.datumaro_names import CLOUD_DECIMALS

CLOUD = ".pcd"
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = ("occlusion", "truncation")
"""Attributes that Datumaro's writer of KITTI takes for states of its own, and fails on."""


class CloudMedia(FileMedia):
    """A point cloud with the images taken with it."""

    related: tuple[FileMedia, ...] = ()


class PassingCloud(PassingMedia, CloudMedia):
    """A point cloud that is gone when the dataset is read through."""


@contextlib.contextmanager
def _decimals(count: int) -> Iterator[None]:
    """Datumaro rounds what it reads to two decimals, half a degree in radians: round later."""
    from datumaro.components import annotation

    before = annotation.COORDINATE_ROUNDING_DIGITS
    annotation.COORDINATE_ROUNDING_DIGITS = count
    try:
        yield
    finally:
        annotation.COORDINATE_ROUNDING_DIGITS = before


def _environment(as_cvat: bool) -> Any:
    """Datumaro's formats, with a KITTI reader that leaves poses on their frames.

    Datumaro's own skips hidden poses and moves those behind them to earlier frames. Lengths are
    h, w, l for it; in CVAT's branch of Datumaro w, h, l.
    """
    from datumaro.components.environment import Environment
    from datumaro.plugins.data_formats.kitti_raw.base import KittiRawBase
    from datumaro.plugins.data_formats.kitti_raw.format import TruncationStates

    hidden = (TruncationStates.OUT_IMAGE, TruncationStates.BEHIND_IMAGE)

    class InPlace(KittiRawBase):  # type: ignore[misc]
        @classmethod
        def _parse(cls, path: str) -> Any:
            items, categories = super()._parse(path)
            for found in items.values():
                found["annotations"] = [each for each in found["annotations"] if each.id >= 0]
            return items, categories

        @classmethod
        def _parse_track(cls, track_id: int, track: Any, categories: Any) -> Any:
            outside = [pose["truncated"] in hidden for pose in track["shapes"]]
            if as_cvat:
                scale = track["scale"]
                scale["h"], scale["w"] = scale["w"], scale["h"]
            for pose in track["shapes"]:
                pose["truncated"] = TruncationStates.IN_IMAGE
            made = super()._parse_track(track_id, track, categories)
            for each, gone in zip(made, outside, strict=True):
                each.id = -1 if gone else 0
                yield each

    environment = Environment()
    environment.extractors.register("kitti_raw", InPlace)
    return environment


class CloudReader(Reader):
    """Reads point clouds, in the order of their frames."""

    def _import(self, root: Path) -> Any:
        import datumaro

        with quiet(self._report), _decimals(CLOUD_DECIMALS):
            name = self._bridged.reads
            found = datumaro.Dataset.import_from(
                str(root), name, env=_environment(self._options.dialect == "cvat")
            )
            found.init_cache()
        return found

    def _ordered(self, found: Any) -> Any:
        return sorted(found, key=lambda each: (each.attributes.get("frame", 0), each.id))

    def _item(self, each: Any, root: Path) -> Item:
        item = super()._item(each, root)
        if "frame" in each.attributes:
            item.source_frame = int(each.attributes["frame"])
        if self._options.dialect == "cvat":
            self._untrack(each)
        folder = Path(os.path.realpath(root))
        related = []
        for image in each.media.extra_images:
            path = Path(os.path.realpath(image.path))
            if path.is_relative_to(folder):
                related.append(self._file(str(path)))
                item.related.append(path.relative_to(folder).as_posix())
            else:
                self._report.dropped("related image", "its path leads out", item.path)
        item.related.sort()
        if item.media is not None:
            media = CloudMedia if self._unpacked is None else PassingCloud
            item.media = media(each.media.path)
            item.media.related = tuple(sorted(related, key=lambda image: image.name))
        return item

    def _untrack(self, each: Any) -> None:
        """CVAT rebuilds tracks of what tells keyframes alone, and none of KITTI's."""
        for made in each.annotations:
            told = made.attributes.get("keyframe") not in (None, "")  # "" is Datumaro's filling
            if self._bridged.reads == "kitti_raw" or not told:
                made.attributes.pop("track_id", None)


class CloudWriter(Writer):
    """Writes point clouds and 3D cuboids, every one part of an object over frames."""

    _clouds = 0

    def _media_type(self) -> Any:
        from datumaro.components.media import PointCloud

        return PointCloud

    def _item(self, item: Item, images: Path) -> Any:
        made = super()._item(item, images)
        made.subset = "default"
        task = self._dataset.header.tasks[item.task] if self._dataset.header.tasks else TaskInfo()
        dates = {"createdAt": _date(task.created), "updatedAt": _date(task.updated)}
        made.attributes |= {"labelerLogin": "", **dates}
        if self._cvat and self._bridged.writes == "sly_pointcloud":
            owner = task.owner.username if task.owner is not None else ""
            made.attributes |= {"name": owner, "labels": self._described}
        return made

    def _media(self, item: Item, images: Path) -> Any:
        from datumaro.components.media import Image, PointCloud

        related = item.media.related if isinstance(item.media, CloudMedia) else ()
        if not self._options.with_images or item.media is None:
            related = ()
        if self._options.with_images and len(item.related) > len(related):
            count = len(item.related) - len(related)
            self._report.dropped("related image", "its file is not known", item.path, count=count)
        foreign = not item.path.lower().endswith(CLOUD)
        if foreign:
            self._report.changed("path", f"the format names every cloud {CLOUD}", item.path)
        if not self._options.with_images or item.media is None:
            return None
        if not self._cvat and foreign:
            why = f"the format has {CLOUD} files alone"
            self._report.dropped("image file", why, item.path)
            return None
        if foreign:
            why = f"named {CLOUD} as CVAT does, its bytes left as they are"
            self._report.changed("image file", why, item.path)
        path = self._image(item, images)
        extra = []
        for number, media in enumerate(related):
            target = images / "related" / str(self._clouds) / str(number) / media.name
            place(media, target)
            extra.append(Image.from_file(path=str(target)))
        self._clouds += 1
        return PointCloud.from_file(path=path, extra_images=extra)

    def _shape(self, shape: Shape, item: Item) -> Any:
        if not is_in_space(shape):
            why = "drawn on an image; the format has 3D ones alone"
            self._report.withdrawn("cuboid", why, item.path)
            return None
        if self._bridged.writes == "kitti_raw":
            for name in STATES:
                if shape.attributes.pop(name, None) is not None:
                    self._report.dropped("attribute", f"{name!r} is the format's own", item.path)
            if self._cvat:
                shape.track_id = None
                x, y = shape.points[6:8]
                shape.points = [*shape.points[:6], y, x, *shape.points[8:]]
        with _decimals(CLOUD_DECIMALS):
            return super()._shape(shape, item)

    def _export(self, items: list[Any], target: Path) -> None:
        if self._cvat:
            self._shorten(items)
        names: set[str] = set()
        frames = [item.attributes.get("frame") for item in items]
        if None in frames or len(set(frames)) < len(frames):
            frames = list(range(len(items)))
        for frame, item in zip(frames, items, strict=True):
            if item.id in names:
                what = f"two point clouds are named {item.id!r}, and the format has no subsets"
                raise OutputError(what, hint="write one subset at a time")
            names.add(item.id)
            item.attributes["frame"] = frame
        if self._bridged.writes == "sly_pointcloud":
            self._name_objects(items)
        elif not self._cvat:
            self._cut_tracks(items)
        with _decimals(CLOUD_DECIMALS):
            super()._export(items, target)

    def _shorten(self, items: list[Any]) -> None:
        """Name clouds without their folders, as CVAT does, unless two would be one."""
        counts = Counter(os.path.basename(item.id) for item in items)
        for item in items:
            base = os.path.basename(item.id)
            if base != item.id and counts[base] == 1:
                self._report.changed("path", "written without its folders", item.id)
                item.id = base

    @property
    def _described(self) -> list[dict[str, Any]]:
        """The labels as CVAT repeats them on every frame for Supervisely."""
        labels = (label for label, _ in flat_labels(self._labels))
        return [
            {"label_id": number, "name": label.name, "color": label.color, "type": label.type}
            for number, label in enumerate(labels)
        ]

    def _categories(self, items: list[Any]) -> Any:
        """The labels with all attributes in use: an undeclared one would become every label's.

        CVAT declares all for every label.
        """
        if self._cvat:
            from datumaro.components.annotation import LabelCategories

            labels = flat_labels(self._labels)
            names = {spec.name for label, _ in labels for spec in label.attributes}
            categories = LabelCategories(attributes=names | {"occluded"})
            for label, parent in labels:
                categories.add(label.name, parent)
            return categories
        categories = super()._categories(items)
        for item in items:
            for each in item.annotations:
                names = each.attributes.keys() - {"track_id", "keyframe"}
                categories[each.label].attributes |= names
        return categories

    def _name_objects(self, items: list[Any]) -> None:
        """Number the objects that have no track: Supervisely has none without."""
        cuboids = [each for item in items for each in item.annotations]
        taken = [each.attributes["track_id"] for each in cuboids if "track_id" in each.attributes]
        number = max(taken, default=0)
        for index, each in enumerate(cuboids):
            each.id = index + 1
            if "track_id" not in each.attributes:
                number += 1
                each.attributes["track_id"] = number
                self._report.changed("cuboid", "written as an object of one frame", lossy=False)

    def _cut_tracks(self, items: list[Any]) -> None:
        """Number tracks by their first frame, cut where KITTI's can't go on.

        A tracklet has one label and size, and readers misplace what follows a gap.
        """
        current: dict[int, tuple[int, Any]] = {}
        number = 0
        for frame, item in enumerate(items):
            for each in item.annotations:
                track = each.attributes.get("track_id")
                want = (frame - 1, each.label, tuple(each.scale))
                known = current.get(track) if track is not None else None
                if known is not None and known[1] == want:
                    mine = known[0]
                else:
                    number += 1
                    mine = number
                    if track is None:
                        how = "written as a track of one frame"
                        self._report.changed("cuboid", how, item.id, lossy=False)
                    elif known is not None:
                        how = "cut: a tracklet has no gaps, one label and one size"
                        self._report.changed("track", how, item.id)
                if track is not None:
                    current[track] = (mine, (frame, *want[1:]))
                each.attributes["track_id"] = mine

    def _settings(self) -> dict[str, Any]:
        if self._bridged.writes == "sly_pointcloud":
            return {"allow_undeclared_attrs": True}
        return {"reindex": True, "allow_attrs": not self._cvat}

    def _settle(self, target: Path) -> None:
        """Supervisely's random keys numbered in order, and its tags sorted."""
        if self._bridged.writes != "sly_pointcloud":
            return
        meta = target / "meta.json"
        record = json.loads(meta.read_bytes())
        record["tags"].sort(key=lambda tag: tag["name"])
        for number, tag in enumerate(record["tags"], 1):
            tag |= {"id": number, "classes": sorted(tag["classes"])}
        meta.write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")
        keys: dict[bytes, bytes] = {}
        for path in (target / "key_id_map.json", *sorted((target / "ds0" / "ann").rglob("*.json"))):
            path.write_bytes(UUID.sub(lambda found: _key(found[0], keys), path.read_bytes()))


def _date(text: str) -> str:
    """A task's date as CVAT writes it here: with a space and the offset from UTC."""
    return str(datetime.fromisoformat(text)) if text else ""


def _key(found: bytes, keys: dict[bytes, bytes]) -> bytes:
    """The random key's replacement: its number, as a UUID of version 4."""
    if found not in keys:
        keys[found] = b"00000000-0000-4000-8000-%012x" % (len(keys) + 1)
    return keys[found]
