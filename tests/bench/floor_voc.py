"""The least that COCO to VOC costs: typed decoding, segmentations raw, and writing XML texts."""

from __future__ import annotations

import os
import sys

import coco_input


def main(source: str, target: str) -> None:
    coco = coco_input.read(source)
    names = {category.id: category.name for category in coco.categories}
    annotations = coco_input.by_image(coco)
    os.mkdir(target)
    for image in coco.images:
        parts = [
            f"<annotation><folder></folder><filename>{image.file_name}</filename><size><width>"
            f"{image.width}</width><height>{image.height}</height><depth>3</depth></size>"
        ]
        for annotation in annotations[image.id]:
            x, y, w, h = annotation.bbox
            parts.append(
                f"<object><name>{names[annotation.category_id]}</name><bndbox><xmin>{x}</xmin>"
                f"<ymin>{y}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            )
        parts.append("</annotation>")
        path = f"{target}/{image.file_name.rpartition('.')[0]}.xml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, "".join(parts).encode())
        os.close(descriptor)


main(sys.argv[1], sys.argv[2])
