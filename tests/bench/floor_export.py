"""The least that an export costs: all rows of a store read, and their text written.

The text is byte for byte what ours is of a store that was filled from COCO. Every column that an
export needs is read, in the order of the index, and objects of several polygons are put together.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Iterator
from typing import Any

import orjson

SHAPES = (
    "SELECT frame, label_id, type, points, instance, extras, grp, parent_id, attributes, occluded,"
    " outside, z_order, rotation, source, score FROM shape WHERE job_id = 1 ORDER BY frame, id"
)


def main(database: str, target: str) -> None:
    store = sqlite3.connect(database)
    categories = {
        label: {"id": 0, "name": name} | orjson.loads(extras)["coco"]
        for label, name, extras in store.execute("SELECT id, name, extras FROM label ORDER BY id")
    }
    known = orjson.loads(store.execute("SELECT extras FROM project").fetchone()[0])["info"]["coco"]
    images = dict(_images(store))
    with open(target, "wb") as out:
        out.write(b'{"licenses":' + orjson.dumps(known["licenses"]))
        out.write(b',"info":' + orjson.dumps(known["info"]))
        out.write(b',"categories":' + orjson.dumps(list(categories.values())))
        out.write(b',"images":' + orjson.dumps(list(images.values())))
        out.write(b',"annotations":[')
        image_ids = {frame: image["id"] for frame, image in images.items()}
        category_ids = {label: category["id"] for label, category in categories.items()}
        separator = b""
        for records in _annotations(store, image_ids, category_ids):
            out.write(separator + orjson.dumps(records)[1:-1])
            separator = b","
        out.write(b"]}")


def _images(store: sqlite3.Connection) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, path, width, height, extras in store.execute(
        "SELECT number, path, width, height, extras FROM frame ORDER BY data_id, number"
    ):
        given = orjson.loads(extras)["extras"]["coco"]
        record = {"id": given["id"], "width": width, "height": height, "file_name": path}
        yield number, record | given


def _annotations(
    store: sqlite3.Connection, image_ids: dict[int, int], category_ids: dict[int, int]
) -> Iterator[list[dict[str, Any]]]:
    """The annotations of one image after the other."""
    last, records, parts = -1, list[dict[str, Any]](), dict[int, list[Any]]()
    for frame, label, kind, blob, instance, extras, *_ in store.execute(SHAPES):
        if frame != last and records:
            yield records
            records = []
        last = frame
        points = _unpacked(blob)
        if not extras:
            parts[instance].append(points)
            continue
        segmentation: Any = [points]
        if kind == "mask":
            segmentation = {"counts": points[2:], "size": [points[1], points[0]]}
        elif instance:
            parts = {instance: segmentation}
        given = orjson.loads(extras)["coco"]
        records.append(
            {
                "id": given["id"],
                "image_id": image_ids[frame],
                "category_id": category_ids[label],
                "segmentation": segmentation,
                "area": given["area"],
                "bbox": given["bbox"],
                "iscrowd": given["iscrowd"],
            }
        )
    yield records


def _unpacked(points: bytes) -> list[Any]:
    """Float64, or integers after a byte with their size: masks, which are kept as COCO's counts."""
    packed = array("d" if len(points) % 2 == 0 else "i" if points[0] & 4 else "H")
    packed.frombytes(memoryview(points)[len(points) % 2 :])
    return packed.tolist()


main(sys.argv[1], sys.argv[2])
