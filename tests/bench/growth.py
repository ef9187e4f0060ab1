"""Does cost grow linearly: each of our jobs once at every size, and how the times compare.

usage: python tests/bench/growth.py [11829 118287] [--reuse] [--only COCO]

--reuse takes the runs of a size from an earlier `run.py` or `growth.py` where they are kept in
.bench/. Results are written into docs/performance.md after every job.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tables
from jobs import OURS, jobs
from measuring import Measurement, dataset

SIZES = [11_829, 118_287]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--only", default="", help="jobs that have this in their name")
    arguments = parser.parse_args()
    measurements: dict[int, Measurement] = {}

    def write() -> None:
        head = f"{tables.machine()}. Ten times the images may take eleven times as long."
        results = {size: each.results for size, each in measurements.items()}
        tables.write_section("Growth", [head, "", *tables.growth_table(results, planned)])

    for size in sorted(arguments.sizes):
        source = dataset(size)
        planned = jobs(source, Path())
        for job in planned:
            job.programs = {OURS: job.programs[OURS]}
        chosen = [job for job in planned if arguments.only in job.name]
        measurements[size] = _kept(source) if arguments.reuse else Measurement(source, "growth")
        if not measurements[size].results:
            measurements[size] = Measurement(source, "growth")
            measurements[size].measure(chosen, 1, write)
    write()
    tables.show("Growth")


def _kept(source: Path) -> Measurement:
    """What `run.py` measured of this dataset, else what this program did."""
    for name in ("bench", "growth"):
        measurement = Measurement(source, name)
        measurement.read()
        if measurement.results:
            break
    return measurement


if __name__ == "__main__":
    main()
