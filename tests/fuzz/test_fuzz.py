"""Damaged datasets of every native format go through `convert`: refused on one line, or read.

Never another exception than LocalCvatError, never a hang, never a file outside of the target, and
nothing left behind by what failed. Seeded: case `n` of a format is always the same.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fuzz.mutations import Entries, damaged
from fuzz.seeds import BRIDGED, SEEDS, seeds_of
from localcvat.convert import ConvertOptions, convert
from localcvat.errors import LocalCvatError

CASES = 20
BRIDGED_CASES = 8
FULL_BYTES = 40_000_000
SECONDS = 20
MEMORY = 3 << 30
FOUND = Path(__file__).parent / "found"


class Hang(BaseException):
    """A conversion that takes longer than any of these may."""


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """No more memory than a laptop has to spare; a runaway allocation is a MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as stream:
        used = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _alarm(signum: int, frame: Any) -> None:
    raise Hang


def _survives(data: bytes, name: str, folder: Path, case: str) -> bool:
    """Convert a damaged zip; True if it was read, False if it was refused as it should be."""
    workplace = folder / "work"
    workplace.mkdir(exist_ok=True)
    source, target = workplace / "in.zip", workplace / "out"
    source.write_bytes(data)
    rng = random.Random(zlib.crc32(data))
    options = ConvertOptions(
        image_size=(160, 120),
        with_images=rng.random() < 0.3,
        on_error=rng.choice(("raise", "skip")),
    )
    to = rng.choice(("coco", "yolo", "voc", "cvat-images", "datumaro", "csv", name))
    read = True
    previous = signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        convert(source, target, _writable(to), rng.choice((name, name, None)), options)
    except LocalCvatError as error:
        read = False
        if not str(error).strip():
            pytest.fail(f"{case}: an error without a word")
    except Hang:
        pytest.fail(f"{case}: no end after {SECONDS} s of computing")
    except Exception as error:
        pytest.fail(f"{case}: {type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    left = {entry.name for entry in os.scandir(workplace)}
    assert left == ({"in.zip", "out"} if read else {"in.zip"}), case
    assert source.read_bytes() == data, f"{case}: the source was changed"
    _remove(target)
    return read


def _writable(name: str) -> str:
    return "coco" if name in ("label-studio", "via", *BRIDGED) else name


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _damaged(seeds: list[Entries], name: str, number: int) -> bytes:
    rng = random.Random(f"{name}-{number}")
    return damaged(rng.choice(seeds), rng)


@pytest.mark.parametrize("name", SEEDS)
def test_what_is_not_damaged_is_read(name: str, tmp_path: Path) -> None:
    from localcvat.archive import open_source
    from localcvat.plugin import ReadOptions, find_format
    from localcvat.report import Report

    for number, entries in enumerate(seeds_of(name)):
        from fuzz.mutations import zipped

        (tmp_path / f"{number}.zip").write_bytes(zipped(entries))
        with open_source(tmp_path / f"{number}.zip") as source:
            dataset = find_format(name).format.read(
                source, ReadOptions(image_size=(160, 120)), Report()
            )
            items = list(dataset.items)
            assert items or list(dataset.tracks)


@pytest.mark.parametrize("name", SEEDS)
def test_damage_is_refused_or_read(name: str, tmp_path: Path) -> None:
    seeds = seeds_of(name)
    for number in range(CASES):
        case = f"{name}-{number}"
        _survives(_damaged(seeds, name, number), name, tmp_path, case)


@pytest.mark.parametrize("name", BRIDGED)
def test_damage_is_refused_or_read_through_datumaro_too(name: str, tmp_path: Path) -> None:
    pytest.importorskip("datumaro")
    seeds = seeds_of(name)
    for number in range(BRIDGED_CASES):
        _survives(_damaged(seeds, name, number), name, tmp_path, f"{name}-{number}")


@pytest.mark.full
@pytest.mark.parametrize("name", SEEDS)
def test_forty_megabytes_of_damage_are_refused_or_read(name: str, tmp_path: Path) -> None:
    seeds = seeds_of(name)
    number = done = 0
    while done < FULL_BYTES // len(SEEDS):
        data = _damaged(seeds, name, number)
        _survives(data, name, tmp_path, f"{name}-{number}")
        done += len(data)
        number += 1


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.zip")), ids=lambda path: path.stem)
def test_what_was_found_once_stays_mended(path: Path, tmp_path: Path) -> None:
    name = path.stem.rpartition("-")[0]
    _survives(path.read_bytes(), name, tmp_path, path.stem)
