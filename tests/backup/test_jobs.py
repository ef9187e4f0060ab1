"""Jobs: derived status, ground truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus import CVAT_MADE
from localcvat.backup.restore import restore_task
from localcvat.errors import ValidationError
from localcvat.jobs import create_ground_truth_job, get_job, list_jobs, update_job
from localcvat.store.engine import Store
from localcvat.tasks import get_task


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path / "store") as made:
        restore_task(made, CVAT_MADE / "rich" / "task_2_backup.zip")
        yield made


def test_restored_jobs_keep_their_status_and_start_new(store: Store) -> None:
    jobs = list_jobs(store, task_id=1)
    assert [job.status for job in jobs] == ["validation", "completed", "annotation", "annotation"]
    assert {(job.stage, job.state) for job in jobs} == {("annotation", "new")}
    assert [(job.start_frame, job.stop_frame) for job in jobs] == [(0, 2), (2, 4), (4, 6), (6, 7)]


def test_status_follows_stage_and_state_and_the_task_follows_its_jobs(store: Store) -> None:
    for job in list_jobs(store, task_id=1):
        update_job(store, job.id, stage="acceptance", state="completed")
    assert {job.status for job in list_jobs(store)} == {"completed"}
    assert get_task(store, 1).status == "completed"
    update_job(store, 2, stage="validation")
    assert (get_job(store, 2).state, get_job(store, 2).status) == ("new", "validation")
    assert get_task(store, 1).status == "validation"
    with pytest.raises(ValidationError, match='"done" is not a valid choice'):
        update_job(store, 2, state="done")


def test_one_ground_truth_job_of_frames_of_the_task(store: Store) -> None:
    with pytest.raises(ValidationError, match="not included in the task: 8"):
        create_ground_truth_job(store, 1, [1, 8])
    job = get_job(store, create_ground_truth_job(store, 1, [5, 1]))
    assert (job.type, job.frames, job.frame_count) == ("ground_truth", [1, 5], 2)
    with pytest.raises(ValidationError, match="already has a ground truth job"):
        create_ground_truth_job(store, 1, [2])
