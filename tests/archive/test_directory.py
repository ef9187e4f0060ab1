"""The directory of a zip says what Python's own reader says, with less memory and an early end."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from corpus import CVAT_MADE
from localcvat.archive import Limits, open_source
from localcvat.archive.zips import ZipSource
from localcvat.errors import SourceError, UnsafeArchiveError
from rawzip import RawEntry, raw_zip

NAMES = ["a.txt", "folder/b.txt", "Straße/道.txt", "x" * 200 + ".txt", "empty", "#1?.txt"]
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def agrees(path: Path) -> None:
    """Both readers name the same files and read the same bytes, also from the middle."""
    with zipfile.ZipFile(path) as archive, open_source(path) as source:
        assert isinstance(source, ZipSource)
        files = [info for info in archive.infolist() if not info.is_dir()]
        assert source.archive_order == list(dict.fromkeys(info.filename for info in files))
        for info in files:
            assert source.byte_size(info.filename) == info.file_size
            data = archive.read(info)
            with source.open(info.filename) as stream:
                assert stream.read() == data
            with source.open(info.filename) as stream:
                stream.seek(len(data) // 2)
                assert stream.read() == data[len(data) // 2 :]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_what_python_writes_is_read(tmp_path: Path, method: int, comment: bytes) -> None:
    chance = random.Random(1)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.comment = comment
        archive.mkdir("folder") if hasattr(archive, "mkdir") else archive.writestr("folder/", b"")
        for name in NAMES:
            data = b"" if name == "empty" else chance.randbytes(3000) * 2
            with archive.open(name, "w", force_zip64=name.startswith("x")) as stream:
                stream.write(data)
    agrees(tmp_path / "a.zip")
    (tmp_path / "b.zip").write_bytes(b"a program" * 100 + (tmp_path / "a.zip").read_bytes())
    with open_source(tmp_path / "b.zip") as after, open_source(tmp_path / "a.zip") as plain:
        assert [after.read(name) for name in after.names] == [
            plain.read(name) for name in plain.names
        ]


def test_what_cvat_writes_is_read() -> None:
    for path in sorted(CVAT_MADE.glob("*/*_backup.zip")):
        agrees(path)


def test_more_entries_than_65535_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(66_000):
            archive.writestr(f"{number}", b"")
    with open_source(tmp_path / "a.zip") as source:
        assert len(source.names) == 66_000


@pytest.mark.parametrize("length", [10, 20_000], ids=["short names", "long names"])
def test_entries_are_counted_one_by_one_and_too_many_refused(tmp_path: Path, length: int) -> None:
    """What the end of the archive says of their number, or how long their names are, is not it."""
    path = tmp_path / "a.zip"
    path.write_bytes(raw_zip([RawEntry(name=b"%0*d" % (length, each)) for each in range(100)]))
    with open_source(path, Limits(max_entries=100)) as source:
        assert len(source.names) == 100
    with pytest.raises(UnsafeArchiveError, match="more than 99 entries"):
        open_source(path, Limits(max_entries=99))


def test_an_archive_that_is_overwritten_is_not_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(raw_zip([RawEntry(name=b"a", data=b"1"), RawEntry(name=b"b", data=b"2")]))
    with open_source(path) as source:
        path.write_bytes(raw_zip([RawEntry(name=b"c", data=b"1"), RawEntry(name=b"d", data=b"2")]))
        with pytest.raises(SourceError, match="changed while it was being read"):
            source.open("a")


def test_damage_anywhere_in_a_directory_is_an_error_or_none(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in NAMES[:3]:
            archive.writestr(name, b"data of " + name.encode())
    whole = stream.getvalue()
    for place in range(whole.index(b"PK\x01\x02"), len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[place] ^= flip
            (tmp_path / "a.zip").write_bytes(changed)
            try:
                with open_source(tmp_path / "a.zip") as source:
                    for name in source.names:
                        source.read(name)
            except SourceError:
                continue
