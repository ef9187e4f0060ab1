"""Jobs run in rounds on one dataset, every result kept in a file as soon as it is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from jobs import BENCH, FLOOR, OURS, Job, prepared
from processes import Run, run

WORK = Path(__file__).parents[2] / ".bench"
LIMIT_SECONDS = 1800
Results = dict[str, dict[str, list[Run]]]


def dataset(images: int) -> Path:
    """The COCO file of that many images, made when it is not there (a link to one will do)."""
    WORK.mkdir(exist_ok=True)
    source = WORK / f"coco-{images}.json"
    if not source.exists():
        part = source.with_suffix(".part")
        command = [sys.executable, str(BENCH / "gen_coco.py"), str(part), "--images", str(images)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        part.rename(source)
    return source


class Measurement:
    """The results of one dataset so far, by job and program; `file` holds one run a line."""

    def __init__(self, source: Path, name: str) -> None:
        self.source = source
        self.file = WORK / f"{name}-{source.stem}.jsonl"
        self.results: Results = {}
        self._inputs = WORK / f"inputs-{source.stem}"
        self._outs = WORK / f"out-{source.stem}"

    def read(self) -> None:
        """Take over the runs of an earlier measurement."""
        for line in self.file.read_text().splitlines() if self.file.exists() else []:
            record = json.loads(line)
            self._add(record.pop("job"), record.pop("who"), Run(**record))

    def _add(self, job: str, who: str, found: Run) -> None:
        self.results.setdefault(job, {}).setdefault(who, []).append(found)

    def measure(
        self, jobs: Sequence[Job], rounds: int, after: Callable[[], None], peer_rounds: int = 0
    ) -> None:
        """Run all jobs, calling `after` when one is over; in the end what they wrote is removed.

        Peers take part in the first `peer_rounds` rounds.

        Programs of a job run in turn, so that drift of the machine hits all alike. Outputs are
        deleted at the end, not between runs: ext4 avoids inodes freed in the last minutes, which
        makes files that are created after a deletion several times slower.
        """
        self.file.write_text("")
        for folder in (self._inputs, self._outs):
            remove(folder)
            folder.mkdir(parents=True)
        try:
            for number, job in enumerate(jobs):
                self._job(job, self._outs / str(number), rounds, peer_rounds)
                after()
        finally:
            for folder in (self._inputs, self._outs):
                remove(folder)

    def _job(self, job: Job, outs: Path, rounds: int, peer_rounds: int) -> None:
        outs.mkdir()
        for name in job.needs:
            if not (self._inputs / name).exists():
                self._record(job.name, OURS, Run(0, 0, 0, f"{name} was not made"))
                return
        for number in range(rounds):
            for who in job.programs:
                if number >= peer_rounds and who not in (OURS, FLOOR):
                    continue
                if any(each.failed for each in self.results.get(job.name, {}).get(who, ())):
                    continue
                out = outs / f"{who}{number}"
                found = run(prepared(job, who, out, self._inputs), LIMIT_SECONDS)
                self._record(job.name, who, found)
                if who == OURS and number == rounds - 1 and job.makes and not found.failed:
                    made = out if out.exists() else out.with_name(f"{out.name}.zip")
                    shutil.move(made, self._inputs / job.makes)
        for who, runs in self.results[job.name].items():
            said = runs[-1].failed or " ".join(f"{each.wall:.2f}" for each in runs)
            print(f"{self.source.stem}: {job.name}: {who}: {said}", file=sys.stderr, flush=True)

    def _record(self, job: str, who: str, found: Run) -> None:
        self._add(job, who, found)
        with open(self.file, "a") as stream:
            stream.write(json.dumps({"job": job, "who": who, **asdict(found)}) + "\n")


def remove(path: Path) -> None:
    """Delete a file or folder that may not be there."""
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        path.unlink()
