"""Sizes of images come from their heads: nothing is decoded, little is read."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from PIL import Image

from localcvat.archive import EntryMedia, open_source
from localcvat.images import EXIF_ORIENTATION, image_size

SIDE = 500
HEAD = 8192
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "GIF", "PPM", "JPEG2000")


class Counted(io.BytesIO):
    """A file in memory that counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


class CountedMedia:
    """An image in memory; `stream` is the last that was opened."""

    path: str | None = None
    name = "picture"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self) -> BinaryIO:
        self.stream = Counted(self._data)
        return self.stream

    def byte_size(self) -> int:
        return len(self._data)

    def image_size(self) -> tuple[int, int]:
        return image_size(self)


def noise(kind: str, **how: object) -> bytes:
    """A picture that no codec makes small."""
    picture = Image.frombytes("RGB", (SIDE, SIDE), os.urandom(SIDE * SIDE * 3))
    out = io.BytesIO()
    (picture.convert("P") if kind == "GIF" else picture).save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_the_size_takes_the_head_of_the_file(kind: str) -> None:
    data = noise(kind)
    media = CountedMedia(data)
    assert media.image_size() == (SIDE, SIDE)
    assert media.stream.count < HEAD < len(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_size_of_an_image_in_a_zip_takes_the_head_of_the_entry(
    method: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.jpg", noise("JPEG"))
    with open_source(tmp_path / "a.zip") as source:
        taken = []
        plain = os.pread

        def counted(descriptor: int, count: int, at: int) -> bytes:
            taken.append(count)
            return plain(descriptor, count, at)

        monkeypatch.setattr(os, "pread", counted)
        media = cast(EntryMedia, source.media("a.jpg"))
        with media.open() as stream:
            Image.open(stream)
            assert stream.tell() < HEAD
        taken.clear()
        assert media.image_size() == (SIDE, SIDE)
        assert 0 < sum(taken) < HEAD


@pytest.mark.parametrize("after", [False, True])
def test_exif_turns_a_png_wherever_in_the_file_it_is(after: bool) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    data = png(exif)
    if after:
        start = data.index(b"eXIf") - 4
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        last = data.index(b"IEND") - 4
        data = data[:start] + data[end:last] + data[start:end] + data[last:]
    assert (data.index(b"IDAT") < data.index(b"eXIf")) == after
    assert CountedMedia(data).image_size() == (20, 40)
    assert CountedMedia(png(Image.Exif())).image_size() == (40, 20)


def png(exif: Image.Exif) -> bytes:
    """A PNG of 40 by 20 pixels as stored."""
    out = io.BytesIO()
    Image.new("RGB", (40, 20)).save(out, "PNG", exif=exif)
    return out.getvalue()
