"""Store → CVAT XML → store: equal for what the format holds, over generated annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from localcvat.annotation_import import target_jobs
from localcvat.exchange import export_from_task, import_into_task
from localcvat.model import (
    Annotations,
    AttributeSpec,
    Label,
    Shape,
    Tag,
    Track,
    TrackedShape,
    attributes_with_defaults,
)
from localcvat.store.annotation_reading import read_annotations
from localcvat.store.annotation_rows import clear_annotations, write_annotations
from localcvat.store.engine import Store
from localcvat.store.label_map import label_map
from localcvat.tasks import create_task, local_files, task_row
from rest_values import shape_value, tag_value, track_value

FRAMES = 6
CAR = Label(
    name="car <&> \"é'",
    color="#ff0000",
    attributes=[
        AttributeSpec(name="fixed", default_value="f"),
        AttributeSpec(name="moving & <x>", mutable=True, default_value="m"),
    ],
)
MAN = Label(
    name="man",
    type="skeleton",
    color="#00ff00",
    attributes=[AttributeSpec(name="age", default_value="1")],
    sublabels=[
        Label(name="head", type="points", attributes=[AttributeSpec(name="hat", mutable=True)]),
        Label(name="hand", type="points"),
    ],
    svg='<circle data-type="element node" data-label-name="head" data-node-id="1"></circle>',
)
KINDS = {"rectangle": 4, "cuboid": 16, "ellipse": 0, "polygon": 6, "polyline": 4, "points": 2}
TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=6
)
numbers = st.integers(-5000, 5000).map(lambda value: value / 64)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A task of six frames in one job, without annotations."""
    folder = tmp_path_factory.mktemp("round")
    for number in range(FRAMES):
        Image.new("RGB", (64, 48)).save(folder / f"{number}.png")
    store = Store.create(folder / "store")
    files = local_files([str(folder / f"{number}.png") for number in range(FRAMES)])
    create_task(store, "task", files, labels=[CAR, MAN])
    return store


@st.composite
def points(draw: st.DrawFn, kind: str) -> list[float]:
    if kind == "ellipse":
        cx, cy, rx, ry = (draw(numbers) for _ in range(4))
        return [cx, cy, cx + abs(rx), cy - abs(ry)]
    if kind == "mask":
        left, top = draw(st.integers(0, 50)), draw(st.integers(0, 40))
        runs = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
        runs = [0, *runs]
        return [*map(float, runs), left, top, left + sum(runs) - 1, top]
    count = KINDS[kind] + (2 * draw(st.integers(0, 2)) if kind.startswith("po") else 0)
    return [draw(numbers) for _ in range(count)]


@st.composite
def common(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    turns = kind in ("rectangle", "ellipse")
    return {
        "type": kind,
        "points": draw(points(kind)) if kind != "skeleton" else [],
        "occluded": draw(st.booleans()),
        "z_order": draw(st.integers(-3, 3)),
        "rotation": draw(st.sampled_from([0.0, 12.25, 359.5])) if turns else 0.0,
    }


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    kind = draw(st.sampled_from([*KINDS, "mask", "skeleton"]))
    frame = draw(st.integers(0, FRAMES - 1))
    shape = Shape(
        label=CAR.name if kind != "skeleton" else MAN.name,
        frame=frame,
        group=draw(st.integers(0, 3)),
        source=draw(st.sampled_from(["manual", "auto"])),
        **draw(common(kind)),
    )
    if kind == "skeleton":
        shape.attributes = {"age": draw(TEXT)}
        for name in ("hand", "head"):
            part = draw(common("points"))
            part["z_order"] = 0
            element = Shape(label=name, frame=frame, outside=draw(st.booleans()), **part)
            element.attributes = {"hat": draw(TEXT)} if name == "head" else {}
            shape.elements.append(element)
    else:
        shape.attributes = {name.name: draw(TEXT) for name in CAR.attributes}
    return shape


@st.composite
def keyframes(draw: st.DrawFn, kind: str, changing: str = "") -> list[TrackedShape]:
    """Keyframes of one kind, the first visible."""
    frames = sorted(draw(st.sets(st.integers(0, FRAMES - 1), min_size=1, max_size=4)))
    made = []
    for frame in frames:
        shape = TrackedShape(frame=frame, **draw(common(kind)))
        shape.outside = draw(st.booleans()) if made else False
        shape.attributes = {changing: draw(TEXT)} if changing else {}
        made.append(shape)
    return made


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    kind = draw(st.sampled_from([*KINDS, "skeleton"]))
    if kind == "skeleton":
        return draw(skeleton_tracks())
    made = draw(keyframes(kind, CAR.attributes[1].name))
    return Track(
        label=CAR.name,
        frame=made[0].frame,
        group=draw(st.integers(0, 3)),
        source=draw(st.sampled_from(["manual", "semi-auto"])),
        attributes={"fixed": draw(TEXT)},
        shapes=made,
    )


@st.composite
def skeleton_tracks(draw: st.DrawFn) -> Track:
    """A skeleton whose elements move, and that is gone from some frame on."""
    start = draw(st.integers(0, FRAMES - 3))
    end = draw(st.one_of(st.none(), st.integers(start + 1, FRAMES - 1)))
    track = Track(label=MAN.name, frame=start, attributes={"age": draw(TEXT)})
    track.shapes = [TrackedShape(type="skeleton", frame=start, occluded=draw(st.booleans()))]
    for name in ("head", "hand"):
        changing = "hat" if name == "head" else ""
        inside = [
            shape
            for shape in draw(keyframes("points", changing))
            if start < shape.frame and (end is None or shape.frame < end)
        ]
        first = draw(keyframes("points", changing))[0]
        first.frame = start
        made = [first, *inside]
        if end is not None:
            last = draw(keyframes("points", changing))[0]
            last.frame, last.outside = end, True
            made.append(last)
        for shape in made:
            shape.z_order = 0
        track.elements.append(Track(label=name, frame=start, shapes=made))
    if end is not None:
        track.shapes.append(TrackedShape(type="skeleton", frame=end, outside=True))
    return track


@st.composite
def tags(draw: st.DrawFn) -> Tag:
    return Tag(
        label=CAR.name,
        frame=draw(st.integers(0, FRAMES - 1)),
        group=draw(st.integers(0, 3)),
        attributes=attributes_with_defaults(CAR, {"fixed": draw(TEXT)}),
    )


def written(store: Store, annotations: Annotations) -> Annotations:
    """What the task's job holds after it was given these."""
    with store.write() as session:
        labels = label_map(session, task_id=1)
        (job,) = target_jobs(session, task_row(session, 1))
        clear_annotations(session, job.id)
        write_annotations(session, job.id, annotations, labels)
    return read(store)


def read(store: Store) -> Annotations:
    with store.read() as session:
        (job,) = target_jobs(session, task_row(session, 1))
        return read_annotations(session, job.id, label_map(session, task_id=1))


def values(found: Annotations) -> dict[str, list[Any]]:
    return {
        "shapes": sorted(map(shape_value, found.shapes)),
        "tags": sorted(map(tag_value, found.tags)),
        "tracks": sorted(map(track_value, found.tracks)),
    }


def again(store: Store, format_name: str, path: Path) -> Annotations:
    export_from_task(store, 1, path, format_name)
    import_into_task(store, 1, path, format_name)
    found = read(store)
    path.unlink()
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        Annotations,
        tags=st.lists(tags(), max_size=2),
        shapes=st.lists(shapes(), max_size=4),
        tracks=st.lists(tracks(), max_size=2),
    )
)
def test_everything_comes_back_from_the_plain_dialect(
    store: Store, tmp_path_factory: pytest.TempPathFactory, annotations: Annotations
) -> None:
    before = values(written(store, annotations))
    path = tmp_path_factory.getbasetemp() / "plain.zip"
    assert values(again(store, "cvat-images", path)) == before


def _gone_skeleton() -> Track:
    """A skeleton that only its elements say is gone."""
    points = {"type": "points", "points": [0.0, 0.0]}
    elements = [
        Track(
            label=name,
            shapes=[
                TrackedShape(frame=0, attributes=hat, **points),
                TrackedShape(frame=1, attributes=hat, outside=True, **points),
            ],
        )
        for name, hat in (("head", {"hat": ""}), ("hand", {}))
    ]
    shapes = [TrackedShape(type="skeleton", frame=0)]
    return Track(label=MAN.name, attributes={"age": ""}, shapes=shapes, elements=elements)


def _still_box() -> Track:
    box = TrackedShape(type="rectangle", frame=0, points=[0.0] * 4)
    box.attributes = {CAR.attributes[1].name: ""}
    return Track(label=CAR.name, attributes={"fixed": ""}, shapes=[box])


@settings(max_examples=40, deadline=None)
@example([_still_box(), _gone_skeleton()])
@given(st.lists(tracks(), min_size=1, max_size=3))
def test_tracks_come_back_from_video(
    store: Store, tmp_path_factory: pytest.TempPathFactory, found: list[Track]
) -> None:
    before = values(written(store, Annotations(tracks=found)))
    path = tmp_path_factory.getbasetemp() / "video.zip"
    assert values(again(store, "cvat-video", path)) == before
