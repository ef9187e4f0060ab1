"""The least that an export costs: the rows of a store read, and their text written."""

from __future__ import annotations

import sqlite3
import sys
from array import array

import orjson


def main(database: str, target: str) -> None:
    rows = sqlite3.connect(database).execute(
        "SELECT id, frame, label_id, points, extras FROM shape ORDER BY frame, id"
    )
    with open(target, "wb") as out:
        for number, frame, label, points, extras in rows:
            packed = unpacked(points)
            record = {"id": number, "image_id": frame, "category_id": label}
            record |= {"segmentation": [packed.tolist()], "extras": orjson.Fragment(extras or "{}")}
            out.write(orjson.dumps(record))


def unpacked(points: bytes) -> array[float] | array[int]:
    """Float64, or integers after a byte with their size: masks, which are kept as COCO's counts."""
    packed = array("d" if len(points) % 2 == 0 else "i" if points[0] & 4 else "H")
    packed.frombytes(memoryview(points)[len(points) % 2 :])
    return packed


main(sys.argv[1], sys.argv[2])
