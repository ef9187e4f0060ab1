"""Backups changed at random are refused or taken, never answered with a bug; repairs pass check."""

from __future__ import annotations

import copy
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus import CVAT_MADE
from doors import snapshot
from localcvat.backup.check import check_backup
from localcvat.backup.inspect import inspect_backup
from localcvat.backup.repair import repair_backup
from localcvat.backup.restore import restore_project, restore_task
from localcvat.errors import LocalCvatError
from localcvat.store.engine import Store
from probes import SPEC, Backup

SOURCES = (
    "plain/project_1_backup.zip",
    "plain/task_1_backup.zip",
    "rich/project_2_backup.zip",
    "rich/task_4_backup.zip",
)
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 10**30, 1.5, 1e308, -0.0, "", "x", "\0", "3"),
    *([], {}, [None], [[]], {"a": 1}, [1, 2], ["a"]),
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found = []
    for key in keys:
        found.append((*path, key))
        if isinstance(value[key], (dict, list)):
            found += _places(value[key], (*path, key))
    return found


def _spoil(value: Any, chance: random.Random) -> None:
    """Replace, remove or double one value somewhere inside."""
    *path, last = chance.choice(_places(value))
    for key in path:
        value = value[key]
    action = chance.random()
    if action < 0.6:
        value[last] = copy.deepcopy(chance.choice(VALUES))
    elif action < 0.8:
        del value[last]
    elif isinstance(value, list):
        value.insert(last, copy.deepcopy(value[last]))
    else:
        value["bogus"] = 1


def _fuzzed(seed: int) -> bytes:
    chance = random.Random(seed)
    source = chance.choice(SOURCES)
    if chance.random() < 0.2:
        data = bytearray((CVAT_MADE / source).read_bytes())
        for _ in range(chance.choice([1, 3, 20])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    backup = Backup(source)
    if chance.random() < 0.2:
        name = chance.choice([each for each in backup.entries if each.endswith("manifest.jsonl")])
        lines = backup.entries[name].splitlines()
        line = chance.randrange(len(lines))
        value = json.loads(lines[line])
        _spoil(value, chance)
        lines[line] = json.dumps(value).encode()
        backup.entries[name] = b"\n".join(lines)
    else:
        documents = [each for each in (backup.project, backup.task, backup.annotations) if each]
        _spoil(chance.choice(documents), chance)
    return backup.write()


def _outcome(operation: Callable[[], object]) -> str:
    """Why it was refused, "" when it was not; anything but a LocalCvatError is a bug."""
    try:
        operation()
    except LocalCvatError as error:
        return str(error)
    return ""


def _try_all(folder: Path, store: Store, data: bytes) -> None:
    path, repaired = folder / "fuzzed.zip", folder / "repaired.zip"
    path.write_bytes(data)
    before = snapshot(folder / "store")
    _outcome(lambda: check_backup(path))
    _outcome(lambda: inspect_backup(path))
    if not _outcome(lambda: repair_backup(path, repaired)):
        assert not [str(each) for each in check_backup(repaired) if each.is_error]
        repaired.unlink()
    for restore in (restore_project, restore_task):
        if _outcome(lambda each=restore: each(store, path)):  # type: ignore[misc]
            assert snapshot(folder / "store") == before
        else:
            before = snapshot(folder / "store")


@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(40, 2000), marks=pytest.mark.full)], ids=["few", "many"]
)
def test_a_backup_changed_at_random_is_refused_or_taken(tmp_path: Path, seeds: range) -> None:
    Store.create(tmp_path / "store").close()
    with Store.open(tmp_path / "store") as store:
        for seed in seeds:
            _try_all(tmp_path, store, _fuzzed(seed))


FOUND: dict[str, Callable[[Backup], object]] = {
    "a label's type is a list": lambda backup: backup.label.update(type=[1]),
    "a label's type is a huge number": lambda backup: backup.label.update(type=10**30),
    "values are a number": lambda backup: backup.label.update(
        attributes=[SPEC | {"values": 1.5, "input_type": None}]
    ),
    "elements are a number": lambda backup: backup.shape.update(elements=1, source=None),
    "a job's type is a list": lambda backup: backup.job.update(type=[1]),
    "an image of a huge width": lambda backup: backup.manifest(
        lambda lines: lines[2].update(width=10**30), index=True
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_fuzzing_found_stays_mended(tmp_path: Path, name: str) -> None:
    backup = Backup()
    FOUND[name](backup)
    Store.create(tmp_path / "store").close()
    with Store.open(tmp_path / "store") as store:
        _try_all(tmp_path, store, backup.write())
    assert zipfile.is_zipfile(tmp_path / "fuzzed.zip")
