"""Names stay inside, entries are bounded, and reading is exact wherever it starts."""

from __future__ import annotations

import io
import os
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localcvat.archive import DEFAULT_LIMITS, Limits, open_source, safe_name
from localcvat.errors import SourceError, UnsafeArchiveError
from rawzip import RawEntry, raw_zip

NAMES = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["..", ".", "a", "кот", "C:", "", " ", "b.txt", "\0", "~"]), max_size=6
    ).flatmap(lambda parts: st.sampled_from(["/", "\\"]).map(lambda sep: sep.join(parts))),
)


@given(NAMES)
@example("a/./b//c")
@example("..")
@example("./..\\x")
@example("./C:/x")
@settings(max_examples=300, deadline=None)
def test_a_safe_name_stays_below_any_folder_and_is_its_own_safe_name(name: str) -> None:
    try:
        clean = safe_name(name)
    except UnsafeArchiveError:
        return
    assert safe_name(clean) == clean
    joined = os.path.normpath(os.path.join("/root/folder", clean))
    assert joined.startswith("/root/folder/")
    assert "\\" not in clean
    assert ".." not in clean.split("/")


@given(st.binary(min_size=1, max_size=5000), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_an_entry_reads_the_same_in_any_steps(data: bytes, packed: bool, seed: int) -> None:
    steps = random.Random(seed)
    with _zip_of(data, packed) as source, source.open("a") as stream:
        plain = io.BytesIO(data)
        for _ in range(8):
            if steps.random() < 0.3:
                offset = steps.randrange(len(data))
                assert stream.seek(offset) == plain.seek(offset)
            size = steps.randrange(1, 2000)
            assert stream.read(size) == plain.read(size)
            assert stream.tell() == plain.tell()
        assert stream.read() == plain.read()


class _zip_of:
    def __init__(self, data: bytes, packed: bool) -> None:
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "a.zip"
        method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a", data)
        self.source = open_source(path)

    def __enter__(self):  # type: ignore[no-untyped-def]
        return self.source

    def __exit__(self, *exc: object) -> None:
        self.source.close()
        self._folder.cleanup()


def test_names_of_a_mac_archive_without_the_utf8_flag_are_read_as_utf8(tmp_path: Path) -> None:
    entry = RawEntry(name="кот.txt".encode(), data=b"x")
    (tmp_path / "mac.zip").write_bytes(raw_zip([entry]))
    with open_source(tmp_path / "mac.zip") as source:
        assert source.names == ["кот.txt"]
        assert source.read("кот.txt") == b"x"


def test_twins_by_case_and_by_composition_are_two_files(tmp_path: Path) -> None:
    names = ["a.jpg", "A.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg"]
    with zipfile.ZipFile(tmp_path / "twins.zip", "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    with open_source(tmp_path / "twins.zip") as source:
        assert sorted(source.names) == sorted(names)
        assert {source.read(name) for name in names} == {name.encode() for name in names}


def test_a_link_inside_a_folder_is_followed_and_one_that_leads_out_is_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "images").mkdir(parents=True)
    (root / "images" / "a.txt").write_text("a")
    (root / "more").symlink_to(root / "images")
    (root / "passwd").symlink_to("/etc/passwd")
    with open_source(root) as source:
        assert source.names == ["images/a.txt", "more/a.txt", "passwd"]
        assert source.read("more/a.txt") == b"a"
        with pytest.raises(UnsafeArchiveError, match="leads out"):
            source.read("passwd")


def test_a_file_the_user_names_may_be_a_link_to_anywhere_but_not_its_neighbours(
    tmp_path: Path,
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "data.json").write_bytes(b"{}")
    for name in ("data.json", "image.jpg"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "data.json")
    with open_source(tmp_path / "root" / "data.json") as source:
        assert source.read("data.json") == b"{}"
        assert source.byte_size("data.json") == 2
        with pytest.raises(UnsafeArchiveError, match="leads out"):
            source.open("image.jpg")


def test_a_name_can_not_reach_through_a_link_two_folders_up(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "secret.txt").write_text("secret")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with open_source(tmp_path / "root") as source, pytest.raises(UnsafeArchiveError):
        source.open("link/deep/secret.txt")


def test_limits_bound_entries_and_sizes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for index in range(20):
            archive.writestr(str(index), b"x" * 100)
    with pytest.raises(UnsafeArchiveError, match="too many"):
        open_source(tmp_path / "a.zip", Limits(max_entries=19))
    with pytest.raises(UnsafeArchiveError, match="unpacks to 2000 bytes"):
        open_source(tmp_path / "a.zip", Limits(max_total_bytes=1999))
    with open_source(tmp_path / "a.zip", Limits(max_text_bytes=99)) as source:
        with pytest.raises(UnsafeArchiveError, match="--max-size"):
            source.read("0")
        assert source.open("0").read() == b"x" * 100


def test_a_directory_that_claims_millions_of_entries_is_refused_before_it_is_read(
    tmp_path: Path,
) -> None:
    count = 3000
    (tmp_path / "a.zip").write_bytes(
        raw_zip([RawEntry(name=b"%d" % index) for index in range(count)])
    )
    with pytest.raises(UnsafeArchiveError, match="too many"):
        open_source(tmp_path / "a.zip", Limits(max_entries=100))
    with open_source(tmp_path / "a.zip", DEFAULT_LIMITS) as source:
        assert len(source.names) == count


def test_a_missing_source_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(SourceError):
            open_source(path)


def test_names_below_a_folder_are_those_and_no_neighbours(tmp_path: Path) -> None:
    names = ["a", "a-b/x", "a.b/x", "a/b/c", "a/x", "a0", "aa/x", "b/a/x"]
    (tmp_path / "a.zip").write_bytes(
        raw_zip([RawEntry(name=name.encode()) for name in reversed(names)])
    )
    with open_source(tmp_path / "a.zip") as source:
        assert source.under("a") == ["a/b/c", "a/x"]
        assert source.under("") == names
        for name in ("a", "a-b", "a/b", "none"):
            expected = [each for each in names if each.startswith(name + "/")]
            assert source.under(name) == expected


def test_an_entry_written_twice_with_the_same_content_is_one(tmp_path: Path) -> None:
    twice = RawEntry(name=b"assets/image.png", data=b"picture")
    (tmp_path / "a.zip").write_bytes(raw_zip([twice, twice]))
    with open_source(tmp_path / "a.zip") as source:
        assert source.names == ["assets/image.png"]
        assert source.read("assets/image.png") == b"picture"


def test_an_entry_whose_own_header_has_a_name_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("é.txt", b"x")
    data = (tmp_path / "odd.zip").read_bytes()
    (tmp_path / "odd.zip").write_bytes(data.replace("é".encode(), b"\xff\xff", 1))
    broken = pytest.raises(SourceError, match="unreadable")
    with open_source(tmp_path / "odd.zip") as source, broken:
        source.open("é.txt")
