"""Files are copied whole and hashed while they are, however the kernel does it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import pytest

from localcvat import disk
from localcvat.errors import SourceError

DATA = os.urandom(3 * disk.CHUNK + 17)


def copied(source: BinaryIO, target: Path) -> tuple[bytes, str, int]:
    """(what is in the new file, the hash that was told, the length that was told)."""
    digest = hashlib.sha256()
    with disk.OutputFile(target) as out:
        size = disk.copy_stream(source, out, digest.update)
        assert out.tell() == size
    return target.read_bytes(), digest.hexdigest(), size


def expected(data: bytes) -> tuple[bytes, str, int]:
    return data, hashlib.sha256(data).hexdigest(), len(data)


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=len)
@pytest.mark.parametrize("buffered", [0, -1])
def test_a_file_is_copied_and_hashed(data: bytes, buffered: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    with open(tmp_path / "a", "rb", buffering=buffered) as source:
        assert copied(source, tmp_path / "b") == expected(data)  # type: ignore[arg-type]


def test_a_stream_that_is_no_file_or_is_read_in_part_is_copied_from_where_it_is(
    tmp_path: Path,
) -> None:
    assert copied(io.BytesIO(DATA), tmp_path / "memory") == expected(DATA)
    (tmp_path / "a").write_bytes(DATA)
    with open(tmp_path / "a", "rb") as source:
        source.read(100)
        assert copied(source, tmp_path / "rest") == expected(DATA[100:])


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    elsewhere = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryFile(dir=elsewhere) as source:
        source.write(DATA)
        source.seek(0)
        assert copied(source, tmp_path / "b") == expected(DATA)  # type: ignore[arg-type]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
def test_a_file_that_says_it_is_empty_is_copied_as_it_reads(tmp_path: Path) -> None:
    with open("/proc/version", "rb") as source:
        assert copied(source, tmp_path / "b") == expected(Path("/proc/version").read_bytes())


def test_holes_are_zeros_in_the_copy(tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as sparse:
        sparse.seek(5 * disk.KERNEL_CHUNK + 3)
        sparse.write(b"end")
        sparse.truncate(6 * disk.KERNEL_CHUNK)
    with open(tmp_path / "a", "rb") as source:
        assert copied(source, tmp_path / "b") == expected((tmp_path / "a").read_bytes())


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_the_kernel_can_not_copy_the_bytes_go_through_memory(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(*_: object) -> int:
        asked.append(code)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    monkeypatch.setattr(os, "copy_file_range", refuse)
    (tmp_path / "a").write_bytes(DATA)
    with open(tmp_path / "a", "rb") as source:
        assert copied(source, tmp_path / "b") == expected(DATA)
    assert asked == [code, code]


def test_a_full_disk_is_no_reason_to_try_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    (tmp_path / "a").write_bytes(DATA)
    with pytest.raises(OSError, match="No space"):
        disk.copy_file(tmp_path / "a", tmp_path / "b")


def test_a_source_that_changes_meanwhile_is_refused_and_the_hash_is_of_the_copy(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_bytes(DATA)
    digest = hashlib.sha256()

    def change_then_hash(block: bytes) -> None:
        with open(tmp_path / "a", "r+b") as other:
            other.write(b"changed!" * 1000)
        digest.update(block)

    with (
        open(tmp_path / "a", "rb") as source,
        disk.OutputFile(tmp_path / "b") as out,
        pytest.raises(SourceError, match="changed while it was being read"),
    ):
        disk.copy_stream(source, out, change_then_hash)
    assert digest.hexdigest() == hashlib.sha256((tmp_path / "b").read_bytes()).hexdigest()
