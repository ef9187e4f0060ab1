"""A dataset of ours, written by Datumaro."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcvat.archive import FileMedia, Sink, safe_name
from localcvat.errors import OutputError
from localcvat.labels import parse_color
from localcvat.model import Dataset, Item, Media, Shape, Tag
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat_formats.datumaro_calls import quiet, reason
from localcvat_formats.datumaro_names import ANY, Bridged
from localcvat_formats.datumaro_values import MARKET_LABEL, ToDatumaro, wide_mask

COLOURED = ("camvid",)
EMPTY_LOST = ("mots", "segment-anything")
"""Formats whose files name no image without annotations."""
SPACELESS = ("vgg-face2", "wider-face")
"""Formats whose readers cut the name of a label at its first space."""
BY_LABEL = ("vgg-face2",)
"""Formats that put an image into a folder of its label."""
TEXT_SEGMENT = {"index": 0, "color": "0 0 0", "text": "-", "center": "0 0"}


def place(media: Media, target: Path) -> None:
    """Put a file at `target`: a link where it stays, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if media.path is not None:
        target.symlink_to(os.path.abspath(media.path))
        return
    with media.open() as stream, open(target, "wb") as out:
        shutil.copyfileobj(stream, out)


class Writer:
    """Writes a dataset through Datumaro into a folder, and that into the sink."""

    def __init__(
        self,
        name: str,
        bridged: Bridged,
        dataset: Dataset,
        options: WriteOptions,
        report: Report,
    ) -> None:
        self._name = name
        self._bridged = bridged
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
        if not self._bridged.kinds and self._bridged.writes.startswith("image"):
            self._tell_images_alone()
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

    def _tell_images_alone(self) -> None:
        """A folder of images has nothing else, and without images nothing at all."""
        if self._labels:
            why = "the format has images alone"
            self._report.withdrawn("label", why, self._labels[0].name, count=len(self._labels))
        if not self._options.with_images:
            why = "the format has image files alone, which were not asked for"
            items = self._dataset.items
            self._dataset.items = self._counted(items, why)

    def _counted(self, items: Iterator[Item], why: str) -> Iterator[Item]:
        for item in items:
            self._report.withdrawn("image", why, item.path)
            yield item

    def _categories(self, items: list[Any]) -> Any:
        from datumaro.components.annotation import LabelCategories

        categories = LabelCategories()
        for label in self._labels:
            if self._name in COLOURED and " " in label.name and not self._cvat:
                raise OutputError(
                    f"the label {label.name!r} has a space, which {self._name} can't hold",
                    hint="rename it with --labels-map",
                )
            if self._name in SPACELESS and len(label.name.split()) > 1 and not self._cvat:
                why = "it has a space, at which readers of the format cut it"
                self._report.changed("label", why, label.name)
            names = {spec.name for spec in label.attributes} | {"occluded"}
            categories.add(label.name, attributes=names)
        return categories

    def _export(self, items: list[Any], target: Path) -> None:
        import datumaro
        from datumaro.components.annotation import AnnotationType

        categories = self._categories(items)
        try:
            with quiet(self._report):
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
            what = f"Datumaro can't write this as {self._bridged.writes}: {reason(error)}"
            raise OutputError(what, hint="see the format's limits in docs/formats.md") from error

    def _settle(self, target: Path) -> None:
        """Make what was written the same for the same input."""

    def _settings(self) -> dict[str, Any]:
        if self._name not in COLOURED:
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
        self._tell_of_image(item, bool(annotations))
        attributes: dict[str, Any] = {}
        if self._name == "market1501":
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

    def _tell_of_image(self, item: Item, annotated: bool) -> None:
        """Count what Datumaro's writers do to images without a word."""
        if self._name in EMPTY_LOST and not annotated:
            why = "it has nothing to write on it, and the format names no such image"
            self._report.withdrawn("image", why, item.path)
        if self._name in BY_LABEL:
            why = "put into the folder of its label"
            self._report.changed("path", why, item.path, lossy=False)

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
        if self._options.with_images and item.media is not None:
            place(item.media, target)
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
        elif self._name == "icdar-text-segmentation":
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
