"""The least that COCO to COCO costs: typed decoding, segmentations raw, and encoding again."""

from __future__ import annotations

import os
import sys

import coco_input
import msgspec

BATCH = 10_000


def main(source: str, target: str) -> None:
    coco = coco_input.read(source)
    encode = msgspec.json.Encoder().encode
    os.mkdir(target)
    with open(f"{target}/instances.json", "wb") as out:
        out.write(b'{"images":' + encode(coco.images))
        out.write(b',"categories":' + encode(coco.categories) + b',"annotations":[')
        for start in range(0, len(coco.annotations), BATCH):
            batch = encode(coco.annotations[start : start + BATCH])
            out.write((b"," if start else b"") + batch[1:-1])
        out.write(b"]}")


main(sys.argv[1], sys.argv[2])
