"""What a COCO file has that is not read: keys of no known name, and what boxes alone leave behind.

Where only boxes are wanted, annotations are not decoded in full, so that it is the first image and
the first annotation that tell which fields there are. Files too large for a second look are not
searched for keys beside COCO's own.
"""

from __future__ import annotations

import json
import mmap
from typing import Any

from localcvat.foreign_fields import ForeignFields
from localcvat.report import Report
from localcvat_formats.coco_records import CocoFile
from localcvat_formats.unknown_fields import keys_of, report_unknown

KEYS = ("images", "annotations", "categories", "info", "licenses", "type")
LARGEST = 1 << 25
LOOKED_AT = 1 << 18
READ = frozenset(("score", "group", "iscrowd"))


def report_unread(
    data: bytes | mmap.mmap, coco: CocoFile, report: Report, *, boxes_only: bool
) -> None:
    """Count what of the file goes nowhere."""
    if len(data) <= LARGEST:
        report_unknown(keys_of(data[:]), KEYS, report, coco.where, of="dataset")
    if not boxes_only:
        return
    fields = ForeignFields((), report)
    for raw in coco.images[:1]:
        fields.image("coco", _object(bytes(raw)), coco.where, len(coco.images))
    start = data.find(b"{", max(data.find(b'"annotations"'), 0) + len('"annotations"'))
    if coco.annotations and start > 0:
        first = _object(data[start : start + LOOKED_AT])
        kept = {key: value for key, value in first.items() if key not in READ}
        fields.annotation("coco", kept, coco.where, len(coco.annotations))
    fields.report()


def _object(text: bytes) -> dict[str, Any]:
    """The JSON object that the text begins with; empty when that can't be told."""
    try:
        found = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
