"""What is read of a store is what was asked for: the cost does not grow with what else is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from localcvat import Client
from localcvat.store.engine import Store, raw

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))
from big_store import make_big_store  # noqa: E402

OPENING_MS = 100
STEPS = ("open", "list projects", "retrieve a task")
TRIES = 20
"""On a busy machine others take their turns in between: the best of some openings counts."""
EVERY = 5
LARGE = {"frame", "shape", "tag", "track", "tracked_shape"}
Reading = Callable[[Client, Path], object]


class Watch:
    """The work SQLite did for a store: instructions of its machine, and the statements."""

    def __init__(self) -> None:
        self.steps = 0
        self.statements: list[str] = []

    def _step(self) -> int:
        self.steps += EVERY
        return 0

    def attach(self, connection: Any, *_: object) -> None:
        connection.set_progress_handler(self._step, EVERY)
        connection.set_trace_callback(self.statements.append)


@contextmanager
def watched(path: Path) -> Iterator[tuple[Client, Watch]]:
    """A client of the store and the watch over its connections."""
    with Client(path) as client:
        watch = Watch()
        event.listen(client.store.engine, "connect", watch.attach)
        yield client, watch


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two stores with the same task 2, one with 3 tasks and one with 60."""
    folder = tmp_path_factory.mktemp("stores")
    for name, tasks in (("small", 3), ("large", 60)):
        make_big_store(folder / name, tasks, frames=50)
    return folder / "small", folder / "large"


READINGS: dict[str, Reading] = {
    "task annotations": lambda client, out: client.tasks.retrieve(2).get_annotations(),
    "job annotations": lambda client, out: client.jobs.retrieve(2).get_annotations(),
    "task frames": lambda client, out: client.tasks.retrieve(2).get_frames_info(),
    "task meta": lambda client, out: client.tasks.retrieve(2).get_meta(),
    "task to COCO": lambda client, out: client.tasks.retrieve(2).export_dataset("coco", out),
    "job to CVAT": lambda client, out: client.jobs.retrieve(2).export_dataset(
        "CVAT for images 1.1", out
    ),
    "task backup": lambda client, out: client.tasks.retrieve(2).download_backup(
        f"{out}.zip", lightweight=True
    ),
}


@pytest.mark.parametrize("what", READINGS)
def test_reading_one_task_costs_the_same_whatever_else_is_in_the_store(
    what: str, stores: tuple[Path, Path], tmp_path: Path
) -> None:
    steps = []
    for number, path in enumerate(stores):
        with watched(path) as (client, watch):
            assert READINGS[what](client, tmp_path / str(number)) is not None
            steps.append(watch.steps)
        scanned = list(scans(path, watch.statements))
        assert not scanned
    small, large = steps
    assert large < small * 1.1 + 500, "instructions of SQLite, with 20 times the tasks beside it"


def scans(path: Path, statements: list[str]) -> Iterator[str]:
    """Steps of the statements' plans that go through a large table from end to end."""
    with Store.open(path) as store, store.read() as session:
        for statement in dict.fromkeys(statements):
            if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
                continue
            for *_, detail in raw(session).execute(f"EXPLAIN QUERY PLAN {statement}"):
                words = detail.split()
                if words[0] == "SCAN" and words[1] in LARGE:
                    yield f"{detail}: {statement}"


def test_listing_and_retrieving_cost_the_same_whatever_number_of_frames_there_are(
    tmp_path: Path,
) -> None:
    steps = []
    for frames in (10, 2000):
        make_big_store(tmp_path / str(frames), tasks=20, frames=frames)
        with watched(tmp_path / str(frames)) as (client, watch):
            (project,) = client.projects.list()
            assert len(project.get_tasks()) == len(client.tasks.list()) == 20
            assert client.tasks.retrieve(2).size == frames
            steps.append(watch.steps)
    assert steps[1] < steps[0] * 1.1


@pytest.mark.parametrize(
    "tasks", [100, pytest.param(1000, marks=pytest.mark.full)], ids="{} thousand frames".format
)
def test_a_large_store_is_open_in_a_tenth_of_a_second(tasks: int, tmp_path: Path) -> None:
    make_big_store(tmp_path / "store", tasks, frames=1000, annotated=tasks == 1000)
    command = [sys.executable, str(BENCH / "open_store.py"), str(tmp_path / "store"), str(tasks)]
    best: dict[str, float] = {}
    for _ in range(TRIES):
        done = subprocess.run(command, capture_output=True, check=True)
        best = {step: min(ms, best.get(step, ms)) for step, ms in json.loads(done.stdout).items()}
        if all(best[step] < OPENING_MS for step in STEPS):
            return
    pytest.fail(f"milliseconds at best: {best}")
