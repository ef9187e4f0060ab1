"""Benchmarks: ours against a floor and the peers, in one run, as whole processes.

usage: python tests/bench/run.py [--images 5000] [--rounds 3] [--peers .bench/peers/bin]

Prints a table of medians and writes docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCH = Path(__file__).parent
WORK = ROOT / ".bench"


class Run:
    """One finished process: wall and CPU seconds, peak memory in MB."""

    def __init__(self, command: list[str]) -> None:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.perf_counter() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        if process.returncode:
            raise SystemExit(f"{command}: {errors.decode()[-2000:]}")


def commands(source: Path, peers: Path) -> dict[str, dict[str, list[str]]]:
    """For each job the commands of ours, the floor and the peers; OUT is replaced."""
    ours = [sys.executable, "-m", "localcvat"]
    floor = [sys.executable]
    label = [str(peers / "labelformat"), "convert", "--task", "object-detection"]
    label += ["--input-format", "coco", "--input-file", str(source)]
    convert = [*ours, "convert", str(source)]
    jobs = {
        "COCO → YOLO folder": {
            "ours": [*convert, "OUT", "--to", "yolo"],
            "floor": [*floor, str(BENCH / "floor_yolo.py"), str(source), "OUT"],
            "labelformat": [*label, "--output-format", "yolov8", "--output-file", "OUT/data.yaml"],
        },
        "COCO → YOLO zip": {
            "ours": [*convert, "OUT.zip", "--to", "yolo"],
            "floor": [*floor, str(BENCH / "floor_yolo.py"), str(source), "OUT"],
            "labelformat": [*label, "--output-format", "yolov8", "--output-file", "OUT/data.yaml"],
        },
        "COCO → VOC folder": {
            "ours": [*convert, "OUT", "--to", "voc"],
            "labelformat": [*label, "--output-format", "pascalvoc", "--output-folder", "OUT"],
        },
        "COCO → COCO": {
            "ours": [*convert, "OUT", "--to", "coco"],
            "labelformat": [*label, "--output-format", "coco", "--output-file", "OUT/coco.json"],
        },
        "COCO → store": {
            "ours": [*ours, "--store", "OUT", "project", "import-dataset", "1", str(source)],
            "floor": [*floor, str(BENCH / "floor_store.py"), str(source), "OUT"],
        },
    }
    if not (peers / "labelformat").exists():
        for job in jobs.values():
            job.pop("labelformat", None)
    return jobs


def prepared(command: list[str], job: str, who: str) -> list[str]:
    """The command with a fresh output path; a store is made first."""
    out = WORK / "out"
    for path in (out, out.with_suffix(".zip")):
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    if who == "labelformat":
        out.mkdir()
    if job.endswith("store") and who == "ours":
        for words in (["init"], ["project", "create", "bench"]):
            store = [sys.executable, "-m", "localcvat", "--store", str(out), *words]
            subprocess.run(store, check=True, stdout=subprocess.DEVNULL)
    return [word.replace("OUT", str(out)) for word in command]


def measured(source: Path, peers: Path, rounds: int) -> dict[str, dict[str, list[Run]]]:
    """All runs, the programs of a job in turn, so that drift of the machine hits all alike."""
    results: dict[str, dict[str, list[Run]]] = {}
    for job, programs in commands(source, peers).items():
        runs: dict[str, list[Run]] = {who: [] for who in programs}
        for _ in range(rounds):
            for who, command in programs.items():
                runs[who].append(Run(prepared(command, job, who)))
        results[job] = runs
    return results


def table(results: dict[str, dict[str, list[Run]]]) -> list[str]:
    """A Markdown table of medians; ratios are ours over the other's, pair by pair."""
    lines = [
        "| job | program | wall s | CPU s | peak MB | ours / it, wall | it / ours, CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for job, programs in results.items():
        ours = programs["ours"]
        for who, runs in programs.items():
            wall = statistics.median(
                mine.wall / its.wall for mine, its in zip(ours, runs, strict=True)
            )
            cpu = statistics.median(
                its.cpu / mine.cpu for mine, its in zip(ours, runs, strict=True)
            )
            numbers = [
                f"{statistics.median(run.wall for run in runs):.2f}",
                f"{statistics.median(run.cpu for run in runs):.2f}",
                f"{statistics.median(run.memory for run in runs):.0f}",
            ]
            ratios = ["", ""] if who == "ours" else [f"{wall:.2f}", f"{cpu:.1f}"]
            lines.append(f"| {job} | {who} | {' | '.join([*numbers, *ratios])} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=WORK / "peers" / "bin")
    arguments = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    source = WORK / f"coco-{arguments.images}.json"
    if not source.exists():
        generate = [sys.executable, str(BENCH / "gen_coco.py"), str(source)]
        subprocess.run([*generate, "--images", str(arguments.images)], check=True)
    lines = table(measured(source, arguments.peers, arguments.rounds))
    print("\n".join(lines))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    text = [
        "# Performance",
        "",
        "Made by `make bench`: whole processes, medians and ratios of one run. Absolute times are",
        "of one machine on one day; the ratios are what counts.",
        "",
        f"{date.today().isoformat()}, {machine}; {arguments.images} images "
        f"({source.stat().st_size / 1e6:.0f} MB of JSON), {arguments.rounds} rounds.",
        "",
        *lines,
        "",
    ]
    (ROOT / "docs" / "performance.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
