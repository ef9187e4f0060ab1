"""The doors through which a file from outside comes in, each as its command line.

What goes through them is bounded: in time, and in memory above what is in use before.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import msgspec

from localcvat.cli.main import run
from localcvat.store.engine import Store

SECONDS = 20
CPU_SECONDS = 2
MEGABYTES = 60
"""Bounds on what any of the hostile files may cost at any door."""
DATASET_DOORS = (
    "convert",
    "detect",
    "stats",
    "render",
    "split",
    "project import-dataset",
    "project create --dataset_path",
    "task import-dataset",
    "job import-dataset",
    "task create local",
    "export-manifest",
    "verify",
)
BACKUP_DOORS = (
    "project create-from-backup",
    "task create-from-backup",
    "backup check",
    "backup repair",
    "backup inspect",
)
DOORS = (*DATASET_DOORS, *BACKUP_DOORS)
REST_DOORS = ("REST dataset", "REST annotations", "REST project backup", "REST task backup")


class Outcome(msgspec.Struct):
    """What a command did."""

    code: int
    out: str
    error: str


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """A command that hangs fails."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def in_bounds() -> Iterator[None]:
    """A command that hangs fails, and one that takes more time or memory than it may."""
    began, memory = time.process_time(), _memory_from_now()
    with in_time():
        yield
    spent, taken = time.process_time() - began, _megabytes("VmHWM") - memory
    assert spent < CPU_SECONDS, f"{spent:.1f} s of computing"
    assert taken < MEGABYTES, f"{taken} MB more than before"


def _memory_from_now() -> int:
    """Megabytes in use; the kernel's peak starts anew there."""
    Path("/proc/self/clear_refs").write_text("5")
    return _megabytes("VmRSS")


def _megabytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(name))


def command(*arguments: object) -> Outcome:
    """Run the command line here, as a user would see it."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), in_bounds():
        code = run([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), error.getvalue())


def snapshot(folder: Path) -> dict[str, int]:
    """Every file below a folder, with its size; the database and its locks aside."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if not name.endswith((".db", ".db-wal", ".db-shm", "lock")):
                found[os.path.relpath(path, folder)] = os.lstat(path).st_size
    return found


def enter(door: str, source: Path, work: Path, store: Path, *more: object) -> Outcome:
    """Bring `source` in through a door; outputs go to `work`."""
    arguments: dict[str, tuple[object, ...]] = {
        "convert": ("convert", source, work / "out", "--to", "coco", "--with-images", "yes"),
        "detect": ("detect", source),
        "stats": ("stats", source),
        "render": ("render", source, work / "out"),
        "split": ("split", source, work / "out", "--into", "a=0.5,b=0.5", "--to", "coco"),
        "task import-dataset": ("--store", store, "task", "import-dataset", 1, source),
        "job import-dataset": ("--store", store, "job", "import-dataset", 1, source),
        "task create local": (
            *("--store", store, "task", "create", "new", "local", source, "--project_id", 1),
        ),
        "export-manifest": ("export-manifest", source, "-o", work / "out.sha256"),
        "verify": ("verify", source, "--manifest", store / "sums"),
        "project import-dataset": ("--store", store, "project", "import-dataset", 1, source),
        "project create --dataset_path": (
            *("--store", store, "project", "create", "new", "--dataset_path", source),
        ),
        "project create-from-backup": ("--store", store, "project", "create-from-backup", source),
        "task create-from-backup": ("--store", store, "task", "create-from-backup", source),
        "backup check": ("backup", "check", source),
        "backup repair": ("backup", "repair", source, work / "out.zip"),
        "backup inspect": ("backup", "inspect", source),
    }
    return command(*arguments[door], *more)


def send(door: str, source: Path, store: Store) -> Outcome:
    """Upload `source` to the REST API in this process; the reason is that of the request."""
    import httpx

    from localcvat.rest import Transport

    path, field = {
        "REST dataset": ("/projects/1/dataset?format=COCO 1.0", "dataset_file"),
        "REST annotations": ("/tasks/1/annotations?format=COCO 1.0", "annotation_file"),
        "REST project backup": ("/projects/backup", "project_file"),
        "REST task backup": ("/tasks/backup", "task_file"),
    }[door]
    base = "https://cvat.example/api"
    with httpx.Client(transport=Transport(store), base_url=base) as client, in_bounds():
        with open(source, "rb") as stream:
            answer = client.post(path, files={field: ("hostile.zip", stream)})
        if answer.status_code >= 300:
            return Outcome(1, "", answer.text)
        found = client.get(f"/requests/{answer.json()['rq_id']}").json()
        return Outcome(int(found["status"] != "finished"), "", found["message"])
