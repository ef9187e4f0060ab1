"""A plugin outside of the tree is found through its entry point and used by `convert`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "example_plugin"
COCO = Path(__file__).parents[2] / "fixtures" / "coco-tiny" / "annotations"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed, without the network."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(target), str(EXAMPLE)]
    subprocess.run(command, check=True, env={**os.environ, "PIP_NO_CACHE_DIR": "1"})
    return {**os.environ, "PYTHONPATH": str(target)}


def _run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "localcvat", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_is_listed_among_the_formats(environment: dict[str, str]) -> None:
    listed = json.loads(_run(environment, "formats", "--json"))
    assert "boxlines" in {entry["name"] for entry in listed}


def test_convert_writes_and_reads_the_examples_format(
    environment: dict[str, str], tmp_path: Path
) -> None:
    source = COCO / "instances_val2017.json"
    _run(environment, "convert", str(source), str(tmp_path / "lines"), "--to", "boxlines")
    _run(environment, "convert", str(tmp_path / "lines"), str(tmp_path / "coco"), "--to", "coco")
    written = json.loads(next((tmp_path / "coco").rglob("*.json")).read_bytes())
    original = json.loads(source.read_bytes())
    expected = sorted([round(value, 1) for value in row["bbox"]] for row in original["annotations"])
    found = sorted([round(value, 1) for value in row["bbox"]] for row in written["annotations"])
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, abs=0.25)
