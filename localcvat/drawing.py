"""Pictures of frames: CVAT-like thumbnails, and annotations in the colours of their labels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localcvat.errors import SourceError
from localcvat.model import Label, Media, Shape, Tag

if TYPE_CHECKING:
    from PIL import Image

Point = tuple[float, float]
Rgba = tuple[int, int, int, int]

PREVIEW_BOX = (256, 256)
PREVIEW_QUALITY = 70
FILL_ALPHA = 60
MASK_ALPHA = 120
DEFAULT_COLOR = "#c0c0c0"
# Points 0 to 3 are the front's left and right edge, 4 to 7 the back's right and left edge.
CUBOID_EDGES = ((0, 1), (2, 3), (0, 2), (1, 3), (4, 5), (6, 7), (4, 6), (5, 7))
CUBOID_SIDES = ((0, 6), (1, 7), (2, 4), (3, 5))
BRIGHT = 140
WIDE_FONTS = (
    *("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf"),
    *("Arial Unicode.ttf", "arialuni.ttf", "arial.ttf"),
)


def open_image(media: Media) -> Image.Image:
    """The decoded picture as displayed: EXIF orientation applied, RGB; raises SourceError."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    where = media.path or media.name
    try:
        with media.open() as stream, Image.open(stream) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except UnidentifiedImageError as error:
        raise SourceError("this is no picture, there is nothing to draw", where=where) from error
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise SourceError(f"not a readable image: {error}", where=where) from error


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

    canvas = _Canvas(Images.new("RGBA", image.size, (0, 0, 0, 0)), labels)
    visible = [shape for shape in shapes if not shape.outside]
    visible.sort(key=lambda shape: shape.z_order)
    for shape in visible:
        canvas.draw(shape)
    for shape in visible:
        canvas.name(shape)
    for row, tag in enumerate(tags):
        canvas.name_tag(tag, row)
    return Images.alpha_composite(image.convert("RGBA"), canvas.layer).convert("RGB")


def _rgba(color: str, alpha: int) -> Rgba:
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(color)[:3]
    except ValueError:
        red, green, blue = ImageColor.getrgb(DEFAULT_COLOR)[:3]
    return red, green, blue, alpha


def _font(size: int, text: str) -> Any:
    """Pillow's own font; for what it has no letters for, one of the machine's if there is one."""
    from contextlib import suppress

    from PIL import ImageFont

    if any(ord(letter) > 255 for letter in text):
        for name in WIDE_FONTS:
            with suppress(OSError):
                return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


class _Canvas:
    """A transparent layer; lines, dots and letters are as thick as its size asks for."""

    def __init__(self, layer: Image.Image, labels: Sequence[Label]) -> None:
        from PIL import ImageDraw

        longest = max(layer.size)
        self.layer = layer
        self._pen = ImageDraw.Draw(layer)
        self._labels = {label.name: label for label in labels}
        self._width = max(1, round(longest / 320))
        self._radius = max(2, round(longest / 200))
        self._font = _font(max(9, round(longest / 50)), "".join(self._labels))

    def _color(self, name: str, alpha: int = 255) -> Rgba:
        label = self._labels.get(name)
        return _rgba(label.color if label is not None and label.color else DEFAULT_COLOR, alpha)

    def draw(self, shape: Shape) -> None:
        """The shape without its name."""
        line, fill = self._color(shape.label), self._color(shape.label, FILL_ALPHA)
        points = _pairs(shape.points)
        if shape.type == "skeleton":
            self._skeleton(shape, line)
        elif shape.type == "mask":
            self._mask(shape, self._color(shape.label, MASK_ALPHA))
        elif shape.type == "cuboid":
            self._cuboid(points, line)
        elif shape.type == "points":
            self._dots(points, line)
        elif shape.type == "polyline":
            self._pen.line(points, fill=line, width=self._width, joint="curve")
        else:
            self._area(_pairs(_outline(shape)), line, fill)

    def _area(self, points: list[Point], line: Rgba, fill: Rgba) -> None:
        from PIL import Image as Images
        from PIL import ImageDraw

        if len(points) < 2:
            return
        above = Images.new("RGBA", self.layer.size, (0, 0, 0, 0))
        ImageDraw.Draw(above).polygon(points, fill=fill)
        self.layer.alpha_composite(above)
        self._pen.line([*points, points[0]], fill=line, width=self._width, joint="curve")

    def _dots(self, points: list[Point], line: Rgba) -> None:
        radius = self._radius
        for x, y in points:
            box = (x - radius, y - radius, x + radius, y + radius)
            self._pen.ellipse(box, fill=line, outline=(0, 0, 0, 200))

    def _cuboid(self, points: list[Point], line: Rgba) -> None:
        if len(points) == 8:
            self._area([points[n] for n in (0, 2, 3, 1)], line, (*line[:3], FILL_ALPHA))
            for start, end in (*CUBOID_EDGES, *CUBOID_SIDES):
                self._pen.line((points[start], points[end]), fill=line, width=self._width)

    def _skeleton(self, shape: Shape, line: Rgba) -> None:
        from localcvat.labels import skeleton_edges

        label = self._labels.get(shape.label)
        spots = {
            element.label: (element.points[0], element.points[1])
            for element in shape.elements
            if not element.outside and len(element.points) >= 2
        }
        for start, end in skeleton_edges(label) if label is not None else ():
            if start in spots and end in spots:
                self._pen.line((spots[start], spots[end]), fill=line, width=self._width)
        self._dots(list(spots.values()), line)

    def _mask(self, shape: Shape, fill: Rgba) -> None:
        from PIL import Image as Images

        from localcvat.geometry.masks import mask_to_bitmap

        bitmap, left, top = mask_to_bitmap(shape.points)
        stencil = Images.fromarray((bitmap != 0).astype("uint8") * 255, "L")
        above = Images.new("RGBA", self.layer.size, (0, 0, 0, 0))
        above.paste(Images.new("RGBA", stencil.size, fill), (int(left), int(top)), stencil)
        self.layer.alpha_composite(above)

    def name(self, shape: Shape) -> None:
        """The shape's label above its top left corner, inside the picture."""
        from localcvat.geometry.boxes import shape_box

        if not shape.points and not any(element.points for element in shape.elements):
            return
        left, top, _, _ = shape_box(shape, rotated=True)
        self._caption(shape.label, left, top - self._height - 1, self._color(shape.label))

    def name_tag(self, tag: Tag, row: int) -> None:
        """A tag's label in the corner of the picture."""
        self._caption(f"# {tag.label}", 0, row * (self._height + 1), self._color(tag.label))

    @property
    def _height(self) -> float:
        return float(getattr(self._font, "size", 10)) + 4

    def _caption(self, text: str, x: float, y: float, color: Rgba) -> None:
        """Text on a box of the label's colour, black or white, whichever can be read."""
        width = self._pen.textlength(text, font=self._font) + 4
        x = min(max(x, 0), max(self.layer.width - width, 0))
        y = min(max(y, 0), max(self.layer.height - self._height, 0))
        self._pen.rectangle((x, y, x + width, y + self._height), fill=(*color[:3], 210))
        bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > BRIGHT
        ink = (0, 0, 0, 255) if bright else (255, 255, 255, 255)
        self._pen.text((x + 2, y + 1), text, fill=ink, font=self._font)


def _outline(shape: Shape) -> Sequence[float]:
    if shape.type == "rectangle":
        from localcvat.geometry.boxes import rectangle_corners

        return rectangle_corners(shape.points, shape.rotation)
    if shape.type == "ellipse":
        from localcvat.geometry.ellipses import ellipse_to_polygon

        return ellipse_to_polygon(shape.points, shape.rotation)
    return shape.points


def _pairs(points: Sequence[float]) -> list[Point]:
    return list(zip(points[0::2], points[1::2], strict=False))
