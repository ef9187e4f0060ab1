"""Writes Pascal VOC, plain or as CVAT does (formats specification, section 7).

Plain files hold a mask as an object too: its box in the XML with ``<mask>n</mask>``, its pixels in
SegmentationObject under the number n, which is the object's position as VOC has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcvat.archive import Sink
from localcvat.geometry.boxes import shape_box, stated_box
from localcvat.model import Dataset, Item, Label, Shape, flat_labels
from localcvat.plugin import WriteOptions
from localcvat.report import Report
from localcvat.text import xml_text
from localcvat_formats.cvat_dialect import datumaro_attributes
from localcvat_formats.cvat_values import as_int, box_of
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.labelmap import LabelMapEntry, labelmap_text, with_background
from localcvat_formats.naming import Names
from localcvat_formats.segments import masks_of, merged_parts, paintable, report_lost_flags
from localcvat_formats.voc_lists import SubsetLists, new_lists, write_lists
from localcvat_formats.voc_segments import SegmentWriter, object_number

FLAGS = ("pose", "truncated", "occluded", "difficult")
TRUE_WORDS = frozenset(("1", "true", "yes"))
_TAG = re.compile(r"[^\W\d][\w.-]*").fullmatch
SOURCE = {"database": "Unknown", "annotation": "Unknown", "image": "Unknown"}


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
        names = [entry.name for entry in self._entries]
        for subset, lists in self._lists.items():
            write_lists(self._sink, subset, lists, names)

    def _item(self, item: Item) -> None:
        self._names.claim(item)
        stem, path = self._free_name(item)
        lists = self._lists.setdefault(item.subset, new_lists())
        masks = masks_of(item)
        if not self._cvat:
            masks = self._numbered(item)
        else:
            count = sum(len(mask.attributes) for mask in masks)
            if count:
                self._report.dropped("attribute", "a VOC mask has none", item.path, count=count)
            report_lost_flags(masks, self._report, item.path)
        masks = paintable(masks, item, self._report)
        text = self._annotation(item, stem, path, bool(masks))
        self._sink.write(f"Annotations/{stem}.xml", text.encode())
        if masks:
            self._segments.write(stem, masks, item.width, item.height, numbers=not self._cvat)
        if self._with_images and item.media is not None:
            self._sink.add_media(f"JPEGImages/{path}", item.media)
        self._list(item, stem, lists, bool(masks))

    def _free_name(self, item: Item) -> tuple[str, str]:
        """(id, path) of an image; a name that another subset has already gets a number."""
        stem = item.stem
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

    def _numbered(self, item: Item) -> list[Shape]:
        """The masks, parts united, each with its position among the objects as its instance."""
        united = merged_parts(masks_of(item), self._report, item.path)
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
            extras = (shape.extras or {}).get("voc", {})
            if extras.get("parts"):
                lists.layout.setdefault(stem, []).append(number)
            actions = extras.get("actions")
            if actions:
                flags = {name: _is_true(shape.attributes.get(name, "")) for name in actions}
                lists.actions.setdefault(stem, {})[number] = flags

    def _annotation(self, item: Item, stem: str, path: str, segmented: bool) -> str:
        extras: dict[str, Any] = {} if self._cvat else (item.extras or {}).get("voc", {})
        folder = stem.partition("_")[0] if "_" in stem and self._cvat else ""
        folder = extras.get("folder", folder)
        source: dict[str, str] = extras.get("source", SOURCE)
        named = path if self._cvat else path.rpartition("/")[2]
        lines = [
            "<annotation>",
            f"  <folder>{xml_text(folder)}</folder>",
            f"  <filename>{xml_text(named)}</filename>",
        ]
        if extras.get("path"):
            lines.append(f"  <path>{xml_text(extras['path'])}</path>")
        lines.append("  <source>")
        lines += [f"    <{name}>{xml_text(text)}</{name}>" for name, text in source.items()]
        lines.append("  </source>")
        if not self._cvat or (item.width and item.height):
            depth = "" if self._cvat else xml_text(str(extras.get("depth", 3)))
            lines += [
                "  <size>",
                f"    <width>{item.width}</width>",
                f"    <height>{item.height}</height>",
                f"    <depth>{depth}</depth>",
                "  </size>",
            ]
        lines.append(f"  <segmented>{int(segmented)}</segmented>")
        for shape in item.shapes:
            if shape.type == "rectangle":
                lines += self._object(shape) if not self._cvat else self._cvat_object(shape)
            elif not self._cvat:
                lines += self._object(shape, mask=shape.instance)
        lines.append("</annotation>\n")
        return "\n".join(lines)

    def _cvat_object(self, shape: Shape) -> list[str]:
        values = datumaro_attributes(shape, self._labels[shape.label])
        x, y, width, height = box_of(shape)
        lines = ["  <object>", f"    <name>{xml_text(shape.label)}</name>"]
        if "pose" in values:
            lines.append(f"    <pose>{xml_text(str(values['pose']))}</pose>")
        lines += [f"    <{name}>{as_int(values.get(name))}</{name}>" for name in FLAGS[1:]]
        lines += _box_lines("    ", [str(x), str(y), str(x + width), str(y + height)])
        rest = {name: value for name, value in values.items() if name not in FLAGS}
        return [*lines, *_attribute_lines(rest), "  </object>"]

    def _object(self, shape: Shape, mask: int = 0) -> list[str]:
        extras = (shape.extras or {}).get("voc") or {}
        rest: dict[str, Any] = dict(shape.attributes)
        actions = [name for name in extras.get("actions", ()) if name in rest and _TAG(name)]
        flags = {
            name: _flag(name, rest.pop(name, None), extras) for name in ("truncated", "difficult")
        }
        pose = rest.pop("pose", None) or extras.get("pose", "")
        lines = ["  <object>", f"    <name>{xml_text(shape.label)}</name>"]
        if pose:
            lines.append(f"    <pose>{xml_text(str(pose))}</pose>")
        lines += [
            f"    <truncated>{flags['truncated']}</truncated>",
            f"    <occluded>{int(shape.occluded)}</occluded>",
            f"    <difficult>{flags['difficult']}</difficult>",
        ]
        lines += _box_lines("    ", [_number(value) for value in _object_box(shape)])
        for part in extras.get("parts", ()):
            lines += ["    <part>", f"      <name>{xml_text(part['name'])}</name>"]
            if part["bndbox"]:
                lines += _box_lines("      ", [_number(value) for value in part["bndbox"]])
            lines.append("    </part>")
        if actions:
            rows = [f"      <{name}>{int(_is_true(rest.pop(name)))}</{name}>" for name in actions]
            lines += ["    <actions>", *rows, "    </actions>"]
        if mask:
            lines.append(f"    <mask>{mask}</mask>")
        if shape.rotation:
            rest = {"rotation": float(shape.rotation), **rest}
        if shape.track_id is not None:
            rest |= {"track_id": shape.track_id, "keyframe": shape.keyframe}
        return [*lines, *_attribute_lines(rest), "  </object>"]


def _object_box(shape: Shape) -> list[float]:
    """The box a file stated for a mask, else the mask's own; a rectangle's points."""
    if shape.type == "rectangle":
        return list(shape.points)
    return list(stated_box(shape) or shape_box(shape))


def _flag(name: str, value: Any, extras: Mapping[str, Any]) -> str:
    """A flag as it was written, unless its attribute says something else now."""
    stated = str(extras.get(name, ""))
    if value is None:
        return xml_text(stated) if stated and not _is_true(stated) else "0"
    text = str(value)
    if _is_true(text):
        return "1"
    return "0" if text.lower() in ("false", "no", "") else xml_text(text)


def _is_true(value: Any) -> bool:
    return str(value).lower() in TRUE_WORDS


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _box_lines(indent: str, sides: list[str]) -> list[str]:
    names = ("xmin", "ymin", "xmax", "ymax")
    rows = [f"{indent}  <{name}>{text}</{name}>" for name, text in zip(names, sides, strict=True)]
    return [f"{indent}<bndbox>", *rows, f"{indent}</bndbox>"]


def _attribute_lines(values: Mapping[str, Any]) -> list[str]:
    if not values:
        return []
    lines = ["    <attributes>"]
    for name, value in values.items():
        lines += [
            "      <attribute>",
            f"        <name>{xml_text(name)}</name>",
            f"        <value>{xml_text(str(value))}</value>",
            "      </attribute>",
        ]
    return [*lines, "    </attributes>"]
