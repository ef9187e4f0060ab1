"""Archives and folders nobody should open: each holds a whole backup or dataset and one trap."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image

from corpus import CVAT_MADE, zip_entries
from rawzip import RawEntry, raw_zip

UTF8 = 0x800
SLIPS = {
    "dot-dot": b"../evil.txt",
    "dot-dot deep": b"a/b/../../../evil.txt",
    "dot-dot inside data": b"task_0/data/../../../evil.jpg",
    "dot-dot at the end": b"a/..",
    "backslash": b"..\\evil.txt",
    "mixed separators": b"a\\..\\../..\\evil.txt",
    "absolute": b"/etc/evil",
    "absolute twice": b"//etc/evil",
    "drive letter": b"C:\\evil.txt",
    "drive letter relative": b"c:evil.txt",
    "UNC": b"\\\\server\\share\\evil.txt",
    "device path": b"\\\\?\\C:\\evil.txt",
    "NUL hides the rest": b"evil.txt\0../../evil.txt",
    "NUL hides a climb": b"a\0/../../../evil.txt",
    "control character": b"evil\n../x.txt",
    "empty name": b"",
    "dots and spaces": b"a/.. /. ./evil.txt",
    "three dots": b"a/.../evil.txt",
    "percent is no climb but this is": b"%2e%2e/../evil.txt",
    "line break": b"a\r\nb.txt",
    "escape sequence": b"\x1b[2Jx.txt",
    "UTF-8 flagged dot-dot": "../кот.txt".encode(),
}


def image(width: int = 8, height: int = 6) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def dataset() -> dict[str, bytes]:
    """A small COCO dataset with an image."""
    body = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "iscrowd": 0}
        ],
    }
    return {
        "annotations/instances_default.json": json.dumps(body).encode(),
        "images/default/a.png": image(),
    }


def backup() -> dict[str, bytes]:
    """A project backup made by a real CVAT."""
    return zip_entries(CVAT_MADE / "plain" / "project_1_backup.zip")


def _base(entries: dict[str, bytes]) -> list[RawEntry]:
    return [RawEntry(name=name.encode(), data=data, flags=UTF8) for name, data in entries.items()]


def _with(*more: RawEntry) -> Callable[[dict[str, bytes]], bytes]:
    return lambda entries: raw_zip([*_base(entries), *more])


def _deflated(name: bytes, data: bytes, **lies: int) -> RawEntry:
    return RawEntry(name=name, data=data, method=8, **lies)


def _overlapping(entries: dict[str, bytes]) -> bytes:
    base = _base(entries)
    kernel = _deflated(b"kernel", bytes(1 << 17))
    at = len(base)
    more = [
        RawEntry(name=b"copy%d" % index, data=kernel.data, method=8, shares=at)
        for index in range(2000)
    ]
    return raw_zip([*base, kernel, *more])


def _many_little_bombs(entries: dict[str, bytes]) -> bytes:
    zeros = bytes(120_000)
    return raw_zip([*_base(entries), *[_deflated(b"%d" % index, zeros) for index in range(400)]])


def _nested(entries: dict[str, bytes]) -> bytes:
    inner = raw_zip([_deflated(b"zeros", bytes(50_000_000))])
    for _ in range(3):
        inner = raw_zip([_deflated(b"inner%d.zip" % index, inner) for index in range(4)])
    return raw_zip([*_base(entries), RawEntry(name=b"zeros.bin", data=b"x" * 10, size=1 << 31)])


def _first(entries: dict[str, bytes], **lies: object) -> bytes:
    """The first entry, which every reader needs, lies."""
    base = _base(entries)
    for key, value in lies.items():
        setattr(base[0], key, value)
    return raw_zip(base)


def _twice(entries: dict[str, bytes]) -> bytes:
    base = _base(entries)
    return raw_zip([*base, RawEntry(name=base[0].name, data=b"{}")])


def _twice_by_separator(entries: dict[str, bytes]) -> bytes:
    return raw_zip(
        [*_base(entries), RawEntry(name=b"x/y", data=b"1"), RawEntry(name=b"x\\y", data=b"2")]
    )


def _cut(entries: dict[str, bytes]) -> bytes:
    whole = raw_zip(_base(entries))
    return whole[: len(whole) * 2 // 3]


def _cut_at_the_end(entries: dict[str, bytes]) -> bytes:
    return raw_zip(_base(entries))[:-30]


def _tar(entries: dict[str, bytes]) -> bytes:
    """Named as a zip; its member climbs."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../evil.txt"), io.BytesIO())
    return stream.getvalue()


def _flipped(entries: dict[str, bytes]) -> bytes:
    data = bytearray(raw_zip(_base(entries)))
    data[30 + len(next(iter(entries)).encode()) + 5] ^= 0xFF
    return bytes(data)


# What is in the archive, and a word of the reason that each door must give.
ARCHIVES: dict[str, tuple[Callable[[dict[str, bytes]], bytes], str]] = {
    **{
        f"zip slip: {name}": (_with(RawEntry(name=entry, data=b"x", flags=UTF8)), "unsafe entry")
        for name, entry in SLIPS.items()
    },
    "a name that is no UTF-8": (
        _with(RawEntry(name=b"\xff\xfe.txt", data=b"x", flags=UTF8)),
        "not a readable zip",
    ),
    "the two names disagree": (
        lambda entries: _first(entries, local_name=b"y" * len(next(iter(entries)))),
        "differ",
    ),
    "the other name is no UTF-8": (
        lambda entries: _first(entries, local_name=b"\xff" * len(next(iter(entries)))),
        "differ",
    ),
    "zip64 says 2^60 bytes": (
        _with(
            RawEntry(
                name=b"huge",
                data=b"x",
                size=0xFFFFFFFF,
                extra=struct.pack("<HHQ", 1, 8, 1 << 60),
            )
        ),
        "lies about its size",
    ),
    "zip64 without its numbers": (
        _with(RawEntry(name=b"huge", data=b"x", size=0xFFFFFFFF, extra=struct.pack("<HH", 1, 0))),
        "not a readable zip",
    ),
    "an extra field that is cut off": (
        _with(RawEntry(name=b"x", data=b"x", size=0xFFFFFFFF, extra=struct.pack("<HH", 1, 99))),
        "not a readable zip",
    ),
    "sizes that follow lie": (
        lambda entries: _first(entries, method=8, flags=8 | UTF8, size=20),
        "damaged entry",
    ),
    "a tar": (_tar, "no"),
    "symbolic link": (
        _with(RawEntry(name=b"link", data=b"/etc/passwd", attributes=0o120777 << 16)),
        "link or device",
    ),
    "character device": (
        _with(RawEntry(name=b"null", attributes=0o020666 << 16)),
        "link or device",
    ),
    "FIFO entry": (_with(RawEntry(name=b"fifo", attributes=0o010666 << 16)), "link or device"),
    "1000 to 1": (_with(_deflated(b"zeros", bytes(8_000_000))), "unpacks"),
    "many little bombs": (_many_little_bombs, "unpacks"),
    "overlapping entries": (_overlapping, "overlaps"),
    "nested bomb with a lie": (_nested, "lies about its size"),
    "stored entry of another size": (lambda entries: _first(entries, size=5), "lies"),
    "size 0 with data": (lambda entries: _first(entries, size=0), "lies"),
    "the two headers disagree": (lambda entries: _first(entries, local_size=3), "disagree"),
    "packed entry is longer than it says": (
        lambda entries: _first(entries, method=8, size=20, local_size=20),
        "damaged entry",
    ),
    "packed entry is shorter than it says": (
        lambda entries: _first(entries, method=8, size=20_000, local_size=20_000),
        "shorter than it says",
    ),
    "duplicate entry": (_twice, "duplicate entry"),
    "duplicate by separator": (_twice_by_separator, "duplicate entry"),
    "encrypted entry": (lambda entries: _first(entries, flags=1), "encrypted"),
    "strongly encrypted entry": (lambda entries: _first(entries, flags=0x41), "encrypted"),
    "unsupported method": (lambda entries: _first(entries, method=93), "method 93"),
    "truncated": (_cut, "truncated"),
    "truncated in the directory": (_cut_at_the_end, "truncated"),
    "a flipped byte": (_flipped, "damaged entry"),
    "not a zip at all": (lambda entries: b"PK\x03\x04 and nothing else", "not a readable zip"),
    "an entry past the end": (
        lambda entries: raw_zip(
            [
                *_base(entries),
                RawEntry(name=b"x", data=b"x", packed_size=1 << 28, size=1 << 28),
            ]
        ),
        "truncated",
    ),
}


@cache
def archive_bytes(name: str, of_backup: bool) -> bytes:
    """One hostile archive, made once."""
    return ARCHIVES[name][0](backup() if of_backup else dataset())


def _unpacked(entries: dict[str, bytes], folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(raw_zip(_base(entries)))) as archive:
        archive.extractall(folder)


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")


def _socket(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        socket.socket(socket.AF_UNIX).bind("socket.json")
    finally:
        os.chdir(here)


def _link_out(folder: Path) -> None:
    (folder / "more").symlink_to("/etc")


def _loop(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "again").symlink_to(folder)


def _link_bomb(folder: Path) -> None:
    for index in range(30):
        (folder / f"d{index}").mkdir()
    for index in range(29):
        for name in "ab":
            (folder / f"d{index}" / name).symlink_to(folder / f"d{index + 1}")


def _link_to_a_file(folder: Path) -> None:
    first = sorted(path for path in folder.rglob("*") if path.is_file())[0]
    first.unlink()
    first.symlink_to("/etc/passwd")


FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a FIFO in the folder": (_fifo, "FIFO"),
    "a socket in the folder": (_socket, "FIFO"),
    "a link to a folder outside": (_link_out, "leads out"),
    "a link to a file outside": (_link_to_a_file, "leads out"),
    "a loop of links": (_loop, "circle"),
    "a bomb of links": (_link_bomb, "circle"),
}


def write_hostile(name: str, of_backup: bool, folder: Path) -> tuple[Path, str]:
    """The path of one hostile source, dataset or backup, and a word of the reason to expect."""
    entries = backup() if of_backup else dataset()
    if name in ARCHIVES:
        path = folder / "hostile.zip"
        path.write_bytes(archive_bytes(name, of_backup))
        return path, ARCHIVES[name][1]
    spoil, reason = FOLDERS[name]
    path = folder / "hostile"
    path.mkdir()
    _unpacked(entries, path)
    spoil(path)
    return path, reason
