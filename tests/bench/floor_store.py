"""The least that an import costs: rows of images and annotations into SQLite, with their index.

Each polygon of an object is a row, as in ours: with the first alone a tenth of them would be lost.
What else the file says (ids, boxes, areas) is not kept here.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Iterator

import msgspec


class Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    segmentation: msgspec.Raw = msgspec.Raw()


class Coco(msgspec.Struct):
    images: list[Image]
    annotations: list[Annotation]


def main(source: str, target: str) -> None:
    with open(source, "rb") as stream:
        coco = msgspec.json.decode(stream.read(), type=Coco)
    database = sqlite3.connect(target, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "CREATE TABLE frame (id INTEGER PRIMARY KEY, path TEXT, width INTEGER, height INTEGER)"
        " STRICT"
    )
    database.execute(
        "CREATE TABLE shape (id INTEGER PRIMARY KEY, job_id INTEGER, frame INTEGER, "
        "label_id INTEGER, points BLOB) STRICT"
    )
    database.execute("CREATE INDEX shape_job ON shape(job_id, frame)")
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO frame VALUES (?, ?, ?, ?)",
        ((image.id, image.file_name, image.width, image.height) for image in coco.images),
    )
    database.executemany(
        "INSERT INTO shape (job_id, frame, label_id, points) VALUES (1, ?, ?, ?)",
        (
            (annotation.image_id, annotation.category_id, points)
            for annotation in coco.annotations
            for points in _points(annotation.segmentation)
        ),
    )
    database.execute("COMMIT")


def _points(segmentation: msgspec.Raw) -> Iterator[bytes]:
    value = msgspec.json.decode(segmentation)
    if isinstance(value, list):
        return (array("d", ring).tobytes() for ring in value)
    return iter((array("i", value["counts"]).tobytes(),))


main(sys.argv[1], sys.argv[2])
