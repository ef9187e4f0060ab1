"""A large store made by SQL in seconds: a project of many tasks, frames and boxes."""

from __future__ import annotations

import os
from pathlib import Path

from localcvat.store.engine import Store, raw
from localcvat.store.packing import pack_points

LABELS = 10


def make_big_store(
    path: str | os.PathLike[str], tasks: int, frames: int = 1000, *, annotated: bool = True
) -> None:
    """A store with project 1 and its tasks, each of that many frames with a box, a tag and a track.

    Rows of one task are written in turn with those of all others, so that no two neighbours in a
    table of annotations are of one task.
    """
    when = "2026-01-01T00:00:00.000000Z"
    statements = (
        "INSERT INTO project (id, name, created_date, updated_date)"
        f" VALUES (1, 'big', '{when}', '{when}')",
        f"INSERT INTO label (id, project_id, name, type) {_series(LABELS)}"
        " SELECT n + 1, 1, 'label ' || n, 'rectangle' FROM series",
        f"INSERT INTO data (id, size, stop_frame) {_series(tasks)}"
        f" SELECT n + 1, {frames}, {frames - 1} FROM series",
        "INSERT INTO task (id, project_id, data_id, name, subset, mode, segment_size, created_date,"
        f" updated_date) SELECT id, 1, id, 'task ' || id, '', 'annotation', {frames},"
        f" '{when}', '{when}' FROM data",
        f"INSERT INTO segment (id, task_id, start_frame, stop_frame) SELECT id, id, 0,"
        f" {frames - 1} FROM task",
        "INSERT INTO job (id, segment_id, task_id, created_date, updated_date)"
        f" SELECT id, id, task_id, '{when}', '{when}' FROM segment",
        f"INSERT INTO frame (data_id, number, path, width, height) {_series(frames)}"
        " SELECT d.id, n, 'images/' || d.id || '/' || n || '.jpg', 640, 480 FROM data d, series"
        " ORDER BY d.id, n",
    )
    points = (pack_points([1.0, 2.0, 30.0, 40.0]),)
    with Store.create(Path(path)) as store, store.write() as session:
        connection = raw(session)
        for statement in statements:
            connection.execute(statement)
        if not annotated:
            return
        jobs = f"{_series(frames)} SELECT j.id, n, 1 + n % {LABELS}"
        order = "FROM series, job j ORDER BY n, j.id"
        connection.execute(
            f"INSERT INTO shape (job_id, frame, label_id, type, points) {jobs}, 'rectangle', ?"
            f" {order}",
            points,
        )
        connection.execute(f"INSERT INTO tag (job_id, frame, label_id) {jobs} {order}")
        connection.execute(f"INSERT INTO track (job_id, frame, label_id) {jobs} {order}")
        connection.execute(
            "INSERT INTO tracked_shape (track_id, frame, type, points)"
            " SELECT id, frame, 'rectangle', ? FROM track ORDER BY id",
            points,
        )


def _series(count: int) -> str:
    return (
        "WITH RECURSIVE series(n) AS"
        f" (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {count - 1})"
    )
