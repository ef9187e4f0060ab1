"""What several cores gain where media go in and out of a store: the same commands with 1 and all.

usage: python tests/bench/media_jobs.py [--images 5000] [--rounds 3]

The pictures are gen_coco.py's: small JPEGs of one colour, so that files count, not bytes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

import tables
from jobs import BENCH, LOCALCVAT, make_store
from measuring import LIMIT_SECONDS, WORK, remove
from processes import Run, run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = WORK / f"media-{arguments.images}"
    if not folder.exists():
        _generate(folder, arguments.images)
    cores = os.cpu_count() or 1
    results: dict[str, dict[int, list[Run]]] = {}
    for number in range(arguments.rounds):
        for jobs in (1, cores):
            place = WORK / f"media-out-{number}-{jobs}"
            remove(place)
            place.mkdir()
            for step, command in _commands(folder, place, jobs).items():
                found = run(command, LIMIT_SECONDS)
                if found.failed:
                    raise SystemExit(f"{step}: {found.failed}")
                results.setdefault(step, {}).setdefault(jobs, []).append(found)
    for place in WORK.glob("media-out-*"):
        remove(place)
    lines = [
        f"{tables.machine()}; {arguments.images:,} JPEGs beside their COCO file, medians of"
        f" {arguments.rounds} rounds. Images are copied into the store and hashed.",
        "",
        f"| command | wall s: `--jobs 1` | `--jobs {cores}` | CPU s: 1 | {cores} |",
        "|---|---|---|---|---|",
    ]
    for step, runs in results.items():
        cells = [
            f"{statistics.median(getattr(each, what) for each in runs[jobs]):.2f}"
            for what in ("wall", "cpu")
            for jobs in (1, cores)
        ]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    tables.write_section("Many images", lines)
    tables.show("Many images")


def _generate(folder: Path, images: int) -> None:
    part = folder.with_name(f"{folder.name}.part")
    remove(part)
    part.mkdir(parents=True)
    command = [sys.executable, str(BENCH / "gen_coco.py"), str(part / "instances.json")]
    command += ["--images", str(images), "--media", str(part / "images")]
    subprocess.run(command, check=True, stdout=sys.stderr)
    part.rename(folder)


def _commands(folder: Path, place: Path, jobs: int) -> dict[str, list[str]]:
    """The commands in order; a store with an empty project is made for them."""
    store, backup, exported = place / "store", place / "b.zip", place / "voc"
    make_store(store)
    words = [*LOCALCVAT, "--store", str(store)]
    many = ["--jobs", str(jobs)]
    return {
        "project import-dataset": [*words, "project", "import-dataset", "1", str(folder), *many],
        "project export-dataset --with-images yes": [
            *(*words, "project", "export-dataset", "1", str(exported)),
            *("--format", "yolo", "--with-images", "yes", *many),
        ],
        "project backup": [*words, "project", "backup", "1", str(backup)],
        "project create-from-backup": [*words, "project", "create-from-backup", str(backup), *many],
        "check --deep": [*words, "check", "--deep", *many],
        "export-manifest": [*LOCALCVAT, "export-manifest", str(exported), *many],
        "verify": [*LOCALCVAT, "verify", str(exported), *many],
    }


if __name__ == "__main__":
    main()
