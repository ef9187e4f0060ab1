"""A source that vanishes, is cut off or grows while it is read: a sentence, exit 1, nothing half.

Each command is stopped before its first write, the source is changed, and the command continued.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import COCO_TINY, done_here, run_here
from events import continued, stopped_before
from localcvat.archive import open_source
from localcvat.errors import DatasetError
from localcvat.store.check import check_store
from localcvat.store.engine import Store
from localcvat_formats.json_files import file_bytes, refuse_changed
from operations import many_images

Change = Callable[[Path], None]
LONG = 120
"""Seconds in which also a slow and busy machine ends a process."""
MAPPED_BYTES = 1 << 21
"""A JSON file of this length is mapped into memory."""


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    with open(path, "ab") as stream:
        stream.write(b"\0" * 100)


def overwrite(path: Path) -> None:
    with open(path, "r+b") as stream:
        stream.write(b"\0" * 100)


CHANGES: dict[str, tuple[Change, str]] = {
    "vanishes": (Path.unlink, "No such file or directory"),
    "is cut off": (cut_off, "changed while it was being read"),
    "grows": (grow, "changed while it was being read"),
    "is overwritten": (overwrite, "changed while it was being read"),
}


def photos(folder: Path) -> list[Path]:
    """The images of a copy of a dataset."""
    shutil.copytree(COCO_TINY, folder)
    return sorted(folder.rglob("*.jpg"))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("out", ["out", "out.zip"])
def test_images_that_change_while_they_are_converted(tmp_path: Path, out: str, change: str) -> None:
    images = photos(tmp_path / "source")
    command = ("convert", "source", out, "--to", "yolo", "--with-images", "yes")
    event = "write" if out.endswith(".zip") else "clone"
    process = stopped_before(event, *command, cwd=tmp_path)
    changed, said = CHANGES[change]
    for image in images:
        changed(image)
    code, error = continued(process)
    assert code == 1
    assert said in error
    assert ".jpg" in error
    assert error.count("\n") == 1
    assert os.listdir(tmp_path) == ["source"]


@pytest.mark.parametrize("change", CHANGES)
def test_images_that_change_while_they_are_imported(tmp_path: Path, change: str) -> None:
    images = photos(tmp_path / "source")
    done_here("--store", "store", "init", cwd=tmp_path)
    done_here("--store", "store", "project", "create", "P", cwd=tmp_path)
    command = ("--store", "store", "project", "import-dataset", "1", "source")
    process = stopped_before("clone", *command, cwd=tmp_path)
    changed, said = CHANGES[change]
    for image in images:
        changed(image)
    code, error = continued(process)
    assert code == 1
    assert said in error
    assert ".jpg" in error
    assert error.count("\n") == 1
    with Store.open(tmp_path / "store") as store:
        assert check_store(store, deep=True) == []
        assert list(store.media.files()) == []
    listed = run_here("--store", "store", "task", "ls", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout)["count"] == 0


@pytest.mark.parametrize("change", ["is cut off", "grows"])
@pytest.mark.parametrize("of", ["coco", "datumaro"])
def test_a_mapped_file_that_changes_while_it_is_converted(
    tmp_path: Path, of: str, change: str
) -> None:
    """Its lost pages are not read: that would end the process by a signal."""
    many_images(tmp_path)
    done_here("convert", "many.json", "made", "--to", of, cwd=tmp_path)
    (source,) = (tmp_path / "made").rglob("*.json")
    source.write_text(source.read_text().ljust(MAPPED_BYTES))
    before = sorted(tmp_path.iterdir())
    process = stopped_before("write", "convert", "made", "out", "--to", "voc", cwd=tmp_path)
    CHANGES[change][0](source)
    code, error = continued(process)
    assert (code, error.count("\n")) == (1, 1)
    assert "changed while it was being read" in error
    assert sorted(tmp_path.iterdir()) == before


def cut_off_elsewhere(path: Path) -> subprocess.Popen[bytes]:
    """Another process that cuts the file off, and ends when it has done so."""
    code = "import os, sys; os.truncate(sys.argv[1], 1000)"
    return subprocess.Popen([sys.executable, "-c", code, path])


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="no system but Linux makes them wait")
def test_who_would_cut_off_a_mapped_file_waits_until_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1]".ljust(MAPPED_BYTES))
    with open_source(path) as source, file_bytes(source, "a.json") as data:
        other = cut_off_elsewhere(path)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
        assert len(bytes(data)) == MAPPED_BYTES
    assert other.wait(LONG) == 0
    assert path.stat().st_size == 1000
    with pytest.raises(DatasetError, match="changed while it was being read"):
        refuse_changed(data, "a.json")


def test_a_file_that_somebody_writes_to_is_not_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1]".ljust(MAPPED_BYTES))
    with (
        open(path, "r+b"),
        open_source(path) as source,
        file_bytes(source, "a.json") as data,
    ):
        assert isinstance(data, bytes) or not hasattr(fcntl, "F_SETLEASE")
        os.truncate(path, 1000)
        assert len(data) == MAPPED_BYTES


def test_a_zip_that_is_cut_off_while_it_is_converted(tmp_path: Path) -> None:
    source = Path(shutil.make_archive(str(tmp_path / "source"), "zip", COCO_TINY))
    command = ("convert", "source.zip", "out", "--to", "yolo", "--with-images", "yes")
    process = stopped_before("write", *command, cwd=tmp_path)
    os.truncate(source, 1000)
    code, error = continued(process)
    assert (code, error.count("\n")) == (1, 1)
    assert "source.zip" in error
    assert os.listdir(tmp_path) == ["source.zip"]
