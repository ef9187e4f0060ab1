"""Annotations of every kind come back from the store as they were written, value by value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcvat.errors import ValidationError
from localcvat.geometry.masks import coco_to_mask, mask_to_coco
from localcvat.label_rows import insert_labels
from localcvat.model import (
    SHAPE_TYPES,
    Annotations,
    AttributeSpec,
    Label,
    Shape,
    Tag,
    Track,
    TrackedShape,
)
from localcvat.projects import create_project
from localcvat.store.annotation_reading import frames_of, read_annotations, tracks_of
from localcvat.store.annotation_rows import clear_annotations, write_annotations
from localcvat.store.engine import Store, raw
from localcvat.store.label_map import label_map
from localcvat.store.packing import pack_points, pack_shape, unpack_points
from localcvat.store.tables import DataRow, TaskRow
from localcvat.task_rows import JobDraft, insert_jobs, insert_task

SUBLABELS = ("head", "hand")
SPECS = [AttributeSpec(name="colour"), AttributeSpec(name="moving", mutable=True)]
LABELS = [
    Label(name="car", attributes=SPECS),
    Label(name="Ünïcode лейбл"),
    Label(
        name="pose",
        type="skeleton",
        sublabels=[Label(name=name, type="points", attributes=SPECS[:1]) for name in SUBLABELS],
    ),
]
JOB = 1

numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
points = st.lists(numbers, max_size=12)
text = st.text(max_size=8)
frames = st.integers(0, 1_000_000)
extras = st.none() | st.dictionaries(text, st.integers(-9, 9) | text | st.lists(numbers))
colours = st.fixed_dictionaries({}, optional={"colour": text})
mutables = st.fixed_dictionaries({}, optional={"colour": text, "moving": text})
common: dict[str, Any] = {
    "group": st.integers(0, 9),
    "source": st.sampled_from(["manual", "auto", "semi-auto", "file"]),
    "score": st.none() | st.floats(0, 1),
    "extras": extras.map(lambda value: value or None),
}
looks: dict[str, Any] = {
    "points": points,
    "occluded": st.booleans(),
    "outside": st.booleans(),
    "z_order": st.integers(-1000, 1000),
    "rotation": st.floats(0, 360, exclude_max=True),
}
tags = st.builds(
    Tag, label=st.just("car"), frame=frames, attributes=mutables, **common
) | st.builds(Tag, label=st.just("Ünïcode лейбл"), frame=frames, **common)
plain = st.builds(
    Shape,
    type=st.sampled_from([kind for kind in SHAPE_TYPES if kind != "skeleton"]),
    label=st.just("car"),
    frame=frames,
    instance=st.integers(0, 5),
    attributes=mutables,
    **common,
    **looks,
)
elements = st.builds(
    Shape,
    type=st.just("points"),
    label=st.sampled_from(SUBLABELS),
    attributes=colours,
    **common,
    **looks,
)
skeletons = st.builds(
    Shape,
    type=st.just("skeleton"),
    label=st.just("pose"),
    points=st.just([]),
    frame=frames,
    elements=st.lists(elements, max_size=3),
    **common,
)
keyframes = st.builds(
    TrackedShape,
    type=st.sampled_from(SHAPE_TYPES),
    frame=frames,
    attributes=mutables,
    **looks,
)
element_tracks = st.builds(
    Track,
    label=st.sampled_from(SUBLABELS),
    frame=frames,
    shapes=st.lists(st.builds(TrackedShape, type=st.just("points"), frame=frames, **looks)),
    **common,
)
tracks = st.builds(
    Track,
    label=st.just("car"),
    frame=frames,
    attributes=colours,
    shapes=st.lists(keyframes, max_size=3),
    **common,
) | st.builds(
    Track,
    label=st.just("pose"),
    frame=frames,
    elements=st.lists(element_tracks, max_size=2),
    **common,
)
annotations = st.builds(
    Annotations,
    tags=st.lists(tags, max_size=4),
    shapes=st.lists(plain | skeletons, max_size=5),
    tracks=st.lists(tracks, max_size=3),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.create(tmp_path_factory.mktemp("annotations") / "store") as made:
        project_id = create_project(made, "p", LABELS)
        with made.write() as session:
            task = TaskRow(
                name="t", project_id=project_id, mode="annotation", created_date="", updated_date=""
            )
            task_id = insert_task(session, task, DataRow(size=10))
            insert_jobs(session, task_id, [JobDraft(start_frame=0, stop_frame=9)] * 2)
        yield made


def placed(shape: Shape) -> Shape:
    """Elements are on the frame of their skeleton."""
    for element in shape.elements:
        element.frame = shape.frame
    return shape


def write(store: Store, value: Annotations) -> None:
    """Make these the annotations of the job."""
    with store.write() as session:
        clear_annotations(session, JOB)
        write_annotations(session, JOB, value, label_map(session, task_id=1))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=annotations)
def test_annotations_come_back_in_order_value_by_value(store: Store, value: Annotations) -> None:
    value.shapes = [placed(shape) for shape in value.shapes]
    write(store, value)
    with store.read() as session:
        labels = label_map(session, task_id=1)
        assert read_annotations(session, JOB, labels) == value
        assert list(tracks_of(session, JOB, labels)) == value.tracks
        found = list(frames_of(session, JOB, labels))
    assert [each.frame for each in found] == sorted({each.frame for each in found})
    by_frame = sorted(value.shapes, key=lambda shape: shape.frame)
    assert [shape for each in found for shape in each.shapes] == by_frame
    tags_by_frame = sorted(value.tags, key=lambda tag: tag.frame)
    assert [tag for each in found for tag in each.tags] == tags_by_frame


@pytest.mark.parametrize(
    "field",
    [
        *({"occluded": True}, {"outside": True}, {"z_order": -1}, {"rotation": 0.5}),
        *({"source": "auto"}, {"score": 0.0}, {"attributes": {"colour": ""}}, {"group": 3}),
        {"elements": [Shape(type="points", label="head", points=[1.0, 2.0], frame=4)]},
    ],
    ids=lambda field: next(iter(field)),
)
def test_what_only_one_shape_of_a_job_has_is_read(store: Store, field: dict[str, Any]) -> None:
    label, kind = ("pose", "skeleton") if "elements" in field else ("car", "polygon")
    plain = Shape(type="polygon", label="car", points=[0.5, 1.5, 3.0, 4.0, 5.0, 6.0], frame=4)
    other = Shape(type=kind, label=label, points=[], frame=4, **field)
    first, last = (msgspec.structs.replace(plain, frame=frame) for frame in (3, 5))
    write(store, Annotations(shapes=[first, plain, other, plain, last]))
    with store.read() as session:
        found = list(frames_of(session, JOB, label_map(session, task_id=1)))
    assert [each.shapes for each in found] == [[first], [plain, other, plain], [last]]


@given(st.lists(numbers | st.sampled_from([math.inf, -math.inf, -0.0, 5e-324])))
def test_points_are_packed_exactly(values: list[float]) -> None:
    packed = pack_points(values)
    assert len(packed) == 8 * len(values)
    assert [value.hex() for value in unpack_points(packed)] == [value.hex() for value in values]


@given(
    st.lists(st.integers(0, 70_000).map(float), max_size=9)
    | st.lists(st.integers(-(2**40), 2**40).map(float), max_size=9)
    | st.lists(numbers | st.sampled_from([math.inf, math.nan, -0.0]), max_size=9)
)
def test_masks_are_packed_exactly_whatever_their_numbers(values: list[float]) -> None:
    again = unpack_points(pack_shape("mask", values))
    assert [value.hex() for value in again] == [value.hex() for value in values]
    assert all(type(value) is float for value in again)


def test_masks_of_whole_numbers_take_two_bytes_a_run() -> None:
    assert len(pack_shape("mask", [0.0, 65_535.0, 1.0, 2.0, 3.0, 4.0])) == 1 + 2 * 6
    assert len(pack_shape("mask", [0.0, 65_536.0, -1.0, 2.0, 3.0, 4.0])) == 1 + 4 * 6
    assert pack_shape("polygon", [0.0, 1.0]) == pack_points([0.0, 1.0])


@pytest.mark.parametrize("counts", [[5, 3, 4], [0, 12], [70_000, 2, 69_998], [3, 0, 2, 1, 6]])
def test_counts_are_kept_as_they_are_and_read_as_runs(counts: list[int]) -> None:
    width = 4 if sum(counts) < 100 else 400
    mask = coco_to_mask(counts, width, sum(counts) // width)
    blob = pack_shape("mask", mask)
    assert len(blob) <= 1 + 4 * (2 + len(counts))
    again = unpack_points(blob)
    assert again == mask
    assert again == pack_and_unpack(list(mask))
    assert mask_to_coco(again, width, sum(counts) // width) == counts


def pack_and_unpack(points: list[float]) -> Any:
    return unpack_points(pack_shape("mask", points))


def test_points_packed_by_a_stranger_are_refused() -> None:
    for blob in (b"\x03", b"\x01\x00", b"\x02", b"\x01\x00\x00\x00"):
        with pytest.raises(ValueError, match=r"packed|multiple|unpack"):
            unpack_points(blob)


def test_points_are_little_endian_doubles() -> None:
    assert pack_points([1.0]) == bytes.fromhex("000000000000f03f")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Annotations(tags=[Tag(label="dog")]), "label 'dog' is unknown"),
        (Annotations(tags=[Tag(label="car", attributes={"size": "1"})]), "attribute 'size'"),
        (Annotations(shapes=[Shape(type="points", label="head")]), "label 'head' is unknown"),
        (
            Annotations(
                shapes=[
                    Shape(
                        type="skeleton",
                        label="pose",
                        elements=[Shape(type="points", label="car")],
                    )
                ]
            ),
            "no sublabel 'car'",
        ),
        (Annotations(shapes=[Shape(type="points", label="car", points=["x"])]), "numbers"),  # type: ignore[list-item]
    ],
)
def test_what_the_labels_do_not_know_is_refused(
    store: Store, value: Annotations, words: str
) -> None:
    write(store, Annotations(tags=[Tag(label="car")]))
    with pytest.raises(ValidationError, match=words):
        write(store, value)
    with store.read() as session:
        assert len(read_annotations(session, JOB, label_map(session, task_id=1)).tags) == 1


def test_many_annotations_are_written_in_batches(store: Store) -> None:
    shapes = [
        Shape(type="rectangle", label="car", points=[n, 0, n + 1, 1], frame=n % 10)
        for n in range(12_001)
    ]
    write(store, Annotations(shapes=shapes))
    with store.read() as session:
        assert read_annotations(session, JOB, label_map(session, task_id=1)).shapes == shapes
    write(store, Annotations())


def test_the_other_job_is_left_alone(store: Store) -> None:
    with store.write() as session:
        labels = label_map(session, task_id=1)
        clear_annotations(session, JOB + 1)
        write_annotations(session, JOB + 1, Annotations(tags=[Tag(label="car")]), labels)
    write(store, Annotations())
    with store.read() as session:
        assert len(read_annotations(session, JOB + 1, label_map(session, task_id=1)).tags) == 1


def test_annotations_go_with_their_label_job_task_and_project(tmp_path: Path) -> None:
    for victim in ("label", "job", "task", "project"):
        with Store.create(tmp_path / victim) as made:
            project_id = create_project(made, "p", LABELS)
            with made.write() as session:
                task = TaskRow(
                    name="t", project_id=project_id, mode="", created_date="", updated_date=""
                )
                task_id = insert_task(session, task, DataRow(size=1))
                insert_jobs(session, task_id, [JobDraft(start_frame=0, stop_frame=0)])
                head = Shape(type="points", label="head", points=[1, 2])
                pose = Shape(type="skeleton", label="pose", elements=[head])
                key = TrackedShape(type="skeleton", frame=0)
                track = Track(label="pose", shapes=[key])
                value = Annotations(shapes=[pose], tracks=[track], tags=[Tag(label="pose")])
                labels = label_map(session, task_id=task_id)
                write_annotations(session, JOB, value, labels)
            with made.write() as session:
                where = "name = 'pose'" if victim == "label" else "1"
                raw(session).execute(f"DELETE FROM {victim} WHERE {where}")
            with made.read() as session:
                for table in ("shape", "tag", "track", "tracked_shape"):
                    rows = raw(session).execute(f"SELECT count(*) FROM {table}")
                    assert rows.fetchone() == (0,), (victim, table)


def test_labels_come_back_as_they_were_written(store: Store) -> None:
    from localcvat.label_rows import read_labels

    label = Label(
        name="x",
        color="#010203",
        type="skeleton",
        attributes=[
            AttributeSpec(
                name="a", mutable=True, input_type="select", default_value="1", values=["1", "2"]
            )
        ],
        sublabels=[Label(name="s", color="#040506", type="points")],
        svg='<circle data-label-name="s"></circle>',
        extras={"coco": {"id": 7}},
    )
    with store.write() as session:
        project_id = create_project_row(session)
        insert_labels(session, [label], project_id=project_id)
        assert read_labels(session, project_id=project_id) == [label]


def create_project_row(session: Any) -> int:
    """A bare project inside a transaction."""
    from localcvat.store.tables import ProjectRow

    row = ProjectRow(name="bare", created_date="", updated_date="")
    session.add(row)
    session.flush()
    return int(row.id or 0)
