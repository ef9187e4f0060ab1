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
            packed = array("d")
            packed.frombytes(points)
            record = {"id": number, "image_id": frame, "category_id": label}
            record |= {"segmentation": [packed.tolist()], "extras": orjson.Fragment(extras or "{}")}
            out.write(orjson.dumps(record))


main(sys.argv[1], sys.argv[2])
