"""The program that exports are measured against does what they do: its text is theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from localcvat import Client

BENCH = Path(__file__).parents[1] / "bench"


def test_the_floor_of_an_export_to_coco_writes_the_same_bytes(tmp_path: Path) -> None:
    source, floor = tmp_path / "in.json", tmp_path / "floor.json"
    make = [sys.executable, BENCH / "gen_coco.py", source, "--images", "60"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    with Client(tmp_path / "store", create=True) as client:
        project = client.projects.create("bench")
        project.import_dataset("coco", source, media="none")
        project.export_dataset("coco", tmp_path / "ours")
    database = client.store.path / "localcvat.db"
    subprocess.run([sys.executable, BENCH / "floor_export.py", database, floor], check=True)
    (ours,) = (tmp_path / "ours" / "annotations").iterdir()
    assert floor.read_bytes() == ours.read_bytes()
