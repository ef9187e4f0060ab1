"""Many small files are written by a second process: the same files, or none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from localcvat.archive import FolderSink, open_sink
from localcvat.archive.sinks import DIRECT_FILES
from localcvat.errors import OutputError
from localcvat.filewriter import FileWriter

COUNT = DIRECT_FILES + 700


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def written(target: Path, jobs: int) -> dict[str, bytes]:
    """What a sink with this many jobs makes of many files in two folders."""
    with open_sink(target, jobs=jobs) as sink:
        for number in range(COUNT):
            sink.write(f"f{number % 2}/{number:05d} ä.txt", b"%d\n" % number * (number % 5))
    return contents(target)


def test_the_number_of_jobs_changes_nothing_in_what_is_written(tmp_path: Path) -> None:
    one = written(tmp_path / "one", jobs=1)
    assert len(one) == COUNT
    assert written(tmp_path / "two", jobs=2) == one


def test_a_failure_of_the_second_process_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill() -> None:
        with open_sink(tmp_path / "out", jobs=2) as sink:
            assert isinstance(sink, FolderSink)
            for number in range(COUNT):
                sink.write(f"{number}.txt", b"x")
            (sink._temp / "late.txt").write_bytes(b"in the way")
            sink.write("late.txt", b"x")

    with pytest.raises(OutputError, match="File exists"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_an_abandoned_output_ends_the_second_process(tmp_path: Path) -> None:
    def fill() -> None:
        with open_sink(tmp_path / "out", jobs=2) as sink:
            for number in range(COUNT):
                sink.write(f"{number}.txt", b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_full_batch_that_can_not_be_sent_names_the_cause(tmp_path: Path) -> None:
    def fill() -> None:
        writer = FileWriter(tmp_path)
        writer.write("missing folder/a.txt", b"x")
        for number in range(100_000):
            writer.write(f"{number}.txt", b"x" * 1000)

    with pytest.raises(FileNotFoundError):
        fill()


def test_small_entries_make_the_same_zip_as_the_standard_library(tmp_path: Path) -> None:
    ours = tmp_path / "ours.zip"
    entries = {f"d/{number} é.txt": b"%d" % number * number for number in range(300)}
    with open_sink(ours) as sink:
        for name, data in entries.items():
            sink.write(name, data)
        with sink.stream("big.bin") as stream:
            stream.write(b"streamed")
        sink.write("last.txt", b"after a stream")
    entries |= {"big.bin": b"streamed", "last.txt": b"after a stream"}
    with zipfile.ZipFile(ours) as found:
        assert found.testzip() is None
        assert {info.filename: found.read(info) for info in found.infolist()} == entries
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
