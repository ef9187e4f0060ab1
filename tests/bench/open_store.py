"""Open a store, list its projects and retrieve a task; prints the milliseconds of each as JSON.

usage: python tests/bench/open_store.py STORE TASK_ID

Run it as a process of its own: the first opening in a process is what a user waits for. Imports
are timed apart. The database is taken out of the page cache first, so that it is read from disk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(store: str, task_id: int) -> None:
    times = {}
    last = time.perf_counter()

    def step(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        times[name] = round((now - last) * 1000, 2)
        last = time.perf_counter()

    import localcvat.client
    import localcvat.repositories

    step("imports")
    with open(Path(store) / "localcvat.db", "rb") as database:
        os.posix_fadvise(database.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    last = time.perf_counter()
    with localcvat.client.Client(store) as client:
        step("open")
        client.projects.list()
        step("list projects")
        client.tasks.retrieve(task_id)
        step("retrieve a task")
    print(json.dumps(times))


main(sys.argv[1], int(sys.argv[2]))
