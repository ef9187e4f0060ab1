"""Outputs appear whole or not at all, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpus import COCO_TINY, CVAT_MADE
from localcvat import disk
from localcvat.archive import FileMedia, open_sink, open_source
from localcvat.errors import LocalCvatError, OutputError, UnsafeArchiveError

TARGETS = ["out.zip", "out"]
BACKUP = CVAT_MADE / "plain" / "project_1_backup.zip"


@contextmanager
def failing(at: int, code: int) -> Iterator[list[str]]:
    """The operation of number `at` on the disk fails; gives the operations that were begun."""
    seen: list[str] = []

    def watcher(operation: str, count: int) -> None:
        seen.append(operation)
        if len(seen) == at:
            raise OSError(code, os.strerror(code))

    with disk.watched(watcher):
        yield seen


def refusal(operation: Callable[[], object]) -> LocalCvatError | None:
    """The error that an operation ends with, None when it does not."""
    try:
        operation()
    except LocalCvatError as error:
        return error
    return None


def _write(target: Path) -> None:
    with open_sink(target) as sink:
        sink.write("a/b.txt", b"text")
        with sink.stream("c.txt") as out:
            out.write(b"x" * 3_000_000)
        sink.add_media("d.zip", FileMedia(str(BACKUP)))


def _content(target: Path) -> dict[str, bytes]:
    with open_source(target) as source:
        return {name: source.open(name).read() for name in source.names}


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    _write(tmp_path / "one" / name)
    _write(tmp_path / "two" / name)
    assert _content(tmp_path / "one" / name) == _content(tmp_path / "two" / name)
    if name.endswith(".zip"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", TARGETS)
def test_an_interrupted_output_leaves_nothing(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    def interrupted() -> None:
        with open_sink(tmp_path / name) as sink:
            sink.write("a.txt", b"x")
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", TARGETS)
def test_a_failure_at_any_operation_leaves_nothing(tmp_path: Path, name: str, code: int) -> None:
    at = 0
    while True:
        at += 1
        with failing(at, code) as seen:
            error = refusal(lambda: _write(tmp_path / name))
        if error is None:
            assert len(seen) < at
            break
        assert isinstance(error, OutputError)
        assert os.strerror(code) in str(error)
        assert list(tmp_path.iterdir()) == []
    assert at > 4
    assert len(_content(tmp_path / name)) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]


def _convert(folder: Path) -> None:
    from localcvat.convert import convert

    convert(COCO_TINY, folder / "out", "yolo")


def _repair(folder: Path) -> None:
    from localcvat.backup.repair import repair_backup

    repair_backup(BACKUP, folder / "out.zip")


@pytest.mark.parametrize("operation", [_convert, _repair])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8])
def test_a_full_disk_stops_an_operation_with_one_line(
    tmp_path: Path, operation: Callable[[Path], None], at: int
) -> None:
    with failing(at, errno.ENOSPC) as seen:
        error = refusal(lambda: operation(tmp_path))
    if error is None:
        assert len(seen) < at
    else:
        assert os.strerror(errno.ENOSPC) in str(error)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 13])
def test_a_full_disk_during_a_restore_leaves_the_store_as_it_was(
    tmp_path: Path, at: int, code: int
) -> None:
    from sqlmodel import select

    from localcvat.backup.restore import restore_project
    from localcvat.store.engine import Store
    from localcvat.store.tables import ProjectRow, TaskRow

    Store.create(tmp_path / "store").close()
    with failing(at, code) as seen, Store.open(tmp_path / "store") as store:
        error = refusal(lambda: restore_project(store, BACKUP))
    if error is None:
        assert len(seen) < at
        return
    assert os.strerror(code) in str(error)
    with Store.open(tmp_path / "store") as store:
        with store.read() as session:
            assert session.exec(select(ProjectRow)).all() == []
            assert session.exec(select(TaskRow)).all() == []
        assert restore_project(store, BACKUP)
        media = [path for path in (tmp_path / "store" / "media").rglob("*") if path.is_file()]
        assert len([path for path in media if path.name != "lock"]) == 6


@pytest.mark.parametrize("name", TARGETS)
def test_a_folder_that_vanishes_is_one_line(tmp_path: Path, name: str) -> None:
    def vanishing() -> None:
        with open_sink(tmp_path / "gone" / name) as sink:
            sink.write("a.txt", b"x")
            shutil.rmtree(tmp_path / "gone")
            sink.write("b/c.txt", b"x")

    assert isinstance(refusal(vanishing), OutputError)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_bytes(b"mine")
    (tmp_path / "link.zip").symlink_to(tmp_path / "nowhere")
    for name in ("out.zip", "out", "link.zip"):
        with pytest.raises(OutputError), open_sink(tmp_path / name):
            pass
    assert (tmp_path / "out.zip").read_bytes() == b"mine"
    with open_sink(tmp_path / "out.zip", overwrite=True) as sink:
        sink.write("a", b"a")
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == ["a"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with open_sink(tmp_path / "out") as sink:
        sink.write("a", b"a")
    assert _content(tmp_path / "out") == {"a": b"a"}


@pytest.mark.parametrize("name", TARGETS)
def test_a_name_that_climbs_out_or_comes_twice_is_refused(tmp_path: Path, name: str) -> None:
    for entry in ("../evil", "/evil", "a/../../evil"):
        with pytest.raises(UnsafeArchiveError), open_sink(tmp_path / name) as sink:
            sink.write(entry, b"x")

    def twice() -> None:
        with open_sink(tmp_path / name) as sink:
            sink.write("a", b"x")
            sink.write("./a", b"x")

    assert "twice" in str(refusal(twice))
    assert list(tmp_path.iterdir()) == []


HOLDER = """
    import sys, time
    from localcvat.archive import open_sink
    with open_sink(sys.argv[1]) as sink:
        sink.write("a", b"x")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_killed_process_left_is_swept_and_a_living_one_is_let_be(
    tmp_path: Path, name: str
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path / f"theirs-{name}")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with open_sink(tmp_path / name) as sink:
            sink.write("a", b"x")
        assert len([path for path in tmp_path.iterdir() if path.suffix == ".partial"]) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".partial"]) == 1
    with open_sink(tmp_path / f"next-{name}") as sink:
        sink.write("a", b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"next-{name}"])


@pytest.mark.full
def test_a_member_of_more_than_4_gib_goes_in_and_comes_out(tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    with open(big, "wb") as stream:
        stream.seek((1 << 32) + 10)
        stream.write(b"end")
    with open_sink(tmp_path / "out.zip") as sink:
        sink.add_media("big.bin", FileMedia(str(big)))
        sink.write("after.txt", b"after")
    with open_source(tmp_path / "out.zip") as source:
        assert source.byte_size("big.bin") == (1 << 32) + 13
        with source.open("big.bin") as entry:
            entry.seek(1 << 32)
            assert entry.read().endswith(b"end")
        assert source.read("after.txt") == b"after"
