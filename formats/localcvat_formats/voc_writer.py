"""Writes Pascal VOC, plain or as CVAT does (formats specification, section 7).

Plain files hold a mask as an object too: its box in the XML with ``<mask>n</mask>``, its pixels in
SegmentationObject under the number n, which is the object's position as VOC has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import quoteattr

from localcvat.archive import Sink
from localcvat.model import Dataset, Item, Label, Shape, flat_labels
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat.text import xml_text
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.labelmap import LabelMapEntry, labelmap_text, with_background
from localcvat_formats.naming import Names
from localcvat_formats.segments import masks_of, merged_parts, paintable, report_lost_flags
from localcvat_formats.voc_lists import SubsetLists, new_lists, write_lists
from localcvat_formats.voc_objects import cvat_object_text, is_true, object_texts
from localcvat_formats.voc_segments import SegmentWriter, object_number


def label_entries(labels: list[Label]) -> list[LabelMapEntry]:
    """The label map of a dataset's labels, sublabels too, each name once, with a background."""
    entries: dict[str, LabelMapEntry] = {}
    for label, _ in flat_labels(labels):
        extras = (label.extras or {}).get("voc", {})
        parts, actions = extras.get("parts", []), extras.get("actions", [])
        entry = LabelMapEntry(name=label.name, parts=parts, actions=actions)
        entries.setdefault(label.name, entry)
    return with_background(list(entries.values()))


class VocWriter(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        self._labels = {label.name: label for label in dataset.header.labels}
        self._entries = label_entries(dataset.header.labels)
        self._segments = SegmentWriter(
            sink, self._entries, report, palette=not self._cvat, distinct=not self._cvat
        )
        self._lists: dict[str, SubsetLists] = {
            subset: new_lists() for subset in dataset.header.subsets
        }
        self._names = Names()

    def write(self) -> None:
        """Write everything."""
        self._sink.write("labelmap.txt", labelmap_text(self._entries).encode())
        for item in self._dataset.items:
            self._item(item)
        self._segments.finish()
        names = [entry.name for entry in self._entries]
        for subset, lists in self._lists.items():
            write_lists(self._sink, subset, lists, names)

    def _item(self, item: Item) -> None:
        stem, path = self._free_name(item, self._names.claim(item))
        lists = self._lists.get(item.subset)
        if lists is None:
            lists = self._lists[item.subset] = new_lists()
        masks = masks_of(item)
        if masks:
            masks = paintable(self._to_paint(masks, item), item, self._report)
        text = self._annotation(item, stem, path, bool(masks))
        self._sink.write(f"Annotations/{stem}.xml", text.encode())
        if masks:
            self._segments.write(stem, masks, item.width, item.height, numbers=not self._cvat)
        if self._with_images and item.media is not None:
            self._sink.add_media(f"JPEGImages/{path}", item.media)
        self._list(item, stem, lists, bool(masks))

    def _free_name(self, item: Item, stem: str) -> tuple[str, str]:
        """(id, path) of an image; a name that another subset has already gets a number."""
        if not self._sink.has(f"Annotations/{stem}.xml"):
            return stem, item.path
        extension = item.path[len(stem) :]
        number = 1
        while self._sink.has(f"Annotations/{stem}_{number}.xml"):
            number += 1
        free = f"{stem}_{number}"
        why = "renamed: another has the same name"
        self._report.changed("image", why, f"{item.path} -> {free}")
        return free, free + extension

    def _to_paint(self, masks: list[Shape], item: Item) -> list[Shape]:
        """The masks that are painted: CVAT's as they are, plainly one an object, numbered."""
        if not self._cvat:
            return self._numbered(masks, item)
        count = sum(len(mask.attributes) for mask in masks)
        if count:
            self._report.dropped("attribute", "a VOC mask has none", item.path, count=count)
        report_lost_flags(masks, self._report, item.path)
        return masks

    def _numbered(self, masks: list[Shape], item: Item) -> list[Shape]:
        """The masks, parts united, each with its position among the objects as its instance."""
        united = merged_parts(masks, self._report, item.path)
        kept = {id(mask) for mask in united}
        item.shapes = [s for s in item.shapes if s.type != "mask" or id(s) in kept]
        for position, shape in enumerate(item.shapes, 1):
            shape.instance = object_number(position)
        return united

    def _list(self, item: Item, stem: str, lists: SubsetLists, segmented: bool) -> None:
        empty = not item.shapes and not item.tags and not item.emptied
        lists.main[stem] = None
        if segmented or empty:
            lists.segmentation[stem] = None
        if empty:
            lists.layout[stem] = []
            lists.actions[stem] = {}
        if item.tags:
            lists.classes[stem] = {tag.label for tag in item.tags}
        for number, shape in enumerate(item.shapes, 1):
            if not shape.extras:
                continue
            extras = shape.extras.get("voc") or {}
            if extras.get("parts"):
                lists.layout.setdefault(stem, []).append(number)
            actions = extras.get("actions")
            if actions:
                flags = {name: is_true(shape.attributes.get(name, "")) for name in actions}
                lists.actions.setdefault(stem, {})[number] = flags

    def _annotation(self, item: Item, stem: str, path: str, segmented: bool) -> str:
        extras: dict[str, Any] = {} if self._cvat else (item.extras or {}).get("voc", {})
        if extras or self._cvat:
            parts = self._head(item, stem, path, extras)
        else:
            parts = [
                "<annotation>\n"
                "  <folder></folder>\n"
                f"  <filename>{xml_text(path.rpartition('/')[2])}</filename>\n",
                UNKNOWN_SOURCE,
                size_text(item.width, item.height, "3"),
            ]
        parts.append(f"  <segmented>{segmented:d}</segmented>\n")
        if self._cvat:
            boxes = (shape for shape in item.shapes if shape.type == "rectangle")
            parts += [cvat_object_text(shape, self._labels[shape.label]) for shape in boxes]
        else:
            parts += object_texts(item.shapes)
        parts.append("</annotation>\n")
        return "".join(parts)

    def _head(self, item: Item, stem: str, path: str, extras: dict[str, Any]) -> list[str]:
        """What stands before the objects, with what a VOC file said of the image."""
        folder = stem.partition("_")[0] if "_" in stem and self._cvat else ""
        folder = extras.get("folder", folder)
        named = path if self._cvat else path.rpartition("/")[2]
        verified = f" verified={quoteattr(extras['verified'])}" if extras.get("verified") else ""
        parts = [
            f"<annotation{verified}>\n"
            f"  <folder>{xml_text(folder)}</folder>\n"
            f"  <filename>{xml_text(named)}</filename>\n"
        ]
        if extras.get("path"):
            parts.append(f"  <path>{xml_text(extras['path'])}</path>\n")
        parts.append(source_text(extras["source"]) if "source" in extras else UNKNOWN_SOURCE)
        if "owner" in extras:
            parts.append(source_text(extras["owner"], "owner"))
        if not self._cvat or (item.width and item.height):
            depth = "" if self._cvat else xml_text(str(extras.get("depth", 3)))
            parts.append(size_text(item.width, item.height, depth))
        return parts


def source_text(source: Mapping[str, str], name: str = "source") -> str:
    """``<source>`` or ``<owner>``: where an image is from."""
    rows = (f"    <{key}>{xml_text(text)}</{key}>\n" for key, text in source.items())
    return f"  <{name}>\n{''.join(rows)}  </{name}>\n"


UNKNOWN_SOURCE = source_text(dict.fromkeys(("database", "annotation", "image"), "Unknown"))


@lru_cache(maxsize=256)
def size_text(width: int, height: int, depth: str) -> str:
    """``<size>`` in pixels; `depth` is how many channels an image has."""
    return (
        "  <size>\n"
        f"    <width>{width}</width>\n"
        f"    <height>{height}</height>\n"
        f"    <depth>{depth}</depth>\n"
        "  </size>\n"
    )
