"""Labels as CVAT has them: colours given by the server, and the svg of skeletons.

Source: formats specification, sections 9 and 12.1; backup specification, section 4.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from localcvat.model import Label

# Index of a name in CVAT's table of predefined colours; the colour is the VOC formula of the index.
# The table has 724 entries, of which these are known.
PREDEFINED_INDEX = {
    name: int(index)
    for name, index in (
        pair.rsplit(":", 1)
        for pair in """
background:0 aeroplane:3 airplane:5 animal:9 apple:12 backpack:18 ball:21 banana:23
baseball_bat:30 baseball_glove:31 bear:38 bed:39 bench:46 bicycle:48 bird:56 boat:60 book:61
bottle:65 bowl:69 broccoli:77 building:80 bus:84 cake:92 car:102 carrot:107 cat:110
cell_phone:116 chair:120 clock:127 couch:150 cow:153 cup:165 cyclist:170 dining_table:179
diningtable:180 dog:184 donut:190 elephant:208 fence:214 fire_hydrant:219 fork:239 frisbee:244
giraffe:252 hair_drier:273 handbag:279 horse:298 hot_dog:299 keyboard:332 kite:336 knife:337
laptop:345 microwave:377 misc:383 motorbike:390 motorcycle:391 mouse:393 orange:415 oven:419
parking_meter:429 pedestrian:435 person:441 pizza:451 pole:462 potted_plant:471 pottedplant:472
refrigerator:493 remote:494 rider:498 road:502 sandwich:517 scissors:521 sheep:537 sidewalk:546
sink:547 skateboard:548 skis:551 sky:554 snowboard:561 sofa:568 spoon:575 sports_ball:576
stop_sign:589 suitcase:601 surfboard:605 teddy_bear:627 tennis_racket:631 terrain:633 tie:637
toaster:641 toilet:642 toothbrush:645 traffic_light:651 traffic_sign:652 train:654 tram:655
tree:657 truck:661 tv:666 tvmonitor:668 umbrella:669 van:674 vase:675 vegetation:677 vehicle:678
wall:685 wine_glass:714 zebra:722
""".split()
    )
}
PREDEFINED_COUNT = 724
TINT_STEPS = range(1, 10)

Rgb = tuple[int, int, int]


@cache
def voc_color(index: int) -> Rgb:
    """The VOC colour map at `index`: bits 0, 3, 6… go to red from the high bit down, and so on."""
    red = green = blue = 0
    for bit in range(8):
        red |= (index >> (3 * bit) & 1) << (7 - bit)
        green |= (index >> (3 * bit + 1) & 1) << (7 - bit)
        blue |= (index >> (3 * bit + 2) & 1) << (7 - bit)
    return red, green, blue


PREDEFINED_COLORS = frozenset(voc_color(index) for index in range(PREDEFINED_COUNT))


def normalized_label(name: str) -> str:
    """`name` as CVAT hashes it: ASCII, lower case, one underscore for a run of - or space."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^\w\s-]", "", ascii_name).strip().lower()
    return re.sub(r"[-\s]+", "-", kept).replace("-", "_")


def label_color(name: str, used: Iterable[str]) -> str:
    """The colour CVAT gives a label without one, as ``#rrggbb``, given those in use."""
    return UsedColors(used).color_for(name)


class UsedColors:
    """The colours of the labels so far, and what the next one gets."""

    def __init__(self, used: Iterable[str] = ()) -> None:
        self._taken = {color for color in map(parse_color, used) if color is not None}

    def add(self, text: str) -> None:
        """Take a colour; what is none is passed over."""
        color = parse_color(text)
        if color is not None:
            self._taken.add(color)

    def color_for(self, name: str) -> str:
        """As `label_color`."""
        return _chosen_color(name, self._taken)


def _chosen_color(name: str, taken: set[Rgb]) -> str:
    normal = normalized_label(name)
    index = PREDEFINED_INDEX.get(normal)
    if index is None:
        digest = hashlib.blake2s(normal.encode(), digest_size=3).digest()
        index = int.from_bytes(digest, "big")
    color = voc_color(index)
    if color in taken:
        color = _free_color(color, taken)
    return "#{:02x}{:02x}{:02x}".format(*color)


def parse_color(text: str) -> Rgb | None:
    """``#rrggbb`` as a triple, None for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return None
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _free_color(color: Rgb, taken: set[Rgb]) -> Rgb:
    for target in (255, 0):
        for step in TINT_STEPS:
            red, green, blue = (int(c + (target - c) * step / 10) for c in color)
            tint = (red, green, blue)
            if tint not in PREDEFINED_COLORS and tint not in taken:
                return red, green, blue
    return _gap(taken, 0), _gap(taken, 1), _gap(taken, 2)


def _gap(taken: set[Rgb], channel: int) -> int:
    """The middle of the largest gap among the used values of one channel."""
    values = sorted({0, 255, *(color[channel] for color in taken)})
    low, high = max(zip(values, values[1:], strict=False), key=lambda pair: pair[1] - pair[0])
    return (low + high) // 2


def fill_colors(labels: Sequence[Label], used: Iterable[str] = ()) -> None:
    """Give every label without a colour one, in order; sublabels count among themselves."""
    taken = UsedColors(used)
    for label in labels:
        if not label.color:
            label.color = taken.color_for(label.name)
        taken.add(label.color)
        fill_colors(label.sublabels)


_NODE = re.compile(r"<circle\b[^>]*>")
_EDGE = re.compile(r"<line\b[^>]*>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def skeleton_nodes(label: Label) -> dict[str, str]:
    """Sublabel name of each node id of a skeleton's svg, in the order of its circles."""
    nodes = {}
    for tag in _NODE.findall(label.svg):
        found = _attributes(tag)
        if "data-node-id" in found and "data-label-name" in found:
            nodes[found["data-node-id"]] = found["data-label-name"]
    return nodes


def skeleton_edges(label: Label) -> list[tuple[str, str]]:
    """Pairs of sublabel names that the skeleton's svg joins."""
    nodes = skeleton_nodes(label)
    edges = []
    for tag in _EDGE.findall(label.svg):
        found = _attributes(tag)
        ends = (
            nodes.get(found.get("data-node-from", "")),
            nodes.get(found.get("data-node-to", "")),
        )
        if ends[0] is not None and ends[1] is not None:
            edges.append((ends[0], ends[1]))
    return edges


def skeleton_svg(names: Sequence[str], edges: Iterable[tuple[int, int]]) -> str:
    """An svg with one node a sublabel on a circle; `edges` are pairs of 1-based node ids."""
    spots = []
    for position in range(len(names)):
        angle = 2 * math.pi * position / max(len(names), 1) - math.pi / 2
        spots.append((round(50 + 40 * math.cos(angle), 2), round(50 + 40 * math.sin(angle), 2)))
    lines = []
    for start, end in edges:
        if 1 <= start <= len(names) and 1 <= end <= len(names):
            (x1, y1), (x2, y2) = spots[start - 1], spots[end - 1]
            lines.append(
                f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="black" data-type="edge" '
                f'data-node-from="{start}" stroke-width="0.5" data-node-to="{end}"></line>'
            )
    for node, (name, (x, y)) in enumerate(zip(names, spots, strict=True), 1):
        lines.append(
            f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x}" cy="{y}" stroke-width="0.1" '
            f'data-type="element node" data-element-id="{node}" data-node-id="{node}" '
            f'data-label-name="{html.escape(name)}"></circle>'
        )
    return "".join(lines)
