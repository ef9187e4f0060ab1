"""Two datasets compared: images by path without extension, objects by label, kind and place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from localcvat.geometry.boxes import shape_box
from localcvat.model import Dataset, Item, Shape
from localcvat.reading import flattened

PRECISION = 3


class Difference(msgspec.Struct, frozen=True):
    """Something of one side only, or of both with other values; `side` is a, b or both."""

    image: str
    what: str
    side: str
    detail: str = ""


class _Thing(msgspec.Struct):
    """An annotation as it is compared."""

    kind: str
    label: str
    numbers: list[float]
    values: dict[str, str]


def differences(
    first: Dataset, second: Dataset, tolerance: float = 0.5, boxes: bool = False
) -> Iterator[Difference]:
    """What differs; `tolerance` is in pixels, `boxes` compares bounding boxes and nothing finer.

    The second dataset is held in memory, the first streams.
    """
    theirs = {item.stem: _things(item, boxes) for item in flattened(second).items}
    for item in flattened(first).items:
        mine = _things(item, boxes)
        if item.stem not in theirs:
            yield Difference(item.stem, "image", "a", f"{len(mine)} annotations")
            continue
        yield from _compared(item.stem, mine, theirs.pop(item.stem), tolerance)
    for stem, things in theirs.items():
        yield Difference(stem, "image", "b", f"{len(things)} annotations")


def _things(item: Item, boxes: bool) -> list[_Thing]:
    found = [] if boxes else [_Thing("tag", tag.label, [], tag.attributes) for tag in item.tags]
    instances: dict[int, _Thing] = {}
    for shape in item.shapes:
        numbers = _numbers(shape, boxes)
        if shape.instance and shape.instance in instances:
            instances[shape.instance].numbers = _joined(
                instances[shape.instance].numbers, numbers, boxes
            )
            continue
        values = {} if boxes else _values(shape)
        thing = _Thing("box" if boxes else shape.type, shape.label, numbers, values)
        found.append(thing)
        if shape.instance:
            instances[shape.instance] = thing
    return found


def _values(shape: Shape) -> dict[str, str]:
    values = dict(shape.attributes)
    if shape.occluded:
        values["occluded"] = "true"
    if shape.rotation % 360:
        values["rotation"] = f"{round(shape.rotation % 360, PRECISION):g}"
    return values


def _numbers(shape: Shape, boxes: bool) -> list[float]:
    if boxes:
        return list(shape_box(shape, rotated=True))
    if shape.type == "skeleton":
        elements = sorted(shape.elements, key=lambda element: element.label)
        return [value for element in elements if not element.outside for value in element.points]
    return [float(value) for value in shape.points]


def _joined(mine: list[float], more: list[float], boxes: bool) -> list[float]:
    if not boxes:
        return mine + more
    return [*map(min, mine[:2], more[:2]), *map(max, mine[2:], more[2:])]


def _compared(
    stem: str, mine: Sequence[_Thing], theirs: list[_Thing], tolerance: float
) -> Iterator[Difference]:
    left: list[_Thing] = []
    rest = list(theirs)
    for thing in mine:
        match = _best(thing, rest, tolerance)
        if match is None:
            left.append(thing)
            continue
        rest.remove(match)
        if thing.values != match.values:
            yield Difference(stem, _name(thing), "both", _changes(thing.values, match.values))
    yield from (Difference(stem, _name(thing), "a", _place(thing)) for thing in left)
    yield from (Difference(stem, _name(thing), "b", _place(thing)) for thing in rest)


def _best(thing: _Thing, others: Iterable[_Thing], tolerance: float) -> _Thing | None:
    """The nearest of the same kind, label and count of numbers, the same values preferred."""
    best: tuple[bool, float] | None = None
    found = None
    for other in others:
        if (other.kind, other.label, len(other.numbers)) != (
            *(thing.kind, thing.label, len(thing.numbers)),
        ):
            continue
        pairs = zip(thing.numbers, other.numbers, strict=True)
        distance = max((abs(a - b) for a, b in pairs), default=0.0)
        limit = 0.0 if thing.kind == "mask" else tolerance
        rank = (thing.values != other.values, distance)
        if distance <= limit and (best is None or rank < best):
            best, found = rank, other
    return found


def _name(thing: _Thing) -> str:
    return f"{thing.kind} {thing.label}"


def _place(thing: _Thing) -> str:
    shown = thing.numbers[-4:] if thing.kind == "mask" else thing.numbers[:8]
    return " ".join(f"{value:g}" for value in shown) + (" …" if len(thing.numbers) > 8 else "")


def _changes(mine: dict[str, str], theirs: dict[str, str]) -> str:
    names = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    return ", ".join(f"{name}: {mine.get(name)} -> {theirs.get(name)}" for name in names)
