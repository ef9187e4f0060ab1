"""Start-up is part of the product: what needs no store and no pixels imports nothing heavy."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from commands import COCO_TINY

HEAVY = (
    *("sqlmodel", "sqlalchemy", "alembic", "datumaro", "pandas", "cv2", "rich", "numpy"),
    *("PIL", "shapely", "pycocotools", "lxml", "av", "fsspec", "httpx", "cvat_sdk"),
)
LIGHT = [
    ["--help"],
    ["--version"],
    ["formats"],
    ["formats", "--json"],
    ["project", "--help"],
    ["project", "create", "--help"],
    ["task", "create", "--help"],
    ["backup", "--help"],
    ["convert", "--help"],
    ["completion", "bash"],
]


def imported(arguments: list[str], cwd: Path) -> list[str]:
    """Which heavy modules a command has imported when it is done."""
    program = (
        "import sys\nfrom localcvat.cli.main import run\n"
        f"code = run({arguments!r})\n"
        f"print(code, *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=cwd
    )
    code, *names = finished.stderr.strip().splitlines()[-1].split()
    assert code == "0", finished.stderr
    return names


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_help_and_lists_import_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert imported(arguments, tmp_path) == []


def test_converting_imports_no_database_and_no_pixels(tmp_path: Path) -> None:
    names = imported(["convert", str(COCO_TINY), "out", "--to", "yolo"], tmp_path)
    assert not {"sqlmodel", "sqlalchemy", "datumaro", "pandas", "cv2", "numpy"} & set(names)


def test_the_package_and_the_converter_are_imported_cheaply() -> None:
    program = (
        "import sys, localcvat, localcvat.convert\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == []


def seconds(command: list[str]) -> float:
    """The least processor time of a few runs: what other programs do does not count."""
    found = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(found)


def test_help_and_formats_take_less_than_three_times_what_click_takes() -> None:
    click = seconds([sys.executable, "-c", "import click"])
    for command in ("--help", "formats"):
        ours = seconds([sys.executable, "-m", "localcvat", command])
        assert ours < 3 * click + 0.02, (command, ours, click)
