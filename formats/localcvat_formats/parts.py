"""Objects of several parts: which shapes belong together, and polygons joined into one ring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from localcvat.model import Shape


def objects(shapes: Iterable[Shape]) -> Iterator[list[Shape]]:
    """Shapes by object: the parts of one instance together, at the place of the first."""
    instances: dict[int, list[Shape]] = {}
    order: list[list[Shape]] = []
    for shape in shapes:
        if not shape.instance:
            order.append([shape])
        elif shape.instance in instances:
            instances[shape.instance].append(shape)
        else:
            instances[shape.instance] = [shape]
            order.append(instances[shape.instance])
    return iter(order)


def bridged(rings: Sequence[Sequence[float]]) -> list[float]:
    """One ring through all of `rings`, along the shortest bridges, there and back.

    A bridge has no width, so the area inside is that of the rings together.
    """
    joined = _pairs(rings[0])
    rest = [_pairs(ring) for ring in rings[1:]]
    while rest:
        _, ring, here, there = min(
            (
                (joined[a][0] - ring[b][0]) ** 2 + (joined[a][1] - ring[b][1]) ** 2,
                position,
                a,
                b,
            )
            for position, ring in enumerate(rest)
            for a in range(len(joined))
            for b in range(len(ring))
        )
        part = rest.pop(ring)
        turned = part[there:] + part[: there + 1]
        joined = joined[: here + 1] + turned + joined[here:]
    return [value for point in joined for value in point]


def _pairs(ring: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(ring[::2], ring[1::2], strict=True))
