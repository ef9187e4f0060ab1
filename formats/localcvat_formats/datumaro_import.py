"""A dataset that Datumaro reads, as ours."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcvat.archive import FileMedia, Source, safe_name
from localcvat.errors import DatasetError, LocalCvatError
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Tag
from localcvat.plugin import ReadOptions
from localcvat.report import Report
from localcvat_formats.datumaro_calls import quiet, reason
from localcvat_formats.datumaro_names import Bridged
from localcvat_formats.datumaro_values import (
    CAPTION_LABEL,
    MARKET_LABEL,
    UNNAMED,
    FromDatumaro,
    text_of,
)
from localcvat_formats.image_paths import relative_path


class PassingMedia(FileMedia):
    """A file that is gone when the dataset is read through: to be read at once, not linked to."""

    @property
    def path(self) -> str | None:
        return None


class Reader:
    """Reads a dataset through Datumaro; a zip is unpacked into a folder that lives as long."""

    def __init__(
        self, name: str, bridged: Bridged, source: Source, options: ReadOptions, report: Report
    ) -> None:
        self._name = name
        self._bridged = bridged
        self._source = source
        self._options = options
        self._report = report
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None

    def dataset(self) -> Dataset:
        root = self._root()
        try:
            found = self._import(root)
            names = [label.name for label in found.categories().get(_label_type(), ())]
            with quiet(self._report):
                nameless = any(
                    _is_nameless(one, len(names)) for each in found for one in each.annotations
                )
        except LocalCvatError:
            raise
        except Exception as error:
            self._close()
            what = f"Datumaro can't read this as {self._bridged.reads}: {reason(error)}"
            raise DatasetError(what, where=self._source.display) from error
        kept = [name for name in names if name != "background"]
        default = _default_label(self._name, self._bridged)
        if default or nameless or not kept:
            kept = [*kept, default or UNNAMED]
        labels = [Label(name=name) for name in dict.fromkeys(kept)]
        subsets = [_subset(name) for name in found.subsets()]
        return Dataset(Header(labels=labels, subsets=subsets), self._items(found, names, root))

    def _import(self, root: Path) -> Any:
        import datumaro

        with quiet(self._report):
            return datumaro.Dataset.import_from(str(root), self._bridged.reads)

    def _root(self) -> Path:
        """The dataset as a folder or file on disk, none of it a link that leads out."""
        names = self._source.names
        if names and self._source.local_path(names[0]) is None:
            self._unpacked = tempfile.TemporaryDirectory(prefix="localcvat-")
            root = Path(self._unpacked.name)
            for name in names:
                target = root / safe_name(name, self._source.display)
                target.parent.mkdir(parents=True, exist_ok=True)
                with self._source.open(name) as stream, open(target, "wb") as out:
                    shutil.copyfileobj(stream, out)
            return root
        for name in names:
            self._source.local_path(name)
        return Path(self._source.path)

    def _items(self, found: Any, names: list[str], root: Path) -> Iterator[Item]:
        convert = FromDatumaro(names, _default_label(self._name, self._bridged), self._report)
        try:
            with quiet(self._report):
                for each in self._ordered(found):
                    item = self._item(each, root)
                    convert.fill(item, each.annotations)
                    if self._name == "market1501":
                        _market_tag(item, each)
                    yield item
        except LocalCvatError:
            raise
        except Exception as error:
            what = f"Datumaro stopped reading: {reason(error)}"
            raise DatasetError(what, where=self._source.display) from error
        finally:
            self._close()

    def _ordered(self, found: Any) -> Any:
        if self._name == "kitti3d":
            return map(_scored, found)
        return found

    def _item(self, each: Any, root: Path) -> Item:
        media = each.media
        path = getattr(media, "path", "") or ""
        extension = os.path.splitext(path)[1] or getattr(media, "ext", "") or ".jpg"
        name = relative_path(str(each.id))[0] or "unnamed"
        item = Item(path=name + extension, subset=_subset(each.subset))
        size = getattr(media, "size", None) if media is not None else None
        if size is not None:
            item.height, item.width = (int(side) for side in size[:2])
        if path and os.path.isfile(path):
            folder = root if root.is_dir() else root.parent
            if Path(os.path.realpath(path)).is_relative_to(folder.resolve()):
                item.media = self._file(path)
            else:
                self._report.dropped("image file", "its path leads out of the dataset", item.path)
        return item

    def _file(self, path: str) -> FileMedia:
        return FileMedia(path) if self._unpacked is None else PassingMedia(path)

    def _close(self) -> None:
        if self._unpacked is not None:
            self._unpacked.cleanup()
            self._unpacked = None


def _label_type() -> Any:
    from datumaro.components.annotation import AnnotationType

    return AnnotationType.label


def _subset(name: str) -> str:
    return DEFAULT_SUBSET if name in ("", "default") else name


def _default_label(name: str, bridged: Bridged) -> str:
    """The label of what a format leaves unnamed; CVAT's choices where CVAT reads it too."""
    if name.startswith("icdar"):
        return "icdar"
    if name == "market1501":
        return MARKET_LABEL
    return CAPTION_LABEL if bridged.text else ""


def _is_nameless(annotation: Any, count: int) -> bool:
    """Whether no label of the dataset, of which there are `count`, is that of the annotation."""
    index = getattr(annotation, "label", None)
    return index is None or not 0 <= index < count


def _scored(each: Any) -> Any:
    """KITTI's 16th column, a detection's score, which Datumaro's reader leaves out.

    Annotations are numbered by their lines; the labels lie beside the folder of the calibration.
    """
    calibration = Path(each.attributes["calib_path"])
    parts = list(calibration.parts)
    parts[len(parts) - 1 - parts[::-1].index("calib")] = "label_2"
    labels = Path(*parts)
    lines = labels.read_text(encoding="utf-8").splitlines() if labels.is_file() else []
    for annotation in each.annotations:
        fields = lines[annotation.id].split() if annotation.id < len(lines) else []
        if len(fields) == 16:
            annotation.attributes["score"] = fields[15]
    return each


def _market_tag(item: Item, each: Any) -> None:
    """The attributes of a person as the tag that CVAT makes of them."""
    attributes = {name: text_of(value) for name, value in each.attributes.items()}
    item.tags.append(Tag(label=MARKET_LABEL, attributes=attributes))
