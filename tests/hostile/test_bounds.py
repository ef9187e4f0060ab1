"""What a hostile archive may cost: little memory and time, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from doors import MEGABYTES as MORE
from doors import in_bounds
from hostile_archives import dataset, write_hostile
from hostile_contents import DATASETS, archive
from rawzip import RawEntry, raw_zip

MEGABYTES = 300
SECONDS = 20
BOMBS = ("1000 to 1", "many little bombs", "overlapping entries", "nested bomb with a lie")
CONTENTS = (
    "JSON 100,000 deep",
    "VOC entity bomb",
    "VOC 100,000 deep",
    "YAML alias bomb as names",
    "decompression bomb",
)


# The peak of the program itself: what wait4 says includes that of the test run that started it.
PROGRAM = """
import pathlib, sys
from localcvat.__main__ import main
try:
    main()
finally:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    pathlib.Path(sys.argv[3] + ".peak").write_text(
        next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    )
"""


def cost(source: Path, folder: Path) -> tuple[int, float, int]:
    """(exit code, CPU seconds, peak memory in MB) of converting it."""
    command = [sys.executable, "-c", PROGRAM, "convert", source, folder / "out", "--to", "coco"]
    process = subprocess.Popen(
        [*command, "--with-images", "yes"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = int((folder / "out.peak").read_text()) >> 10
    (folder / "out.peak").unlink()
    return process.returncode, usage.ru_utime + usage.ru_stime, peak


@pytest.mark.parametrize("name", [*BOMBS, *CONTENTS])
def test_a_bomb_costs_little(tmp_path: Path, name: str) -> None:
    if name in BOMBS:
        source, _ = write_hostile(name, False, tmp_path)
    else:
        source = tmp_path / "hostile.zip"
        source.write_bytes(archive(DATASETS[name][0]))
    code, seconds, megabytes = cost(source, tmp_path)
    assert code == 1
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def test_the_bounds_at_the_doors_are_kept_watch_over() -> None:
    with pytest.raises(AssertionError, match="MB more"), in_bounds():
        assert len(b"x" * ((MORE + 20) << 20)) > 0


@pytest.mark.parametrize("count", [60_000, pytest.param(1_000_000, marks=pytest.mark.full)])
def test_many_entries_cost_in_proportion(tmp_path: Path, count: int) -> None:
    """Under 300 bytes of memory each; the plain form of a zip counts no further than 65,535."""
    source = tmp_path / "many.zip"
    entries = [RawEntry(name=b"%07d.bin" % number) for number in range(count)]
    source.write_bytes(raw_zip([*entries, RawEntry(name=b"../x")]))
    _, few, base = cost(write_hostile("zip slip: dot-dot", False, tmp_path)[0], tmp_path)
    code, seconds, megabytes = cost(source, tmp_path)
    assert code == 1
    assert megabytes - base < max(20, count * 300 >> 20)
    assert seconds - few < max(5, count / 20_000)


def test_a_zip_behind_other_bytes_or_another_zip_is_the_last_one(tmp_path: Path) -> None:
    """As every other program reads it; what is before it is never looked at."""
    whole = raw_zip([RawEntry(name=name.encode(), data=data) for name, data in dataset().items()])
    other = raw_zip([RawEntry(name=b"../evil.txt", data=b"x")])
    for number, before in enumerate((b"#!/bin/sh\nexit\n", other)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a.zip").write_bytes(before + whole)
        assert cost(folder / "a.zip", folder)[0] == 0
        assert sorted(os.listdir(folder)) == ["a.zip", "out"]
    assert not list(tmp_path.glob("**/evil*"))


@pytest.mark.parametrize("flags", [8, 8 | 0x800])
def test_a_zip_made_as_a_stream_is_read(tmp_path: Path, flags: int) -> None:
    entries = [
        RawEntry(name=name.encode(), data=data, method=8, flags=flags)
        for name, data in dataset().items()
    ]
    (tmp_path / "a.zip").write_bytes(raw_zip(entries))
    assert cost(tmp_path / "a.zip", tmp_path)[0] == 0
