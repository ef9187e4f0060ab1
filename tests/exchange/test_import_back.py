"""CVAT's own exports, and ours, read back into the task they are of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus import CVAT_MADE
from goldens import Golden, goldens, restored
from localcvat.adapt import adapt
from localcvat.annotation_import import JobSlice, target_jobs
from localcvat.datasets import export_task
from localcvat.exchange import export_from_task, import_into_job, import_into_task
from localcvat.geometry.slicing import slice_track
from localcvat.model import Annotations, Dataset, Shape, Track
from localcvat.plugin import find_format
from localcvat.report import Report
from localcvat.store.annotation_reading import read_annotations
from localcvat.store.engine import Store
from localcvat.store.label_map import label_map
from localcvat.tasks import task_row
from rest_values import shape_value, tag_value, track_value

TASKS = goldens("CVAT for images 1.1", kinds=("task",))
IMAGES = [golden for golden in TASKS if not golden.with_images]
VIDEO = [each for each in goldens("CVAT for video 1.1", kinds=("task",)) if not each.with_images]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    golden: Golden = request.node.callspec.params["golden"]
    (backup,) = (CVAT_MADE / golden.corpus).glob("project_*_backup.zip")
    return restored(backup, tmp_path / "store")[0]


def annotations_of(store: Store, task_id: int) -> Iterator[tuple[JobSlice, Annotations]]:
    with store.read() as session:
        task = task_row(session, task_id)
        labels = label_map(session, task_id=task_id)
        for job in target_jobs(session, task):
            yield job, read_annotations(session, job.id, labels)


def rounded(shape: Shape) -> Shape:
    shape.points = [round(value, 2) for value in shape.points]
    shape.rotation = round(shape.rotation, 2)
    shape.outside = False if not shape.elements else shape.outside
    shape.elements = [rounded_element(element) for element in shape.elements]
    return shape


def rounded_element(shape: Shape) -> Shape:
    shape.points = [round(value, 2) for value in shape.points]
    return shape


def exported(store: Store, task_id: int, *, flat: bool) -> tuple[Dataset, list[Track]]:
    with store.read() as session:
        dataset = export_task(store, session, task_row(session, task_id), "cvat")
        tracks = list(dataset.tracks)
        dataset.tracks = tracks
        if flat:
            capabilities = find_format("CVAT for images 1.1").format.capabilities("cvat")
            dataset = adapt(dataset, capabilities, Report())
        return Dataset(dataset.header, list(dataset.items)), tracks


@pytest.mark.parametrize("golden", IMAGES, ids=str)
def test_cvats_images_bring_their_shapes_and_tags_back(golden: Golden, store: Store) -> None:
    before, _ = exported(store, golden.our_id, flat=True)
    items = list(before.items)
    report = import_into_task(store, golden.our_id, golden.path, "CVAT 1.1")
    assert not report.losses
    assert not [entry for entry in report.entries if "matched by" in entry.reason]
    for job, found in annotations_of(store, golden.our_id):
        here = [item for item in items if job.takes(item.frame or 0)]
        assert sorted(shape_value(shape) for shape in found.shapes) == sorted(
            shape_value(rounded(shape)) for item in here for shape in item.shapes
        )
        assert sorted(tag_value(tag) for tag in found.tags) == sorted(
            tag_value(tag) for item in here for tag in item.tags
        )
        assert not found.tracks


@pytest.mark.parametrize("golden", VIDEO, ids=str)
def test_cvats_tracks_come_back_as_the_tracks_they_were(golden: Golden, store: Store) -> None:
    before, tracks = exported(store, golden.our_id, flat=False)
    items = list(before.items)
    deleted = set(before.header.tasks[0].deleted_frames)
    masks = [shape for item in items for shape in item.shapes if shape.type == "mask"]
    report = import_into_task(store, golden.our_id, golden.path, "CVAT 1.1")
    assert [entry.kind for entry in report.losses] in ([], ["track"])
    assert report.count("changed", "track") == len(masks)
    stills = sum(len(item.shapes) for item in items) - len(masks)
    expected = [_expected(track, deleted) for track in tracks]
    for job, found in annotations_of(store, golden.our_id):
        assert sorted(shape_value(shape) for shape in found.shapes) == sorted(
            shape_value(rounded(mask)) for mask in masks if job.takes(mask.frame)
        )
        here = [part for part in (slice_track(t, job.start, job.stop) for t in expected) if part]
        values = [track_value(track) for track in found.tracks]
        missing = [value for value in map(track_value, here) if value not in values]
        assert not missing
    assert len(expected) + stills == report.count("kept", "track")


def _expected(track: Track, deleted: set[int]) -> Track:
    """A track as CVAT's XML holds it: two decimals, no keyframes on deleted frames."""
    for part in (track, *track.elements):
        part.shapes = [shape for shape in part.shapes if shape.frame not in deleted]
        known: dict[str, str] = {}
        for shape in part.shapes:
            shape.points = [round(value, 2) for value in shape.points]
            known = shape.attributes = {**known, **shape.attributes}
        part.frame = part.shapes[0].frame
    return track


@pytest.mark.parametrize("golden", IMAGES[:1], ids=str)
def test_replace_and_append(golden: Golden, store: Store) -> None:
    def count() -> int:
        return sum(len(found.shapes) for _, found in annotations_of(store, golden.our_id))

    before = count()
    import_into_task(store, golden.our_id, golden.path)
    assert count() == before
    import_into_task(store, golden.our_id, golden.path, mode="append")
    assert count() == 2 * before


@pytest.mark.parametrize("golden", IMAGES, ids=str)
def test_a_job_takes_what_is_on_its_frames(golden: Golden, store: Store) -> None:
    jobs = [job for job, _ in annotations_of(store, golden.our_id)]
    chosen = jobs[-1]
    others = {job.id: found for job, found in annotations_of(store, golden.our_id)}
    report = import_into_job(store, chosen.id, golden.path)
    for job, found in annotations_of(store, golden.our_id):
        if job.id != chosen.id:
            assert found == others[job.id]
        else:
            assert all(job.takes(shape.frame) for shape in found.shapes)
    kept = sum(entry.count for entry in report.entries if entry.outcome == "kept")
    dropped = sum(entry.count for entry in report.entries if entry.outcome == "dropped")
    assert kept + dropped > 0


@pytest.mark.parametrize("golden", IMAGES[:1], ids=str)
def test_what_we_export_plainly_comes_back_whole(
    golden: Golden, store: Store, tmp_path: Path
) -> None:
    before = dict(_values(store, golden.our_id))
    export_from_task(store, golden.our_id, tmp_path / "out.zip", "cvat-images")
    report = import_into_task(store, golden.our_id, tmp_path / "out.zip")
    assert not report.losses
    assert dict(_values(store, golden.our_id)) == before


def _values(store: Store, task_id: int) -> Iterator[tuple[int, object]]:
    for job, found in annotations_of(store, task_id):
        shapes = sorted(shape_value(shape) for shape in found.shapes)
        yield job.id, (shapes, sorted(map(track_value, found.tracks)))
