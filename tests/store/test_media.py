"""Media: kept once by content, left where they are, or done without; nothing is left by a crash."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localcvat.archive import FileMedia
from localcvat.errors import NotFoundError, StoreError
from localcvat.store.engine import Store, raw
from localcvat.store.media import (
    Blob,
    collect,
    copied,
    keep_media,
    media_of,
    reference_to,
    referenced,
)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.create(tmp_path / "store") as made:
        yield made


def files(store: Store) -> dict[str, bytes]:
    """What lies in the media folder, by hash."""
    return {
        path.parent.name + path.name: path.read_bytes()
        for path in store.media.root.rglob("*")
        if path.is_file()
    }


def leftovers(store: Store) -> list[str]:
    """What lies in the temporary folder but for its lock."""
    return sorted(set(os.listdir(store.media.temporary)) - {"lock"})


def keep(store: Store, path: Path, mode: Any = "copy") -> int | None:
    """Take one file into the store and let a row mention it."""
    with store.media.batch() as batch, store.write() as session:
        media_id = keep_media(session, batch, FileMedia(str(path)), mode)
        raw(session).execute("INSERT OR IGNORE INTO data (id) VALUES (1)")
        position = "(SELECT count(*) FROM data_file)"
        raw(session).execute(
            "INSERT INTO data_file (data_id, position, path, media_id)"
            f" VALUES (1, {position}, ?, ?)",
            (path.name, media_id),
        )
        batch.sync()
        return media_id


def read(store: Store, media_id: int) -> bytes:
    """The bytes of a media row."""
    with store.read() as session:
        media = media_of(store, session, media_id, "x.jpg")
    assert media.name == "x.jpg"
    with media.open() as stream:
        return stream.read()


def test_equal_bytes_are_kept_once_under_their_hash(store: Store, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"same")
    first, second = keep(store, tmp_path / "a.jpg"), keep(store, tmp_path / "b.jpg")
    assert first == second
    assert files(store) == {hashlib.sha256(b"same").hexdigest(): b"same"}
    assert read(store, first or 0) == b"same"
    assert leftovers(store) == []
    assert (tmp_path / "a.jpg").read_bytes() == b"same"


def test_a_large_file_is_copied_whole(store: Store, tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "big.bin").write_bytes(data)
    assert read(store, keep(store, tmp_path / "big.bin") or 0) == data


def test_references_leave_the_file_where_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"mine")
    media_id = keep(store, tmp_path / "a.jpg", "reference")
    assert files(store) == {}
    assert read(store, media_id or 0) == b"mine"
    with store.write() as session:
        again = referenced(session, reference_to(tmp_path / "a.jpg"))
        row = raw(session).execute("SELECT kind, path, sha256, size, mtime_ns FROM media")
        expected = ("reference", str(tmp_path / "a.jpg"), hashlib.sha256(b"mine").hexdigest(), 4)
        assert row.fetchone() == (*expected, (tmp_path / "a.jpg").stat().st_mtime_ns)
    assert again == media_id
    with pytest.raises(StoreError, match=r"gone\.jpg"):
        reference_to(tmp_path / "gone.jpg")


def test_without_media_nothing_is_kept(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert keep(store, tmp_path / "a.jpg", "none") is None
    assert files(store) == {}
    with store.read() as session, pytest.raises(NotFoundError):
        media_of(store, session, 1, "a.jpg")


def test_bytes_inside_an_archive_can_not_be_referenced(store: Store, tmp_path: Path) -> None:
    import zipfile

    from localcvat.archive import open_source

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    with open_source(tmp_path / "a.zip") as source, store.media.batch() as batch:
        media = source.media("a.jpg")
        with store.write() as session, pytest.raises(StoreError, match="--media copy"):
            keep_media(session, batch, media, "reference")


def fail(store: Store, path: Path) -> None:
    """A batch whose transaction fails after the file was brought in."""
    with store.media.batch() as batch, store.write() as session:
        copied(session, batch.add(FileMedia(str(path))))
        raise RuntimeError


def test_a_failed_batch_takes_its_files_with_it_but_not_those_of_others(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "old.jpg").write_bytes(b"old")
    (tmp_path / "new.jpg").write_bytes(b"new")
    keep(store, tmp_path / "old.jpg")
    for name in ("new.jpg", "old.jpg"):
        with pytest.raises(RuntimeError):
            fail(store, tmp_path / name)
    assert list(files(store).values()) == [b"old"]
    assert leftovers(store) == []


def _add_until_killed(path: str, file: str, ready: Any) -> None:
    with Store.open(path) as store, store.media.batch() as batch, store.write() as session:
        copied(session, batch.add(FileMedia(file)))
        ready.set()
        signal.pause()


def test_what_a_killed_process_left_is_swept_at_the_next_opening(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "old.jpg").write_bytes(b"old")
    (tmp_path / "new.jpg").write_bytes(b"new")
    keep(store, tmp_path / "old.jpg")
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    arguments = (str(store.path), str(tmp_path / "new.jpg"), ready)
    process = context.Process(target=_add_until_killed, args=arguments)
    process.start()
    assert ready.wait(30)
    Store.open(store.path).close()
    assert len(files(store)) == 2  # a batch that is still at work is not swept
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    Store.open(store.path).close()
    assert list(files(store).values()) == [b"old"]
    assert leftovers(store) == []


def test_collect_frees_what_nothing_mentions(store: Store, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
        keep(store, tmp_path / name)
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    keep(store, tmp_path / "mine.jpg", "reference")
    with store.write() as session:
        raw(session).execute("DELETE FROM data_file WHERE path != 'a.jpg'")
    freed = collect(store)
    assert (freed.files, freed.bytes) == (1, 5)
    assert list(files(store).values()) == [b"a.jpg"]
    assert (tmp_path / "mine.jpg").read_bytes() == b"mine"
    with store.read() as session:
        assert raw(session).execute("SELECT count(*) FROM media").fetchone() == (1,)


def test_collect_waits_for_those_who_add_media(store: Store) -> None:
    with store.media.batch(), pytest.raises(StoreError, match="by another process"):
        collect(store)


def test_a_blob_of_the_same_hash_is_one_row(store: Store) -> None:
    with store.write() as session:
        blob = Blob("ab" * 32, 3)
        assert copied(session, blob) == copied(session, blob)
