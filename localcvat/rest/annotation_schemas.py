"""Bodies of annotations as CVAT's API takes them: tags, shapes and tracks by label and spec ids."""

from __future__ import annotations

import math
from typing import Any

from localcvat.fields import (
    Choice,
    Field,
    Flag,
    Integer,
    ListOf,
    Number,
    Record,
    Records,
    Refused,
    Text,
)
from localcvat.model import SHAPE_TYPES

MAX_NUMBER = (1 << 31) - 1


class Coordinate(Field, kw_only=True):
    """A number of `points`; kept as given, whole or not."""

    def clean(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            text = "Value must be a float or an integer"
            raise Refused(f"[ErrorDetail(string='{text}', code='invalid')]")
        if not math.isfinite(value) or abs(value) > 1e300:
            raise Refused("[ErrorDetail(string='A valid number is required.', code='invalid')]")
        return value


def _some_keyframes(track: dict[str, Any]) -> None:
    if not track.get("shapes"):
        raise Refused({"shapes": ["This list may not be empty."]})


_ATTRIBUTES = Records(
    child=Record(
        fields={
            "spec_id": Integer(required=True, minimum=0),
            "value": Text(required=True, blank=True, max_length=4096),
        }
    )
)
_DRAWN: dict[str, Field] = {
    "type": Choice(required=True, choices=SHAPE_TYPES),
    "occluded": Flag(),
    "outside": Flag(),
    "z_order": Integer(minimum=-MAX_NUMBER, maximum=MAX_NUMBER),
    "rotation": Number(minimum=0, maximum=360),
    "points": ListOf(child=Coordinate()),
}
_OWNED: dict[str, Field] = {
    "id": Integer(null=True),
    "frame": Integer(required=True, minimum=0, maximum=MAX_NUMBER),
    "label_id": Integer(required=True, minimum=0),
    "group": Integer(null=True, minimum=0, maximum=MAX_NUMBER),
    "source": Text(max_length=16),
    "attributes": _ATTRIBUTES,
}
_TAG = Record(fields=_OWNED)
_ELEMENT = Record(fields=_DRAWN | _OWNED)
_SHAPE = Record(fields=_DRAWN | _OWNED | {"elements": Records(child=_ELEMENT)})
_TRACKED = Record(
    fields=_DRAWN | {"id": Integer(null=True), "frame": _OWNED["frame"], "attributes": _ATTRIBUTES}
)
_TRACKED_LIST = {"shapes": Records(required=True, child=_TRACKED)}
_ELEMENT_TRACK = Record(fields=_OWNED | _TRACKED_LIST, rule=_some_keyframes)
_TRACK = Record(
    fields=_OWNED | _TRACKED_LIST | {"elements": Records(child=_ELEMENT_TRACK)},
    rule=_some_keyframes,
)
LABELED_DATA = Record(
    fields={
        "version": Integer(),
        "tags": Records(child=_TAG),
        "shapes": Records(child=_SHAPE),
        "tracks": Records(child=_TRACK),
    }
)
