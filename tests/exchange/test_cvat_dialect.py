"""What the cvat dialect hands to writers, against what CVAT's REST API answered."""

from __future__ import annotations

import pytest

from goldens import Golden, goldens, rest, store_of
from localcvat.datasets import export_job, export_task
from localcvat.jobs import job_row
from localcvat.model import Dataset
from localcvat.tasks import task_row
from rest_values import Names, shape_value, tag_value, track_value

ANY = goldens("CVAT for images 1.1", kinds=("task", "job"))
INSTANCES = [golden for golden in ANY if not golden.with_images]


@pytest.mark.parametrize("golden", INSTANCES, ids=str)
def test_annotations_of_a_task_or_job_are_those_cvat_shows(golden: Golden) -> None:
    names = Names(golden.corpus)
    answer = rest(golden.corpus, f"{golden.kind}_{golden.id}.annotations.json")
    deleted = set(
        rest(golden.corpus, f"{golden.kind}_{golden.id}.data_meta.json")["deleted_frames"]
    )
    store = store_of(golden.corpus)
    with store.read() as session:
        dataset: Dataset
        if golden.kind == "task":
            dataset = export_task(store, session, task_row(session, golden.our_id), "cvat")
        else:
            dataset = export_job(store, session, job_row(session, golden.our_id), "cvat")
        items = list(dataset.items)
        tracks = list(dataset.tracks)
    assert sorted(shape_value(shape) for item in items for shape in item.shapes) == sorted(
        names.shape(shape) for shape in answer["shapes"] if shape["frame"] not in deleted
    )
    assert sorted(tag_value(tag) for item in items for tag in item.tags) == sorted(
        names.tag(tag) for tag in answer["tags"] if tag["frame"] not in deleted
    )
    assert sorted(map(track_value, tracks)) == sorted(map(names.track, answer["tracks"]))
