"""Pictures of frames: CVAT-like thumbnails, and annotations in the colours of their labels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from localcvat.errors import SourceError
from localcvat.model import Label, Media, Shape, Tag

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

PREVIEW_BOX = (256, 256)
PREVIEW_QUALITY = 70
FILL_ALPHA = 90
DEFAULT_COLOR = "#c0c0c0"
CUBOID_EDGES = ((0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4))
CUBOID_SIDES = ((0, 4), (1, 5), (2, 6), (3, 7))


def open_image(media: Media) -> Image.Image:
    """The decoded picture as displayed: EXIF orientation applied, RGB; raises SourceError."""
    from PIL import Image, ImageOps

    try:
        with media.open() as stream, Image.open(stream) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise SourceError(
            f"not a readable image: {error}", where=media.path or media.name
        ) from error


def thumbnail(image: Image.Image) -> Image.Image:
    """`image` inside a 256×256 box, the plain preview of CVAT."""
    small = image.copy()
    small.thumbnail(PREVIEW_BOX)
    return small


def encoded(image: Image.Image, kind: str, quality: int = PREVIEW_QUALITY) -> bytes:
    """`image` as the bytes of a JPEG, PNG or WEBP."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def draw_annotations(
    image: Image.Image, shapes: Sequence[Shape], tags: Sequence[Tag], labels: Sequence[Label]
) -> Image.Image:
    """A copy of `image` with shapes, skeletons and label names drawn, in z_order."""
    from PIL import Image as Images
    from PIL import ImageDraw

    by_name = {label.name: label for label in labels}
    layer = Images.new("RGBA", image.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    for shape in sorted(shapes, key=lambda shape: shape.z_order):
        if not shape.outside:
            _draw(layer, pen, shape, by_name)
    for row, tag in enumerate(tags):
        pen.text((4, 4 + 12 * row), f"# {tag.label}", fill=_rgba(_color(by_name, tag.label), 255))
    return Images.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _color(labels: Mapping[str, Label], name: str) -> str:
    label = labels.get(name)
    return label.color if label is not None and label.color else DEFAULT_COLOR


def _rgba(color: str, alpha: int) -> tuple[int, int, int, int]:
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(color)[:3]
    except ValueError:
        red, green, blue = ImageColor.getrgb(DEFAULT_COLOR)[:3]
    return red, green, blue, alpha


def _draw(
    layer: Image.Image, pen: ImageDraw.ImageDraw, shape: Shape, labels: Mapping[str, Label]
) -> None:
    color = _color(labels, shape.label)
    line, fill = _rgba(color, 255), _rgba(color, FILL_ALPHA)
    if shape.type == "skeleton":
        _draw_skeleton(pen, shape, labels.get(shape.label), line)
    elif shape.type == "mask":
        _draw_mask(layer, shape, fill)
    elif shape.type == "cuboid":
        _draw_cuboid(pen, _pairs(shape.points), line)
    elif shape.type == "points":
        _draw_dots(pen, _pairs(shape.points), line)
    elif shape.type == "polyline":
        pen.line(_pairs(shape.points), fill=line, width=2)
    else:
        pen.polygon(_pairs(_outline(shape)), fill=fill, outline=line, width=2)
    corner = _corner(shape)
    if corner is not None:
        pen.text(corner, shape.label, fill=line, stroke_width=1, stroke_fill=(0, 0, 0, 160))


def _outline(shape: Shape) -> Sequence[float]:
    if shape.type == "rectangle":
        from localcvat.geometry.boxes import rectangle_corners

        return rectangle_corners(shape.points, shape.rotation)
    if shape.type == "ellipse":
        from localcvat.geometry.ellipses import ellipse_to_polygon

        return ellipse_to_polygon(shape.points, shape.rotation)
    return shape.points


def _pairs(points: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(points[0::2], points[1::2], strict=False))


def _corner(shape: Shape) -> tuple[float, float] | None:
    from localcvat.geometry.boxes import shape_box

    if not shape.points and not shape.elements:
        return None
    left, top, _, _ = shape_box(shape)
    return left + 2, max(0, top - 11)


def _draw_dots(
    pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], line: tuple[int, int, int, int]
) -> None:
    for x, y in points:
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=line, outline=(0, 0, 0, 200))


def _draw_cuboid(
    pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], line: tuple[int, int, int, int]
) -> None:
    if len(points) != 8:
        return
    for start, end in (*CUBOID_EDGES, *CUBOID_SIDES):
        pen.line((points[start], points[end]), fill=line, width=2)


def _draw_skeleton(
    pen: ImageDraw.ImageDraw, shape: Shape, label: Label | None, line: tuple[int, int, int, int]
) -> None:
    from localcvat.labels import skeleton_edges

    spots = {
        element.label: (element.points[0], element.points[1])
        for element in shape.elements
        if not element.outside and len(element.points) >= 2
    }
    for start, end in skeleton_edges(label) if label is not None else ():
        if start in spots and end in spots:
            pen.line((spots[start], spots[end]), fill=line, width=2)
    _draw_dots(pen, list(spots.values()), line)


def _draw_mask(layer: Image.Image, shape: Shape, fill: tuple[int, int, int, int]) -> None:
    from PIL import Image as Images

    from localcvat.geometry.masks import mask_to_bitmap

    bitmap, left, top = mask_to_bitmap(shape.points)
    stencil = Images.fromarray((bitmap != 0).astype("uint8") * 255, "L")
    layer.paste(Images.new("RGBA", stencil.size, fill), (int(left), int(top)), stencil)
