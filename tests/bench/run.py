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
STORE = WORK / "store"
YOLO = WORK / "yolo.zip"
PAUSE_SECONDS = 6


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
    to_yolo = [*label, "--output-format", "yolov8", "--output-file", "OUT/data.yaml"]
    yolo_floor = [*floor, str(BENCH / "floor_yolo.py"), str(source), "OUT"]
    into = [*ours, "--store", "OUT", "project", "import-dataset", "1"]
    out_of = [*ours, "--store", str(STORE), "project", "export-dataset", "1", "OUT"]
    sizes = ["--image-size", "640x480"]
    jobs = {
        "COCO → YOLO folder": {
            "ours": [*convert, "OUT", "--to", "yolo"],
            "floor": yolo_floor,
            "labelformat": to_yolo,
        },
        "COCO → YOLO zip": {
            "ours": [*convert, "OUT.zip", "--to", "yolo"],
            "floor": yolo_floor,
            "labelformat": to_yolo,
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
            "ours": [*into, str(source), "--media", "none"],
            "floor": [*floor, str(BENCH / "floor_store.py"), str(source), "OUT"],
        },
        "store → COCO": {
            "ours": [*out_of, "--format", "coco"],
            "floor": [*floor, str(BENCH / "floor_export.py"), str(STORE / "localcvat.db"), "OUT"],
        },
        "store → YOLO zip": {"ours": [*out_of[:-1], "OUT.zip", "--format", "yolo"]},
        "YOLO zip → store": {"ours": [*into, str(YOLO), "--media", "none", *sizes]},
        "YOLO zip → VOC zip": {
            "ours": [*ours, "convert", str(YOLO), "OUT.zip", "--to", "voc", *sizes]
        },
    }
    if not (peers / "labelformat").exists():
        for job in jobs.values():
            job.pop("labelformat", None)
    return jobs


def prepare_inputs(source: Path) -> None:
    """A store and a YOLO zip of the same dataset, to export and convert from."""
    remove(STORE)
    remove(YOLO)
    ours = [sys.executable, "-m", "localcvat"]
    new_store(STORE)
    words = ["project", "import-dataset", "1", str(source), "--media", "none"]
    for command in (
        [*ours, "--store", str(STORE), *words],
        [*ours, "convert", str(source), str(YOLO), "--to", "yolo"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def new_store(path: Path) -> None:
    """An empty store with one project."""
    for words in (["init"], ["project", "create", "bench"]):
        command = [sys.executable, "-m", "localcvat", "--store", str(path), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def remove(path: Path) -> None:
    """Delete a file or folder that may not be there."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def prepared(command: list[str], out: Path, job: str, who: str) -> list[str]:
    """The command with a new output path; a store is made first."""
    if who == "labelformat":
        out.mkdir()
    if job.endswith("→ store") and who == "ours":
        new_store(out)
    return [word.replace("OUT", str(out)) for word in command]


def measured(source: Path, peers: Path, rounds: int) -> dict[str, dict[str, list[Run]]]:
    """All runs, the programs of a job in turn, so that drift of the machine hits all alike.

    Outputs are deleted when a job is over, not between its runs: ext4 avoids inodes freed a moment
    ago, which makes files that are created after a deletion several times slower.
    """
    prepare_inputs(source)
    results: dict[str, dict[str, list[Run]]] = {}
    for job, programs in commands(source, peers).items():
        outs = WORK / "out"
        remove(outs)
        outs.mkdir()
        time.sleep(PAUSE_SECONDS)
        runs: dict[str, list[Run]] = {who: [] for who in programs}
        for number in range(rounds):
            for who, command in programs.items():
                runs[who].append(Run(prepared(command, outs / f"{who}{number}", job, who)))
        results[job] = runs
        print(job, *(f"{who} {runs[who][-1].wall:.1f} s" for who in runs), file=sys.stderr)
    remove(WORK / "out")
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
