"""What the floor programs read: a COCO file decoded typed, segmentations left as they are."""

from __future__ import annotations

import msgspec


class Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: msgspec.Raw = msgspec.Raw()


class Category(msgspec.Struct, gc=False):
    id: int
    name: str


class Coco(msgspec.Struct):
    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]


def read(path: str) -> Coco:
    """The whole file."""
    with open(path, "rb") as stream:
        return msgspec.json.decode(stream.read(), type=Coco)


def by_image(coco: Coco) -> dict[int, list[Annotation]]:
    """The annotations of every image."""
    found: dict[int, list[Annotation]] = {image.id: [] for image in coco.images}
    for annotation in coco.annotations:
        found[annotation.image_id].append(annotation)
    return found
