"""Frames of a validation pool that jobs show among their own, as newer CVAT's honeypots.

The frame itself is in the pool, which the ground-truth job holds; a honeypot is a copy of it in an
annotation job. Datasets of a task have the frame of the pool, with the ground truth, and no copies.
"""

from __future__ import annotations

import orjson
from sqlmodel import Session

from localcvat.store.engine import raw
from localcvat.store.tables import DataRow, TaskRow

GT_POOL = "gt_pool"


def has_pool(session: Session, task: TaskRow) -> bool:
    """Whether the task has a validation pool."""
    data = session.get(DataRow, task.data_id) if task.data_id is not None else None
    if data is None or not data.validation_layout:
        return False
    return bool(orjson.loads(data.validation_layout).get("mode") == GT_POOL)


def honeypots(session: Session, task: TaskRow) -> frozenset[int]:
    """The task's frames that are copies of frames of its pool."""
    if not has_pool(session, task):
        return frozenset()
    pool: set[int] = set()
    for (frames,) in raw(session).execute(
        "SELECT s.frames FROM job j JOIN segment s ON s.id = j.segment_id"
        " WHERE j.task_id = ? AND j.type = 'ground_truth' AND s.type = 'specific_frames'",
        (task.id,),
    ):
        pool.update(orjson.loads(frames))
    rows = raw(session).execute(
        "SELECT number, path FROM frame WHERE data_id = ? ORDER BY number", (task.data_id,)
    )
    numbers: dict[str, list[int]] = {}
    for number, path in rows:
        numbers.setdefault(path, []).append(number)
    shown = [same for same in numbers.values() if not pool.isdisjoint(same)]
    return frozenset(number for same in shown for number in same if number not in pool)
