"""Small zip entries, whose headers are packed without zipfile's own way of doing it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from localcvat.archive import open_sink


@pytest.mark.parametrize("name", ["a/b.txt", "b.txt", "bilder/größe.txt"])
def test_the_bytes_of_a_small_entry_are_those_that_zipfile_writes(
    name: str, tmp_path: Path
) -> None:
    with open_sink(tmp_path / "ours.zip") as sink:
        sink.write(name, b"0 0.5 0.5 1 1\n")
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o644 << 16
        archive.writestr(info, b"0 0.5 0.5 1 1\n")
    assert (tmp_path / "ours.zip").read_bytes() == (tmp_path / "theirs.zip").read_bytes()
