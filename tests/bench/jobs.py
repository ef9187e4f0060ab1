"""What is measured: for each job the commands of ours, the floor program and the peers.

In a command OUT is the new output path, IN/NAME what an earlier job made (`Job.makes`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gen_coco import CATS

BENCH = Path(__file__).parent
OURS = "ours"
FLOOR = "floor"
LOCALCVAT = [sys.executable, "-m", "localcvat"]
SIZES = ["--image-size", "640x480"]


@dataclass
class Job:
    """`programs` by who; `makes` is what its output is called as input of others.

    `beside` is a job done just before whose floor and peers this one is compared with as well.
    """

    name: str
    programs: dict[str, list[str]]
    makes: str = ""
    beside: str = ""
    needs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        words = self.programs[OURS]
        self.needs = [word.split("/")[1] for word in words if word.startswith("IN/")]

    @property
    def into_store(self) -> bool:
        """Whether a store has to be made first."""
        return self.name.endswith("→ store")


def jobs(source: Path, peers: Path) -> list[Job]:
    """All jobs, those first whose outputs the later ones read."""
    names = source.with_suffix(".names.txt")
    if not names.exists():
        names.write_text("".join(f"{name.replace('_', ' ')}\n" for name in CATS))
    convert, into, out_of = [*LOCALCVAT, "convert"], _import(), _export()
    coco = str(source)
    to_store = _floor("store", source)
    to_coco = [sys.executable, str(BENCH / "floor_export.py"), "IN/store/localcvat.db", "OUT"]
    made = [
        Job(
            "COCO → YOLO folder",
            {OURS: [*convert, coco, "OUT", "--to", "yolo"], FLOOR: _floor("yolo", source)}
            | _labelformat(peers, source, "yolov8", "--output-file", "OUT/data.yaml")
            | _globox(peers, source, "OUT", "yolov5", "--reverse_mapping_out", str(names)),
        ),
        Job(
            "COCO → YOLO zip",
            {OURS: [*convert, coco, "OUT.zip", "--to", "yolo"]},
            makes="yolo.zip",
            beside="COCO → YOLO folder",
        ),
        Job(
            "COCO → VOC folder",
            {OURS: [*convert, coco, "OUT", "--to", "voc"], FLOOR: _floor("voc", source)}
            | _labelformat(peers, source, "pascalvoc", "--output-folder", "OUT")
            | _globox(peers, source, "OUT", "pascalvoc"),
        ),
        Job(
            "COCO → COCO",
            {OURS: [*convert, coco, "OUT", "--to", "coco"], FLOOR: _floor("coco", source)}
            | _labelformat(peers, source, "coco", "--output-file", "OUT/coco.json")
            | _globox(peers, source, "OUT/coco.json", "coco", "--coco_auto_ids"),
        ),
        Job(
            "COCO → store",
            {OURS: [*into, coco, "--media", "none"], FLOOR: to_store},
            makes="store",
        ),
        Job("store → COCO", {OURS: [*out_of, "OUT", "--format", "coco"], FLOOR: to_coco}),
        Job("store → YOLO zip", {OURS: [*out_of, "OUT.zip", "--format", "yolo"]}),
        Job("store → VOC zip", {OURS: [*out_of, "OUT.zip", "--format", "voc"]}),
        Job("YOLO zip → store", {OURS: [*into, "IN/yolo.zip", "--media", "none", *SIZES]}),
        Job(
            "YOLO zip → VOC zip",
            {OURS: [*convert, "IN/yolo.zip", "OUT.zip", "--to", "voc", *SIZES]},
            makes="voc.zip",
        ),
        Job("VOC zip → YOLO zip", {OURS: [*convert, "IN/voc.zip", "OUT.zip", "--to", "yolo"]}),
    ]
    return made


def _floor(name: str, source: Path) -> list[str]:
    return [sys.executable, str(BENCH / f"floor_{name}.py"), str(source), "OUT"]


def _import() -> list[str]:
    return [*LOCALCVAT, "--store", "OUT", "project", "import-dataset", "1"]


def _export() -> list[str]:
    return [*LOCALCVAT, "--store", "IN/store", "project", "export-dataset", "1"]


def _labelformat(peers: Path, source: Path, to: str, *words: str) -> dict[str, list[str]]:
    command = [str(peers / "labelformat"), "convert", "--task", "object-detection"]
    command += ["--input-format", "coco", "--input-file", str(source), "--output-format", to]
    return {"labelformat": [*command, *words]} if (peers / "labelformat").exists() else {}


def _globox(peers: Path, source: Path, out: str, to: str, *words: str) -> dict[str, list[str]]:
    command = [str(peers / "globox"), "--quiet", "convert", str(source), out]
    command += ["--format", "coco", "--save_fmt", to]
    return {"globox": [*command, *words]} if (peers / "globox").exists() else {}


def prepared(job: Job, who: str, out: Path, inputs: Path) -> list[str]:
    """The command with its paths; what must be there beforehand is made."""
    if who not in (OURS, FLOOR):
        out.mkdir()
    if job.into_store and who == OURS:
        make_store(out)
    return list(_filled(job.programs[who], out, inputs))


def make_store(path: Path) -> None:
    """A store with an empty project."""
    for words in (["init"], ["project", "create", "bench"]):
        command = [*LOCALCVAT, "--store", str(path), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _filled(command: list[str], out: Path, inputs: Path) -> Iterator[str]:
    for word in command:
        if word.startswith("IN/"):
            word = str(inputs / word.removeprefix("IN/"))
        yield word.replace("OUT", str(out)) if word.startswith("OUT") else word
