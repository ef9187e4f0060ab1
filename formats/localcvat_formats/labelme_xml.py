"""LabelMe's XML: an annotation file beside each image (formats specification, section 11).

CVAT's name is LabelMe 3.0: ``<subset>/<id>.xml``, masks in ``<subset>/Masks/<id>_mask_<n>.png``.
Attributes are ``name=value`` joined by commas, with ``\\`` before ``\\``, ``=``, ``"`` and ``,``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcvat.archive import Sink, Source
from localcvat.model import Dataset, Item, Shape
from localcvat.plugin import Capabilities, Detection, Dialect, Format, ReadOptions, WriteOptions
from localcvat.report import Report
from localcvat.text import xml_text
from localcvat_formats.cvat_dialect import datumaro_attributes
from localcvat_formats.dataset_writer import DatasetWriter
from localcvat_formats.labelme_xml_reader import LabelMeReader
from localcvat_formats.segments import can_be_painted, masks_of, merged_parts, write_gray_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SNIFFED = 1 << 13
LOOKED_AT = 20
MASK_COLOR = (0, 203, 255, 153)
OWN_PLACE = frozenset(("username", "occluded"))


class LabelMeXml(Format):
    """Boxes, polygons and masks with attributes and groups."""

    name = "labelme-xml"
    cvat_names = ("LabelMe 3.0",)
    aliases = ("labelme_xml", "label_me", "labelme-3")
    summary = "LabelMe 3.0: an XML file an image with boxes, polygons and masks"
    extensions = (".xml",)

    def capabilities(self, dialect: Dialect) -> Capabilities:
        cvat = dialect == "cvat"
        return Capabilities(
            kinds=frozenset(("rectangle", "polygon", "mask")),
            converts={"ellipse": "mask" if cvat else "polygon"},
            rotation=True,
            attributes=True,
            group=True,
            occluded=True,
            tracks="flattened",
            label_list=False,
            decimals=2 if cvat else None,
            reserved={} if cvat else dict.fromkeys((*OWN_PLACE, "rectangle.rotation"), ""),
        )

    def detect(self, source: Source) -> Detection:
        xmls = [name for name in source.names if name.lower().endswith(".xml")]
        for name in xmls[:LOOKED_AT]:
            with source.open(name) as stream:
                head = stream.read(SNIFFED).replace(b"\0", b"")
            if b"<annotation>" not in head or b"<bndbox" in head:
                return Detection(score=0, reason=f"{name} is not LabelMe's")
            if b"<polygon>" in head or b"<segm>" in head or b"<imagesize>" in head:
                return Detection(score=90, reason=f"{name} is LabelMe's <annotation>")
        return Detection(score=0, reason="no .xml files with polygons or masks")

    def read(self, source: Source, options: ReadOptions, report: Report) -> Dataset:
        return LabelMeReader(source, options, report).dataset()

    def write(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        _Writer(dataset, sink, options, report).write()


class _Writer(DatasetWriter):
    """Writes one dataset."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        super().__init__(dataset, sink, options, report)
        self._labels = {label.name: label for label in dataset.header.labels}

    def write(self) -> None:
        """Write everything."""
        for item in self._dataset.items:
            folder, _, base = item.path.rpartition("/")
            lines = [
                "<annotation>",
                f"  <filename>{xml_text(base)}</filename>",
                f"  <folder>{xml_text(folder)}</folder>",
                "  <source>",
                "    <sourceImage></sourceImage>",
                f"    <sourceAnnotation>{'Datumaro' if self._cvat else ''}</sourceAnnotation>",
                "  </source>",
            ]
            if item.width and item.height:
                lines += [
                    "  <imagesize>",
                    f"    <nrows>{item.height}</nrows>",
                    f"    <ncols>{item.width}</ncols>",
                    "  </imagesize>",
                ]
            lines += self._objects(item)
            text = "\n".join([*lines, "</annotation>", ""])
            self._sink.write(self._free_name(item), text.encode())
            if self._with_images and item.media is not None:
                self._sink.add_media(f"{item.subset}/{item.path}", item.media)

    def _free_name(self, item: Item) -> str:
        """Where an image's file goes: behind its whole name if its stem is taken."""
        name = f"{item.subset}/{item.stem}.xml"
        return f"{item.subset}/{item.path}.xml" if self._sink.has(name) else name

    def _objects(self, item: Item) -> list[str]:
        if not self._cvat:
            united = {id(m) for m in merged_parts(masks_of(item), self._report, item.path)}
            item.shapes = [s for s in item.shapes if s.type != "mask" or id(s) in united]
        members: dict[int, list[int]] = {}
        for number, shape in enumerate(item.shapes):
            if shape.group:
                members.setdefault(shape.group, []).append(number)
        lines: list[str] = []
        for number, shape in enumerate(item.shapes):
            group = members.get(shape.group, []) if shape.group else []
            lines += self._object(number, shape, item, group)
        for numbers in members.values():
            if len(numbers) == 1:
                self._report.dropped("group", "of one member: LabelMe joins parts", item.path)
        return lines

    def _object(self, number: int, shape: Shape, item: Item, group: list[int]) -> list[str]:
        leads = bool(group) and group[0] == number
        parts = ",".join(map(str, group[1:])) if leads else ""
        whole = str(group[0]) if group and not leads else ""
        return [
            "  <object>",
            f"    <name>{xml_text(shape.label)}</name>",
            "    <deleted>0</deleted>",
            "    <verified>0</verified>",
            f"    <occluded>{'yes' if shape.occluded else 'no'}</occluded>",
            "    <date></date>",
            f"    <id>{number}</id>",
            "    <parts>",
            f"      <hasparts>{parts}</hasparts>",
            f"      <ispartof>{whole}</ispartof>",
            "    </parts>",
            *self._outline(number, shape, item),
            f"    <attributes>{xml_text(self._attributes(shape))}</attributes>",
            "  </object>",
        ]

    def _outline(self, number: int, shape: Shape, item: Item) -> list[str]:
        user = f"      <username>{xml_text(shape.attributes.get('username', ''))}</username>"
        if shape.type == "mask":
            return self._mask(number, shape, item, user)
        points = list(shape.points)
        kind = []
        if shape.type == "rectangle":
            x1, y1, x2, y2 = points
            points = [x1, y1, x2, y1, x2, y2, x1, y2]
            kind = ["    <type>bounding_box</type>"]
        lines = [*kind, "    <polygon>"]
        for x, y in zip(points[0::2], points[1::2], strict=True):
            lines += [
                "      <pt>",
                f"        <x>{self._number(x)}</x>",
                f"        <y>{self._number(y)}</y>",
                "      </pt>",
            ]
        return [*lines, user, "    </polygon>"]

    def _number(self, value: float) -> str:
        return f"{value:.2f}" if self._cvat else f"{value:.6f}".rstrip("0").rstrip(".")

    def _mask(self, number: int, shape: Shape, item: Item, user: str) -> list[str]:
        if not can_be_painted(item):
            why = "the image's size is unknown or too large to paint"
            self._report.dropped("mask pixels", why, item.path)
        else:
            name = f"{item.stem}_mask_{number}.png"
            canvas = _painted(shape, item)
            write_gray_png(self._sink, f"{item.subset}/Masks/{name}", canvas)
        left, top, right, bottom = shape.points[-4:]
        sides = {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}
        box = [f"        <{side}>{value:.2f}</{side}>" for side, value in sides.items()]
        return [
            "    <segm>",
            f"      <mask>{xml_text(f'{item.stem}_mask_{number}.png')}</mask>",
            "      <box>",
            *box,
            "      </box>",
            user,
            "    </segm>",
        ]

    def _attributes(self, shape: Shape) -> str:
        if self._cvat:
            values = datumaro_attributes(shape, self._labels[shape.label])
        else:
            values = dict(shape.attributes)
            if shape.rotation:
                values["rotation"] = float(shape.rotation)
            if shape.track_id is not None:
                values |= {"track_id": shape.track_id, "keyframe": shape.keyframe}
        pairs = []
        for name, value in values.items():
            if name in OWN_PLACE:
                continue
            pairs.append(f"{_escaped(name)}={self._value(value)}")
        return ", ".join(pairs)

    def _value(self, value: Any) -> str:
        """Strings that look like numbers go into quotes."""
        if not isinstance(value, str):
            return str(value)
        looks = _is_canonical_number(value)
        if looks or (not self._cvat and (value in ("True", "False") or value != value.strip())):
            return f'"{value if looks else _escaped(value)}"'
        return _escaped(value)


def _painted(shape: Shape, item: Item) -> NDArray[np.uint8]:
    """The mask in LabelMe's colour on nothing, by red, green, blue and alpha."""
    import numpy as np

    from localcvat.geometry.raster import paint_mask

    canvas = np.zeros((item.height, item.width), dtype=np.uint8)
    paint_mask(canvas, shape.points, 1)
    return np.array([(0, 0, 0, 0), MASK_COLOR], dtype=np.uint8)[canvas]


def _escaped(text: str) -> str:
    for char in ("\\", "=", '"', ","):
        text = text.replace(char, "\\" + char)
    return text


def _is_canonical_number(text: str) -> bool:
    """Whether `text` is how Python writes a float or an integer."""
    for kind in (float, int):
        try:
            if str(kind(text)) == text:
                return True
        except ValueError:
            continue
    return False
