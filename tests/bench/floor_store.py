"""The least that an import costs: the rows of the annotations into SQLite, with their index."""

from __future__ import annotations

import sqlite3
import sys
from array import array

import msgspec


class Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: msgspec.Raw = msgspec.Raw()


class Coco(msgspec.Struct):
    annotations: list[Annotation]


def main(source: str, target: str) -> None:
    with open(source, "rb") as stream:
        coco = msgspec.json.decode(stream.read(), type=Coco)
    database = sqlite3.connect(target, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "CREATE TABLE shape (id INTEGER PRIMARY KEY, job_id INTEGER, frame INTEGER, "
        "label_id INTEGER, points BLOB) STRICT"
    )
    database.execute("CREATE INDEX shape_job ON shape(job_id, frame)")
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO shape (job_id, frame, label_id, points) VALUES (1, ?, ?, ?)",
        (
            (annotation.image_id, annotation.category_id, _points(annotation.segmentation))
            for annotation in coco.annotations
        ),
    )
    database.execute("COMMIT")


def _points(segmentation: msgspec.Raw) -> bytes:
    value = msgspec.json.decode(segmentation)
    return array("d", value[0] if isinstance(value, list) else value["counts"]).tobytes()


main(sys.argv[1], sys.argv[2])
