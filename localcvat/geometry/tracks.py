"""Tracks over frames: CVAT's interpolation between keyframes, flattening and rebuilding.

Source: formats specification, section 0.3 (track interpolation).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from localcvat.geometry.curves import interpolated_curve
from localcvat.model import Item, Shape, TaskInfo, Track, TrackedShape

LINEAR = frozenset(("rectangle", "ellipse", "cuboid"))


def interpolate(
    track: Track, stop_frame: int, deleted: Collection[int] = frozenset()
) -> Iterator[tuple[TrackedShape, bool]]:
    """(shape, is a keyframe) of each frame from the first keyframe to `stop_frame` inclusive.

    While an object is outside only the keyframe that says so is given. Keyframes on deleted frames
    are ignored. Attributes between keyframes are those of the keyframe before.
    """
    keyframes = _clean_keyframes(track.shapes, deleted)
    for position, shape in enumerate(keyframes):
        if shape.frame > stop_frame:
            return
        yield shape, True
        if shape.outside:
            continue
        after = keyframes[position + 1] if position + 1 < len(keyframes) else None
        end = stop_frame + 1 if after is None else min(after.frame, stop_frame + 1)
        between = _between(shape, after)
        for frame in range(shape.frame + 1, end):
            yield between(frame), False


def _clean_keyframes(
    shapes: Iterable[TrackedShape], deleted: Collection[int]
) -> list[TrackedShape]:
    """Keyframes by frame, one a frame, each with the attributes it does not state itself."""
    kept: list[TrackedShape] = []
    for shape in sorted(shapes, key=lambda shape: shape.frame):
        if shape.frame in deleted or (kept and kept[-1].frame == shape.frame):
            continue
        if kept and kept[-1].attributes.keys() - shape.attributes.keys():
            shape = _moved(shape, shape.frame, shape.points, shape.rotation)
            shape.attributes = {**kept[-1].attributes, **shape.attributes}
        kept.append(shape)
    return kept


def _moved(
    shape: TrackedShape, frame: int, points: Sequence[float], rotation: float
) -> TrackedShape:
    return TrackedShape(
        type=shape.type,
        frame=frame,
        points=points,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=rotation,
        attributes=shape.attributes,
    )


def _between(first: TrackedShape, last: TrackedShape | None) -> Callable[[int], TrackedShape]:
    """The shape at a frame between two keyframes."""
    if last is None or first.type != last.type:
        return lambda frame: _moved(first, frame, first.points, first.rotation)
    distance = last.frame - first.frame
    single = first.type == "points" and len(first.points) == len(last.points) == 2
    if (first.type in LINEAR and len(first.points) == len(last.points)) or single:
        turn = (last.rotation - first.rotation + 180) % 360 - 180

        def linear(frame: int) -> TrackedShape:
            offset = (frame - first.frame) / distance
            pairs = zip(first.points, last.points, strict=True)
            points = [a + (b - a) * offset for a, b in pairs]
            return _moved(first, frame, points, (first.rotation + turn * offset + 360) % 360)

        return linear
    if first.type in ("polygon", "polyline"):
        closed = first.type == "polygon"

        def curved(frame: int) -> TrackedShape:
            offset = (frame - first.frame) / distance
            points = interpolated_curve(first.points, last.points, offset, closed)
            return _moved(first, frame, points, first.rotation)

        return curved
    return lambda frame: _moved(first, frame, first.points, first.rotation)


def shapes_of(
    track: Track, number: int, stop_frame: int, deleted: Collection[int] = frozenset()
) -> dict[int, Shape]:
    """The track as one shape a frame, with `track_id` and `keyframe`; outside frames included."""
    if track.elements:
        return _skeletons_of(track, number, stop_frame, deleted)
    return {
        shape.frame: _still(track, shape, number, keyframe)
        for shape, keyframe in interpolate(track, stop_frame, deleted)
    }


def _still(track: Track, shape: TrackedShape, number: int, keyframe: bool) -> Shape:
    return Shape(
        type=shape.type,
        label=track.label,
        points=shape.points,
        frame=shape.frame,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=shape.rotation,
        group=track.group,
        source=track.source,
        attributes={**track.attributes, **shape.attributes},
        track_id=number,
        keyframe=keyframe,
    )


def _skeletons_of(
    track: Track, number: int, stop_frame: int, deleted: Collection[int]
) -> dict[int, Shape]:
    """Skeletons derived from the element tracks; one whose elements are all outside is outside."""
    elements = [shapes_of(element, number, stop_frame, deleted) for element in track.elements]
    own = {shape.frame: shape for shape, _ in interpolate(track, stop_frame, deleted)}
    frames = sorted({frame for element in elements for frame in element})
    result: dict[int, Shape] = {}
    attributes: dict[str, str] = {}
    for frame in frames:
        attributes = own[frame].attributes if frame in own else attributes
        present = [element[frame] for element in elements if frame in element]
        result[frame] = Shape(
            type="skeleton",
            label=track.label,
            frame=frame,
            group=track.group,
            source=track.source,
            outside=all(element.outside for element in present),
            occluded=all(element.occluded for element in present),
            attributes={**track.attributes, **attributes},
            elements=present,
            track_id=number,
            keyframe=any(element.keyframe for element in present),
        )
    return result


def flatten_tracks(
    items: Iterable[Item], tracks: Sequence[Track], tasks: Sequence[TaskInfo]
) -> Iterator[Item]:
    """Items with the shapes that each track has on their frame, by z_order."""
    flat: dict[int, list[dict[int, Shape]]] = {}
    for number, track in enumerate(tracks):
        info = tasks[track.task] if track.task < len(tasks) else None
        stop = info.size - 1 if info is not None and info.size else _last_frame(track)
        deleted = frozenset(info.deleted_frames) if info is not None else frozenset[int]()
        flat.setdefault(track.task, []).append(shapes_of(track, number, stop, deleted))
    for item in items:
        if item.frame is not None:
            found = [
                shapes[item.frame]
                for shapes in flat.get(item.task, ())
                if item.frame in shapes and not shapes[item.frame].outside
            ]
            if found:
                item.shapes = sorted([*item.shapes, *found], key=lambda shape: shape.z_order)
        yield item


def _last_frame(track: Track) -> int:
    own = max((shape.frame for shape in track.shapes), default=0)
    return max([own, *(_last_frame(element) for element in track.elements)])


def track_from_shapes(shapes: Sequence[Shape], last_frame: int | None = None) -> Track:
    """The track that per-frame shapes of one `track_id` came from.

    Keyframes stay; where shapes are missing the object is outside; so it is after its last shape
    if that comes before `last_frame`. Attributes become mutable ones of the keyframes.
    """
    ordered = sorted(shapes, key=lambda shape: shape.frame)
    first = ordered[0]
    track = Track(label=first.label, frame=first.frame, group=first.group, source=first.source)
    for position, shape in enumerate(ordered):
        gap = position > 0 and shape.frame > ordered[position - 1].frame + 1
        if gap and not ordered[position - 1].outside:
            track.shapes.append(_gone(ordered[position - 1]))
        if shape.keyframe or gap or position == 0:
            track.shapes.append(_keyframe(shape))
    last = ordered[-1]
    if last_frame is not None and last.frame < last_frame and not last.outside:
        track.shapes.append(_gone(last))
    if first.type == "skeleton":
        track.elements = _element_tracks(ordered, last_frame)
    return track


def _element_tracks(skeletons: Sequence[Shape], last_frame: int | None) -> list[Track]:
    elements: dict[str, list[Shape]] = {}
    for skeleton in skeletons:
        for element in skeleton.elements:
            element.frame, element.keyframe = skeleton.frame, skeleton.keyframe
            elements.setdefault(element.label, []).append(element)
    return [track_from_shapes(found, last_frame) for found in elements.values()]


def _keyframe(shape: Shape) -> TrackedShape:
    return TrackedShape(
        type=shape.type,
        frame=shape.frame,
        points=shape.points,
        occluded=shape.occluded,
        outside=shape.outside,
        z_order=shape.z_order,
        rotation=shape.rotation,
        attributes=dict(shape.attributes),
    )


def _gone(shape: Shape) -> TrackedShape:
    gone = _keyframe(shape)
    gone.frame, gone.outside = shape.frame + 1, True
    return gone
