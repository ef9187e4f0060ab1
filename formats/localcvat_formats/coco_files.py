"""Which JSON files of a source are COCO, and of which task: instances, keypoints, results…"""

from __future__ import annotations

import re

import msgspec

from localcvat.archive import Source

OWN = frozenset(["coco"])
"""The extras that COCO's writers write back."""
KEYPOINTS = "person_keypoints_"
INSTANCES = "instances_"
OTHER_TASKS = ("captions_", "panoptic_", "stuff_", "image_info_", "labels_")
SNIFFED = 1 << 16
DATUMARO = re.compile(rb'"categories"\s*:\s*\{')
"""Datumaro's categories are an object, COCO's a list."""
PLAIN_STEMS = ("annotations", "_annotations.coco", "labels", "coco", "default")


class CocoFiles(msgspec.Struct):
    """Names of the COCO files of a source, each list in order.

    `results` are bare lists of detections; `others` hold tasks that the model has no place for.
    """

    instances: list[str] = []
    keypoints: list[str] = []
    results: list[str] = []
    others: list[str] = []


def find_files(source: Source) -> CocoFiles:
    """The COCO files of a source by what they hold; reads the beginning of each."""
    files = CocoFiles()
    for name in source.names:
        base = name.rpartition("/")[2]
        if not base.lower().endswith(".json") or base.startswith("."):
            continue
        with source.peek(name) as stream:
            head = stream.read(SNIFFED).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"["):
            if b'"image_id"' in head and b'"category_id"' in head:
                files.results.append(name)
        elif not _has_coco_keys(head):
            continue
        elif base.startswith(OTHER_TASKS):
            files.others.append(name)
        elif base.startswith(KEYPOINTS):
            files.keypoints.append(name)
        else:
            files.instances.append(name)
    return files


def _has_coco_keys(head: bytes) -> bool:
    if not head.startswith(b"{") or b'"items"' in head[:64] or DATUMARO.search(head):
        return False
    return b'"images"' in head or b'"annotations"' in head or b'"categories"' in head


def subset_of(name: str) -> str:
    """The subset a file name stands for: what follows ``instances_``, else the stem."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    for prefix in (INSTANCES, KEYPOINTS):
        if prefix in stem:
            return stem.partition(prefix)[2] or "default"
    if stem == "_annotations.coco" and "/" in name:  # Roboflow: train/_annotations.coco.json
        return name.split("/")[-2]
    return "default" if stem in PLAIN_STEMS else stem
