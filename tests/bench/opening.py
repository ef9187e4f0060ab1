"""How long opening a store of 1,000,000 frames takes, in fresh processes.

usage: python tests/bench/opening.py [--frames 1000000]

The database is out of the page cache each time. The result is written into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

import tables
from big_store import make_big_store
from jobs import BENCH
from measuring import WORK, remove

ROUNDS = 5
FRAMES_A_TASK = 1000
BOUND_MS = 100


def measure_opening(frames: int = 1_000_000) -> None:
    """Make the store, open it in `ROUNDS` processes, write the section."""
    store = WORK / "opening"
    remove(store)
    tasks = frames // FRAMES_A_TASK
    make_big_store(store, tasks, FRAMES_A_TASK)
    command = [sys.executable, str(BENCH / "open_store.py"), str(store), str(tasks // 2)]
    try:
        rounds = [
            json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            for _ in range(ROUNDS)
        ]
        megabytes = (store / "localcvat.db").stat().st_size / 1e6
    finally:
        remove(store)
    lines = [
        f"{tables.machine()}. {tasks:,} tasks of {FRAMES_A_TASK:,} frames with a box, a tag and a"
        f" track each: {megabytes:.0f} MB. Medians of {ROUNDS} processes, each with the database"
        f" out of the page cache; opening may take {BOUND_MS} ms.",
        "",
        "| step | ms | |",
        "|---|---|---|",
    ]
    for step in rounds[0]:
        took = statistics.median(each[step] for each in rounds)
        verdict = ""
        if step == "open":
            verdict = "met" if took < BOUND_MS else "**not met**"
        lines.append(f"| {step} | {took:.1f} | {verdict} |")
    tables.write_section("Opening a store", lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=1_000_000)
    measure_opening(parser.parse_args().frames)
    tables.show("Opening a store")


if __name__ == "__main__":
    main()
