"""Masks of an image as label pictures and back: painting order, merged groups, PNG files.

CVAT merges the segments of a group into one, the largest giving label and z_order, orders them by
group and paints them by z_order (formats specification, section 8).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from localcvat.archive import Sink, Source
from localcvat.errors import DatasetError
from localcvat.geometry.masks import bitmap_to_mask, mask_area
from localcvat.geometry.raster import paint_mask, united_mask
from localcvat.labels import Rgb
from localcvat.model import Item, Shape
from localcvat.plugin import Capabilities, Dialect
from localcvat.report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Canvas = NDArray[np.unsignedinteger]

LARGEST_PICTURE = 1 << 28
PALETTE_SIZE = 256
FEW_NUMBERS = 16
"""So many numbers of a picture are counted faster one by one than all at once."""


def picture_capabilities(dialect: Dialect) -> Capabilities:
    """What pictures of classes and objects hold: everything with an area, as masks."""
    cvat = dialect == "cvat"
    return Capabilities(
        image_sizes=False,
        kinds=frozenset(["mask"]),
        converts=dict.fromkeys(("rectangle", "polygon", "ellipse"), "mask"),
        multipart=not cvat,
        label_colors=True,
        rotated_boxes="mask" if cvat else "",
        decimals=2 if cvat else None,
    )


def can_be_painted(item: Item) -> bool:
    """Whether the size of an image is known and a picture of it fits into memory."""
    return 0 < item.width * item.height <= LARGEST_PICTURE


def paintable(masks: list[Shape], item: Item, report: Report) -> list[Shape]:
    """`masks`, or none of them with a row in the report when the image can't be painted."""
    if not masks or can_be_painted(item):
        return masks
    why = "the image's size is unknown or too large to paint"
    report.dropped("mask", why, item.path, count=len(masks))
    return []


def masks_of(item: Item) -> list[Shape]:
    """The masks of an image, in their order."""
    return [shape for shape in item.shapes if shape.type == "mask"]


def objects_to_paint(item: Item, report: Report, *, cvat: bool) -> list[Shape]:
    """The masks to paint of an image, one an object: of CVAT's groups, or of an object's parts."""
    merge = merged_groups if cvat else merged_parts
    return paintable(merge(masks_of(item), report, item.path), item, report)


def of_few_classes(
    masks: list[Shape], indices: dict[str, int], report: Report, where: str
) -> list[Shape]:
    """`masks` without those of a class whose number does not fit into eight bits."""
    kept = [mask for mask in masks if indices.get(mask.label, 0) < PALETTE_SIZE]
    if len(kept) < len(masks):
        why = "the format's pictures have room for 255 classes"
        report.dropped("mask", why, where, count=len(masks) - len(kept))
    return kept


def merged_groups(masks: Sequence[Shape], report: Report, where: str) -> list[Shape]:
    """CVAT's instances: masks without a group, then one mask a group, by group."""
    merged: list[Shape] = []
    for _, members in _by(masks, lambda mask: mask.group):
        merged.append(_united(members, report, where, "merged with the rest of its group"))
    return merged


def merged_parts(masks: Sequence[Shape], report: Report, where: str) -> list[Shape]:
    """Masks with the parts of one object (same instance and label) as one."""
    joined: list[Shape] = []
    for (_, _), members in _by(masks, lambda mask: (mask.instance, mask.label)):
        joined.append(_united(members, report, where, ""))
    positions = {id(mask): index for index, mask in enumerate(masks)}
    return sorted(joined, key=lambda mask: positions.get(id(mask), len(masks)))


def _by(masks: Sequence[Shape], key: Any) -> list[tuple[Any, list[Shape]]]:
    """Masks with the same non-zero key together; those without one alone and first."""
    groups: dict[Any, list[Shape]] = {}
    alone: list[tuple[Any, list[Shape]]] = []
    for mask in masks:
        found = key(mask)
        number = found[0] if isinstance(found, tuple) else found
        if number:
            groups.setdefault(found, []).append(mask)
        else:
            alone.append((found, [mask]))
    return alone + sorted(groups.items())


def _united(members: list[Shape], report: Report, where: str, reason: str) -> Shape:
    if len(members) == 1:
        return members[0]
    leader = max(members, key=lambda mask: mask_area(mask.points))
    leader.points = united_mask([mask.points for mask in members])
    if reason:
        report.changed("mask", reason, where, count=len(members) - 1)
    return leader


def report_lost_flags(
    masks: Sequence[Shape], report: Report, where: str, *, score: bool = False
) -> None:
    """Count what boxes of a format have and its masks do not: occluded, the track, the score."""
    why = "the format's masks have no place for it"
    hidden = sum(mask.occluded for mask in masks)
    if hidden:
        report.dropped("occluded", why, where, count=hidden)
    tracked = sum(mask.track_id is not None for mask in masks)
    if tracked:
        report.dropped("track number", why, where, count=tracked)
    scored = sum(mask.score is not None for mask in masks)
    if scored and score:
        report.dropped("score", why, where, count=scored)


def in_painting_order(masks: Sequence[Shape]) -> list[Shape]:
    """The masks, those to be painted over by others first."""
    return sorted(masks, key=lambda mask: mask.z_order)


def painted(
    masks: Sequence[Shape], width: int, height: int, report: Report, where: str
) -> tuple[Canvas, list[Shape]]:
    """(a picture of positions from 1 in the list, the masks in painting order: by z_order).

    0 is where no mask is. Masks that lose pixels to later ones are reported.
    """
    import numpy as np

    # Few masks fit into bytes, which are painted and looked up several times faster.
    # Down the columns, as COCO's masks are painted and as `alike_rows` takes them.
    kind = np.uint8 if len(masks) < 255 else np.uint32
    canvas = np.zeros((height, width), dtype=kind, order="F")
    order = in_painting_order(masks)
    sizes = [paint_mask(canvas, mask.points, index) for index, mask in enumerate(order, 1)]
    areas = [mask_area(mask.points) for mask in order]
    if sizes != areas or sum(sizes) != np.count_nonzero(canvas):
        report_hidden(order, _pixels_of_each(canvas, len(order)), report, where)
    return canvas, order


def report_hidden(
    masks: Sequence[Shape], pixels: Sequence[int], report: Report, where: str
) -> None:
    """Count the masks of which fewer `pixels` are to be seen than they have."""
    for mask, seen in zip(masks, pixels, strict=True):
        area = mask_area(mask.points)
        if 0 == seen < area:
            report.dropped("mask", "wholly hidden by others", where)
        elif seen < area:
            report.changed("mask", "pixels hidden by others or cut off", where)


def _pixels_of_each(canvas: Canvas, count: int) -> list[int]:
    """How many pixels each number from 1 to `count` has."""
    import numpy as np

    if count <= FEW_NUMBERS:
        return [int(np.count_nonzero(canvas == number)) for number in range(1, count + 1)]
    found: list[int] = np.bincount(canvas.ravel(), minlength=count + 1)[1:].tolist()
    return found


def unique_masks(codes: Canvas) -> Iterator[tuple[int, list[float]]]:
    """(code, CVAT mask) of every different value in a picture, 0 included."""
    import numpy as np

    for code in np.unique(codes).tolist():
        yield int(code), bitmap_to_mask(codes == code)


def color_code(color: Rgb) -> int:
    """A colour as one number."""
    return color[0] << 16 | color[1] << 8 | color[2]


def write_color_png(sink: Sink, name: str, canvas: Canvas, colors: Sequence[Rgb]) -> None:
    """A picture whose pixel values stand for `colors`, as a PNG of red, green and blue."""
    import numpy as np
    from PIL import Image

    if int(canvas.max(initial=0)) < PALETTE_SIZE:
        _save_image(sink, name, _with_palette(canvas, colors).convert("RGB"))
    else:
        _save_image(sink, name, Image.fromarray(np.array(colors, dtype=np.uint8)[canvas]))


def _with_palette(canvas: Canvas, colors: Sequence[Rgb]) -> Any:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(canvas.astype(np.uint8))
    image.putpalette([value for color in colors[:PALETTE_SIZE] for value in color])
    return image


def write_gray_png(sink: Sink, name: str, canvas: NDArray[Any]) -> None:
    """A picture of numbers or of channels, in 8 or 16 bits as its type says."""
    from PIL import Image

    _save_image(sink, name, Image.fromarray(canvas))


def _save_image(sink: Sink, name: str, image: Any) -> None:
    buffer = io.BytesIO()
    # Label pictures compress well enough at once; level 6 takes four times as long.
    image.save(buffer, "PNG", compress_level=1)
    sink.write(name, buffer.getvalue())


def read_png(source: Source, name: str) -> tuple[NDArray[Any], list[Rgb] | None]:
    """(pixels, palette): height by width numbers with a palette, if there is one, or by channels.

    Raises DatasetError when it is no picture.
    """
    import numpy as np
    from PIL import Image

    where = source.where(name)
    try:
        with source.open(name) as stream, Image.open(stream) as image:
            pixels = np.array(image)
            flat = image.getpalette() if image.mode == "P" else None
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise DatasetError(f"not a readable picture: {error}", where=where) from error
    if flat is None:
        return pixels, None
    triples = zip(flat[0::3], flat[1::3], flat[2::3], strict=False)
    return pixels, [(red, green, blue) for red, green, blue in triples]


def color_codes(pixels: NDArray[Any], palette: list[Rgb] | None) -> Canvas | None:
    """One number a pixel for its colour; None for a picture of plain numbers."""
    import numpy as np

    if palette is not None:
        table = np.zeros(256, dtype=np.uint32)
        table[: len(palette)] = [color_code(color) for color in palette[:256]]
        coded: Canvas = table[pixels]
        return coded
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        wide = pixels[:, :, :3].astype(np.uint32)
        joined: Canvas = wide @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
        return joined
    return None
