"""COCO annotations whose text goes to another COCO file as it is, unless they need a look."""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot

import msgspec

from localcvat.model import Item, Shape
from localcvat_formats.coco_objects import BEYOND, EMPTY, FAR, ObjectReader, edges_of
from localcvat_formats.coco_records import LineRecord, entry_error

LINE_DECODER = msgspec.json.Decoder(LineRecord)
MIN_POLYGON_COMMAS = 5


class LineReader(ObjectReader):
    """Reads annotations as their box and their text; those that are not sound are decoded fully."""

    def of_image(self, positions: Iterable[int], item: Item) -> list[Shape]:
        shapes: list[Shape] = []
        right, bottom = edges_of(item)
        for position in positions:
            raw = self._texts[position]
            try:
                record = LINE_DECODER.decode(raw)
            except (ValueError, RecursionError):
                shapes += self.shapes(position, item)  # says what is amiss
                continue
            box, label = record.bbox, self._names.get(record.category_id)
            kind = _kind_of(bytes(record.segmentation)) if record.is_complete() else None
            if kind is None or label is None or box is None or len(box) != 4:
                shapes += self.shapes(position, item)
                continue
            x, y, width, height = box
            if not (width > 0 < height and hypot(*box) < FAR):
                shapes += self.shapes(position, item)
                continue
            points = [x, y, x + width, y + height]
            if x < -BEYOND or y < -BEYOND or points[2] > right or points[3] > bottom:
                self._tell_beyond(position)
            shapes.append(_passed(kind, label, points, record, raw))
        return shapes

    def _shapes(self, position: int, item: Item) -> list[Shape]:
        return self._line(position, item)

    def _line(self, position: int, item: Item) -> list[Shape]:
        """An annotation whose text goes to another COCO file as it is, unless it needs a look."""
        raw = self._texts[position]
        try:
            record = LINE_DECODER.decode(raw)
        except (ValueError, RecursionError) as error:
            raise entry_error(error, self._coco.where, f"annotations[{position}]") from error
        kind = None
        if record.is_complete() and len(record.bbox or ()) == 4:
            kind = self._sound_kind(bytes(record.segmentation), position, item)
        if kind is None:
            return self._full(position, item)
        label = self._label(position, record.category_id)
        return [_passed(kind, label, self._box(record.bbox or [], position), record, raw)]

    def _sound_kind(self, segmentation: bytes, position: int, item: Item) -> str | None:
        """The kind of shape of a segmentation that may be passed on undecoded, None for another.

        Raises DatasetError for a mask that does not fill its image.
        """
        if segmentation[:1] == b"{":
            self._checked_rle(segmentation, position, item)
            return "mask"
        return _kind_of(segmentation)


def _passed(
    kind: str, label: str, points: list[float], record: LineRecord, raw: msgspec.Raw
) -> Shape:
    """The shape that carries an annotation's text, and the ids that a writer may have to change."""
    line = {
        "line": raw,
        "id": record.id,
        "image_id": record.image_id,
        "category_id": record.category_id,
    }
    return Shape(type=kind, label=label, points=points, extras={"coco": line})


def _kind_of(segmentation: bytes) -> str | None:
    """The kind of shape that passes undecoded; None for a mask and for what is not sound.

    Every ring of a polygon must have an even count of six numbers or more, which its commas tell.
    """
    if segmentation in EMPTY:
        return "rectangle"
    if segmentation[:2] != b"[[" or b'"' in segmentation or b"n" in segmentation:
        return None
    if segmentation.count(b"[") == 2:
        commas = segmentation.count(b",")
        return "polygon" if commas % 2 and commas >= MIN_POLYGON_COMMAS else None
    for ring in segmentation[2:].split(b"["):
        commas = ring.count(b",") - ring.endswith(b",")
        if commas % 2 == 0 or commas < MIN_POLYGON_COMMAS:
            return None
    return "polygon"
