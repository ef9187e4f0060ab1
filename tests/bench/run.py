"""Benchmarks: ours against a floor and the peers, in one run, as whole processes.

usage: python tests/bench/run.py [--images 5000] [--rounds 3] [--peers .bench/peers/bin] [--only X]

Prints tables of medians and targets; they are in docs/performance.md after every job already, so
that what was measured stays when the rest is not. The input is .bench/coco-IMAGES.json, made when
it is not there; a link to one made elsewhere will do. Runs are kept in .bench/*.jsonl.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tables
from jobs import jobs
from measuring import WORK, Measurement, dataset
from opening import measure_opening


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-rounds", type=int, help="fewer for peers, which take long")
    parser.add_argument("--peers", type=Path, default=WORK / "peers" / "bin")
    parser.add_argument("--only", default="", help="jobs that have this in their name")
    arguments = parser.parse_args()
    source = dataset(arguments.images)
    measurement = Measurement(source, "bench")
    planned = jobs(source, arguments.peers)

    def write() -> None:
        head = (
            f"{tables.machine()}; {arguments.images:,} images "
            f"({source.stat().st_size / 1e6:.0f} MB of JSON), medians of {arguments.rounds} rounds"
            f"{tables.versions(arguments.peers)}."
        )
        found = measurement.results
        tables.write_section("Results", [head, "", *tables.results_table(found, planned)])
        targets = tables.targets_table(found, planned, arguments.images)
        tables.write_section("Targets", targets)

    chosen = [job for job in planned if arguments.only in job.name]
    peer_rounds = arguments.rounds if arguments.peer_rounds is None else arguments.peer_rounds
    measurement.measure(chosen, arguments.rounds, write, peer_rounds)
    if not arguments.only:
        measure_opening()
    tables.show("Results", "Targets", "Opening a store")


if __name__ == "__main__":
    main()
