"""Every other format Datumaro knows, through Datumaro itself (the extra `all-formats`).

Datumaro is imported when one of them is read or written, never to list them. It works on folders
and holds the whole dataset: a zip is unpacked beside, and what it writes is copied into the sink.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcvat.archive import FileMedia, Sink, Source, safe_name
from localcvat.errors import DatasetError, LocalCvatError, MissingExtraError, OutputError
from localcvat.labels import parse_color
from localcvat.model import DEFAULT_SUBSET, Dataset, Header, Item, Label, Shape, Tag
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat_formats.datumaro_names import (
    ANY,
    CLOUD_DECIMALS,
    CVAT_DECIMALS,
    FORMATS,
    Bridged,
)
from localcvat_formats.datumaro_values import (
    CAPTION_LABEL,
    MARKET_LABEL,
    FromDatumaro,
    ToDatumaro,
    text_of,
    wide_mask,
)
from localcvat_formats.image_paths import relative_path

INSTALL = "install it with: pip install 'localcvat[all-formats]'"
BOX_SOURCES = ("polygon", "ellipse", "mask", "cuboid", "skeleton", "polyline", "points")
COLOURED = ("camvid",)
TEXT_SEGMENT = {"index": 0, "color": "0 0 0", "text": "-", "center": "0 0"}


def bridged_formats() -> tuple[Format, ...]:
    """The formats read and written by Datumaro."""
    return tuple(DatumaroFormat(name, bridged) for name, bridged in FORMATS.items())


class DatumaroFormat(Format):
    """One format of Datumaro's."""

    origin = "datumaro"

    def __init__(self, name: str, bridged: Bridged) -> None:
        self.name = name  # type: ignore[misc]
        self.cvat_names = bridged.cvat_names  # type: ignore[misc]
        self.summary = bridged.summary  # type: ignore[misc]
        self.can_read = bool(bridged.reads)  # type: ignore[misc]
        self.can_write = bool(bridged.writes)  # type: ignore[misc]
        self.bridged = bridged

    def capabilities(self, dialect: Dialect) -> Capabilities:
        if self.bridged.clouds:
            return _cloud_capabilities(self.bridged, dialect)
        kinds = self.bridged.kinds
        converts: dict[str, str] = {}
        if "mask" in kinds:
            sources = ("polygon", "ellipse", "rectangle")
            converts = {kind: "mask" for kind in sources if kind not in kinds}
        elif "rectangle" in kinds and dialect == "plain":
            converts = {kind: "rectangle" for kind in BOX_SOURCES if kind not in kinds}
        whole = self.bridged.attributes == ANY
        return Capabilities(
            kinds=kinds,
            converts=converts,
            rotation=whole and "rectangle" in kinds,
            attributes=bool(self.bridged.attributes),
            tag_attributes=bool(self.bridged.attributes),
            occluded=whole or "occluded" in self.bridged.attributes,
            group=self.bridged.group,
            z_order=self.bridged.z_order,
            tracks="flattened" if self.bridged.tracks or whole else "none",
        )

    def detect(self, source: Source) -> Detection:
        if not self.bridged.mark:
            return Detection(score=0, reason="known by its name alone: give it with --from")
        pattern = re.compile(self.bridged.mark)
        found = next((name for name in source.names if pattern.search(name)), None)
        if found is None:
            return Detection(score=0, reason=f"no file like {self.bridged.mark}")
        return Detection(score=70, reason=f"{found} is there; read through Datumaro")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        _imported()
        if self.bridged.clouds:
            from localcvat_formats.datumaro_clouds import CloudReader

            return CloudReader(self, source, report).dataset()
        return Reader(self, source, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _imported()
        if self.bridged.clouds:
            from localcvat_formats.datumaro_clouds import CloudWriter

            CloudWriter(self, dataset, options, report).write(sink)
        else:
            Writer(self, dataset, options, report).write(sink)


def _cloud_capabilities(bridged: Bridged, dialect: Dialect) -> Capabilities:
    """Point clouds have 3D cuboids alone; CVAT takes tracks apart for KITTI's raw recordings."""
    apart = dialect == "cvat" and bridged.writes == "kitti_raw"
    return Capabilities(
        kinds=bridged.kinds,
        attributes=not apart,
        occluded=True,
        tracks="none" if apart else "flattened",
        subsets=False,
        decimals=CVAT_DECIMALS if dialect == "cvat" else CLOUD_DECIMALS,
        limits={"cuboid": "3D ones alone"},
    )


def _imported() -> Any:
    """Datumaro; raises MissingExtraError with one line on how to install it."""
    try:
        with quiet():
            import datumaro
    except ImportError as error:
        raise MissingExtraError(f"this format needs Datumaro ({error})", hint=INSTALL) from error
    return datumaro


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Datumaro logs and warns as it goes; what matters comes as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300]


class Reader:
    """Reads a dataset through Datumaro; a zip is unpacked into a folder that lives as long."""

    def __init__(self, plugin: DatumaroFormat, source: Source, report: Report) -> None:
        self._plugin = plugin
        self._source = source
        self._report = report
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None

    def dataset(self) -> Dataset:
        root = self._root()
        try:
            found = self._import(root)
            names = [label.name for label in found.categories().get(_label_type(), ())]
        except LocalCvatError:
            raise
        except Exception as error:
            self._close()
            what = f"Datumaro can't read this as {self._plugin.bridged.reads}: {_reason(error)}"
            raise DatasetError(what, where=self._source.display) from error
        kept = [name for name in names if name != "background"]
        default = _default_label(self._plugin)
        if default or not kept:
            kept = [*kept, default or "object"]
        labels = [Label(name=name) for name in dict.fromkeys(kept)]
        subsets = [_subset(name) for name in found.subsets()]
        return Dataset(Header(labels=labels, subsets=subsets), self._items(found, names, root))

    def _import(self, root: Path) -> Any:
        import datumaro

        with quiet():
            return datumaro.Dataset.import_from(str(root), self._plugin.bridged.reads)

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
        convert = FromDatumaro(names, _default_label(self._plugin), self._report)
        try:
            with quiet():
                for each in self._ordered(found):
                    item = self._item(each, root)
                    convert.fill(item, each.annotations)
                    if self._plugin.name == "market1501":
                        _market_tag(item, each)
                    yield item
        except LocalCvatError:
            raise
        except Exception as error:
            what = f"Datumaro stopped reading: {_reason(error)}"
            raise DatasetError(what, where=self._source.display) from error
        finally:
            self._close()

    def _ordered(self, found: Any) -> Any:
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
                item.media = FileMedia(path)
            else:
                self._report.dropped("image file", "its path leads out of the dataset", item.path)
        return item

    def _close(self) -> None:
        if self._unpacked is not None:
            self._unpacked.cleanup()
            self._unpacked = None


def _label_type() -> Any:
    from datumaro.components.annotation import AnnotationType

    return AnnotationType.label


def _subset(name: str) -> str:
    return DEFAULT_SUBSET if name in ("", "default") else name


def _default_label(plugin: DatumaroFormat) -> str:
    """The label of what a format leaves unnamed; CVAT's choices where CVAT reads it too."""
    if plugin.name.startswith("icdar"):
        return "icdar"
    if plugin.name == "market1501":
        return MARKET_LABEL
    return CAPTION_LABEL if plugin.bridged.text else ""


def _market_tag(item: Item, each: Any) -> None:
    """The attributes of a person as the tag that CVAT makes of them."""
    attributes = {name: text_of(value) for name, value in each.attributes.items()}
    item.tags.append(Tag(label=MARKET_LABEL, attributes=attributes))


class Writer:
    """Writes a dataset through Datumaro into a folder, and that into the sink."""

    def __init__(
        self, plugin: DatumaroFormat, dataset: Dataset, options: WriteOptions, report: Report
    ) -> None:
        self._plugin = plugin
        self._bridged = plugin.bridged
        self._dataset = dataset
        self._options = options
        self._report = report
        self._cvat = options.dialect == "cvat"
        self._labels = dataset.header.labels
        self._convert = ToDatumaro(self._labels, options.dialect)
        self._segments = 0

    def write(self, sink: Sink) -> None:
        if not self._bridged.labels and self._labels:
            why = "the format names no labels"
            self._report.dropped("label", why, self._labels[0].name, count=len(self._labels))
        with tempfile.TemporaryDirectory(prefix="localcvat-") as folder:
            images, target = Path(folder) / "images", Path(folder) / "out"
            images.mkdir()
            items = [self._item(item, images) for item in self._dataset.items]
            self._export(items, target)
            self._settle(target)
            for path in sorted(target.rglob("*")):
                if path.is_file():
                    name = path.relative_to(target).as_posix()
                    sink.add_media(name, FileMedia(str(path)))

    def _categories(self, items: list[Any]) -> Any:
        from datumaro.components.annotation import LabelCategories

        categories = LabelCategories()
        for label in self._labels:
            if self._plugin.name in COLOURED and " " in label.name and not self._cvat:
                raise OutputError(
                    f"the label {label.name!r} has a space, which {self._plugin.name} can't hold",
                    hint="rename it with --labels-map",
                )
            names = {spec.name for spec in label.attributes} | {"occluded"}
            categories.add(label.name, attributes=names)
        return categories

    def _export(self, items: list[Any], target: Path) -> None:
        import datumaro
        from datumaro.components.annotation import AnnotationType

        categories = self._categories(items)
        try:
            with quiet():
                made = datumaro.Dataset.from_iterable(
                    items,
                    categories={AnnotationType.label: categories},
                    media_type=self._media_type(),
                )
                made.export(
                    str(target),
                    self._bridged.writes,
                    save_media=self._options.with_images,
                    **self._settings(),
                )
        except Exception as error:
            what = f"Datumaro can't write this as {self._bridged.writes}: {_reason(error)}"
            raise OutputError(what, hint="see the format's limits in docs/formats.md") from error

    def _settle(self, target: Path) -> None:
        """Make what was written the same for the same input."""

    def _settings(self) -> dict[str, Any]:
        if self._plugin.name not in COLOURED:
            return {}
        colours = {label.name: parse_color(label.color) for label in self._labels}
        if not colours or None in colours.values():
            return {"label_map": "source"}
        colours.setdefault("background", (0, 0, 0))
        return {"label_map": dict(sorted(colours.items())), "apply_colormap": True}

    def _item(self, item: Item, images: Path) -> Any:
        import datumaro

        annotations = [made for tag in item.tags if (made := self._tag(tag, item)) is not None]
        for shape in item.shapes:
            made = self._shape(shape, item)
            if made is not None:
                annotations.append(made)
        attributes: dict[str, Any] = {}
        if self._plugin.name == "market1501":
            attributes, annotations = self._person(item), []
        elif item.source_frame is not None:
            attributes["frame"] = item.source_frame
        return datumaro.DatasetItem(
            item.stem,
            subset=item.subset,
            media=self._media(item, images),
            annotations=annotations,
            attributes=attributes,
        )

    def _media_type(self) -> Any:
        import datumaro

        return datumaro.Image

    def _media(self, item: Item, images: Path) -> Any:
        import datumaro

        size = (item.height, item.width) if item.width and item.height else None
        return datumaro.Image.from_file(path=self._image(item, images), size=size)

    def _image(self, item: Item, images: Path) -> str:
        """A file of the item's own name if images are written, else a path that tells the ending.

        Datumaro copies bytes only where the endings agree, and encodes images anew elsewhere.
        """
        target = images / safe_name(f"{item.subset}/{item.path}")
        if not self._options.with_images or item.media is None:
            return str(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if item.media.path is not None:
            target.symlink_to(os.path.abspath(item.media.path))
            return str(target)
        with item.media.open() as stream, open(target, "wb") as out:
            shutil.copyfileobj(stream, out)
        return str(target)

    def _kept(self, attributes: dict[str, str], item: Item) -> dict[str, str]:
        """The attributes the format has a place for; the others are counted as lost."""
        if self._bridged.attributes == ANY:
            return attributes
        kept = {name: text for name, text in attributes.items() if name in self._bridged.attributes}
        if len(kept) < len(attributes):
            count = len(attributes) - len(kept)
            self._report.dropped(
                "attribute", "the format has no place for it", item.path, count=count
            )
        return kept

    def _tag(self, tag: Tag, item: Item) -> Any:
        tag.attributes = self._kept(tag.attributes, item)
        if not self._bridged.text:
            return self._convert.tag(tag)
        from datumaro.components.annotation import Caption

        text = tag.attributes.get("text", "")
        if not text:
            self._report.dropped("tag", "only its attribute `text` has a place", item.path)
            return None
        return Caption(text)

    def _shape(self, shape: Shape, item: Item) -> Any:
        shape.attributes = self._kept(shape.attributes, item)
        if shape.type == "mask" and not (item.width and item.height):
            self._report.dropped("mask", "the image's size is unknown", item.path)
            return None
        if self._bridged.tracks and shape.track_id is None:
            self._report.dropped(shape.type, "only tracked objects are written", item.path)
            return None
        made = self._convert.shape(shape, item)
        if made is None:
            self._report.dropped(shape.type, "nothing of it lies on the image", item.path)
        elif self._plugin.name == "icdar-text-segmentation":
            self._number(made, item)
        elif self._bridged.tracks:
            made = wide_mask(made)
        return made

    def _number(self, made: Any, item: Item) -> None:
        """Characters need an index, a colour, a text and a centre; what is missing is filled in."""
        if "index" not in made.attributes:
            made.attributes["index"] = self._segments
            self._report.assumed("attribute", "`index` numbered in order", item.path)
        self._segments += 1
        made.attributes["index"] = int(float(made.attributes["index"]))
        for name, value in TEXT_SEGMENT.items():
            made.attributes.setdefault(name, value)

    def _person(self, item: Item) -> dict[str, Any]:
        """The one tag's attributes, which Market-1501 writes into file names."""
        tags = [tag for tag in item.tags if tag.label == MARKET_LABEL]
        others = len(item.tags) - len(tags[:1])
        if others:
            why = f"only one tag of the label {MARKET_LABEL!r} has a place"
            self._report.dropped("tag", why, item.path, count=others)
        if not tags:
            return {}
        given = self._kept(tags[0].attributes, item)
        values: dict[str, Any] = {}
        for name, text in given.items():
            try:
                values[name] = text.lower() == "true" if name == "query" else int(float(text))
            except ValueError:
                values[name] = text
        return values
