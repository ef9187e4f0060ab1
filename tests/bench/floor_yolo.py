"""The least that COCO to YOLO costs: typed decoding, segmentations raw, and writing texts."""

from __future__ import annotations

import os
import sys

import coco_input


def main(source: str, target: str) -> None:
    coco = coco_input.read(source)
    index = {category.id: number for number, category in enumerate(coco.categories)}
    images = {image.id: image for image in coco.images}
    lines: dict[int, list[str]] = {image: [] for image in images}
    for annotation in coco.annotations:
        image = images[annotation.image_id]
        x, y, w, h = annotation.bbox
        lines[annotation.image_id].append(
            f"{index[annotation.category_id]} {(x + w / 2) / image.width:.6f} "
            f"{(y + h / 2) / image.height:.6f} {w / image.width:.6f} {h / image.height:.6f}\n"
        )
    os.mkdir(target)
    for number, image in images.items():
        path = f"{target}/{image.file_name.rpartition('.')[0]}.txt"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, "".join(lines[number]).encode())
        os.close(descriptor)


main(sys.argv[1], sys.argv[2])
