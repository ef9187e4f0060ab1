"""VOC's labelmap.txt: ``name:r,g,b:parts:actions`` lines, and the VOC colour map."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = "# label:color_rgb:parts:actions\n"
BACKGROUND = "background"


def voc_color(index: int) -> tuple[int, int, int]:
    """The VOC colour map at `index`."""
    red = green = blue = 0
    for bit in range(8):
        red |= (index >> (3 * bit) & 1) << (7 - bit)
        green |= (index >> (3 * bit + 1) & 1) << (7 - bit)
        blue |= (index >> (3 * bit + 2) & 1) << (7 - bit)
    return red, green, blue


def labelmap_text(names: Sequence[str]) -> str:
    """A labelmap with the VOC colour of each index; `background` comes first if it is not there."""
    listed = list(names) if BACKGROUND in names else [BACKGROUND, *names]
    lines = ["{}:{},{},{}::\n".format(name, *voc_color(index)) for index, name in enumerate(listed)]
    return HEADER + "".join(lines)


def labelmap_names(text: str) -> list[str]:
    """The names in a labelmap, in order."""
    names = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            names.append(line.split(":")[0].strip())
    return names
