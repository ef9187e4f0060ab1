"""What a COCO file has that is not read: keys of no known name, and what boxes alone leave behind.

Where only boxes are wanted, annotations are not decoded in full. Files small enough get a second
look at every annotation, and at whether it is there twice; of larger ones a sample is looked at,
which the report says, and keys beside COCO's own are not searched for. The first image tells which
fields images have.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from localcvat.foreign_fields import ForeignFields
from localcvat.report import Report
from localcvat_formats.coco_records import BoxRecord, ClosedFile, CocoFile, CountedFile
from localcvat_formats.unknown_fields import keys_of, report_unknown

KEYS = ("images", "annotations", "categories", "info", "licenses", "type")
LARGEST = 1 << 25
"""Bytes of a file that is looked at twice."""
SAMPLES = 64
LOOKED_AT = 1 << 16
OBJECT = re.compile(rb"[\[,]\s*(?=\{)")
READ = frozenset(("score", "group", "iscrowd"))


class Drawn(msgspec.Struct, gc=False):
    """What two annotations of the same object have alike; every part is the text of the file."""

    image_id: msgspec.Raw = msgspec.Raw()
    category_id: msgspec.Raw = msgspec.Raw()
    bbox: msgspec.Raw = msgspec.Raw()
    segmentation: msgspec.Raw = msgspec.Raw()
    keypoints: msgspec.Raw = msgspec.Raw()


class DrawnFile(msgspec.Struct):
    """A COCO file of which only that is wanted."""

    annotations: list[Drawn] = []


def _report_twins(data: bytes | mmap.mmap, coco: CocoFile, report: Report) -> None:
    """Count annotations that say of an image what another has said."""
    with suppress(ValueError, RecursionError):
        seen: set[int] = set()
        for position, drawn in enumerate(msgspec.json.decode(data, type=DrawnFile).annotations):
            known = len(seen)
            seen.add(hash(tuple(bytes(part) for part in msgspec.structs.astuple(drawn))))
            if len(seen) == known:
                how = "the same as another of its image: both kept"
                report.assumed("annotation", how, coco.place(position))


def report_unread(
    data: bytes | mmap.mmap, coco: CocoFile, report: Report, *, boxes_only: bool
) -> None:
    """Count what of the file goes nowhere."""
    if len(data) <= LARGEST:
        report_unknown(keys_of(data[:]), KEYS, report, coco.where, of="dataset")
        _report_twins(data, coco, report)
    if not boxes_only:
        for name, value in (("info", coco.info), ("licenses", coco.licenses)):
            if value is None:
                report.assumed(name, "missing: left empty", coco.where)
        return
    fields = ForeignFields((), report)
    for raw in coco.images[:1]:
        fields.image("coco", _object(bytes(raw)), coco.where, len(coco.images))
    crowds = _crowds(coco)
    if crowds:
        fields.annotation("coco", {"iscrowd": 1}, coco.where, crowds)
    if len(data) <= LARGEST:
        for annotation in _with_unknown_keys(data):
            fields.annotation("coco", _unread(annotation), coco.where, 1)
    elif coco.annotations:
        _report_sample(data, coco, fields, report)
    fields.report()


def _crowds(coco: CocoFile) -> int:
    if coco.raw is not None:
        return sum(1 for text in coco.raw if _object(bytes(text)).get("iscrowd"))
    return sum(1 for record in coco.annotations if isinstance(record, BoxRecord) and record.iscrowd)


def _with_unknown_keys(data: bytes | mmap.mmap) -> Iterator[dict[str, Any]]:
    """All annotations where one has a key of no record; none where all keys are known."""
    try:
        msgspec.json.decode(data, type=ClosedFile)
    except (ValueError, RecursionError):
        for text in msgspec.json.decode(data, type=CountedFile).annotations:
            yield _object(bytes(text))


def _report_sample(
    data: bytes | mmap.mmap, coco: CocoFile, fields: ForeignFields, report: Report
) -> None:
    """Count the fields of annotations spread over the file, each key as if all had it."""
    found: dict[str, Any] = {}
    looked_at = 0
    for annotation in _sample(data):
        looked_at += 1
        for key, value in _unread(annotation).items():
            found[key] = found.get(key) or value
    fields.annotation("coco", found, coco.where, len(coco.annotations))
    how = f"told by {looked_at} annotations all over the file, which is too large to look at all"
    report.assumed("fields of annotations", how, coco.where)


def _sample(data: bytes | mmap.mmap) -> Iterator[dict[str, Any]]:
    start = max(data.find(b'"annotations"'), 0) + len(b'"annotations"')
    step = max((len(data) - start) // SAMPLES, 1)
    for position in range(start, len(data), step):
        text = data[position : position + LOOKED_AT]
        for place in OBJECT.finditer(text):
            found = _object(text[place.end() :])
            if "image_id" in found:
                yield found
                break


def _unread(annotation: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in annotation.items() if key not in READ}


def _object(text: bytes) -> dict[str, Any]:
    """The JSON object that the text begins with; empty when that can't be told."""
    try:
        found = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
